/* Text that grows in a buffer of fixed size and is cut at its end. Always NUL-terminated. */
#ifndef DEBUG_TEXT_H
#define DEBUG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct debug_text {
	char *buf;
	size_t size, len;   /* len < size */
	bool cut;
};

void debug_text_init(struct debug_text *t, char *buf, size_t size); /* size at least 1 */
void debug_text_add(struct debug_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
