#include "debug/internal.h"

#include "debug/event.h"
#include "debug/nonstop.h"
#include "debug/protect.h"
#include "debug/readonly.h"
#include "debug/resume.h"
#include "debug/ring.h"
#include "debug/stop.h"
#include "debug/text.h"
#include "x86/cpumode.h"
#include "x86/tdesc.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static int translate(void *ctx, uint64_t gva, uint64_t *ret, struct error *err)
{
	struct debug_session *s = ctx;
	struct debug_view view;
	uint64_t len;
	int rc = debug_session_view(s, s->map_vcpu, false, &view, err);

	return rc < 0 ? rc : debug_view_translate(&view, gva, 1, ret, &len, err);
}

/* Its code reaches to the end of segment 0xffff, or where CS was left in protected mode (SDM 3A 9.9.2). */
static bool in_real_mode(void *ctx, uint64_t addr)
{
	struct debug_session *s = ctx;
	const struct x86_state *st = debug_get(s, s->map_vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);

	return st && x86_mode_of(st) == X86_MODE_REAL &&
	       (addr < 0x10fff0 || addr - st->seg[X86_CS].base <= st->seg[X86_CS].limit);
}

/* The registers as the next client is to see them. */
static void describe(struct debug_session *s)
{
	int n;

	x86_regs_init_as(&s->regs, s->cfg.layout, s->arch);
	n = x86_tdesc_xml(&s->regs, s->xml, sizeof(s->xml));
	s->xml_len = n < 0 ? 0 : (size_t)n;
}

struct debug_session *debug_session_new(const struct debug_config *cfg)
{
	struct debug_session *s = calloc(1, sizeof(*s));
	struct debug_map map = { .gpa = translate, .real = in_real_mode, .ring = debug_ring_of, .ctx = s };

	if (!s)
		return NULL;
	s->cfg = *cfg;
	s->vcpu_count = cfg->ops->vcpu_count(cfg->target);
	if (s->vcpu_count > DEBUG_MAX_VCPUS)
		s->vcpu_count = DEBUG_MAX_VCPUS;
	for (unsigned i = 0; i < s->vcpu_count; i++)
		snprintf(s->vcpu[i].name, sizeof(s->vcpu[i].name), "cpu%u", i);
	for (unsigned i = 0; i < s->vcpu_count; i++)
		s->vcpu[i].ask = cfg->starts_running ? DEBUG_ASK_RUN : DEBUG_ASK_HOLD;
	s->over = s->turn = -1;
	s->last = debug_stop_plain(DEBUG_REPORT_TRAP, 0);
	describe(s);
	if (cfg->ops->protect)
		map.unfit = debug_protect_unfit;
	s->caps = cfg->read_only ? debug_readonly_caps(cfg->caps) : *cfg->caps;
	debug_points_init(&s->points, &s->caps, cfg->mem, &map);
	debug_trace_init(&s->trace);
	return s;
}

void debug_session_free(struct debug_session *s)
{
	free(s);
}

void debug_session_sink(struct debug_session *s, struct debug_sink *ret)
{
	*ret = (struct debug_sink){ .ctx = s, .event = debug_event_happened, .stopped = debug_event_stopped };
}

uint32_t debug_session_features(const struct debug_session *s)
{
	const struct debug_caps *c = s->cfg.caps;
	uint32_t f = RSP_F_NOACK | RSP_F_XML_FEATURES | RSP_F_XML_THREADS | RSP_F_BINARY_READ |
	             RSP_F_MONITOR | RSP_F_SEARCH | RSP_F_CRC | RSP_F_PHYS_MODE | RSP_F_LLDB | RSP_F_CONSOLE |
	             RSP_F_MULTI_READ | RSP_F_NON_STOP;

	if (c->int3 || c->exec_dr || c->step)
		f |= RSP_F_SWBREAK;
	if (c->step)
		f |= RSP_F_COND_BREAK | RSP_F_BREAK_CMDS;
	if (c->step && !s->cfg.read_only)
		f |= RSP_F_TRACE;
	if (c->step && c->step_user && ((s->caps.int3 && c->int3_user) || c->exec_user))
		f |= RSP_F_CATCH_SYSCALLS;
	if (c->exec_dr || c->step)
		f |= RSP_F_HWBREAK;
	if (c->data_dr || c->step || c->protect)
		f |= RSP_F_WATCH;
	if (c->step)
		f |= RSP_F_STEP | RSP_F_RANGE_STEP;
	if (s->cfg.ops->reset)
		f |= RSP_F_EXTENDED;
	if (debug_file_offered(s))
		f |= RSP_F_EXEC_FILE | RSP_F_VFILE;
	if (debug_lldb_has_module(s))
		f |= RSP_F_LIBRARIES;
	if (s->cfg.image_bias || debug_lldb_has_module(s))
		f |= RSP_F_OFFSETS;
	return f;
}

