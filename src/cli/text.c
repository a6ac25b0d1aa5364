#include "cli/text.h"

#include <stdarg.h>
#include <stdio.h>

void cli_text_init(struct cli_text *t, char *buf, size_t size)
{
	*t = (struct cli_text){.buf = buf, .size = size};
	buf[0] = '\0';
}

void cli_text_add(struct cli_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->used, t->size - t->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used += (size_t)n;
	if (t->used >= t->size)
		t->used = t->size - 1;
}

void cli_text_add_foreign(struct cli_text *t, const char *name, size_t max)
{
	for (size_t i = 0; i < max && name[i] != '\0'; i++)
		cli_text_add(t, "%c", name[i] >= ' ' && name[i] <= '~' ? name[i] : '?');
}

void cli_text_add_json(struct cli_text *t, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			cli_text_add(t, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			cli_text_add(t, "\\u%04x", (unsigned char)*text);
		else
			cli_text_add(t, "%c", *text);
	}
}
