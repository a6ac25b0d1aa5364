/* Text built piece by piece in a caller's buffer: always NUL-terminated, cut where it does not fit. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>

struct cli_text { char *buf; size_t size, used; };

/* size > 0. Empties the buffer. */
void cli_text_init(struct cli_text *t, char *buf, size_t size);
void cli_text_add(struct cli_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * At most max bytes of a name that a guest or an image has given: what is not printable ASCII becomes '?', so
 * that it cannot talk to the terminal.
 */
void cli_text_add_foreign(struct cli_text *t, const char *name, size_t max);

/* The inside of a JSON string (RFC 8259, 7), for ASCII with any control characters; other bytes pass. */
void cli_text_add_json(struct cli_text *t, const char *text);

#endif