void debug_session_connect(struct debug_session *s, struct rsp_engine *e)
{
	s->engine = e;
	s->owed = s->detached = s->killed = false;
	s->deferred = NULL;
	s->wish = DEBUG_WISH_NONE;
	if (s->arch != s->regs.arch)
		describe(s);
	s->phys = s->placed = s->mmio = s->step_irqs = s->cr3_chosen = s->nonstop = s->ring_told = false;
	memset(s->file_open, 0, sizeof(s->file_open));
	s->maps_len = 0;
	memset(s->saved, 0, sizeof(s->saved));
	s->prints_lost = 0;
	if (s->last.kind < DEBUG_REPORT_FATAL)
		s->last = debug_stop_plain(DEBUG_REPORT_TRAP, s->current);
}

bool debug_session_connected(const struct debug_session *s)
{
	return s->engine != NULL;
}

enum debug_wish debug_session_wish(struct debug_session *s)
{
	enum debug_wish w = s->wish;

	s->wish = DEBUG_WISH_NONE;
	return w;
}

bool debug_session_busy(const struct debug_session *s)
{
	return s->scan.req != NULL;
}

bool debug_session_running(const struct debug_session *s)
{
	return s->run != DEBUG_RUN_PARKED;
}

bool debug_session_stepping(const struct debug_session *s)
{
	for (unsigned i = 0; i < s->vcpu_count; i++)
		if (s->vcpu[i].ask == DEBUG_ASK_RUN || s->vcpu[i].ask == DEBUG_ASK_RANGE)
			return false;
	return s->owed;
}

const struct debug_event *debug_session_death(const struct debug_session *s)
{
	return s->has_death ? &s->death : NULL;
}

/* ---- stopping and leaving ---- */

static void ask_stop(struct debug_session *s)
{
	if (s->nonstop) {
		debug_nonstop_pause(s);
		return;
	}
	/* What parks only to pass a breakpoint is to stay. */
	s->stop_asked |= s->run == DEBUG_RUN_STOPPING && s->passing;
	if (s->run != DEBUG_RUN_FREE)
		return;
	s->run = DEBUG_RUN_STOPPING;
	s->stop_asked = true;
	s->cfg.ops->stop(s->cfg.target, s->current);
}

/*
 * No trace of the debugger stays: bytes, registers, steps; but for what is to go on without it. Works at any
 * moment. A step over a breakpoint that stays is not cut short: the machine is parked (must_park()).
 */
static void lift_everything(struct debug_session *s)
{
	struct debug_arm arm;

	debug_points_withdraw(&s->points, &arm);
	if (s->points.kept == 0) {
		s->over = -1;
		s->over_slots = 0;
		s->over_open = false;
	}
	debug_catch_drop(s);
	debug_protect_drop(s);
	s->ignores.count = 0;
	debug_resume_arm(s, &arm);
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		s->vcpu[i].hit &= debug_works_alone(s); /* what was done there was */
		s->vcpu[i].open = false;
		if (s->vcpu[i].pending.kind < DEBUG_REPORT_FATAL)
			s->vcpu[i].pending.kind = DEBUG_REPORT_NONE;
	}
	if (s->report.kind < DEBUG_REPORT_FATAL)
		s->report.kind = DEBUG_REPORT_NONE;
	debug_trace_client_left(s);
}

/* What goes on without the client is set up while everything stands. */
static bool must_park(const struct debug_session *s)
{
	return s->trace.replant || s->points.kept > 0;
}

void debug_session_disconnect(struct debug_session *s)
{
	bool over;

	if (!s->engine)
		return;
	over = debug_nonstop_leave(s);
	s->engine = NULL;
	s->deferred = NULL;
	s->scan.req = NULL;
	s->owed = false;
	if (s->killed)
		s->cfg.ops->kill(s->cfg.target);
	s->hold = s->killed || (s->cfg.stay_stopped && !s->detached && !debug_trace_alone(s) &&
	                        s->points.kept == 0);
	lift_everything(s);
	if (s->run == DEBUG_RUN_PARKED)
		debug_event_settle(s);
	else if (s->hold || over || must_park(s))
		ask_stop(s);
	else if (s->run == DEBUG_RUN_FREE)
		debug_resume_free(s); /* vcpus that were held or stepped */
}

