/*
 * What a trace run has kept: frames in a ring of bytes, the oldest first. The bytes of a frame are those of
 * GDB's trace files (GDB manual, "Trace File Format"): number of the tracepoint (2 bytes), size of the rest
 * (4), then blocks. Pure.
 */
#ifndef DEBUG_TRACE_RING_H
#define DEBUG_TRACE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEBUG_TRACE_FRAMES 32768
#define DEBUG_TRACE_BUFFER 0x400000     /* most bytes */
#define DEBUG_TRACE_DEFAULT 0x100000

struct debug_trace_frame {
	uint32_t at, len;    /* of its bytes in the ring */
	uint16_t number;     /* of the tracepoint */
	uint8_t vcpu;
	bool step;           /* collected by while-stepping */
	uint64_t pc;
};

struct debug_trace_ring {
	uint32_t size;       /* bytes in use as a ring, at most DEBUG_TRACE_BUFFER */
	bool circular;       /* old frames make room for new ones */
	uint32_t start, used;
	uint32_t first, count;
	uint64_t created;    /* frames ever added */
	struct debug_trace_frame frame[DEBUG_TRACE_FRAMES];
	uint8_t bytes[DEBUG_TRACE_BUFFER];
};

/* Empty, of this many bytes (cut to what can be). */
void debug_trace_ring_init(struct debug_trace_ring *r, uint32_t size, bool circular);

/* A frame of these bytes; f->at and len are set. 0, or -ENOSPC: no room, and nothing is changed. */
int debug_trace_ring_add(struct debug_trace_ring *r, const struct debug_trace_frame *f, const uint8_t *bytes,
                         uint32_t len);

/* Frame i of those that are there; NULL. */
const struct debug_trace_frame *debug_trace_ring_frame(const struct debug_trace_ring *r, uint32_t i);

/* Bytes of a frame, from `offset` on; how many there were. */
size_t debug_trace_ring_read(const struct debug_trace_ring *r, const struct debug_trace_frame *f,
                             uint32_t offset, void *buf, size_t len);

/* All frames as one row of bytes. */
size_t debug_trace_ring_window(const struct debug_trace_ring *r, uint64_t offset, void *buf, size_t len);

#endif
