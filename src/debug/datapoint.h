/*
 * Watchpoints among the points (breakpoint.h): which means each gets, and which of them a hit belongs to.
 * Data registers first; when they are taken, do not reach or do not fire, watched pages; for writes
 * single-stepping, where a page cannot be watched or nothing else works.
 */
#ifndef DEBUG_DATAPOINT_H
#define DEBUG_DATAPOINT_H

#include "debug/breakpoint.h"

/* For breakpoint.c: a means for pt, or the reason why there is none; and giving it back. */
int debug_datapoint_bind(struct debug_points *p, struct debug_point *pt, struct error *err);
void debug_datapoint_unbind(struct debug_points *p, struct debug_point *pt);

/* What is watched now is what changes will be told from. All vcpus parked. */
void debug_datapoint_capture(struct debug_points *p);

/* The bytes of points kept by watched pages, and of others on those pages. How many rows; at most max. */
unsigned debug_datapoint_ranges(const struct debug_points *p, struct debug_protect *ret, unsigned max);

/*
 * Points on this page (all: on any) are watched as a page no longer: a write watchpoint is kept by stepping,
 * one that sees reads is dropped. False: there was none.
 */
bool debug_datapoint_give_up(struct debug_points *p, uint64_t gpa, bool all);

/* The point that an event's accesses are to be told for; NULL. The values follow the writes. */
struct debug_point *debug_datapoint_accessed(struct debug_points *p, const struct debug_event *ev);

/* "old 0x1, new 0x2" of the last change, or "". */
void debug_datapoint_values(const struct debug_points *p, const struct debug_point *pt, char *buf,
                            size_t size);

#endif
