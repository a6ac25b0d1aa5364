/* Packets that only LLDB sends (LLDB, docs/lldb-gdb-remote.txt). */
#include "rsp/decode.h"

#include "rsp/engine.h"
#include <string.h>

static enum rsp_decoded finish(const struct rsp_cursor *c)
{
	return c->at == c->end ? RSP_DECODED : RSP_MALFORMED;
}

/* QThreadSuffixSupported, QListThreadsInStopReply, QEnableErrorStrings: the third letter tells them apart. */
enum rsp_decoded rsp_decode_lldb_mode(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)c;
	(void)req;
	switch (e->frame.buf[1]) {
	case 'T':
		e->client |= RSP_CLIENT_THREAD_SUFFIX;
		break;
	case 'L':
		e->client |= RSP_CLIENT_LIST_THREADS;
		break;
	default:
		e->client |= RSP_CLIENT_LLDB_ERRORS;
	}
	rsp_reply_ok(e);
	return RSP_ANSWERED;
}

/* LLDB finds its place again after a time-out by asking for this very packet. */
enum rsp_decoded rsp_decode_echo(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	struct rsp_writer w;

	(void)c;
	(void)req;
	if (!rsp_engine_open_reply(e, &w))
		return RSP_ANSWERED;
	rsp_writer_escaped(&w, e->frame.buf, e->frame.len);
	rsp_engine_close_reply(e, &w);
	return RSP_ANSWERED;
}

/* "qfProcessInfo" and the filters behind it, which a list of one process need not read. */
enum rsp_decoded rsp_decode_process_list(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	(void)c;
	req->u.flag = 1;
	return RSP_DECODED;
}

enum rsp_decoded rsp_decode_process_end(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)c;
	(void)req;
	rsp_reply_error(e, RSP_ERROR_NO_MORE, NULL);
	return RSP_ANSWERED;
}

enum rsp_decoded rsp_decode_no_plugins(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)c;
	(void)req;
	rsp_reply_binary(e, "[]", 2);
	return RSP_ANSWERED;
}

enum rsp_decoded rsp_decode_register_info(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	if (!rsp_cursor_hex32(c, &req->u.number))
		return RSP_MALFORMED;
	return finish(c);
}

enum rsp_decoded rsp_decode_region(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	if (!rsp_cursor_char(c, ':') || !rsp_cursor_hex(c, &req->u.mem.addr))
		return RSP_MALFORMED;
	return finish(c);
}

/* The thread is the suffix's, which rsp_decode_packet() has taken. */
enum rsp_decoded rsp_decode_save_regs(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	req->u.thread.tid = req->tid;
	return finish(c);
}

enum rsp_decoded rsp_decode_restore_regs(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	req->u.thread.tid = req->tid;
	if (!rsp_cursor_char(c, ':') || !rsp_cursor_decimal(c, &req->u.thread.number))
		return RSP_MALFORMED;
	return finish(c);
}

/* "_MSIZE,PERMISSIONS" */
enum rsp_decoded rsp_decode_allocate(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	static const char letters[] = "xwr";

	(void)e;
	if (!rsp_cursor_hex(c, &req->u.mem.addr) || !rsp_cursor_char(c, ','))
		return RSP_MALFORMED;
	for (; c->at < c->end; c->at++) {
		const char *found = memchr(letters, *c->at, sizeof(letters) - 1);

		if (found == NULL)
			return RSP_MALFORMED;
		req->u.mem.len |= 1u << (found - letters);
	}
	return RSP_DECODED;
}

enum rsp_decoded rsp_decode_deallocate(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	if (!rsp_cursor_hex(c, &req->u.mem.addr))
		return RSP_MALFORMED;
	return finish(c);
}

/* A query that LLDB ends with ':' or not. */
enum rsp_decoded rsp_decode_lenient(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	(void)c;
	(void)req;
	return RSP_DECODED;
}
