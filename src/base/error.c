#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *fmt, ...)
{
	if (err != NULL) {
		va_list ap;

		err->code = code;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return -code;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char inner[ERROR_TEXT_MAX];
	size_t used, room;
	va_list ap;
	int n;

	if (err == NULL)
		return -EIO;
	memcpy(inner, err->text, sizeof(inner));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text) - 2, fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n < sizeof(err->text) - 3 ? (size_t)n : sizeof(err->text) - 3;
	memcpy(err->text + used, ": ", 3);
	used += 2;
	room = sizeof(err->text) - used - 1;
	n = (int)strnlen(inner, room);
	memcpy(err->text + used, inner, (size_t)n);
	err->text[used + (size_t)n] = '\0';
	return -err->code;
}
