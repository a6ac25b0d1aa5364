/* LLDB's own packets (LLDB docs/lldb-gdb-remote.txt). */
#include "debug/internal.h"

#include "base/bytes.h"
#include "debug/region.h"
#include "debug/stop.h"
#include "debug/text.h"
#include "x86/tdesc.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A bare machine: with an operating system in it LLDB would look for a dynamic loader. */
static const char *triple(const struct debug_session *s)
{
	return s->regs.arch == X86_REGS_X86_64 ? "x86_64-unknown-none" : "i386-unknown-none";
}

static unsigned pointer_size(const struct debug_session *s)
{
	return s->regs.reg[s->regs.pc].bits / 8;
}

static void add_hex(struct debug_text *t, const char *text)
{
	for (; *text; text++)
		debug_text_add(t, "%02x", (unsigned char)*text);
}

void debug_lldb_host_info(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_text t;

	(void)req;
	debug_text_init(&t, s->text, sizeof(s->text));
	debug_text_add(&t, "triple:");
	add_hex(&t, triple(s));
	debug_text_add(&t, ";ptrsize:%u;endian:little;watchpoint_exceptions_received:after;",
	               pointer_size(s));
	rsp_reply_text(s->engine, s->text);
}

/* The list form is the process list's: one process, this machine. */
void debug_lldb_process_info(struct debug_session *s, const struct rsp_request *req)
{
	const char *name = s->cfg.image_path ? s->cfg.image_path : "guest";
	struct debug_text t;

	debug_text_init(&t, s->text, sizeof(s->text));
	debug_text_add(&t, "pid:1;triple:");
	add_hex(&t, triple(s));
	debug_text_add(&t, ";");
	if (req->u.flag) {
		debug_text_add(&t, "name:");
		add_hex(&t, name);
		debug_text_add(&t, ";");
	} else {
		debug_text_add(&t, "ptrsize:%u;endian:little;", pointer_size(s));
	}
	rsp_reply_text(s->engine, s->text);
}

void debug_lldb_register_info(struct debug_session *s, const struct rsp_request *req)
{
	int n = x86_tdesc_lldb(&s->regs, req->u.number, s->text, sizeof(s->text));

	if (n < 0)
		rsp_reply_error(s->engine, 0x45, NULL); /* what ends LLDB's enumeration */
	else
		rsp_reply_text(s->engine, s->text);
}

void debug_lldb_watch_info(struct debug_session *s, const struct rsp_request *req)
{
	const struct debug_caps *c = s->cfg.caps;
	struct debug_text t;

	(void)req;
	debug_text_init(&t, s->text, sizeof(s->text));
	debug_text_add(&t, "num:%d;", c->protect || c->step ? DEBUG_MAX_WATCHES : X86_DR_SLOTS);
	rsp_reply_text(s->engine, s->text);
}

void debug_lldb_server_version(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_text(s->engine, "name:trapline;");
}

/* _M and _m: all of the guest's memory is the guest's. An empty reply would make LLDB call its "mmap". */
void debug_lldb_allocate(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_error(s->engine, ENOMEM, "no memory of the guest is set aside for the debugger");
}

/* ---- modules ---- */

static void add_xml_string(struct debug_text *t, const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || strchr("<>&'\"", *text))
			debug_text_add(t, "&#%u;", (unsigned char)*text);
		else
			debug_text_add(t, "%c", *text);
	}
}

bool debug_lldb_has_module(const struct debug_session *s)
{
	return debug_file_offered(s);
}

static bool is_fixed(const struct debug_config *cfg)
{
	const size_t e_type = 16;

	return cfg->image_size >= e_type + 2 && bytes_get_le16(cfg->image_bytes + e_type) == 2; /* ET_EXEC */
}

/*
 * l_addr is what LLDB adds to the addresses in the file. An ET_EXEC of the list becomes LLDB's executable
 * each time it reads the list, and its place is forgotten by that. So it is on the list only until qOffsets
 * has been asked, which tells the place for good; an executable belongs on no list of libraries anyway.
 */
