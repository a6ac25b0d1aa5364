/*
 * The value of a watched range, kept where it was at the last resume or hit: tells writes from reads where
 * the debug registers cannot (x86 has no read-only type), and is the whole watchpoint where they do not
 * fire. Bound to physical memory when inserted.
 */
#ifndef DEBUG_WATCHPOINT_H
#define DEBUG_WATCHPOINT_H

#include "mem/guest_mem.h"

#define DEBUG_WATCH_MAX 256  /* bytes of one range */

struct debug_watch {
	bool used;
	bool bound;              /* the range translated to RAM */
	struct { uint64_t gpa; uint32_t len; } part[2]; /* one page each */
	uint8_t old[DEBUG_WATCH_MAX];
};

/* Translates one address for points: 0, or -EFAULT with text. */
struct debug_map {
	int (*gpa)(void *ctx, uint64_t gva, uint64_t *ret, struct error *err);
	void *ctx;
};

/* Finds the bytes of [gva, gva+len). 0, or -EFAULT/-EINVAL with text: then bound is false. */
int debug_watch_bind(struct debug_watch *w, const struct guest_mem *mem, const struct debug_map *map,
                     uint64_t gva, uint64_t len, struct error *err);

/* Takes the present value as the old one. */
void debug_watch_capture(struct debug_watch *w, const struct guest_mem *mem);

/* True when the value differs from the old one, which it then replaces. False when not bound. */
bool debug_watch_changed(struct debug_watch *w, const struct guest_mem *mem);

#endif
