/* Dispatch, and the packets about registers, memory, breakpoints and threads (GDB manual, "Packets"). */
#include "rsp/decode.h"

#include "rsp/engine.h"
#include <string.h>

/* The thread named by LLDB's ";thread:N;", taken off the end of the packet. False: named badly. */
static bool take_suffix(struct rsp_cursor *c, struct rsp_tid *ret)
{
	static const char mark[] = ";thread:";
	struct rsp_cursor id = {c->end, c->end};

	if (c->at == c->end || c->end[-1] != ';')
		return true;
	id.end--;
	for (id.at = id.end; id.at > c->at && *id.at != ':'; id.at--)
		continue;
	id.at -= (size_t)(id.at - c->at) < sizeof(mark) - 2 ? 0 : sizeof(mark) - 2;
	c->end = id.at;
	if (!rsp_cursor_text(&id, mark) || !rsp_cursor_tid(&id, ret) || id.at != id.end)
		return false;
	*c->end = '\0';
	return true;
}

/* After QThreadSuffixSupported these name their thread. */
static bool has_suffix(enum rsp_kind kind)
{
	switch (kind) {
	case RSP_READ_REGS:
	case RSP_WRITE_REGS:
	case RSP_READ_REG:
	case RSP_WRITE_REG:
	case RSP_SAVE_REGS:
	case RSP_RESTORE_REGS:
		return true;
	default:
		return false;
	}
}

static enum rsp_decoded decode_row(struct rsp_engine *e, const struct rsp_packet_row *row, const char *name)
{
	struct rsp_frame *f = &e->frame;
	struct rsp_cursor c = {f->buf + strlen(name), f->buf + f->len};

	memset(&e->req, 0, sizeof(e->req));
	e->req.kind = row->kind;
	e->req.tid = e->general;
	e->owed_kind = row->kind;
	if ((e->client & RSP_CLIENT_THREAD_SUFFIX) && has_suffix(row->kind) && !take_suffix(&c, &e->req.tid))
		return RSP_MALFORMED;
	return row->decode(e, &c, &e->req);
}

void rsp_decode_packet(struct rsp_engine *e, bool whole)
{
	const struct rsp_packet_info *info;
	const struct rsp_packet_row *row = rsp_packet_find(&e->frame, &info);

	e->turn = RSP_TURN_OWED;
	e->owed_kind = row ? row->kind : RSP_KIND_COUNT;
	if (!whole) {
		rsp_reply_error(e, RSP_ERROR_TOO_LONG, "packet longer than PacketSize");
		return;
	}
	if (row == NULL || (info->feature & ~e->cfg.features) != 0) {
		rsp_reply_empty(e);
		return;
	}
	switch (decode_row(e, row, info->name)) {
	case RSP_DECODED:
		e->turn = RSP_TURN_READY;
		break;
	case RSP_ANSWERED:
		break;
	case RSP_MALFORMED:
		rsp_reply_error(e, RSP_ERROR_MALFORMED, "malformed packet");
		break;
	}
}

bool rsp_decode_owes_reply(const struct rsp_engine *e)
{
	if (e->req.kind == RSP_KILL && e->frame.buf[0] == 'k')
		return rsp_engine_is_lldb(e);
	return e->req.kind != RSP_RESTART;
}

/* ---- decoders ---- */

static enum rsp_decoded finish(const struct rsp_cursor *c)
{
	return c->at == c->end ? RSP_DECODED : RSP_MALFORMED;
}

enum rsp_decoded rsp_decode_plain(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	(void)req;
	return finish(c);
}

enum rsp_decoded rsp_decode_regs(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	uint8_t *data;
	size_t len;

	(void)e;
	if (!rsp_cursor_hex_bytes(c, &data, &len))
		return RSP_MALFORMED;
	req->u.regs.data = data;
	req->u.regs.len = len;
	return RSP_DECODED;
}

enum rsp_decoded rsp_decode_reg(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	if (!rsp_cursor_hex32(c, &req->u.reg.number))
		return RSP_MALFORMED;
	return finish(c);
}

enum rsp_decoded rsp_decode_reg_write(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	uint8_t *value;
	size_t len;

	(void)e;
	if (!rsp_cursor_hex32(c, &req->u.reg.number) || !rsp_cursor_char(c, '=') ||
	    !rsp_cursor_hex_bytes(c, &value, &len) || len == 0)
		return RSP_MALFORMED;
	req->u.reg.value = value;
	req->u.reg.len = len;
	return RSP_DECODED;
}

/*
 * LLDB before 20 asks by "x0,0" for a form of its own: "OK", then data without the 'b' in front. Later ones
 * see binary-upload+ and do as GDB does.
 */
