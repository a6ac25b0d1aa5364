/*
 * The list of points: breakpoints and watchpoints as the debugger wishes them, and the means by which each
 * is made true (int3 byte, debug register, watched page, single-stepping). It is chosen when the point is
 * inserted, so that the answer to Z tells. Memory and registers follow when the machine is resumed
 * (debug_points_sync), so that GDB's habit of removing and re-inserting everything at each stop costs
 * nothing.
 *
 * Means, in the order tried
 *   Z0     int3 byte at the physical address | execute register | pending (nothing is mapped there, and no
 *          register is free: tried again at each resume; with step_pending not that) | single-stepping
 *          (no int3 byte below 1 MiB where the probe found that one in real mode is lost, nor in user pages
 *          where one in ring 3 is; what would be seen nowhere is refused)
 *   Z1     execute register (or single-stepping where those do not fire)
 *   Z2     data registers | watched pages | stepping and comparing
 *   Z3 Z4  data registers | watched pages; a Z3 hit whose value changed was a write and is dropped
 */
#ifndef DEBUG_BREAKPOINT_H
#define DEBUG_BREAKPOINT_H

#include "debug/condition.h"
#include "debug/int3.h"
#include "debug/slots.h"
#include "debug/target.h"
#include "debug/watchpoint.h"
#include <trapline/rsp.h>

#define DEBUG_MAX_POINTS DEBUG_INT3_MAX
#define DEBUG_MAX_WATCHES 64
#define DEBUG_KEPT_POINTS 64     /* removed ones whose hits are remembered */

enum debug_means {
	DEBUG_MEANS_INT3, DEBUG_MEANS_DR, DEBUG_MEANS_STEP, DEBUG_MEANS_PAGE, DEBUG_MEANS_PENDING
};

/* Whose wish a point is. Points of different use at one place are points of their own. */
enum debug_use {
	DEBUG_USE_CLIENT, DEBUG_USE_TRACE,
	DEBUG_USE_KEPT,      /* of a client that has left: its commands go on */
	DEBUG_USE_CATCH      /* a handler that a catch waits at */
};

struct debug_point {
	enum debug_use use;
	enum rsp_point type;
	enum debug_means means;
	bool wished;         /* false: removed by the client; only remembered */
	bool waits;          /* STEP: in place of pending */
	bool told;           /* the client has been told that this one is slow, pending or kernel_only */
	bool kernel_only;    /* its page is ring 3's too, where this host's KVM would not see it */
	uint8_t slots;       /* DR: mask of registers */
	bool shares;         /* DR: one of them is wider than this point and serves another too */
	uint8_t watch;       /* data points: index into debug_points.watch */
	uint64_t gva, len;   /* as the client gave them; len 1 for breakpoints */
	uint64_t gpa;        /* INT3 */
	uint64_t hits, misses; /* misses: no condition held */
	uint32_t id;         /* owner of its expressions */
	uint8_t conditions, commands;
	bool persist;        /* becomes KEPT when the client leaves */
	uint16_t next;       /* of the same bucket: index + 1, 0: none */
	uint16_t next_data;  /* of the watchpoints, wished or not; likewise */
};

#define DEBUG_POINT_BUCKETS 4096

struct debug_points {
	const struct debug_caps *caps;
	struct guest_mem *mem;
	struct debug_map map;
	unsigned count;
	uint32_t last_id;
	bool step_pending;               /* what would be pending is kept by single-stepping */
	bool only_changes;               /* a write that leaves the value as it was is no hit */
	unsigned step_exec, step_watch;  /* wished points that need single-stepping */
	unsigned removed;                /* points that the next purge looks at */
	unsigned pending;                /* wished points without a means */
	unsigned kept;                   /* points of DEBUG_USE_KEPT */
	unsigned kernel_only;            /* wished points that ring 3 would pass unseen */
	uint16_t bucket[DEBUG_POINT_BUCKETS]; /* points by a hash of their address: index + 1, 0: none */
	uint16_t first_data, last_data; /* watchpoints in the order of the list: index + 1, 0: none */
	struct debug_slots slots;
	struct debug_int3 int3;
	struct debug_watch watch[DEBUG_MAX_WATCHES];
	struct debug_point point[DEBUG_MAX_POINTS];
	struct debug_programs programs;
};

