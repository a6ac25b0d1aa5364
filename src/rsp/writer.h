/*
 * Bounded building of one packet's body. What does not fit is not written, in whole, and sets `overflow`; the
 * caller looks once at the end. Only the functions that say so write a part.
 */
#ifndef RSP_WRITER_H
#define RSP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rsp_writer {
	uint8_t *buf;
	size_t len, cap;
	bool overflow;
	bool multiprocess; /* thread ids carry the process: p1.N */
};

void rsp_writer_char(struct rsp_writer *w, char c);
void rsp_writer_text(struct rsp_writer *w, const char *text);
/* Text that may hold anything: bytes that the protocol or a line of a console could trip over become '?'. */
void rsp_writer_clean(struct rsp_writer *w, const char *text);
void rsp_writer_hex(struct rsp_writer *w, const void *bytes, size_t len);
/* Two digits. */
void rsp_writer_hex8(struct rsp_writer *w, uint8_t value);
/* As few hex or decimal digits as needed. */
void rsp_writer_number(struct rsp_writer *w, uint64_t value);
void rsp_writer_decimal(struct rsp_writer *w, uint64_t value);
void rsp_writer_tid(struct rsp_writer *w, int64_t tid);

/*
 * Binary data with escapes (GDB manual, Overview, "Binary Data"). Writes as many bytes as fit and returns
 * their number; overflow is set when that is not all.
 */
size_t rsp_writer_escaped(struct rsp_writer *w, const void *bytes, size_t len);

/* How many of them would be written into room bytes. */
size_t rsp_writer_escaped_fit(const void *bytes, size_t len, size_t room);

static inline size_t rsp_writer_room(const struct rsp_writer *w)
{
	return w->cap - w->len;
}

#endif
