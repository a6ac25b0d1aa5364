#include "debug/nonstop.h"

#include "debug/protect.h"
#include "debug/resume.h"
#include "debug/ring.h"
#include "debug/stop.h"
#include <errno.h>
#include <string.h>

#define QUEUE_EXIT 0xff /* behind it nothing follows */

/* The guest is at its end, or was killed by a client that may start it again. */
static bool ended(const struct debug_session *s)
{
	return s->killed || (s->run == DEBUG_RUN_PARKED && s->last.kind == DEBUG_REPORT_EXITED);
}

/* ---- the queue ---- */

static bool queued(const struct debug_session *s, unsigned vcpu)
{
	return memchr(s->stop_queue, (int)vcpu, s->stop_count) != NULL;
}

static const struct debug_report *head(const struct debug_session *s)
{
	return s->stop_queue[0] == QUEUE_EXIT ? &s->last : &s->vcpu[s->stop_queue[0]].stop;
}

/* The head goes out by itself when the client does not know yet that there is something to ask for. */
static void notify(struct debug_session *s)
{
	if (s->stop_told || s->stop_count == 0 || !s->engine)
		return;
	s->stop_told = debug_stop_notify(s, head(s));
}

static void enqueue(struct debug_session *s, uint8_t entry)
{
	if (s->stop_count < sizeof(s->stop_queue) && !queued(s, entry))
		s->stop_queue[s->stop_count++] = entry;
}

/* Parked from here on, and told when its turn comes. */
static void stop_vcpu(struct debug_session *s, unsigned vcpu, const struct debug_report *r)
{
	struct debug_vcpu *v = &s->vcpu[vcpu];

	v->ask = DEBUG_ASK_HOLD;
	v->late = false;
	v->stop = *r;
	s->stops++;
	v->pending.kind = DEBUG_REPORT_NONE;
	if (r->kind == DEBUG_REPORT_BREAK || r->gate)
		debug_resume_passed(s, vcpu, r->event.pc);
	enqueue(s, (uint8_t)vcpu);
}

static void stop_plain(struct debug_session *s, unsigned vcpu, enum debug_report_kind kind)
{
	struct debug_report r = debug_stop_plain(kind, vcpu);

	stop_vcpu(s, vcpu, &r);
}

/* Whatever else was to be told means nothing now, the stop that the client is just asking about apart. */
static void enqueue_exit(struct debug_session *s)
{
	s->stop_count = s->stop_told ? 1 : 0;
	enqueue(s, QUEUE_EXIT);
}

static void clear_queue(struct debug_session *s)
{
	s->stop_count = 0;
	s->stop_told = s->stop_late = false;
}

/* Answers with the head, or OK when there is none. */
static void tell_head(struct debug_session *s)
{
	s->stop_told = s->stop_count > 0;
	if (s->stop_count > 0)
		debug_stop_tell(s, head(s));
	else
		rsp_reply_ok(s->engine);
}

void debug_nonstop_next(struct debug_session *s, const struct rsp_request *req)
{
	bool end = s->stop_told && s->stop_queue[0] == QUEUE_EXIT;

	(void)req;
	if (s->stop_told)
		memmove(s->stop_queue, s->stop_queue + 1, --s->stop_count);
	tell_head(s);
	if (end && !(rsp_engine_client(s->engine) & RSP_CLIENT_EXTENDED))
		s->wish = DEBUG_WISH_CLOSE;
}

/*
 * All stopped threads are told anew (GDB manual, "Remote Non-Stop"): one by this answer, the others from the
 * next request on, as if they had stopped then. GDB 13 has an assertion that fails when vStopped brings it a
 * second one while it connects (remote.c, wait), gdbserver's as well as ours.
 */
void debug_nonstop_query(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	clear_queue(s);
	for (unsigned n = 0; n < s->vcpu_count && !ended(s); n++) {
		unsigned i = (s->current + n) % s->vcpu_count;

		s->vcpu[i].late = !debug_nonstop_moves(s, i) && s->stop_count > 0;
		s->stop_late |= s->vcpu[i].late;
		if (!debug_nonstop_moves(s, i) && s->stop_count == 0)
			enqueue(s, (uint8_t)i);
	}
	if (ended(s))
		enqueue(s, QUEUE_EXIT);
	tell_head(s);
}

/* The client has asked for something else since "?": the others follow. */
static void enqueue_late(struct debug_session *s, const struct rsp_request *req)
{
	if (!s->stop_late || s->stop_told || !req)
		return;
	if (req->kind == RSP_QUERY_HALT || req->kind == RSP_NEXT_STOP)
		return;
	s->stop_late = false;
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		if (s->vcpu[i].late && !debug_nonstop_moves(s, i))
			enqueue(s, (uint8_t)i);
		s->vcpu[i].late = false;
	}
}

