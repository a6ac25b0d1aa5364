#include "debug/trace_ring.h"

#include <errno.h>
#include <string.h>

void debug_trace_ring_init(struct debug_trace_ring *r, uint32_t size, bool circular)
{
	r->size = size < DEBUG_TRACE_BUFFER ? size : DEBUG_TRACE_BUFFER;
	r->circular = circular;
	r->start = r->used = r->first = r->count = 0;
	r->created = 0;
}

static void drop_oldest(struct debug_trace_ring *r)
{
	uint32_t len = r->frame[r->first].len;

	r->start = (r->start + len) % r->size;
	r->used -= len;
	r->first = (r->first + 1) % DEBUG_TRACE_FRAMES;
	r->count--;
}

static bool has_room(const struct debug_trace_ring *r, uint32_t len)
{
	return len <= r->size - r->used && r->count < DEBUG_TRACE_FRAMES;
}

int debug_trace_ring_add(struct debug_trace_ring *r, const struct debug_trace_frame *f, const uint8_t *bytes,
                         uint32_t len)
{
	struct debug_trace_frame *to;
	uint32_t at, piece;

	if (len > r->size || (!r->circular && !has_room(r, len)))
		return -ENOSPC;
	while (!has_room(r, len))
		drop_oldest(r);
	at = (uint32_t)(((uint64_t)r->start + r->used) % r->size);
	piece = len < r->size - at ? len : r->size - at;
	memcpy(r->bytes + at, bytes, piece);
	memcpy(r->bytes, bytes + piece, len - piece);
	to = &r->frame[(r->first + r->count) % DEBUG_TRACE_FRAMES];
	*to = *f;
	to->at = at;
	to->len = len;
	r->used += len;
	r->count++;
	r->created++;
	return 0;
}

const struct debug_trace_frame *debug_trace_ring_frame(const struct debug_trace_ring *r, uint32_t i)
{
	return i < r->count ? &r->frame[(r->first + i) % DEBUG_TRACE_FRAMES] : NULL;
}

/* len bytes from a place of the ring on, which must be there. */
static void copy_out(const struct debug_trace_ring *r, uint32_t at, void *buf, size_t len)
{
	size_t piece = len < r->size - at ? len : r->size - at;

	memcpy(buf, r->bytes + at, piece);
	memcpy((uint8_t *)buf + piece, r->bytes, len - piece);
}

size_t debug_trace_ring_read(const struct debug_trace_ring *r, const struct debug_trace_frame *f,
                             uint32_t offset, void *buf, size_t len)
{
	if (offset >= f->len)
		return 0;
	len = len < f->len - offset ? len : f->len - offset;
	copy_out(r, (uint32_t)(((uint64_t)f->at + offset) % r->size), buf, len);
	return len;
}

size_t debug_trace_ring_window(const struct debug_trace_ring *r, uint64_t offset, void *buf, size_t len)
{
	if (offset >= r->used)
		return 0;
	len = len < r->used - offset ? len : (size_t)(r->used - offset);
	copy_out(r, (uint32_t)((r->start + offset) % r->size), buf, len);
	return len;
}
