#include "debug/event.h"

#include "debug/datapoint.h"
#include "debug/nonstop.h"
#include "debug/protect.h"
#include "debug/resume.h"
#include "debug/ring.h"
#include "debug/stop.h"
#include "debug/turn.h"
#include "x86/cpumode.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- recording ---- */

/* The first report of a stop is told; later ones wait for their vcpu to be resumed. */
static enum debug_verdict stop_for(struct debug_session *s, const struct debug_report *r)
{
	if (s->nonstop)
		return debug_nonstop_event(s, r);
	if (s->report.kind == DEBUG_REPORT_NONE)
		s->report = *r;
	else if (r->kind != DEBUG_REPORT_STEP)
		s->vcpu[r->event.vcpu].pending = *r;
	s->run = DEBUG_RUN_STOPPING;
	return DEBUG_STOP;
}

static enum debug_verdict stop_kind(struct debug_session *s, enum debug_report_kind kind,
                                    const struct debug_event *ev)
{
	struct debug_report r = { .kind = kind, .event = *ev };

	return stop_for(s, &r);
}

/* A watchpoint. */
static enum debug_verdict stop_point(struct debug_session *s, const struct debug_event *ev,
                                     struct debug_point *pt)
{
	struct debug_report r = { .kind = DEBUG_REPORT_WATCH, .type = pt->type, .addr = pt->gva,
	                          .len = pt->len, .event = *ev };

	pt->hits++;
	r.device = ev->accesses > 0 && ev->access[0].device;
	debug_datapoint_values(&s->points, pt, r.values, sizeof(r.values));
	return stop_for(s, &r);
}

/* True when only this vcpu is in a move. */
static bool alone(struct debug_session *s, unsigned vcpu)
{
	for (unsigned i = 0; i < s->vcpu_count; i++)
		if (i != vcpu && s->cfg.ops->vcpu_state(s->cfg.target, i) == DEBUG_VCPU_RUNNING)
			return false;
	return true;
}

/*
 * On over the breakpoint, without a word. Parking is also the way in which what was printed gets out: the
 * front end serves the client then.
 */
static enum debug_verdict pass(struct debug_session *s, const struct debug_event *ev)
{
	bool printed = s->printed;

	s->printed = false;
	if (s->over == (int)ev->vcpu)
		debug_resume_end_over(s, false);
	debug_resume_passed(s, ev->vcpu, ev->pc);
	if (s->run != DEBUG_RUN_STOPPING && !printed && alone(s, ev->vcpu)) {
		debug_resume_go(s);
		return DEBUG_GO;
	}
	s->passing = true;
	s->run = DEBUG_RUN_STOPPING;
	return DEBUG_STOP;
}

static enum debug_verdict at_breakpoint(struct debug_session *s, const struct debug_event *ev,
                                        enum rsp_point type, const uint64_t *gpa)
{
	struct debug_report r = { .kind = DEBUG_REPORT_BREAK, .type = type, .event = *ev }, caught;
	bool stops = debug_condition_stops(s, ev, gpa), catches = debug_catch_at_gate(s, ev, &caught);

	if (stops && catches) {
		r.caught_by = caught.caught_by;
		memcpy(r.event.text, caught.event.text, sizeof(r.event.text));
	}
	if (stops || catches)
		return stop_for(s, stops ? &r : &caught);
	return pass(s, ev);
}

/* The guest's own trap goes back to it; one that cannot is shown, lest the vcpu spin on it. */
static enum debug_verdict give_back(struct debug_session *s, const struct debug_event *ev, unsigned vector,
                                    uint64_t dr6)
{
	int rc = s->cfg.ops->inject(s->cfg.target, ev->vcpu, vector, dr6);
	struct debug_event told = *ev;

	if (rc >= 0 || !s->engine)
		return DEBUG_GO;
	snprintf(told.text, sizeof(told.text), "exception %u of the guest could not be delivered: %s", vector,
	         strerror(-rc));
	told.kind = DEBUG_EVENT_ERROR;
	return stop_kind(s, DEBUG_REPORT_FATAL, &told);
}

/* ---- breakpoints and watchpoints ---- */

static uint8_t byte_now(const struct debug_session *s, uint64_t gpa)
{
	uint8_t byte = 0;

	guest_mem_read(s->cfg.mem, gpa, &byte, 1);
	return byte;
}

/* The physical byte decides whose int3 it is. */
static enum debug_verdict on_int3(struct debug_session *s, const struct debug_event *ev)
{
	const struct debug_int3_byte *b = NULL;
	struct debug_view view;
	uint64_t gpa, len;

