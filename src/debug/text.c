#include "debug/text.h"

#include <stdarg.h>
#include <stdio.h>

void debug_text_init(struct debug_text *t, char *buf, size_t size)
{
	*t = (struct debug_text){ .buf = buf, .size = size };
	buf[0] = '\0';
}

void debug_text_add(struct debug_text *t, const char *fmt, ...)
{
	size_t room = t->size - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		t->cut = true;
		n = (int)room - 1;
	}
	t->len += (size_t)n;
}