/* A machine that has come to an end stays as it is: it is settled when the client has gone. */
static void detach(struct debug_session *s, const struct rsp_request *req)
{
	bool over = debug_nonstop_leave(s);

	(void)req;
	s->detached = true;
	s->hold = false;
	lift_everything(s);
	rsp_reply_ok(s->engine);
	s->wish = DEBUG_WISH_CLOSE;
	if (over || (must_park(s) && s->run == DEBUG_RUN_FREE))
		ask_stop(s);
	else if (s->last.kind < DEBUG_REPORT_FATAL && s->run != DEBUG_RUN_STOPPING)
		debug_resume_free(s);
}

static void kill_machine(struct debug_session *s, const struct rsp_request *req)
{
	static const struct rsp_stop killed = { .kind = RSP_STOP_KILLED, .signal = RSP_SIG_KILL, .core = -1 };
	const uint32_t lldb = RSP_CLIENT_THREAD_SUFFIX | RSP_CLIENT_LIST_THREADS | RSP_CLIENT_LLDB_ERRORS;

	(void)req;
	/* GDB's "run" in extended mode kills first, and says vRun next. */
	if ((rsp_engine_client(s->engine) & RSP_CLIENT_EXTENDED) && s->cfg.ops->reset &&
	    (s->run == DEBUG_RUN_PARKED || s->nonstop)) {
		s->killed = true;
		debug_nonstop_end_all(s);
		rsp_reply_ok(s->engine);
		return;
	}
	s->wish = DEBUG_WISH_CLOSE;
	if (rsp_engine_client(s->engine) & lldb)
		rsp_reply_stop(s->engine, &killed);
	else
		rsp_reply_ok(s->engine);
	s->cfg.ops->kill(s->cfg.target);
}

/* ---- requests ---- */

void debug_reply_error(struct debug_session *s, const struct error *err)
{
	unsigned code = err->code > 0 && err->code < 256 ? (unsigned)err->code : EIO;

	rsp_reply_error(s->engine, code, err->text);
}

void debug_reply_result(struct debug_session *s, int rc, const struct error *err)
{
	if (rc < 0)
		debug_reply_error(s, err);
	else
		rsp_reply_ok(s->engine);
}

int debug_request_vcpu(struct debug_session *s, const struct rsp_tid *tid)
{
	struct error err;

	if (tid->tid == RSP_TID_ANY || tid->tid == RSP_TID_ALL)
		return (int)s->current;
	if (tid->tid > 0 && tid->tid <= (int64_t)s->vcpu_count)
		return (int)tid->tid - 1;
	error_set(&err, ESRCH, "there is no thread %" PRId64, tid->tid);
	debug_reply_error(s, &err);
	return -1;
}

int debug_session_view(struct debug_session *s, unsigned vcpu, bool physical, struct debug_view *ret,
                       struct error *err)
{
	const struct x86_state *st = NULL;

	if (!physical) {
		st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
		if (!st)
			return error_set(err, EBUSY, "cpu%u is running", vcpu);
	}
	debug_view_init(ret, s->cfg.mem, &s->points.int3, st, s->cfg.layout);
	if (s->cr3_chosen)
		ret->paging.cr3 = s->cr3;
	return 0;
}

static void extended(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_ok(s->engine);
}

static void resume(struct debug_session *s, const struct rsp_request *req)
{
	if (s->nonstop)
		debug_nonstop_resume(s, req);
	else
		debug_resume_request(s, req);
}

/* In all-stop nobody can send it while something runs. */
static void interrupt_all(struct debug_session *s, const struct rsp_request *req)
{
	if (s->nonstop)
		debug_nonstop_interrupt(s, req);
	else
		rsp_reply_ok(s->engine);
}

struct request_row {
	debug_handler *fn;
	bool parked;    /* the machine must be parked: a running one is stopped first */
};