	if (s->points.int3.count > 0 && debug_session_view(s, ev->vcpu, false, &view, NULL) == 0 &&
	    debug_view_translate(&view, ev->pc, 1, &gpa, &len, NULL) == 0)
		b = debug_int3_find(&s->points.int3, gpa);
	if (b && b->state == DEBUG_INT3_GONE && byte_now(s, gpa) != DEBUG_INT3_OPCODE)
		return DEBUG_GO; /* taken out since; the guest's instruction is there again */
	if (!b || b->state != DEBUG_INT3_PLANTED)
		return give_back(s, ev, 3, 0);
	return at_breakpoint(s, ev, RSP_POINT_SW, &gpa);
}

static unsigned slots_of(const struct debug_session *s, bool exec)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < X86_DR_SLOTS; i++)
		if (s->armed.slot[i].used && (s->armed.slot[i].type == X86_DR_EXEC) == exec)
			mask |= 1u << i;
	return mask;
}

/*
 * Data watch before exec, since it belongs to the instruction before pc. The guest's own part of the same
 * #DB goes back to it in any case; at an execute hit that means first: the hit comes again after its
 * handler (SDM 3B 17.2.3: the bits may arrive in one #DB).
 */
static enum debug_verdict on_db(struct debug_session *s, const struct debug_event *ev)
{
	unsigned off = s->over == (int)ev->vcpu ? s->over_slots : 0;
	unsigned ours = x86_dr6_hits(ev->dr6, s->armed.slot);
	unsigned hits = ours & ~off;
	uint64_t rest = ev->dr6 & (X86_DR6_BS | X86_DR6_BT | X86_DR6_BD);
	uint64_t guest_dr6 = ev->dr6 & ~(uint64_t)(slots_of(s, true) | slots_of(s, false));
	struct debug_point *pt = NULL;
	enum debug_verdict verdict = DEBUG_GO;

	if (rest != 0 || ours == 0)
		verdict = give_back(s, ev, 1, guest_dr6);
	if (hits & slots_of(s, false))
		pt = debug_points_data_slot(&s->points, hits & slots_of(s, false), false);
	if (!pt && rest == 0 && (hits & slots_of(s, true)))
		pt = debug_points_exec_slot(&s->points, hits & slots_of(s, true), ev->pc);
	if (pt && pt->type <= RSP_POINT_HW)
		return at_breakpoint(s, ev, pt->type, NULL);
	return pt ? stop_point(s, ev, pt) : verdict;
}

/* ---- watched pages ---- */

static enum debug_verdict on_access(struct debug_session *s, const struct debug_event *ev)
{
	struct debug_point *pt = debug_datapoint_accessed(&s->points, ev);
	bool lost = debug_protect_lost(s, ev);

	if (pt)
		return stop_point(s, ev, pt);
	if (!lost)
		return DEBUG_GO;
	s->passing = true; /* the same machine, watched by other means */
	s->run = DEBUG_RUN_STOPPING;
	return DEBUG_STOP;
}

static enum debug_verdict on_opaque(struct debug_session *s, const struct debug_event *ev)
{
	s->vcpu[ev->vcpu].open = true;
	return pass(s, ev);
}

static enum debug_verdict on_db_or_access(struct debug_session *s, const struct debug_event *ev)
{
	enum debug_verdict verdict = on_db(s, ev);

	return verdict == DEBUG_GO && (ev->accesses > 0 || ev->on_stack) ? on_access(s, ev) : verdict;
}

/* ---- steps ---- */

static bool in_range(const struct debug_vcpu *v, uint64_t pc)
{
	return pc - v->start < v->end - v->start;
}

/* What a vcpu does after a step that hit no watchpoint. NULL: it goes on; else the report's kind. */
static enum debug_report_kind after_step(struct debug_session *s, const struct debug_event *ev,
                                         struct debug_point **ret_point)
{
	struct debug_vcpu *v = &s->vcpu[ev->vcpu];
	struct debug_point *pt = debug_points_exec_at(&s->points, ev->pc);

	*ret_point = pt;
	switch (v->ask) {
	case DEBUG_ASK_STEP:
		return DEBUG_REPORT_STEP;
	case DEBUG_ASK_RANGE:
		/* Onto a breakpoint: the step is done, as gdbserver has it; GDB sees what stands there. */
		return in_range(v, ev->pc) && !pt ? DEBUG_REPORT_NONE : DEBUG_REPORT_STEP;
	case DEBUG_ASK_RUN:
		return pt && debug_resume_by_steps(s) ? DEBUG_REPORT_BREAK : DEBUG_REPORT_NONE;
	default:
		return DEBUG_REPORT_NONE;
	}
}

static struct debug_point *watch_hit(struct debug_session *s, const struct debug_event *ev)
{
	bool opened = s->over == (int)ev->vcpu && s->over_open;
	unsigned hits = x86_dr6_hits(ev->dr6, s->armed.slot) & slots_of(s, false);
	struct debug_point *pt = hits ? debug_points_data_slot(&s->points, hits, true) : NULL;

