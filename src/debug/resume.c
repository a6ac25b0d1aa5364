#include "debug/resume.h"

#include "debug/protect.h"
#include "debug/registers.h"
#include "debug/ring.h"
#include "debug/stop.h"
#include "debug/text.h"
#include "debug/turn.h"
#include "x86/cpumode.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- what is asked ---- */

static bool names_vcpu(const struct rsp_tid *tid, unsigned vcpu, unsigned current)
{
	if (tid->tid == RSP_TID_ALL)
		return true;
	return tid->tid == RSP_TID_ANY ? vcpu == current : tid->tid == (int64_t)vcpu + 1;
}

static enum debug_ask ask_of(enum rsp_action_kind kind)
{
	switch (kind) {
	case RSP_ACT_CONTINUE:
		return DEBUG_ASK_RUN;
	case RSP_ACT_STEP:
		return DEBUG_ASK_STEP;
	case RSP_ACT_RANGE:
		return DEBUG_ASK_RANGE;
	default:
		return DEBUG_ASK_HOLD; /* all-stop: "t" is what happens to a thread without an action */
	}
}

/* The leftmost action that matches a thread wins (GDB manual, vCont). */
const struct rsp_action *debug_resume_action(const struct debug_session *s, const struct rsp_request *req,
                                             unsigned vcpu)
{
	for (size_t i = 0; i < req->u.resume.count; i++)
		if (names_vcpu(&req->u.resume.actions[i].tid, vcpu, s->current))
			return &req->u.resume.actions[i];
	return NULL;
}

void debug_resume_take(struct debug_session *s, unsigned vcpu, const struct rsp_action *a)
{
	struct debug_vcpu *v = &s->vcpu[vcpu];

	v->ask = a ? ask_of(a->kind) : DEBUG_ASK_HOLD;
	if (!a)
		return;
	v->start = a->start;
	v->end = a->end;
}

static int take_asks(struct debug_session *s, const struct rsp_request *req, struct error *err)
{
	bool moves = false;

	for (unsigned i = 0; i < s->vcpu_count; i++) {
		enum debug_ask ask;

		debug_resume_take(s, i, debug_resume_action(s, req, i));
		ask = s->vcpu[i].ask;
		if (ask > DEBUG_ASK_RUN && !s->cfg.caps->step)
			return error_set(err, ENOTSUP, "single-stepping does not work on this host's KVM");
		moves |= ask != DEBUG_ASK_HOLD;
	}
	if (!moves)
		return error_set(err, ESRCH, "no thread of this machine is resumed by that");
	return 0;
}

/* ---- step-over ---- */

/* The linear address is looked up in the vcpu's own space: the byte is what counts. */
static const struct debug_int3_byte *int3_at(struct debug_session *s, unsigned vcpu, uint64_t pc)
{
	struct debug_view view;
	uint64_t gpa, len;

	if (s->points.int3.planted == 0 || debug_session_view(s, vcpu, false, &view, NULL) < 0 ||
	    debug_view_translate(&view, pc, 1, &gpa, &len, NULL) < 0)
		return NULL;
	return debug_int3_find(&s->points.int3, gpa);
}

static uint8_t exec_slots_at(const struct debug_session *s, uint64_t pc)
{
	uint8_t mask = 0;

	for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
		const struct x86_dr *slot = &s->armed.slot[i];

		if (slot->used && slot->type == X86_DR_EXEC && slot->addr == pc)
			mask |= (uint8_t)(1u << i);
	}
	return mask;
}

static void give(struct debug_session *s)
{
	s->run = DEBUG_RUN_FREE;
	s->stop_asked = s->passing = s->regive = false;
	s->report.kind = DEBUG_REPORT_NONE;
	s->last = debug_stop_plain(DEBUG_REPORT_TRAP, s->current);
	debug_catch_look(s);
	s->cfg.ops->resume(s->cfg.target, s->plan, s->vcpu_count);
}

static bool blocks_irq(const struct debug_session *s)
{
	return s->cfg.caps->block_irq && !s->step_irqs;
}

/* True when this vcpu now steps over the breakpoint it was reported at. */
static bool start_over(struct debug_session *s, unsigned vcpu)
{
	struct debug_vcpu *v = &s->vcpu[vcpu];
	const struct debug_int3_byte *byte;
	const struct x86_state *st;

	if (v->ask == DEBUG_ASK_HOLD || !v->hit)
		return false;
	st = debug_get(s, vcpu, X86_GROUP_CORE);
	if (!st)
		return false; /* it runs */
	if (st->rip != v->hit_rip || !s->cfg.caps->step) {
		v->hit = v->open = false;
		return false;
	}
	byte = int3_at(s, vcpu, v->hit_pc);
	s->over_slots = exec_slots_at(s, v->hit_pc);
	if ((!byte || byte->state != DEBUG_INT3_PLANTED) && !s->over_slots && !v->open) {
		/* Kept by stepping: told already until the vcpu has made its step, which may not be soon. */
		v->hit = s->points.step_exec > 0;
		return false;
	}
	v->hit = false;
	if (byte)
		debug_int3_lift(&s->points.int3, byte->gpa);
	s->over = (int)vcpu;
	s->over_open = v->open;
	memset(s->plan, 0, sizeof(s->plan));
	s->plan[vcpu] = (struct debug_plan){ .move = DEBUG_STEP, .block_irq = blocks_irq(s),
	                                     .slots_off = s->over_slots, .open = v->open };
	give(s);
	return true;
}

