/* Non-stop: what can be answered while vcpus run, and what needs a pause. */
#include "debug/nonstop.h"

#include "debug/resume.h"
#include <errno.h>

enum need {
	NEED_ALL,    /* what the table of session.c calls parked: everything is to stand */
	NEED_NONE,
	NEED_OWN,    /* its vcpu is to be stopped, or it is refused */
	NEED_VIEW    /* looks through its vcpu's page tables */
};

static enum need need_of(enum rsp_kind kind)
{
	switch (kind) {
	case RSP_QUERY_HALT:
		return NEED_NONE;
	case RSP_READ_REGS:
	case RSP_WRITE_REGS:
	case RSP_READ_REG:
	case RSP_WRITE_REG:
	case RSP_SAVE_REGS:
	case RSP_RESTORE_REGS:
	case RSP_SEARCH_MEM: /* these two go on for longer than a pause may */
	case RSP_CRC:
		return NEED_OWN;
	case RSP_READ_MEM:
	case RSP_READ_RANGES:
		return NEED_VIEW;
	default:
		return NEED_ALL;
	}
}

/* The vcpu of a request; one that does not exist is for the handler to refuse. */
static bool own_moves(const struct debug_session *s, const struct rsp_request *req)
{
	int64_t tid = req->tid.tid;

	if (tid == RSP_TID_ANY || tid == RSP_TID_ALL)
		return debug_nonstop_moves(s, s->current);
	return tid > 0 && tid <= (int64_t)s->vcpu_count && debug_nonstop_moves(s, (unsigned)tid - 1);
}

/*
 * A resume goes without a pause when nothing has to be lifted or taken in turns, and nobody is stopped by it:
 * the plans of the others do not change then, and they notice nothing.
 */
static bool resume_waits(struct debug_session *s, const struct rsp_request *req)
{
	if (s->over >= 0 || debug_resume_by_steps(s))
		return true;
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		const struct rsp_action *a = debug_resume_action(s, req, i);

		if (a && (a->kind == RSP_ACT_STOP ? debug_nonstop_moves(s, i) : s->vcpu[i].hit))
			return true;
	}
	return false;
}

static bool set_waits(const struct debug_session *s, const struct rsp_request *req)
{
	bool on = req->u.flag != 0;

	if (on == s->nonstop || s->run == DEBUG_RUN_PARKED)
		return false;
	return !on || s->run == DEBUG_RUN_STOPPING;
}

bool debug_nonstop_must_wait(struct debug_session *s, const struct rsp_request *req)
{
	if (req->kind == RSP_NON_STOP)
		return set_waits(s, req);
	if (!s->nonstop || s->run == DEBUG_RUN_PARKED)
		return false;
	if (s->run == DEBUG_RUN_FREE && !debug_nonstop_any_moves(s))
		return false;
	if (req->kind == RSP_INTERRUPT_ALL)
		return true;
	if (req->kind == RSP_KILL)
		return rsp_engine_owed(s->engine) && (rsp_engine_client(s->engine) & RSP_CLIENT_EXTENDED);
	if (req->kind == RSP_RESUME)
		return s->run == DEBUG_RUN_STOPPING || resume_waits(s, req);
	if (!debug_session_needs_parked(req->kind))
		return false;
	switch (need_of(req->kind)) {
	case NEED_VIEW:
		return !s->phys && own_moves(s, req);
	case NEED_ALL:
		return true;
	default:
		return false;
	}
}

bool debug_nonstop_refuses(struct debug_session *s, const struct rsp_request *req)
{
	struct error err;

	if (!s->nonstop || need_of(req->kind) != NEED_OWN || !own_moves(s, req))
		return false;
	error_set(&err, EBUSY, "cpu%u is running",
	          req->tid.tid > 0 ? (unsigned)req->tid.tid - 1 : s->current);
	debug_reply_error(s, &err);
	return true;
}