	if (!pt && ev->accesses > 0)
		pt = debug_datapoint_accessed(&s->points, ev);
	if (!pt && (s->points.step_watch > 0 || opened))
		pt = debug_points_changed(&s->points, opened);
	return pt;
}

static enum debug_verdict on_stepped(struct debug_session *s, const struct debug_event *ev)
{
	bool over = s->over == (int)ev->vcpu;
	bool traced = debug_trace_stepped(s, ev->vcpu, ev->pc);
	struct debug_point *pt = watch_hit(s, ev);
	bool lost = debug_protect_lost(s, ev);
	enum debug_report_kind kind;

	lost |= debug_catch_stepped(s, ev);

	s->vcpu[ev->vcpu].hit = false;
	if (over)
		debug_resume_end_over(s, true);
	if (pt)
		return stop_point(s, ev, pt);
	kind = after_step(s, ev, &pt);
	if (kind == DEBUG_REPORT_BREAK)
		return at_breakpoint(s, ev, pt->type, NULL);
	if (kind != DEBUG_REPORT_NONE)
		return stop_kind(s, kind, ev);
	if (lost) {
		s->passing = true;
		s->run = DEBUG_RUN_STOPPING;
	}
	debug_ring_entered(s, ev->vcpu);
	if (!over && !lost)
		debug_turn_stepped(s, ev->vcpu);
	if (!over && !lost && traced && s->run == DEBUG_RUN_FREE && s->over < 0)
		debug_resume_replan(s);
	if (!over && !lost)
		return DEBUG_GO;
	if (s->run == DEBUG_RUN_STOPPING)
		return DEBUG_STOP;
	debug_resume_go(s);
	return DEBUG_GO;
}

/* ---- ends and resets ---- */

static enum debug_verdict on_end(struct debug_session *s, const struct debug_event *ev)
{
	return stop_kind(s, ev->kind == DEBUG_EVENT_EXITED ? DEBUG_REPORT_EXITED : DEBUG_REPORT_FATAL, ev);
}

/* What was known of stops is of another time. */
static void forget_stops(struct debug_session *s)
{
	s->over = -1;
	s->over_slots = 0;
	s->report.kind = DEBUG_REPORT_NONE;
	s->last = debug_stop_plain(DEBUG_REPORT_TRAP, s->current);
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		s->vcpu[i].hit = s->vcpu[i].open = false;
		s->vcpu[i].pending.kind = DEBUG_REPORT_NONE;
	}
}

/* Everything is parked. */
static void sync_points(struct debug_session *s)
{
	struct debug_arm arm;

	debug_catch_settle(s);
	debug_points_sync(&s->points, &arm);
	debug_resume_arm(s, &arm);
}

static void rebind_points(struct debug_session *s, bool keep_counts)
{
	debug_points_rebind(&s->points, keep_counts);
	debug_protect_sync(s);
	sync_points(s);
	if (s->nonstop)
		debug_nonstop_after_reset(s);
}

void debug_event_after_reset(struct debug_session *s)
{
	s->current = s->map_vcpu = 0;
	forget_stops(s);
	rebind_points(s, false);
}

void debug_event_after_restore(struct debug_session *s)
{
	forget_stops(s);
	rebind_points(s, true);
	/* The user sees where each of them stands: a breakpoint there has been told. */
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		const struct x86_state *st = debug_get(s, i, X86_GROUP_CORE | X86_GROUP_SYSTEM);

		if (st)
			debug_resume_passed(s, i, x86_linear_pc(st));
	}
	if (s->nonstop)
		debug_nonstop_after_reset(s);
}

/* Everything is parked. A step cannot end any more where it began: it is reported at the entry. */
static enum debug_verdict on_reset(struct debug_session *s, const struct debug_event *ev)
{
	bool pauses = s->nonstop && s->run == DEBUG_RUN_STOPPING;
	bool stay = s->run == DEBUG_RUN_PARKED || s->stop_asked || pauses;
	bool steps = false;

	for (unsigned i = 0; i < s->vcpu_count; i++)
		steps |= s->owed && s->vcpu[i].ask > DEBUG_ASK_RUN;
	debug_event_after_reset(s);
	if (steps && !stay)
		return stop_kind(s, DEBUG_REPORT_TRAP, ev);
	if (stay)
		return DEBUG_STOP;
	if (s->owed || s->nonstop)
		debug_resume_go(s);
	else
		debug_resume_free(s);
	return DEBUG_GO;
}

/* The access was all there was to it, unless a point of ours has to follow (LSTAR). */
static enum debug_verdict on_caught(struct debug_session *s, const struct debug_event *ev)
{
	(void)ev;
	if (!s->catches.found)
		return DEBUG_GO;
	s->passing = true;
	s->run = DEBUG_RUN_STOPPING;
	return DEBUG_STOP;
}

