/*
 * Catches: the machine stops, as at a breakpoint, when something happens that has no address.
 *
 * Means
 *   EXIT   the target comes out for it anyway: ports, addresses of devices, MSRs (debug_target_ops.catch)
 *   GATE   a breakpoint of ours (DEBUG_USE_CATCH) where the vcpus' IDTs lead that vector. Looked up anew
 *          at each resume; while some vcpu has no gate for it yet the guest is stepped, its IDT looked at
 *   STEP   the guest is stepped, and each instruction looked at before it is executed: CR3, HLT, VMCALL, and
 *          what EXIT would do where this host's KVM keeps it to itself
 *   END    the machine's end is an event in any case; it is told before it happens
 *
 * A catch is reported behind its instruction (GATE: at the handler's first one). Its condition sees that
 * state. Catches are the client's: they stay over a reset or a restored snapshot, and go when it goes.
 */
#ifndef DEBUG_CATCH_H
#define DEBUG_CATCH_H

#include "debug/target.h"

#define DEBUG_CATCH_CODE 256
#define DEBUG_CATCH_TEXT 96

enum debug_catch_means { DEBUG_CATCH_BY_EXIT, DEBUG_CATCH_BY_GATE, DEBUG_CATCH_BY_STEP, DEBUG_CATCH_BY_END };

struct debug_catch {
	uint32_t number;
	struct debug_catch_range range;   /* vectors, too */
	enum debug_catch_means means;
	bool waits;                       /* GATE: some vcpu has no gate yet */
	uint64_t hits, misses;            /* misses: the condition did not hold */
	uint16_t code_len;                /* 0: no condition */
	uint8_t code[DEBUG_CATCH_CODE];
	char condition[DEBUG_CATCH_TEXT]; /* as it was typed */
};

/* What a vcpu is about to do, seen at its pc before it is stepped. caught.kind NONE: nothing of interest. */
struct debug_catch_coming {
	struct debug_caught caught;
	uint64_t pc, next, old;   /* old: CR3 before */
};

#define DEBUG_CATCH_SYSCALLS 128
#define DEBUG_CATCH_LSTAR 0xc0000082u

/* QCatchSyscalls. No numbers: all. */
struct debug_catch_syscalls { bool on; unsigned count; uint64_t number[DEBUG_CATCH_SYSCALLS]; };

struct debug_catches {
	unsigned count, exits, gates, steps; /* of each means */
	uint32_t last_number;
	bool waits;                       /* some gate is looked for by stepping */
	bool found;                       /* it is there now: points are to be placed once all are parked */
	struct debug_catch list[DEBUG_MAX_CATCHES];
	struct debug_catch_coming coming[DEBUG_MAX_VCPUS];
	struct debug_catch_syscalls syscalls;
};

struct debug_session;
struct debug_report;
struct debug_text;

/* True when free running vcpus must be stepped. */
static inline bool debug_catch_by_steps(const struct debug_catches *c)
{
	return c->steps > 0 || c->waits;
}

/* Parked. 0, or a negative errno with text: nothing is changed. Number and means are told by *ret. */
int debug_catch_add(struct debug_session *s, const char *line, const struct debug_catch **ret,
                    struct error *err);
/* number 0: all. How many went. */
unsigned debug_catch_remove(struct debug_session *s, uint32_t number);

/* The client goes: nothing is caught any more. At any moment. */
void debug_catch_drop(struct debug_session *s);

/* Everything parked, points about to be synchronised: those of gates stand where the IDTs lead now. */
void debug_catch_settle(struct debug_session *s);
/* The plan is about to be given out: what those that step are about to do. */
void debug_catch_look(struct debug_session *s);

/*
 * An event, before its own meaning: true when a catch is to be reported, by *ret. Hits are counted.
 * Conditions that fail to be evaluated hold.
 */
bool debug_catch_event(struct debug_session *s, const struct debug_event *ev, struct debug_report *ret);
/* The same at a breakpoint's hit. */
bool debug_catch_at_gate(struct debug_session *s, const struct debug_event *ev, struct debug_report *ret);
/* Behind a step: true when everything is to park, so that a gate that is there now gets its point. */
bool debug_catch_stepped(struct debug_session *s, const struct debug_event *ev);
/* A kept report is still of a catch that there is. */
bool debug_catch_holds(const struct debug_session *s, const struct debug_report *r);

/* "monitor catch", "monitor uncatch" */
void debug_monitor_catch(struct debug_session *s, const char *arg, struct debug_text *out);
void debug_monitor_uncatch(struct debug_session *s, const char *arg, struct debug_text *out);

#endif