void debug_resume_passed(struct debug_session *s, unsigned vcpu, uint64_t pc)
{
	const struct x86_state *st = debug_get(s, vcpu, X86_GROUP_CORE);

	s->vcpu[vcpu].hit = st != NULL;
	s->vcpu[vcpu].hit_rip = st ? st->rip : 0;
	s->vcpu[vcpu].hit_pc = pc;
}

void debug_resume_end_over(struct debug_session *s, bool done)
{
	if (s->over < 0)
		return;
	s->vcpu[s->over].hit = !done;
	s->regive = true;
	s->vcpu[s->over].open = !done && (s->over_open || s->vcpu[s->over].open);
	s->over = -1;
	s->over_slots = 0;
	s->over_open = false;
	debug_int3_unlift(&s->points.int3);
}

/* ---- the plan ---- */

static struct debug_plan plan_of(const struct debug_session *s, const struct debug_vcpu *v)
{
	switch (v->ask) {
	case DEBUG_ASK_RUN:
		if (v->trace.left > 0)
			return (struct debug_plan){ .move = DEBUG_STEP, .block_irq = blocks_irq(s) };
		if (debug_resume_by_steps(s))
			return (struct debug_plan){ .move = DEBUG_STEP, .sleeps = true };
		return (struct debug_plan){ .move = DEBUG_RUN };
	case DEBUG_ASK_STEP:
	case DEBUG_ASK_RANGE:
		return (struct debug_plan){ .move = DEBUG_STEP, .block_irq = blocks_irq(s) };
	default:
		return (struct debug_plan){ .move = DEBUG_HOLD };
	}
}

void debug_resume_plan(struct debug_session *s)
{
	for (unsigned i = 0; i < s->vcpu_count; i++)
		s->plan[i] = plan_of(s, &s->vcpu[i]);
}

void debug_resume_replan(struct debug_session *s)
{
	debug_resume_plan(s);
	debug_turn_plan(s);
	s->cfg.ops->resume(s->cfg.target, s->plan, s->vcpu_count);
}

void debug_resume_go(struct debug_session *s)
{
	for (unsigned i = 0; i < s->vcpu_count; i++)
		if (start_over(s, i))
			return;
	debug_resume_plan(s);
	debug_turn_plan(s);
	give(s);
}

void debug_resume_free(struct debug_session *s)
{
	struct debug_arm arm;

	for (unsigned i = 0; i < s->vcpu_count; i++) {
		s->vcpu[i].ask = DEBUG_ASK_RUN;
		s->vcpu[i].hit &= debug_works_alone(s);
		s->vcpu[i].open = false;
		s->vcpu[i].pending.kind = DEBUG_REPORT_NONE;
		s->plan[i] = (struct debug_plan){ .move = DEBUG_RUN };
	}
	if (s->points.kept > 0) {
		debug_points_sync(&s->points, &arm);
		debug_resume_arm(s, &arm);
	}
	if (debug_works_alone(s))
		debug_resume_go(s);
	else
		give(s);
}

static bool same_slot(const struct x86_dr *a, const struct x86_dr *b)
{
	if (!a->used || !b->used)
		return a->used == b->used;
	return a->type == b->type && a->len == b->len && a->addr == b->addr;
}

void debug_resume_arm(struct debug_session *s, const struct debug_arm *arm)
{
	bool same = arm->int3 == s->armed.int3;

	for (unsigned i = 0; i < X86_DR_SLOTS; i++)
		same &= same_slot(&arm->slot[i], &s->armed.slot[i]);
	if (same)
		return;
	s->armed = *arm;
	s->cfg.ops->arm(s->cfg.target, &s->armed);
}

/* ---- reports that need no running ---- */

/* A kept event still holds when its point is still there and the vcpu has not been moved. */
static bool still_holds(struct debug_session *s, struct debug_vcpu *v)
{
	const struct debug_report *r = &v->pending;

	if (r->kind == DEBUG_REPORT_CATCH)
		return debug_catch_holds(s, r);
	if (r->kind == DEBUG_REPORT_WATCH)
		return debug_points_find(&s->points, r->type, r->addr, r->len) != NULL;
	if (r->kind == DEBUG_REPORT_BREAK) {
		const struct debug_int3_byte *b;

		if (exec_slots_at(s, r->event.pc) || debug_points_exec_at(&s->points, r->event.pc))
			return true;
		b = int3_at(s, r->event.vcpu, r->event.pc);
		return b && b->state == DEBUG_INT3_PLANTED;
	}
	return r->kind == DEBUG_REPORT_FATAL || r->kind == DEBUG_REPORT_EXITED;
}

