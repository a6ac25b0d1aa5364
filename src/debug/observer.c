#include "debug/observer.h"

#include "debug/internal.h"
#include "debug/nonstop.h"
#include "debug/stop.h"
#include <errno.h>
#include <string.h>

_Static_assert(DEBUG_OBSERVER_FILES == DEBUG_MAX_FILES, "as many files as the other client");

#define REFUSED "this debugger only looks on: another one controls the machine"
#define RUNS "the guest is running: it can be looked at when it has stopped"

/* What changes nothing and is answered at once. */
static const bool harmless[RSP_KIND_COUNT] = {
	[RSP_QUERY_HALT] = true,    [RSP_READ_REGS] = true,      [RSP_READ_REG] = true,
	[RSP_READ_MEM] = true,      [RSP_READ_RANGES] = true,    [RSP_SET_THREAD] = true,
	[RSP_THREAD_ALIVE] = true,  [RSP_CURRENT_THREAD] = true, [RSP_LIST_THREADS] = true,
	[RSP_THREAD_EXTRA] = true,  [RSP_XFER_READ] = true,      [RSP_OFFSETS] = true,
	[RSP_ATTACHED] = true,      [RSP_DETACH] = true,         [RSP_EXTENDED] = true,
	[RSP_VFILE] = true,         [RSP_HOST_INFO] = true,      [RSP_PROCESS_INFO] = true,
	[RSP_REGISTER_INFO] = true, [RSP_REGION_INFO] = true,    [RSP_THREAD_STOP] = true,
	[RSP_THREADS_JSON] = true,  [RSP_WATCH_INFO] = true,     [RSP_SERVER_VERSION] = true,
	[RSP_RESUME] = true, /* see refuse_resume() */
};

uint32_t debug_observer_features(const struct debug_session *s)
{
	const uint32_t not_his = RSP_F_NON_STOP | RSP_F_SEARCH | RSP_F_CRC | RSP_F_TRACE |
	                         RSP_F_CATCH_SYSCALLS;

	return debug_session_features(s) & ~not_his;
}

void debug_observer_init(struct debug_observer *o, struct rsp_engine *e)
{
	*o = (struct debug_observer){ .engine = e };
}

/* The last stop; in non-stop that of the vcpu that stopped last, if it still stands. */
static void tell_last(struct debug_session *s)
{
	const struct debug_report *r = s->nonstop && s->run != DEBUG_RUN_PARKED ? &s->vcpu[s->current].stop
	                                                                        : &s->last;

	rsp_engine_set_general(s->engine, r->event.vcpu + 1);
	debug_stop_tell(s, r);
}

/*
 * A resume is refused by words on the console and a stop where everything stands: an error GDB takes for a
 * stop without a signal, after which it resumes once more, for ever (remote.c, remote_wait_as). So it does
 * after SIGTRAP while it steps through a range.
 */
static void refuse_resume(struct debug_session *s)
{
	static const char words[] = "trapline: " REFUSED "\n";
	struct debug_report r = debug_stop_plain(DEBUG_REPORT_INTERRUPT, s->last.event.vcpu);

	rsp_engine_console(s->engine, words, sizeof(words) - 1);
	debug_stop_tell(s, s->last.kind == DEBUG_REPORT_EXITED ? &s->last : &r);
}

/*
 * "Continue" of one who only looks on is: tell me of the next stop. Steps are refused, and of a guest that
 * has ended there is nothing more to wait for.
 */
static void take_resume(struct debug_session *s, struct debug_observer *o, const struct rsp_request *req)
{
	bool waits = req->u.resume.count > 0 && !req->u.resume.has_addr;

	for (size_t i = 0; i < req->u.resume.count; i++)
		waits &= req->u.resume.actions[i].kind == RSP_ACT_CONTINUE;
	if (!waits || (s->run == DEBUG_RUN_PARKED && s->last.kind == DEBUG_REPORT_EXITED)) {
		refuse_resume(s);
		return;
	}
	o->waits = true;
	o->seen = s->stops;
}

static void answer(struct debug_session *s, struct debug_observer *o, const struct rsp_request *req)
{
	if (req->kind == RSP_QUERY_HALT) {
		tell_last(s);
	} else if (req->kind == RSP_RESUME) {
		take_resume(s, o, req);
	} else if (req->kind == RSP_DETACH) {
		o->leaves = true;
		rsp_reply_ok(s->engine);
	} else {
		debug_session_dispatch(s, req);
	}
}

