/*
 * Conditions and commands of breakpoints: kept as checked agent expressions, evaluated at a hit in the thread
 * of the vcpu that hit.
 */
#ifndef DEBUG_CONDITION_H
#define DEBUG_CONDITION_H

#include "debug/agent.h"
#include <trapline/rsp.h>

#define DEBUG_MAX_PROGRAMS 256
#define DEBUG_PROGRAM_BYTES 65536

/* The expressions of all points, in order of insertion. */
struct debug_programs {
	unsigned count;
	size_t used;
	struct debug_program { uint32_t owner, at; struct debug_agent agent; bool command; }
		program[DEBUG_MAX_PROGRAMS];
	uint8_t bytes[DEBUG_PROGRAM_BYTES];
};

/* What one Z packet brings. Borrows. */
struct debug_codes {
	const struct rsp_code *condition, *command;
	size_t conditions, commands;
	bool persist;            /* the commands go on when the client has left */
};

/* The owner's expressions become these: 0, or -EINVAL, -ENOSPC with text, and nothing is changed. */
int debug_programs_set(struct debug_programs *p, uint32_t owner, const struct debug_codes *codes,
                       struct error *err);
void debug_programs_drop(struct debug_programs *p, uint32_t owner);

struct debug_session;
struct debug_event;

/*
 * A vcpu that is parked is at an execute breakpoint: judges all points there (same linear address; with
 * gpa, the same byte), counts hits and misses, runs the commands of those that count. False: nobody wants to
 * stop. What goes wrong is told on the client's console; a condition that cannot be evaluated holds.
 */
bool debug_condition_stops(struct debug_session *s, const struct debug_event *ev, const uint64_t *gpa);

#endif