enum rsp_decoded rsp_decode_mem_read(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	req->u.mem.binary = e->frame.buf[0] == 'x';
	if (!rsp_cursor_range(c, &req->u.mem.addr, &req->u.mem.len) || c->at != c->end)
		return RSP_MALFORMED;
	if (req->u.mem.binary && req->u.mem.len == 0 && rsp_engine_is_lldb(e)) {
		e->lldb_x = true;
		rsp_reply_ok(e);
		return RSP_ANSWERED;
	}
	return RSP_DECODED;
}

/* ":0", ":1", ":1;SYSNO;SYSNO" */
enum rsp_decoded rsp_decode_catch_syscalls(struct rsp_engine *e, struct rsp_cursor *c,
                                           struct rsp_request *req)
{
	uint32_t on;
	size_t n = 0;

	if (!rsp_cursor_char(c, ':') || !rsp_cursor_hex32(c, &on) || on > 1)
		return RSP_MALFORMED;
	for (; c->at < c->end; n++) {
		if (!on || n == RSP_MAX_RANGES || !rsp_cursor_char(c, ';') ||
		    !rsp_cursor_hex(c, &e->ranges[n].addr))
			return RSP_MALFORMED;
		e->ranges[n].len = 0;
	}
	req->u.syscalls.on = on;
	req->u.syscalls.number = e->ranges;
	req->u.syscalls.count = n;
	return RSP_DECODED;
}

/* "MultiMemRead:ranges:ADDR,LEN,ADDR,LEN;" (LLDB, docs/resources/lldbgdbremote.md). */
enum rsp_decoded rsp_decode_mem_ranges(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	size_t n = 0;

	if (!rsp_cursor_text(c, ":ranges:"))
		return RSP_MALFORMED;
	do {
		if (n == RSP_MAX_RANGES || !rsp_cursor_range(c, &e->ranges[n].addr, &e->ranges[n].len))
			return RSP_MALFORMED;
		n++;
	} while (rsp_cursor_char(c, ','));
	if (!rsp_cursor_char(c, ';'))
		return RSP_MALFORMED;
	req->u.ranges.range = e->ranges;
	req->u.ranges.count = n;
	return finish(c);
}

/* A write of nothing is how a client asks whether the packet is known; it always succeeds. */
static enum rsp_decoded check_write(struct rsp_engine *e, const struct rsp_request *req, size_t len)
{
	if (req->u.mem.len != len)
		return RSP_MALFORMED;
	if (len > 0)
		return RSP_DECODED;
	rsp_reply_ok(e);
	return RSP_ANSWERED;
}

enum rsp_decoded rsp_decode_mem_write(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	uint8_t *data;
	size_t len;

	if (!rsp_cursor_range(c, &req->u.mem.addr, &req->u.mem.len) || !rsp_cursor_char(c, ':') ||
	    !rsp_cursor_hex_bytes(c, &data, &len))
		return RSP_MALFORMED;
	req->u.mem.data = data;
	return check_write(e, req, len);
}

enum rsp_decoded rsp_decode_mem_write_binary(struct rsp_engine *e, struct rsp_cursor *c,
                                             struct rsp_request *req)
{
	if (!rsp_cursor_range(c, &req->u.mem.addr, &req->u.mem.len) || !rsp_cursor_char(c, ':'))
		return RSP_MALFORMED;
	req->u.mem.data = c->at;
	req->u.mem.binary = true;
	return check_write(e, req, rsp_cursor_left(c));
}

enum rsp_decoded rsp_decode_point(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	req->u.point.type = (enum rsp_point)(e->frame.buf[1] - '0');
	if (!rsp_cursor_char(c, ',') || !rsp_cursor_range(c, &req->u.point.addr, &req->u.point.kind))
		return RSP_MALFORMED;
	return c->at == c->end ? RSP_DECODED : rsp_decode_point_code(e, c, req);
}

enum rsp_decoded rsp_decode_thread(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	if (!rsp_cursor_tid(c, &req->u.thread.tid))
		return RSP_MALFORMED;
	return finish(c);
}

enum rsp_decoded rsp_decode_set_thread(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	req->u.thread.op = (char)e->frame.buf[1];
	return rsp_decode_thread(e, c, req);
}

/* "vKill;PID": the one process there is, whatever its number. */
enum rsp_decoded rsp_decode_kill(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	uint64_t pid;

	(void)e;
	(void)req;
	if (!rsp_cursor_char(c, ';') || !rsp_cursor_hex(c, &pid))
		return RSP_MALFORMED;
	return finish(c);
}

/* "R XX": the number says nothing. */
enum rsp_decoded rsp_decode_restart(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	(void)c;
	(void)req;
	return RSP_DECODED;
}

enum rsp_decoded rsp_decode_detach(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	uint64_t pid;

	(void)e;
	(void)req;
	if (c->at != c->end && (!rsp_cursor_char(c, ';') || !rsp_cursor_hex(c, &pid)))
		return RSP_MALFORMED;
	return finish(c);
}

enum rsp_decoded rsp_decode_extended(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)req;
	e->client |= RSP_CLIENT_EXTENDED;
	return finish(c);
}
