#include "debug/stop.h"

#include "base/bytes.h"
#include "debug/nonstop.h"
#include "debug/text.h"
#include <inttypes.h>
#include <string.h>

struct debug_report debug_stop_plain(enum debug_report_kind kind, unsigned vcpu)
{
	return (struct debug_report){ .kind = kind, .event.vcpu = vcpu };
}

/* RSP-SEMANTICS 8: T0b for a triple fault, T06 for KVM's own errors, T04 for a failed entry. */
static uint8_t fatal_signal(const struct debug_event *ev)
{
	static const char entry[] = "KVM could not enter the guest";

	if (ev->kind == DEBUG_EVENT_SHUTDOWN)
		return RSP_SIG_SEGV;
	return strncmp(ev->text, entry, sizeof(entry) - 1) == 0 ? RSP_SIG_ILL : RSP_SIG_ABRT;
}

uint8_t debug_stop_signal(const struct debug_report *r)
{
	if (r->kind == DEBUG_REPORT_FATAL)
		return fatal_signal(&r->event);
	if (r->kind == DEBUG_REPORT_HALT)
		return RSP_SIG_0;
	return r->kind == DEBUG_REPORT_INTERRUPT ? RSP_SIG_INT : RSP_SIG_TRAP;
}

static const char *fatal_text(const struct debug_report *r)
{
	if (r->event.text[0])
		return r->event.text;
	return r->event.kind == DEBUG_EVENT_SHUTDOWN ? "triple fault" : "the guest cannot go on";
}

void debug_stop_describe(const struct debug_report *r, char *buf, size_t size)
{
	struct debug_text t;

	debug_text_init(&t, buf, size);
	if (r->kind == DEBUG_REPORT_WATCH)
		debug_text_add(&t, "%" PRIu64 " 0 %" PRIu64, r->addr, r->addr);
	else if (r->kind == DEBUG_REPORT_FATAL)
		debug_text_add(&t, "%s", fatal_text(r));
	else if (r->syscall)
		debug_text_add(&t, "system call %" PRIu64, r->addr);
	else if (r->kind == DEBUG_REPORT_CATCH)
		debug_text_add(&t, "catch %" PRIu32 ": %s", r->caught_by, r->event.text);
}

enum rsp_stop_reason debug_stop_reason(const struct debug_report *r)
{
	static const enum rsp_stop_reason point[] = {
		[RSP_POINT_SW] = RSP_REASON_SWBREAK, [RSP_POINT_HW] = RSP_REASON_HWBREAK,
		[RSP_POINT_WRITE] = RSP_REASON_WATCH, [RSP_POINT_READ] = RSP_REASON_RWATCH,
		[RSP_POINT_ACCESS] = RSP_REASON_AWATCH,
	};

	switch (r->kind) {
	case DEBUG_REPORT_STEP:
		return RSP_REASON_STEP;
	case DEBUG_REPORT_BREAK:
	case DEBUG_REPORT_WATCH:
		return point[r->type];
	case DEBUG_REPORT_CATCH:
		return r->syscall ? RSP_REASON_SYSCALL_ENTRY : RSP_REASON_EXCEPTION;
	case DEBUG_REPORT_FATAL:
		return RSP_REASON_EXCEPTION;
	default:
		return RSP_REASON_NONE;
	}
}

/* rip, rsp, rbp: what GDB would ask for next (PERF-FACTS.md). All in CORE. */
static size_t expedite(struct debug_session *s, unsigned vcpu, uint8_t values[3][8],
                       struct rsp_expedited regs[3])
{
	const struct { uint32_t number; enum x86_gpr gpr; } stack[] = {
		{ s->regs.fp, X86_RBP }, { s->regs.sp, X86_RSP }
	};
	const uint8_t size = (uint8_t)(s->regs.reg[s->regs.pc].bits / 8);
	const struct x86_state *st = debug_get(s, vcpu, X86_GROUP_CORE);

	if (!st)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		bytes_put_le64(values[i], st->gpr[stack[i].gpr]);
		regs[i] = (struct rsp_expedited){ .number = stack[i].number, .size = size,
		                                  .value = values[i] };
	}
	bytes_put_le64(values[2], st->rip);
	regs[2] = (struct rsp_expedited){ .number = s->regs.pc, .size = size, .value = values[2] };
	return 3;
}

static size_t list_threads(struct debug_session *s, int64_t *ids, uint64_t *pcs)
{
	if (!(rsp_engine_client(s->engine) & RSP_CLIENT_LIST_THREADS))
		return 0;
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		const struct x86_state *st = debug_get(s, i, X86_GROUP_CORE);

		ids[i] = i + 1;
		pcs[i] = st ? st->rip : 0;
	}
	return s->vcpu_count;
}

static bool put(struct debug_session *s, const struct rsp_stop *stop, bool notice)
{
	if (notice)
		return rsp_notify_stop(s->engine, stop);
	rsp_reply_stop(s->engine, stop);
	return true;
}

