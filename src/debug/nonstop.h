/*
 * Non-stop (GDB manual, "Remote Non-Stop"): a stop concerns the vcpu that met it, the others go on.
 *
 * States of a vcpu are those of what is asked of it
 *   ask RUN, STEP, RANGE   the client takes it for running. It may stand for a moment all the same: while
 *                          another one steps over a breakpoint, or in a pause; nobody is told of that.
 *   ask HOLD               stopped, `stop` says why; it is really parked. Its registers and, through its page
 *                          tables, memory are there for the client while others run.
 *
 * Reports. A vcpu that stops is put into stop_queue. The head of a queue that nobody looks at is sent as
 * %Stop (stop_told); the client's vStopped takes it off and brings the next one, until OK says that there is
 * none. Each vcpu is in the queue at most once, since one that is there is not resumed: what vCont asks of
 * it is ignored, as the manual has it. An exit is the queue's last entry.
 *
 * Pauses. What needs everything parked (points, writes to memory, monitor, stopping others, stepping over a
 * breakpoint) parks it as in all-stop, is done, and then everything goes on that was going on. There is only
 * STOPPING and PARKED in it; nothing is reported. An event on the way into a pause stops its vcpu as at
 * any other time.
 *
 * An exit parks everything for good, and so does a change to all-stop. After a reset those are stopped that
 * were before, at their entry. A client that vanishes or detaches leaves all-stop behind.
 */
#ifndef DEBUG_NONSTOP_H
#define DEBUG_NONSTOP_H

#include "debug/internal.h"

/* The client takes the vcpu, or some vcpu, for running. */
static inline bool debug_nonstop_moves(const struct debug_session *s, unsigned vcpu)
{
	return s->vcpu[vcpu].ask != DEBUG_ASK_HOLD;
}

static inline bool debug_nonstop_any_moves(const struct debug_session *s)
{
	for (unsigned i = 0; i < s->vcpu_count; i++)
		if (debug_nonstop_moves(s, i))
			return true;
	return false;
}

/* The request has to wait until everything is parked. Also in all-stop: QNonStop while that goes on. */
bool debug_nonstop_must_wait(struct debug_session *s, const struct rsp_request *req);
/* Requests about a vcpu that runs are refused here: true, answered. */
bool debug_nonstop_refuses(struct debug_session *s, const struct rsp_request *req);

/* Parks everything for a moment, if it is not under way. */
void debug_nonstop_pause(struct debug_session *s);
/* ctrl-C: the current vcpu stops with SIGINT, the others with no signal. At the next pause's end. */
void debug_nonstop_break(struct debug_session *s);

/* A vcpu has something to report: it is stopped by it. The verdict for the target. */
enum debug_verdict debug_nonstop_event(struct debug_session *s, const struct debug_report *r);
/* Everything is parked: what waited for that is done, and what ran goes on. */
void debug_nonstop_stopped(struct debug_session *s);
/* After a request (NULL: there was none): what it has asked for is given out. */
void debug_nonstop_settle(struct debug_session *s, const struct rsp_request *req);
/* The machine has been reset: stops of before mean nothing now, and those that stepped stop at the entry. */
void debug_nonstop_after_reset(struct debug_session *s);
/* vRun's part: answers it with the boot vcpu's stop, and the others run. vKill's: nothing runs. */
void debug_nonstop_begin(struct debug_session *s);
void debug_nonstop_end_all(struct debug_session *s);
/* The client goes, and non-stop with it. True: a vcpu is stopped for good, so nothing may run on. */
bool debug_nonstop_leave(struct debug_session *s);

/* What QueryHalt and vCont mean in non-stop. */
debug_handler debug_nonstop_query, debug_nonstop_resume;
/* QNonStop, vStopped, vCtrlC. */
debug_handler debug_nonstop_set, debug_nonstop_next, debug_nonstop_interrupt;

#endif
