#include "script.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct out { char *at; size_t left; };

static void __attribute__((format(printf, 2, 3))) add(struct out *o, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(o->at, o->left, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < o->left) {
		o->at += n;
		o->left -= (size_t)n;
	}
}

static void add_bytes(struct out *o, const char *key, const void *bytes, size_t len)
{
	static char shown[TEXT_MAX];

	if (len > 64)
		add(o, " %s=%zu bytes", key, len);
	else
		add(o, " %s=%s", key, script_show(bytes, len, shown, sizeof(shown)));
}

static void add_hex(struct out *o, const uint8_t *bytes, size_t len)
{
	if (len > 64) {
		add(o, " %zu bytes", len);
		return;
	}
	add(o, len > 0 ? " " : "");
	for (size_t i = 0; i < len; i++)
		add(o, "%02x", bytes[i]);
}

static void add_tid(struct out *o, struct rsp_tid id)
{
	add(o, "%" PRId64 ".%" PRId64, id.pid, id.tid);
}

static void dump_plain(struct out *o, const struct rsp_request *r)
{
	(void)o;
	(void)r;
}

static void dump_regs(struct out *o, const struct rsp_request *r)
{
	add_hex(o, r->u.regs.data, r->u.regs.len);
}

static void dump_reg(struct out *o, const struct rsp_request *r)
{
	add(o, " %" PRIu32, r->u.reg.number);
	if (r->u.reg.value != NULL)
		add_hex(o, r->u.reg.value, r->u.reg.len);
}

static void dump_mem(struct out *o, const struct rsp_request *r)
{
	add(o, " %" PRIx64 ",%" PRIx64 "%s", r->u.mem.addr, r->u.mem.len, r->u.mem.binary ? " binary" : "");
	if (r->u.mem.data != NULL)
		add_hex(o, r->u.mem.data, (size_t)r->u.mem.len);
}

static void dump_ranges(struct out *o, const struct rsp_request *r)
{
	for (size_t i = 0; i < r->u.ranges.count; i++)
		add(o, " %" PRIx64 ",%" PRIx64, r->u.ranges.range[i].addr, r->u.ranges.range[i].len);
}

static void dump_syscalls(struct out *o, const struct rsp_request *r)
{
	add(o, " %s", r->u.syscalls.on ? "on" : "off");
	for (size_t i = 0; i < r->u.syscalls.count; i++)
		add(o, " %" PRIx64, r->u.syscalls.number[i].addr);
}

static void dump_codes(struct out *o, const char *name, const struct rsp_code *code, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add(o, " %s", name);
		add_hex(o, code[i].bytes, code[i].len);
	}
}

static void dump_point(struct out *o, const struct rsp_request *r)
{
	static const char *const types[] = {"sw", "hw", "write", "read", "access"};

	add(o, " %s %" PRIx64 ",%" PRIx64, types[r->u.point.type], r->u.point.addr, r->u.point.kind);
	dump_codes(o, "condition", r->u.point.conditions, r->u.point.condition_count);
	dump_codes(o, r->u.point.persist ? "persistent-command" : "command", r->u.point.commands,
	           r->u.point.command_count);
}

static void dump_resume(struct out *o, const struct rsp_request *r)
{
	static const char *const kinds[] = {"continue", "step", "range", "stop"};

	if (r->u.resume.has_addr)
		add(o, " at %" PRIx64, r->u.resume.addr);
	for (size_t i = 0; i < r->u.resume.count; i++) {
		const struct rsp_action *a = &r->u.resume.actions[i];

		add(o, "%s %s ", i > 0 ? "," : "", kinds[a->kind]);
		add_tid(o, a->tid);
		if (a->signal != 0)
			add(o, " signal %d", a->signal);
		if (a->kind == RSP_ACT_RANGE)
			add(o, " %" PRIx64 "-%" PRIx64, a->start, a->end);
	}
}