static bool put_exited(struct debug_session *s, const struct debug_report *r, bool notice)
{
	struct rsp_stop stop = { .kind = RSP_STOP_EXITED, .status = r->event.status & 0xff, .core = -1 };

	return put(s, &stop, notice);
}

static bool put_report(struct debug_session *s, const struct debug_report *r, bool notice)
{
	unsigned vcpu = r->event.vcpu;
	struct rsp_expedited regs[3];
	uint8_t values[3][8];
	int64_t ids[DEBUG_MAX_VCPUS];
	uint64_t pcs[DEBUG_MAX_VCPUS];
	char words[256];
	struct rsp_stop stop = {
		.kind = RSP_STOP_SIGNAL, .signal = debug_stop_signal(r), .tid = vcpu + 1, .core = (int)vcpu,
		.name = s->vcpu[vcpu].name, .reason = debug_stop_reason(r), .addr = r->addr, .regs = regs,
		.thread_ids = ids, .thread_pcs = pcs,
	};

	if (r->kind == DEBUG_REPORT_EXITED)
		return put_exited(s, r, notice);
	debug_stop_describe(r, words, sizeof(words));
	if (words[0])
		stop.description = words;
	stop.reg_count = expedite(s, vcpu, values, regs);
	stop.thread_count = list_threads(s, ids, pcs);
	return put(s, &stop, notice);
}

void debug_stop_tell(struct debug_session *s, const struct debug_report *r)
{
	put_report(s, r, false);
}

bool debug_stop_notify(struct debug_session *s, const struct debug_report *r)
{
	return put_report(s, r, true);
}

static void send(struct debug_session *s, const struct debug_report *r)
{
	put_report(s, r, false);
	if (r->kind == DEBUG_REPORT_EXITED && !(rsp_engine_client(s->engine) & RSP_CLIENT_EXTENDED))
		s->wish = DEBUG_WISH_CLOSE;
}

static void say_fatal(struct debug_session *s, const struct debug_report *r)
{
	struct debug_text t;
	char line[300];

	debug_text_init(&t, line, sizeof(line));
	debug_text_add(&t, "trapline: cpu%u: %s\n", r->event.vcpu, fatal_text(r));
	rsp_engine_console(s->engine, line, t.len);
}

/* GDB and LLDB show values of their own; this line is right also when another CPU has written since. */
static void say_values(struct debug_session *s, const struct debug_report *r)
{
	struct debug_text t;
	char line[160];

	debug_text_init(&t, line, sizeof(line));
	debug_text_add(&t, "trapline: cpu%u%s wrote to 0x%" PRIx64 ": %s\n", r->event.vcpu,
	               r->device ? " had a device that" : "", r->addr, r->values);
	rsp_engine_console(s->engine, line, t.len);
}

/* GDB shows a plain SIGTRAP. */
static void say_caught(struct debug_session *s, const struct debug_report *r)
{
	struct debug_text t;
	char line[300];

	debug_text_init(&t, line, sizeof(line));
	debug_text_add(&t, "trapline: cpu%u: catch %" PRIu32 ": %s\n", r->event.vcpu, r->caught_by,
	               r->event.text);
	rsp_engine_console(s->engine, line, t.len);
}

void debug_stop_reply(struct debug_session *s, const struct debug_report *r)
{
	unsigned vcpu = r->event.vcpu;
	const struct x86_state *st;

	s->owed = false;
	s->stops++;
	s->last = *r;
	s->current = vcpu;
	rsp_engine_set_general(s->engine, vcpu + 1);
	if ((r->kind == DEBUG_REPORT_BREAK || r->gate) && (st = debug_get(s, vcpu, X86_GROUP_CORE)) != NULL) {
		s->vcpu[vcpu].hit = true;
		s->vcpu[vcpu].hit_rip = st->rip;
		s->vcpu[vcpu].hit_pc = r->event.pc;
	}
	if (r->kind == DEBUG_REPORT_FATAL)
		say_fatal(s, r);
	if (r->caught_by)
		say_caught(s, r);
	if (r->kind == DEBUG_REPORT_WATCH && r->values[0])
		say_values(s, r);
	send(s, r);
}

void debug_stop_query(struct debug_session *s, const struct rsp_request *req)
{
	if (s->nonstop) {
		debug_nonstop_query(s, req);
		return;
	}
	rsp_engine_set_general(s->engine, s->last.event.vcpu + 1);
	send(s, &s->last);
}

/* One thread's part in the last stop: none for those that only had to park. */
void debug_stop_thread(struct debug_session *s, const struct rsp_request *req)
{
	int vcpu = debug_request_vcpu(s, &req->u.thread.tid);
	struct rsp_stop stop = { .kind = RSP_STOP_SIGNAL, .signal = RSP_SIG_0, .core = -1 };

	if (vcpu < 0)
		return;
	if ((unsigned)vcpu == s->last.event.vcpu) {
		send(s, &s->last);
		return;
	}
	stop.tid = vcpu + 1;
	rsp_reply_stop(s->engine, &stop);
}