/* What handlers know of their client, for the time of one request. */
struct context {
	struct rsp_engine *engine;
	enum debug_wish wish;
	bool phys, cr3_chosen, mmio;
	bool file_open[DEBUG_MAX_FILES];
	int64_t frame;
};

static void enter(struct debug_session *s, const struct debug_observer *o, struct context *c)
{
	*c = (struct context){ s->engine, s->wish, s->phys, s->cr3_chosen, s->mmio, { false },
	                      s->trace.selected };
	memcpy(c->file_open, s->file_open, sizeof(c->file_open));
	memcpy(s->file_open, o->file_open, sizeof(s->file_open));
	s->engine = o->engine;
	s->phys = s->cr3_chosen = s->mmio = false;
	s->trace.selected = -1;
}

static void leave(struct debug_session *s, struct debug_observer *o, const struct context *c)
{
	memcpy(o->file_open, s->file_open, sizeof(o->file_open));
	memcpy(s->file_open, c->file_open, sizeof(s->file_open));
	s->engine = c->engine;
	s->wish = c->wish;
	s->phys = c->phys;
	s->cr3_chosen = c->cr3_chosen;
	s->mmio = c->mmio;
	s->trace.selected = c->frame;
}

/* The machine, or the vcpu that the request is about, stands. */
static bool stands(const struct debug_session *s, const struct rsp_request *req)
{
	int64_t tid = req->tid.tid > 0 ? req->tid.tid : (int64_t)s->current + 1;

	if (s->run == DEBUG_RUN_PARKED)
		return true;
	if (!s->nonstop || s->run != DEBUG_RUN_FREE || req->kind == RSP_THREADS_JSON)
		return false;
	return tid > (int64_t)s->vcpu_count || !debug_nonstop_moves(s, (unsigned)tid - 1);
}

static void refuse(struct debug_observer *o, enum rsp_kind kind)
{
	static const char words[] = REFUSED "\n";

	if (kind == RSP_MONITOR)
		rsp_reply_hex(o->engine, words, sizeof(words) - 1); /* GDB shows no error of it */
	else if (kind != RSP_RESTART)
		rsp_reply_error(o->engine, EPERM, REFUSED);
}

static void take(struct debug_session *s, struct debug_observer *o, const struct rsp_request *req)
{
	struct context c;

	/* "k", which wants no answer, is what GDB says when it quits. */
	if (req->kind == RSP_KILL && !rsp_engine_owed(o->engine)) {
		o->leaves = true;
		return;
	}
	if ((unsigned)req->kind >= RSP_KIND_COUNT || !harmless[req->kind]) {
		refuse(o, req->kind);
		return;
	}
	if (debug_session_needs_parked(req->kind) && req->kind != RSP_RESUME && !stands(s, req)) {
		rsp_reply_error(o->engine, EBUSY, RUNS);
		return;
	}
	enter(s, o, &c);
	answer(s, o, req);
	leave(s, o, &c);
}

bool debug_observer_due(const struct debug_session *s, const struct debug_observer *o)
{
	bool stands = s->run == DEBUG_RUN_PARKED ||
	              (s->nonstop && s->run == DEBUG_RUN_FREE && !debug_nonstop_moves(s, s->current));

	return o->waits && o->seen != s->stops && stands;
}

void debug_observer_stopped(struct debug_session *s, struct debug_observer *o)
{
	struct context c;

	if (!debug_observer_due(s, o))
		return;
	o->waits = false;
	enter(s, o, &c);
	tell_last(s);
	leave(s, o, &c);
}

/* It waits no longer. Where the machine runs it cannot be looked at, and its registers are not told. */
static void give_up_waiting(struct debug_session *s, struct debug_observer *o)
{
	struct debug_report r = debug_stop_plain(DEBUG_REPORT_INTERRUPT, s->current);
	struct context c;

	if (!o->waits)
		return;
	o->waits = false;
	enter(s, o, &c);
	debug_stop_tell(s, &r);
	leave(s, o, &c);
}

void debug_observer_serve(struct debug_session *s, struct debug_observer *o)
{
	const struct rsp_request *req;
	enum rsp_event event;

	while ((event = rsp_engine_next(o->engine, &req)) != RSP_EVENT_NONE)
		if (event == RSP_EVENT_REQUEST)
			take(s, o, req);
		else if (event == RSP_EVENT_INTERRUPT)
			give_up_waiting(s, o);
}