/*
 * map translates addresses in the space that the client is looking at; caps and mem are borrowed.
 * *p is zeros, as calloc() gives them: room for points that nobody has set stays uncommitted.
 */
void debug_points_init(struct debug_points *p, const struct debug_caps *caps, struct guest_mem *mem,
                       const struct debug_map *map);

/*
 * Both are idempotent (GDB manual, "Packets", Z). Insert: 0, -EINVAL (range), -ENOSPC (nothing free),
 * -ENOTSUP (this host cannot), -EFAULT; text says which and why. Remove never fails.
 */
int debug_points_insert(struct debug_points *p, enum rsp_point type, uint64_t gva, uint64_t len,
                        struct error *err);
void debug_points_remove(struct debug_points *p, enum rsp_point type, uint64_t gva, uint64_t len);

/* A place of ours where code is executed, as a Z0 would have it; all of one use go together. */
int debug_points_place(struct debug_points *p, enum debug_use use, uint64_t gva, struct error *err);
void debug_points_clear(struct debug_points *p, enum debug_use use);

/*
 * The wished point's conditions and commands become these (none: it always stops). -ENOENT without such a
 * point, -ENOTSUP where it could not be stepped over, -EINVAL, -ENOSPC: nothing is changed.
 */
int debug_points_program(struct debug_points *p, enum rsp_point type, uint64_t gva,
                         const struct debug_codes *codes, struct error *err);

/* All vcpus parked, about to run: memory is made to agree, and *ret says what is to be armed. */
void debug_points_sync(struct debug_points *p, struct debug_arm *ret);
/* All vcpus parked, just stopped: bytes that the guest has overwritten are noticed. */
void debug_points_verify(struct debug_points *p);
/*
 * Memory is another: every wish chooses its means again, those that cannot be are dropped. keep_counts: the
 * hits of removed points stay known.
 */
void debug_points_rebind(struct debug_points *p, bool keep_counts);
/*
 * The client leaves: its points are forgotten and memory is the guest's again, at once, but for those whose
 * commands persist. *ret: what stays armed; arming is the caller's.
 */
void debug_points_withdraw(struct debug_points *p, struct debug_arm *ret);
/* Points that a client left behind go: those at *gva, or (NULL) all. */
void debug_points_drop_kept(struct debug_points *p, const uint64_t *gva);

/* The wished breakpoint of any means at this address; NULL. Fast where there is none. */
struct debug_point *debug_points_exec_at(struct debug_points *p, uint64_t pc);
/* The wished execute-register breakpoint that uses one of these slots at this address; NULL. */
struct debug_point *debug_points_exec_slot(struct debug_points *p, unsigned slots, uint64_t pc);
/*
 * The watchpoint that a hit of these slots is to be reported for; NULL when it is not to be. doubtful:
 * the bits came along with a step, where a write watchpoint is believed only if its value changed.
 */
struct debug_point *debug_points_data_slot(struct debug_points *p, unsigned slots, bool doubtful);
/* The watchpoint kept by comparing, or by watched pages, whose value has changed since; NULL. */
struct debug_point *debug_points_changed(struct debug_points *p, bool pages);
/* The same point (type and range) still wished; NULL. */
struct debug_point *debug_points_find(struct debug_points *p, enum rsp_point type, uint64_t gva,
                                      uint64_t len);

/* For datapoint.c: registers for all pieces, or -ENOSPC with text. */
int debug_points_take_slots(struct debug_points *p, struct debug_point *pt, const struct x86_dr *pieces,
                            unsigned n, struct error *err);
/* A watched page cannot be had: a write watchpoint goes on by stepping, others are no longer wished. */
void debug_points_demote(struct debug_points *p, struct debug_point *pt);

/* "break", "hbreak", "watch", "rwatch", "awatch"; "int3 byte", ... Static. */
const char *debug_point_name(enum rsp_point type);
const char *debug_means_name(enum debug_means means);

#endif