static const struct request_row rows[RSP_KIND_COUNT] = {
	[RSP_QUERY_HALT] = { debug_stop_query, true },
	[RSP_READ_REGS] = { debug_registers_read_all, true },
	[RSP_WRITE_REGS] = { debug_registers_write_all, true },
	[RSP_READ_REG] = { debug_registers_read, true },
	[RSP_WRITE_REG] = { debug_registers_write, true },
	[RSP_READ_MEM] = { debug_query_read_mem, true },
	[RSP_READ_RANGES] = { debug_query_read_ranges, true },
	[RSP_WRITE_MEM] = { debug_query_write_mem, true },
	[RSP_INSERT_POINT] = { debug_point_insert, true },
	[RSP_REMOVE_POINT] = { debug_point_remove, true },
	[RSP_RESUME] = { resume, true },
	[RSP_NON_STOP] = { debug_nonstop_set, false },
	[RSP_NEXT_STOP] = { debug_nonstop_next, false },
	[RSP_INTERRUPT_ALL] = { interrupt_all, false },
	[RSP_CATCH_SYSCALLS] = { debug_catch_syscalls, true },
	[RSP_SET_THREAD] = { debug_threads_set, false },
	[RSP_THREAD_ALIVE] = { debug_threads_alive, false },
	[RSP_CURRENT_THREAD] = { debug_threads_current, false },
	[RSP_LIST_THREADS] = { debug_threads_list, false },
	[RSP_THREAD_EXTRA] = { debug_threads_extra, false },
	[RSP_XFER_READ] = { debug_query_xfer, false },
	[RSP_MONITOR] = { debug_monitor_request, true },
	[RSP_OFFSETS] = { debug_query_offsets, false },
	[RSP_ATTACHED] = { debug_query_attached, false },
	[RSP_SEARCH_MEM] = { debug_scan_search, true },
	[RSP_CRC] = { debug_scan_crc, true },
	[RSP_PHYS_MODE_QUERY] = { debug_query_phys, false },
	[RSP_PHYS_MODE_SET] = { debug_query_set_phys, false },
	[RSP_DETACH] = { detach, false },
	[RSP_KILL] = { kill_machine, false },
	[RSP_EXTENDED] = { extended, false },
	[RSP_RESTART] = { debug_restart_request, false },
	[RSP_RUN] = { debug_restart_run, true },
	[RSP_TRACE] = { debug_trace_request, true },
	[RSP_HOST_INFO] = { debug_lldb_host_info, false },
	[RSP_PROCESS_INFO] = { debug_lldb_process_info, false },
	[RSP_REGISTER_INFO] = { debug_lldb_register_info, false },
	[RSP_REGION_INFO] = { debug_lldb_region_info, true },
	[RSP_THREAD_STOP] = { debug_stop_thread, true },
	[RSP_THREADS_JSON] = { debug_lldb_threads_json, true },
	[RSP_WATCH_INFO] = { debug_lldb_watch_info, false },
	[RSP_SERVER_VERSION] = { debug_lldb_server_version, false },
	[RSP_VFILE] = { debug_file_request, false },
	[RSP_ALLOCATE] = { debug_lldb_allocate, false },
	[RSP_DEALLOCATE] = { debug_lldb_allocate, false },
	[RSP_SAVE_REGS] = { debug_registers_save, true },
	[RSP_RESTORE_REGS] = { debug_registers_restore, true },
};

void debug_session_dispatch(struct debug_session *s, const struct rsp_request *req)
{
	const struct request_row *row = (unsigned)req->kind < RSP_KIND_COUNT ? &rows[req->kind] : NULL;

	if (debug_nonstop_refuses(s, req))
		return;
	if (s->trace.selected >= 0 && debug_trace_frame_answers(s, req))
		return;
	if (row && row->fn)
		row->fn(s, req);
	else
		rsp_reply_empty(s->engine);
}

bool debug_session_needs_parked(enum rsp_kind kind)
{
	return (unsigned)kind < RSP_KIND_COUNT && rows[kind].parked;
}

static bool must_wait(struct debug_session *s, const struct rsp_request *req)
{
	if (s->nonstop || req->kind == RSP_NON_STOP)
		return debug_nonstop_must_wait(s, req);
	return s->run != DEBUG_RUN_PARKED && debug_session_needs_parked(req->kind);
}

void debug_session_serve(struct debug_session *s)
{
	const struct rsp_request *req;

	while (s->engine) {
		switch (rsp_engine_next(s->engine, &req)) {
		case RSP_EVENT_REQUEST:
			if (debug_readonly_refuses(s, req))
				break;
			if (must_wait(s, req)) {
				s->deferred = req;
				ask_stop(s);
				break;
			}
			debug_session_dispatch(s, req);
			debug_nonstop_settle(s, req);
			if (s->scan.req)
				return; /* one slice a call */
			break;
		case RSP_EVENT_INTERRUPT:
			if (s->scan.req)
				debug_scan_abort(s);
			else if (s->nonstop)
				debug_nonstop_break(s);
			else if (s->owed)
				ask_stop(s);
			break;
		default:
			debug_scan_go_on(s);
			return;
		}
	}
}