static enum debug_verdict on_interrupt(struct debug_session *s, const struct debug_event *ev)
{
	(void)ev;
	s->run = DEBUG_RUN_STOPPING;
	return DEBUG_STOP;
}

enum debug_verdict debug_event_happened(void *ctx, const struct debug_event *ev)
{
	static enum debug_verdict (*const on[])(struct debug_session *, const struct debug_event *) = {
		[DEBUG_EVENT_INT3] = on_int3,
		[DEBUG_EVENT_DB] = on_db_or_access,
		[DEBUG_EVENT_STEPPED] = on_stepped,
		[DEBUG_EVENT_ACCESS] = on_access,
		[DEBUG_EVENT_CAUGHT] = on_caught,
		[DEBUG_EVENT_OPAQUE] = on_opaque,
		[DEBUG_EVENT_INTERRUPT] = on_interrupt,
		[DEBUG_EVENT_EXITED] = on_end,
		[DEBUG_EVENT_RESET] = on_reset,
		[DEBUG_EVENT_SHUTDOWN] = on_end,
		[DEBUG_EVENT_ERROR] = on_end,
	};
	struct debug_session *s = ctx;
	enum debug_verdict verdict = DEBUG_GO, own;
	struct debug_report caught;

	if (ev->vcpu >= s->vcpu_count || (unsigned)ev->kind >= sizeof(on) / sizeof(on[0]))
		return DEBUG_GO;
	/* A catch is told first; what else the event means is kept until the vcpu is resumed. */
	if (s->engine && debug_catch_event(s, ev, &caught))
		verdict = stop_for(s, &caught);
	own = on[ev->kind](s, ev);
	return own == DEBUG_STOP ? own : verdict;
}

/* ---- parked ---- */

/* The fatal event or exit that is known, told or not. */
static const struct debug_report *find_end(const struct debug_session *s)
{
	if (s->report.kind >= DEBUG_REPORT_FATAL)
		return &s->report;
	for (unsigned i = 0; i < s->vcpu_count; i++)
		if (s->vcpu[i].pending.kind >= DEBUG_REPORT_FATAL)
			return &s->vcpu[i].pending;
	return s->last.kind >= DEBUG_REPORT_FATAL ? &s->last : NULL;
}

void debug_event_settle(struct debug_session *s)
{
	const struct debug_report *end = find_end(s);

	if (end && (end->kind == DEBUG_REPORT_EXITED || !s->hold)) {
		s->death = end->event;
		s->has_death = true;
	} else if (!s->hold) {
		debug_resume_free(s);
	} else if (end) {
		s->last = *end; /* for the next client's "?" */
	}
}

/* A client is there and waits for nothing: its machine runs on, unless it has come to an end. */
static void nobody_waits(struct debug_session *s)
{
	if (s->report.kind != DEBUG_REPORT_NONE)
		s->last = s->report;
	else if (!s->hold)
		debug_resume_free(s);
}

/* Parked only to step over what works alone, with no client that waits. */
static bool passes_alone(const struct debug_session *s)
{
	return s->passing && debug_works_alone(s) && !s->nonstop && !s->owed && !s->deferred && !s->hold &&
	       !s->stop_asked && s->report.kind == DEBUG_REPORT_NONE;
}

void debug_event_stopped(void *ctx)
{
	struct debug_session *s = ctx;
	const struct rsp_request *req = s->deferred;
	struct debug_report none = debug_stop_plain(DEBUG_REPORT_INTERRUPT, s->current);

	s->run = DEBUG_RUN_PARKED;
	s->stops++;
	debug_resume_end_over(s, false);
	debug_points_verify(&s->points);
	debug_trace_parked(s);
	if (passes_alone(s)) {
		debug_resume_go(s);
		return;
	}
	if (!s->engine) {
		debug_event_settle(s);
		return;
	}
	if (s->nonstop)
		debug_nonstop_stopped(s);
	else if (s->owed && s->passing && s->report.kind == DEBUG_REPORT_NONE && !s->stop_asked) {
		debug_protect_sync(s);
		if (s->catches.found)
			sync_points(s);
		debug_resume_go(s);
	} else if (s->owed) {
		debug_stop_reply(s, s->report.kind == DEBUG_REPORT_NONE ? &none : &s->report);
	} else if (req) {
		s->last = s->report;
		if (s->report.kind == DEBUG_REPORT_NONE)
			s->last = debug_stop_plain(DEBUG_REPORT_TRAP, s->current);
		s->deferred = NULL;
		debug_session_dispatch(s, req);
	} else {
		nobody_waits(s);
	}
	debug_session_serve(s);
}
