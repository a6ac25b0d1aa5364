/* Watched pages between the points and the target: which pages may be given to it, and giving them. */
#ifndef DEBUG_PROTECT_H
#define DEBUG_PROTECT_H

#include "debug/internal.h"

/* For struct debug_map: NULL, or why this page cannot be watched. ctx is the session; everything parked. */
const char *debug_protect_unfit(void *ctx, uint64_t gpa, bool reads);

/*
 * Everything parked, about to run: pages that have become unfit are given up, the others are handed to the
 * target. What it refuses is kept by stepping. Says so to the client.
 */
void debug_protect_sync(struct debug_session *s);

/* A page that holds a stack is watched no longer. True when there was one: all must park for a new sync. */
bool debug_protect_lost(struct debug_session *s, const struct debug_event *ev);

/* Nothing is watched any more, at once. */
void debug_protect_drop(struct debug_session *s);

#endif
