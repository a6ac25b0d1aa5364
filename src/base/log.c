#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level level_shown = LOG_WARN;
static int raw_terminal;

void log_set_level(enum log_level level)
{
	level_shown = level;
}

void log_set_raw(int raw)
{
	__atomic_store_n(&raw_terminal, raw, __ATOMIC_RELAXED);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	/* One write per line, so that lines of several threads never mix. */
	char line[1024] = "trapline: ";
	size_t used = sizeof("trapline: ") - 1;
	va_list ap;
	int n;

	if (level > level_shown)
		return;
	va_start(ap, fmt);
	n = vsnprintf(line + used, sizeof(line) - used - 2, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	used += (size_t)n;
	if (used > sizeof(line) - 3)
		used = sizeof(line) - 3;
	if (__atomic_load_n(&raw_terminal, __ATOMIC_RELAXED))
		line[used++] = '\r';
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nowhere left to complain */
}

void log_lines(enum log_level level, const char *prefix, const char *text, size_t len)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;

		log_line(level, "%s%.*s", prefix, (int)line, text);
		line += end != NULL;
		text += line;
		len -= line;
	}
}
