/* Giving out plans: what the client asked each vcpu to do, with breakpoints stepped over first. */
#ifndef DEBUG_RESUME_H
#define DEBUG_RESUME_H

#include "debug/internal.h"

/*
 * Gives out the next plan for what is asked: a step-over when one is due, else the plan itself.
 * Every vcpu must be parked, or (within an event) held by the step-over that has just ended.
 */
void debug_resume_go(struct debug_session *s);

/* Within an event, nothing being stepped over: the plans anew, since one vcpu's has changed. */
void debug_resume_replan(struct debug_session *s);

/* s->plan from what is asked of each vcpu; nothing is given out. */
void debug_resume_plan(struct debug_session *s);

/*
 * Ends a step-over, if there is one: what it lifted is back. done: the step was taken; else it is due
 * again at the next resume if the vcpu still stands there.
 */
void debug_resume_end_over(struct debug_session *s, bool done);

/* This vcpu stands at a breakpoint that it need not be told of: it steps over it when it is resumed. */
void debug_resume_passed(struct debug_session *s, unsigned vcpu, uint64_t pc);

/* The action that is for this vcpu, the leftmost that fits; NULL. */
const struct rsp_action *debug_resume_action(const struct debug_session *s, const struct rsp_request *req,
                                             unsigned vcpu);
/* It is asked of the vcpu; NULL: to stay. */
void debug_resume_take(struct debug_session *s, unsigned vcpu, const struct rsp_action *a);
/* True: something is to be reported of this vcpu instead of resuming it. What it had kept is forgotten. */
bool debug_resume_at_once(struct debug_session *s, unsigned vcpu, struct debug_report *ret);

/* No debugger holds the machine: everything runs. Parked, where commands persist (points.kept). */
void debug_resume_free(struct debug_session *s);

/* ops->arm() if something differs from what is armed. */
void debug_resume_arm(struct debug_session *s, const struct debug_arm *arm);

/* True when free running vcpus must be stepped, since some point has no other means. */
static inline bool debug_resume_by_steps(const struct debug_session *s)
{
	return s->points.step_exec + s->points.step_watch > 0 || debug_catch_by_steps(&s->catches);
}

#endif