size_t debug_lldb_libraries(struct debug_session *s, char *buf, size_t size)
{
	struct debug_text t;

	debug_text_init(&t, buf, size);
	debug_text_add(&t, "<library-list-svr4 version=\"1.0\">");
	if (!is_fixed(&s->cfg) || !s->placed) {
		debug_text_add(&t, "<library name=\"");
		add_xml_string(&t, s->cfg.image_path);
		debug_text_add(&t, "\" lm=\"0x0\" l_addr=\"0x%" PRIx64 "\" l_ld=\"0x0\"/>",
		               s->cfg.image_bias);
	}
	debug_text_add(&t, "</library-list-svr4>\n");
	return t.len;
}

/* ---- regions ---- */

void debug_lldb_region_info(struct debug_session *s, const struct rsp_request *req)
{
	int rc, vcpu = debug_request_vcpu(s, &req->tid);
	struct debug_view view;
	struct debug_region region;
	struct error err;

	if (vcpu < 0)
		return;
	rc = debug_session_view(s, (unsigned)vcpu, s->phys, &view, &err);
	if (rc < 0) {
		debug_reply_error(s, &err);
		return;
	}
	if (s->phys)
		debug_region_find_phys(s->cfg.mem, req->u.mem.addr, &region);
	else
		debug_region_find(&view, req->u.mem.addr, &region);
	rsp_reply_region(s->engine, region.start, region.size, region.perms, region.name);
}

/* ---- threads ---- */

static void add_json_string(struct debug_text *t, const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20)
			debug_text_add(t, " ");
		else if (*text == '"' || *text == '\\')
			debug_text_add(t, "\\%c", *text);
		else
			debug_text_add(t, "%c", *text);
	}
}

static const char *reason_name(const struct debug_report *r)
{
	switch (r->kind) {
	case DEBUG_REPORT_STEP:
		return "trace";
	case DEBUG_REPORT_BREAK:
		return "breakpoint";
	case DEBUG_REPORT_WATCH:
		return "watchpoint";
	case DEBUG_REPORT_FATAL:
		return "exception";
	default:
		return "signal";
	}
}

static void add_stop(struct debug_text *t, const struct debug_report *r)
{
	char words[256];

	debug_text_add(t, ",\"reason\":\"%s\",\"signal\":%u", reason_name(r), debug_stop_signal(r));
	debug_stop_describe(r, words, sizeof(words));
	if (!words[0])
		return;
	debug_text_add(t, ",\"description\":\"");
	add_json_string(t, words);
	debug_text_add(t, "\"");
}

/* A register's bytes as LLDB wants them: target order. */
static void add_register(struct debug_session *s, struct debug_text *t, const char *comma, unsigned number,
                         uint64_t value)
{
	unsigned bits = s->regs.reg[number].bits;

	debug_text_add(t, "%s\"%u\":\"%0*" PRIx64 "\"", comma, number, (int)(bits / 4),
	               __builtin_bswap64(value) >> (64 - bits));
}

static void add_thread(struct debug_session *s, unsigned vcpu, struct debug_text *t)
{
	const struct x86_state *st = debug_get(s, vcpu, X86_GROUP_CORE);

	debug_text_add(t, "%s{\"tid\":%u,\"name\":\"cpu%u\"", vcpu ? "," : "", vcpu + 1, vcpu);
	if (s->last.event.vcpu == vcpu)
		add_stop(t, &s->last);
	else
		debug_text_add(t, ",\"reason\":\"none\"");
	if (st) {
		debug_text_add(t, ",\"registers\":{");
		add_register(s, t, "", s->regs.fp, st->gpr[X86_RBP]);
		add_register(s, t, ",", s->regs.sp, st->gpr[X86_RSP]);
		add_register(s, t, ",", s->regs.pc, st->rip);
		debug_text_add(t, "}");
	}
	debug_text_add(t, "}");
}

void debug_lldb_threads_json(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_text t;

	(void)req;
	debug_text_init(&t, s->text, sizeof(s->text));
	debug_text_add(&t, "[");
	for (unsigned i = 0; i < s->vcpu_count; i++)
		add_thread(s, i, &t);
	debug_text_add(&t, "]");
	rsp_reply_binary(s->engine, s->text, t.len);
}