/* A breakpoint that only stepping sees, under a vcpu that has not been reported there. */
static bool stands_at_point(struct debug_session *s, unsigned vcpu, struct debug_report *ret)
{
	const struct x86_state *st;
	struct debug_point *pt;
	uint64_t pc;

	if (s->points.step_exec == 0)
		return false;
	st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	if (!st || (s->vcpu[vcpu].hit && s->vcpu[vcpu].hit_rip == st->rip))
		return false;
	pc = x86_linear_pc(st);
	pt = debug_points_exec_at(&s->points, pc);
	if (!pt || pt->means != DEBUG_MEANS_STEP)
		return false;
	*ret = debug_stop_plain(DEBUG_REPORT_BREAK, vcpu);
	ret->type = pt->type;
	ret->event.pc = pc;
	if (debug_condition_stops(s, &ret->event, NULL))
		return true;
	debug_resume_passed(s, vcpu, pc);
	return false;
}

bool debug_resume_at_once(struct debug_session *s, unsigned vcpu, struct debug_report *ret)
{
	struct debug_vcpu *v = &s->vcpu[vcpu];
	bool holds = v->pending.kind != DEBUG_REPORT_NONE && still_holds(s, v);

	*ret = v->pending;
	v->pending.kind = DEBUG_REPORT_NONE;
	return holds || stands_at_point(s, vcpu, ret);
}

static bool report_at_once(struct debug_session *s, struct debug_report *ret)
{
	if (s->last.kind == DEBUG_REPORT_EXITED) {
		*ret = s->last;
		return true;
	}
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		struct debug_vcpu *v = &s->vcpu[i];
		bool holds;

		if (v->ask == DEBUG_ASK_HOLD || v->pending.kind == DEBUG_REPORT_NONE)
			continue;
		holds = still_holds(s, v);
		*ret = v->pending;
		v->pending.kind = DEBUG_REPORT_NONE;
		if (holds)
			return true;
	}
	for (unsigned i = 0; i < s->vcpu_count; i++)
		if (s->vcpu[i].ask != DEBUG_ASK_HOLD && stands_at_point(s, i, ret))
			return true;
	return false;
}

/* Once for each point that makes the guest crawl, or that cannot be had yet. */
static void warn_about(struct debug_session *s, struct debug_point *pt)
{
	const char *name = debug_point_name(pt->type);
	struct debug_text t;
	char line[200];

	pt->told = true;
	debug_text_init(&t, line, sizeof(line));
	debug_text_add(&t, "trapline: %s 0x%" PRIx64, name, pt->gva);
	if (pt->means == DEBUG_MEANS_PENDING)
		debug_text_add(&t, " is pending: nothing is mapped there and no debug register is free; "
		                   "it is tried again at each stop (monitor pending)\n");
	else if (pt->kernel_only)
		debug_text_add(&t, " is seen in ring 0 alone: this host's KVM does not stop in ring 3\n");
	else
		debug_text_add(&t, " works by single-stepping here: the guest runs slowly\n");
	rsp_engine_console(s->engine, line, t.len);
}

static void warn(struct debug_session *s)
{
	const struct debug_points *p = &s->points;

	if (p->step_exec + p->step_watch + p->pending + p->kernel_only == 0)
		return;
	for (unsigned i = 0; i < s->points.count; i++) {
		struct debug_point *pt = &s->points.point[i];
		bool slow = pt->means == DEBUG_MEANS_STEP && debug_resume_by_steps(s);

		if (pt->wished && !pt->told && (slow || pt->kernel_only || pt->means == DEBUG_MEANS_PENDING))
			warn_about(s, pt);
	}
}

static int prepare(struct debug_session *s, const struct rsp_request *req, struct error *err)
{
	int rc = take_asks(s, req, err);
	unsigned vcpu = s->current;

	if (rc < 0 || !req->u.resume.has_addr)
		return rc;
	while (vcpu < s->vcpu_count && s->vcpu[vcpu].ask == DEBUG_ASK_HOLD)
		vcpu++;
	return debug_registers_set_pc(s, vcpu < s->vcpu_count ? vcpu : s->current, req->u.resume.addr, err);
}

void debug_resume_request(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_report now;
	struct debug_arm arm;
	struct error err;
	int rc = prepare(s, req, &err);

	if (rc < 0) {
		debug_reply_error(s, &err);
		return;
	}
	if (debug_ring_refuses(s, req))
		return;
	debug_trace_settle(s);
	debug_protect_sync(s);
	debug_catch_settle(s);
	debug_points_sync(&s->points, &arm);
	debug_resume_arm(s, &arm);
	s->owed = true;
	warn(s);
	if (report_at_once(s, &now))
		debug_stop_reply(s, &now);
	else
		debug_resume_go(s);
}