/* ---- in and out ---- */

static void enter(struct debug_session *s)
{
	s->nonstop = true;
	clear_queue(s);
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		struct debug_vcpu *v = &s->vcpu[i];

		if (s->run == DEBUG_RUN_PARKED)
			v->ask = DEBUG_ASK_HOLD;
		v->stop = debug_stop_plain(DEBUG_REPORT_HALT, i);
		if (i == s->last.event.vcpu)
			v->stop = s->last;
		if (v->pending.kind != DEBUG_REPORT_NONE)
			v->stop = v->pending;
		v->pending.kind = DEBUG_REPORT_NONE;
	}
	if (ended(s))
		return;
	s->last = debug_stop_plain(DEBUG_REPORT_TRAP, s->current);
	s->run = DEBUG_RUN_FREE;
	debug_resume_plan(s);
}

/* Everything is parked. Stops that the client has not been told of are kept as hits are in all-stop. */
static void leave(struct debug_session *s)
{
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		struct debug_vcpu *v = &s->vcpu[i];
		bool told = s->stop_told && s->stop_queue[0] == i;

		v->ask = DEBUG_ASK_HOLD;
		if (queued(s, i) && !told && v->stop.kind >= DEBUG_REPORT_BREAK)
			v->pending = v->stop;
	}
	s->nonstop = s->stop_break = false;
	clear_queue(s);
}

void debug_nonstop_set(struct debug_session *s, const struct rsp_request *req)
{
	bool on = req->u.flag != 0;

	if (on && !s->nonstop)
		enter(s);
	else if (!on && s->nonstop)
		leave(s);
	rsp_reply_ok(s->engine);
}

bool debug_nonstop_leave(struct debug_session *s)
{
	bool fatal = false;

	for (unsigned i = 0; i < s->vcpu_count && s->nonstop; i++) {
		struct debug_vcpu *v = &s->vcpu[i];

		if (debug_nonstop_moves(s, i) || v->stop.kind != DEBUG_REPORT_FATAL)
			continue;
		v->pending = v->stop;
		fatal = true;
	}
	s->nonstop = s->stop_break = false;
	clear_queue(s);
	return fatal;
}

static void hold_all(struct debug_session *s)
{
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		if (debug_nonstop_moves(s, i))
			s->vcpu[i].stop = debug_stop_plain(DEBUG_REPORT_HALT, i);
		s->vcpu[i].ask = DEBUG_ASK_HOLD;
	}
}

void debug_nonstop_end_all(struct debug_session *s)
{
	if (!s->nonstop)
		return;
	hold_all(s);
	clear_queue(s);
}

/*
 * The boot vcpu's stop is the answer to vRun. The others run, as new threads of a process do: they wait for
 * the first one to start them, and GDB, which resumes that one alone, takes what it finds for running.
 */
void debug_nonstop_begin(struct debug_session *s)
{
	clear_queue(s);
	stop_plain(s, 0, DEBUG_REPORT_TRAP);
	s->stop_count = 0;
	for (unsigned i = 1; i < s->vcpu_count; i++)
		s->vcpu[i].ask = DEBUG_ASK_RUN;
	rsp_engine_set_general(s->engine, 1); /* as gdbserver's vRun does */
	debug_stop_tell(s, &s->vcpu[0].stop);
}

void debug_nonstop_after_reset(struct debug_session *s)
{
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		struct debug_vcpu *v = &s->vcpu[i];

		if (!debug_nonstop_moves(s, i))
			v->stop = debug_stop_plain(DEBUG_REPORT_TRAP, i);
		else if (v->ask > DEBUG_ASK_RUN)
			stop_plain(s, i, DEBUG_REPORT_TRAP);
	}
	if (s->stop_count > 0 && s->stop_queue[s->stop_count - 1] == QUEUE_EXIT)
		s->stop_count--;
	notify(s);
}

/* ---- stopping and going on ---- */

void debug_nonstop_pause(struct debug_session *s)
{
	if (s->run != DEBUG_RUN_FREE)
		return;
	s->run = DEBUG_RUN_STOPPING;
	s->cfg.ops->stop(s->cfg.target, s->current);
}

static void stop_moving(struct debug_session *s)
{
	enum debug_report_kind kind = DEBUG_REPORT_INTERRUPT;

	s->stop_break = false;
	for (unsigned n = 0; n < s->vcpu_count; n++) {
		unsigned i = (s->current + n) % s->vcpu_count;

		if (!debug_nonstop_moves(s, i))
			continue;
		stop_plain(s, i, kind);
		kind = DEBUG_REPORT_HALT;
	}
}

void debug_nonstop_break(struct debug_session *s)
{
	if (!debug_nonstop_any_moves(s) || s->run == DEBUG_RUN_PARKED)
		return;
	s->stop_break = true;
	debug_nonstop_pause(s);
}

