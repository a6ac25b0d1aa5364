/*
 * The value of a watched range, kept where it was at the last resume or hit: tells writes from reads where
 * the debug registers cannot (x86 has no read-only type), gives the old value for the console, and is the
 * whole watchpoint where it is kept by stepping. Bound to physical memory when inserted.
 */
#ifndef DEBUG_WATCHPOINT_H
#define DEBUG_WATCHPOINT_H

#include "debug/target.h"
#include "mem/guest_mem.h"

#define DEBUG_WATCH_MAX 16384 /* bytes of one range */
#define DEBUG_WATCH_PARTS 5   /* pages that it may touch */

/* What changed last: up to 8 bytes from the first one that differs, or all of a range that is no longer. */
struct debug_watch_change { uint32_t offset; uint8_t len; uint8_t old[8], now[8]; };

struct debug_watch {
	bool used;
	bool bound;              /* the range translated to RAM */
	struct { uint64_t gpa; uint32_t len; } part[DEBUG_WATCH_PARTS]; /* one page each; len 0: none */
	uint32_t len;
	bool has_change;         /* since the last capture */
	struct debug_watch_change change;
	uint8_t old[DEBUG_WATCH_MAX];
};

enum debug_ring { DEBUG_RING_KERNEL, DEBUG_RING_EITHER, DEBUG_RING_USER };

/* How points find their bytes; all of it is called with the machine parked. */
struct debug_map {
	/* Translates one address: 0, or -EFAULT with text. */
	int (*gpa)(void *ctx, uint64_t gva, uint64_t *ret, struct error *err);
	/* Why this page cannot be watched ("a stack is on it"), or NULL. Member NULL: pages never are. */
	const char *(*unfit)(void *ctx, uint64_t gpa, bool reads);
	/* Whether the CPU looked at is in real mode with addr in its reach. Member NULL: it never is. */
	bool (*real)(void *ctx, uint64_t addr);
	/* In which rings the code at an address may be executed. Member NULL: in the kernel's alone. */
	enum debug_ring (*ring)(void *ctx, uint64_t gva);
	void *ctx;
};

/* Finds the bytes of [gva, gva+len). 0, or -EFAULT/-EINVAL with text: then bound is false. */
int debug_watch_bind(struct debug_watch *w, const struct guest_mem *mem, const struct debug_map *map,
                     uint64_t gva, uint64_t len, struct error *err);

/* Takes the present value as the old one. */
void debug_watch_capture(struct debug_watch *w, const struct guest_mem *mem);

/* True when the value differs from the old one, which it then replaces. False when not bound. */
bool debug_watch_changed(struct debug_watch *w, const struct guest_mem *mem);

/* True when one of these bytes is in the range. */
bool debug_watch_touched(const struct debug_watch *w, uint64_t gpa, uint64_t len);

/* A write becomes part of the old value. True when that changed it. */
bool debug_watch_wrote(struct debug_watch *w, const struct debug_access *a);

#endif