static void dump_thread(struct out *o, const struct rsp_request *r)
{
	add(o, " ");
	if (r->u.thread.op != 0)
		add(o, "%c ", r->u.thread.op);
	add_tid(o, r->u.thread.tid);
	if (r->kind == RSP_RESTORE_REGS)
		add(o, " %" PRIu32, r->u.thread.number);
}

static void dump_xfer(struct out *o, const struct rsp_request *r)
{
	add(o, " %s annex=%s %" PRIx64 ",%" PRIx64, r->u.xfer.object, r->u.xfer.annex, r->u.xfer.offset,
	    r->u.xfer.len);
}

static void dump_text(struct out *o, const struct rsp_request *r)
{
	add_bytes(o, "text", r->u.text.bytes, r->u.text.len);
	if (strlen(r->u.text.bytes) > r->u.text.len)
		add(o, " NOT TERMINATED");
}

static void dump_search(struct out *o, const struct rsp_request *r)
{
	add(o, " %" PRIx64 ",%" PRIx64, r->u.search.addr, r->u.search.len);
	add_bytes(o, "pattern", r->u.search.pattern, r->u.search.pattern_len);
}

static void dump_run(struct out *o, const struct rsp_request *r)
{
	add(o, " file=%s", r->u.run.file);
	for (size_t i = 0; i < r->u.run.argc; i++)
		add(o, " arg=%s", r->u.run.argv[i]);
}

static void dump_file(struct out *o, const struct rsp_request *r)
{
	add(o, " %s", r->u.file.op);
	add_bytes(o, "args", r->u.file.args, r->u.file.args_len);
}

static const char *const trace_ops[] = {
	"init", "point", "actions", "source", "variable", "value", "enable", "disable", "start", "stop",
	"status", "frame", "first-point", "next-point", "first-var", "next-var", "hits", "buffer", "circular",
	"size", "disconnected", "notes", "read-only", "min-fast"
};

static void dump_trace_actions(struct out *o, const struct rsp_trace *t)
{
	static const char *const kinds[] = {"regs", "memory", "code"};

	for (size_t i = 0; i < t->action_count; i++) {
		const struct rsp_trace_action *a = &t->actions[i];

		add(o, " %s%s", a->stepping ? "stepping-" : "", kinds[a->kind]);
		if (a->kind == RSP_COLLECT_MEMORY)
			add(o, " %d+%" PRIx64 ",%" PRIx64, (int)a->base, a->offset, a->len);
		else
			add_hex(o, a->data.bytes, a->data.len);
	}
}

static void dump_trace(struct out *o, const struct rsp_request *r)
{
	static const char *const finds[] = {"number", "pc", "point", "range", "outside"};
	const struct rsp_trace *t = &r->u.trace;

	add(o, " %s %s%" PRIx32 " %" PRIx64 " flag=%d step=%" PRIx64 " pass=%" PRIx64, trace_ops[t->op],
	    t->op == RSP_TRACE_FRAME ? finds[t->find] : "", t->number, t->addr, t->flag, t->step, t->pass);
	add(o, " %" PRIx64 ",%" PRIx64, t->first, t->last);
	if (t->bytes.len > 0)
		add_hex(o, t->bytes.bytes, t->bytes.len);
	if (t->type != NULL)
		add(o, " type=%s", t->type);
	if (t->refused != NULL)
		add(o, " refused=%s", t->refused);
	for (int i = 0; i < 3; i++)
		if (t->notes[i] != NULL)
			add(o, " note%d=%s", i, t->notes[i]);
	dump_trace_actions(o, t);
	for (size_t i = 0; i < t->range_count; i++)
		add(o, " %" PRIx64 "+%" PRIx64, t->ranges[i].addr, t->ranges[i].len);
}

static void dump_number(struct out *o, const struct rsp_request *r)
{
	add(o, " %" PRIu32, r->u.number);
}

static void dump_flag(struct out *o, const struct rsp_request *r)
{
	add(o, " %" PRIu32, r->u.flag);
}

