/*
 * Hits of breakpoints that the client wants passed over, counted by linear address and not by point: GDB
 * takes its points out at each stop, and has not put them in yet when the user asks.
 */
#ifndef DEBUG_IGNORE_H
#define DEBUG_IGNORE_H

#include <stdbool.h>
#include <stdint.h>

#define DEBUG_MAX_IGNORES 64

struct debug_ignores {
	unsigned count;
	struct debug_ignore { uint64_t gva, left; } row[DEBUG_MAX_IGNORES];
};

struct debug_session;
struct debug_text;

/* The next so many hits at gva are passed over; 0: none. -ENOSPC: for as many addresses as there can be. */
int debug_ignore_set(struct debug_ignores *g, uint64_t gva, uint64_t count);
/* How many are left. */
uint64_t debug_ignore_left(const struct debug_ignores *g, uint64_t gva);
/* A hit at gva. True: it was one of those. */
bool debug_ignore_take(struct debug_ignores *g, uint64_t gva);

/* "monitor ignore" */
void debug_monitor_ignore(struct debug_session *s, const char *arg, struct debug_text *out);

#endif
