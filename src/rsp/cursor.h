/*
 * Bounded reading of a packet's arguments. Each function takes what it names from the front and advances;
 * on failure it returns false, and neither the cursor nor the result is touched.
 */
#ifndef RSP_CURSOR_H
#define RSP_CURSOR_H

#include <trapline/rsp.h>

struct rsp_cursor {
	uint8_t *at, *end; /* writable: data is decoded in place */
};

static inline size_t rsp_cursor_left(const struct rsp_cursor *c)
{
	return (size_t)(c->end - c->at);
}

bool rsp_cursor_char(struct rsp_cursor *c, char want);
bool rsp_cursor_text(struct rsp_cursor *c, const char *want);

/* Hex digits, at least one, any number of leading zeros, value below 2^64. */
bool rsp_cursor_hex(struct rsp_cursor *c, uint64_t *ret);
/* The same with a largest value. */
bool rsp_cursor_hex32(struct rsp_cursor *c, uint32_t *ret);
bool rsp_cursor_hex8(struct rsp_cursor *c, uint8_t *ret);
/* Decimal digits, value below 2^32. */
bool rsp_cursor_decimal(struct rsp_cursor *c, uint32_t *ret);

/* "ADDR,LEN" */
bool rsp_cursor_range(struct rsp_cursor *c, uint64_t *ret_addr, uint64_t *ret_len);

/*
 * A thread id (GDB manual, "Packets", thread-id syntax): "TID", "pPID.TID", "pPID" (all its threads); each
 * number may be -1 (all), and 0 (any).
 */
bool rsp_cursor_tid(struct rsp_cursor *c, struct rsp_tid *ret);

/* What stands before `stop`, which is overwritten by NUL and passed over. */
bool rsp_cursor_string(struct rsp_cursor *c, char stop, char **ret);

/* All that is left, as pairs of hex digits: decoded in place and followed by a NUL when there was any. */
bool rsp_cursor_hex_bytes(struct rsp_cursor *c, uint8_t **ret, size_t *ret_len);

#endif