/* Only with everything parked, or nothing that moves. */
void debug_nonstop_interrupt(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_ok(s->engine);
	if (!ended(s))
		stop_moving(s);
}

enum debug_verdict debug_nonstop_event(struct debug_session *s, const struct debug_report *r)
{
	unsigned vcpu = r->event.vcpu;

	if (r->kind == DEBUG_REPORT_EXITED) {
		s->report = *r;
		s->run = DEBUG_RUN_STOPPING;
		return DEBUG_STOP;
	}
	if (s->over == (int)vcpu)
		debug_resume_end_over(s, false);
	stop_vcpu(s, vcpu, r);
	s->current = vcpu;
	notify(s);
	if (s->run == DEBUG_RUN_STOPPING)
		return DEBUG_STOP;
	if (s->regive || s->turn >= 0) {
		debug_resume_go(s);
		return DEBUG_GO;
	}
	s->plan[vcpu].move = DEBUG_HOLD;
	s->cfg.ops->resume(s->cfg.target, s->plan, s->vcpu_count);
	return DEBUG_GO;
}

/* Everything is parked: memory and registers follow what the client wishes. */
static void sync_points(struct debug_session *s)
{
	struct debug_arm arm;

	debug_protect_sync(s);
	debug_catch_settle(s);
	debug_points_sync(&s->points, &arm);
	debug_resume_arm(s, &arm);
}

void debug_nonstop_settle(struct debug_session *s, const struct rsp_request *req)
{
	if (!s->nonstop || s->run == DEBUG_RUN_STOPPING || ended(s))
		return;
	if (s->run == DEBUG_RUN_PARKED) {
		sync_points(s);
		debug_resume_go(s);
	} else if (s->regive) {
		debug_resume_go(s);
	}
	enqueue_late(s, req);
	notify(s);
}

void debug_nonstop_stopped(struct debug_session *s)
{
	const struct rsp_request *req = s->deferred;

	if (s->report.kind == DEBUG_REPORT_EXITED) {
		hold_all(s);
		s->last = s->report;
		enqueue_exit(s);
	}
	s->deferred = NULL;
	if (req)
		debug_session_dispatch(s, req);
	if (s->nonstop && s->stop_break && !ended(s))
		stop_moving(s);
	debug_nonstop_settle(s, req);
	notify(s);
}

/* ---- vCont ---- */

/* One stopped vcpu goes on, unless it has something to report first. */
static void start(struct debug_session *s, unsigned vcpu, const struct rsp_action *a)
{
	struct debug_report now;

	debug_resume_take(s, vcpu, a);
	s->regive = true;
	if (debug_resume_at_once(s, vcpu, &now))
		stop_vcpu(s, vcpu, &now);
}

/* Those that run are not told to run, and those that stand not to stop (GDB manual, vCont). */
static void act(struct debug_session *s, unsigned vcpu, const struct rsp_action *a)
{
	if (a->kind == RSP_ACT_STOP && debug_nonstop_moves(s, vcpu))
		stop_plain(s, vcpu, DEBUG_REPORT_HALT);
	else if (a->kind != RSP_ACT_STOP && !debug_nonstop_moves(s, vcpu) && !queued(s, vcpu))
		start(s, vcpu, a);
}

static int check(struct debug_session *s, const struct rsp_request *req, struct error *err)
{
	bool any = false;

	for (unsigned i = 0; i < s->vcpu_count; i++) {
		const struct rsp_action *a = debug_resume_action(s, req, i);

		if (a && (a->kind == RSP_ACT_STEP || a->kind == RSP_ACT_RANGE) && !s->cfg.caps->step)
			return error_set(err, ENOTSUP, "single-stepping does not work on this host's KVM");
		if (a && (a->kind == RSP_ACT_STEP || a->kind == RSP_ACT_RANGE) && debug_ring_blind(s, i))
			return error_set(err, ENOTSUP, "cpu%u is in ring 3, where this host's KVM cannot "
			                 "single-step", i);
		any |= a != NULL;
	}
	if (ended(s))
		return error_set(err, ESRCH, "the guest has ended");
	return any ? 0 : error_set(err, ESRCH, "no thread of this machine is named by that");
}

void debug_nonstop_resume(struct debug_session *s, const struct rsp_request *req)
{
	struct error err;
	int rc = check(s, req, &err);

	if (rc == 0 && req->u.resume.has_addr)
		rc = error_set(&err, ENOTSUP, "a resume at an address is for all-stop: write the pc first");
	debug_reply_result(s, rc, &err);
	if (rc < 0)
		return;
	if (!debug_nonstop_any_moves(s))
		sync_points(s);
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		const struct rsp_action *a = debug_resume_action(s, req, i);

		if (a)
			act(s, i, a);
	}
}