static const struct { const char *name; void (*dump)(struct out *, const struct rsp_request *); } kinds[] = {
	[RSP_QUERY_HALT] = {"query-halt", dump_plain},
	[RSP_READ_REGS] = {"read-regs", dump_plain},
	[RSP_WRITE_REGS] = {"write-regs", dump_regs},
	[RSP_READ_REG] = {"read-reg", dump_reg},
	[RSP_WRITE_REG] = {"write-reg", dump_reg},
	[RSP_READ_MEM] = {"read-mem", dump_mem},
	[RSP_READ_RANGES] = {"read-ranges", dump_ranges},
	[RSP_WRITE_MEM] = {"write-mem", dump_mem},
	[RSP_INSERT_POINT] = {"insert-point", dump_point},
	[RSP_REMOVE_POINT] = {"remove-point", dump_point},
	[RSP_RESUME] = {"resume", dump_resume},
	[RSP_NON_STOP] = {"non-stop", dump_flag},
	[RSP_NEXT_STOP] = {"next-stop", dump_plain},
	[RSP_INTERRUPT_ALL] = {"interrupt-all", dump_plain},
	[RSP_CATCH_SYSCALLS] = {"catch-syscalls", dump_syscalls},
	[RSP_SET_THREAD] = {"set-thread", dump_thread},
	[RSP_THREAD_ALIVE] = {"thread-alive", dump_thread},
	[RSP_CURRENT_THREAD] = {"current-thread", dump_plain},
	[RSP_LIST_THREADS] = {"list-threads", dump_plain},
	[RSP_THREAD_EXTRA] = {"thread-extra", dump_thread},
	[RSP_XFER_READ] = {"xfer-read", dump_xfer},
	[RSP_MONITOR] = {"monitor", dump_text},
	[RSP_OFFSETS] = {"offsets", dump_plain},
	[RSP_ATTACHED] = {"attached", dump_plain},
	[RSP_SEARCH_MEM] = {"search-mem", dump_search},
	[RSP_CRC] = {"crc", dump_mem},
	[RSP_PHYS_MODE_QUERY] = {"phys-mode-query", dump_plain},
	[RSP_PHYS_MODE_SET] = {"phys-mode-set", dump_flag},
	[RSP_DETACH] = {"detach", dump_plain},
	[RSP_KILL] = {"kill", dump_plain},
	[RSP_EXTENDED] = {"extended", dump_plain},
	[RSP_RESTART] = {"restart", dump_plain},
	[RSP_RUN] = {"run", dump_run},
	[RSP_VFILE] = {"vfile", dump_file},
	[RSP_TRACE] = {"trace", dump_trace},
	[RSP_HOST_INFO] = {"host-info", dump_plain},
	[RSP_PROCESS_INFO] = {"process-info", dump_flag},
	[RSP_REGISTER_INFO] = {"register-info", dump_number},
	[RSP_REGION_INFO] = {"region-info", dump_mem},
	[RSP_THREAD_STOP] = {"thread-stop", dump_thread},
	[RSP_THREADS_JSON] = {"threads-json", dump_plain},
	[RSP_WATCH_INFO] = {"watch-info", dump_plain},
	[RSP_SERVER_VERSION] = {"server-version", dump_plain},
	[RSP_SAVE_REGS] = {"save-regs", dump_thread},
	[RSP_RESTORE_REGS] = {"restore-regs", dump_thread},
	[RSP_ALLOCATE] = {"allocate", dump_mem},
	[RSP_DEALLOCATE] = {"deallocate", dump_mem},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == RSP_KIND_COUNT, "every kind has a dump");

void script_dump(const struct rsp_request *req, char *ret, size_t size)
{
	struct out o = {ret, size};

	add(&o, "%s", kinds[req->kind].name);
	kinds[req->kind].dump(&o, req);
	if (req->tid.pid != 1 || req->tid.tid != RSP_TID_ANY) {
		add(&o, " @");
		add_tid(&o, req->tid);
	}
}
