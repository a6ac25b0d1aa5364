/* Memory, objects and small queries. */
#include "debug/internal.h"

#include "debug/threads.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The vcpu of a request whose view has been had. */
static unsigned request_vcpu(const struct debug_session *s, const struct rsp_request *req)
{
	return req->tid.tid > 0 ? (unsigned)req->tid.tid - 1 : s->current;
}

static int request_view(struct debug_session *s, const struct rsp_request *req, struct debug_view *ret)
{
	int rc, vcpu = debug_request_vcpu(s, &req->tid);
	struct error err;

	if (vcpu < 0)
		return -ESRCH;
	rc = debug_session_view(s, (unsigned)vcpu, s->phys, ret, &err);
	if (rc < 0)
		debug_reply_error(s, &err);
	return rc;
}

void debug_query_read_mem(struct debug_session *s, const struct rsp_request *req)
{
	size_t room = rsp_engine_reply_room(s->engine, req->u.mem.binary);
	size_t len = sizeof(s->buf);
	struct debug_device_access to;
	struct debug_view view;
	struct error err;
	int64_t n;

	if (request_view(s, req, &view) < 0)
		return;
	if (len > room)
		len = room;
	if (len > req->u.mem.len)
		len = (size_t)req->u.mem.len;
	to = (struct debug_device_access){ s, &view, request_vcpu(s, req), false };
	n = debug_view_read(&view, req->u.mem.addr, s->buf, len, &err);
	if (n < 0 && s->mmio)
		n = debug_device_access(&to, req->u.mem.addr, s->buf, len, &err);
	if (n < 0)
		debug_reply_error(s, &err);
	else if (n == 0 && !req->u.mem.binary)
		rsp_reply_ok(s->engine); /* an empty reply would say that m is not supported */
	else
		rsp_reply_memory(s->engine, s->buf, (size_t)n);
}

/*
 * MultiMemRead: what is read of each range lies behind that of the one before. A reply with nothing but
 * escapes still fits: half of the packet, less the list of lengths.
 */
void debug_query_read_ranges(struct debug_session *s, const struct rsp_request *req)
{
	size_t count = req->u.ranges.count, done = 0, most, lengths[RSP_MAX_RANGES];
	struct debug_view view;

	if (request_view(s, req, &view) < 0)
		return;
	most = rsp_engine_reply_room(s->engine, true) / 2;
	most -= 8 * count < most ? 8 * count : most;
	for (size_t i = 0; i < count; i++) {
		const struct rsp_range *r = &req->u.ranges.range[i];
		size_t len = r->len < most - done ? (size_t)r->len : most - done;
		int64_t n = debug_view_read(&view, r->addr, s->buf + done, len, NULL);

		lengths[i] = n < 0 ? 0 : (size_t)n;
		done += lengths[i];
	}
	rsp_reply_ranges(s->engine, lengths, count, s->buf);
}

/* A device that takes a part and then no more has taken that part. */
static int write_device(struct debug_session *s, const struct debug_view *view, const struct rsp_request *req,
                        struct error *err)
{
	const struct debug_device_access to = { s, view, request_vcpu(s, req), true };
	size_t len = req->u.mem.len < sizeof(s->buf) ? (size_t)req->u.mem.len : sizeof(s->buf);
	int64_t n;

	memcpy(s->buf, req->u.mem.data, len);
	n = debug_device_access(&to, req->u.mem.addr, s->buf, len, err);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : error_set(err, EFAULT, "only %zu bytes were written", (size_t)n);
}

void debug_query_write_mem(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_view view;
	struct error err;
	int rc;

	if (request_view(s, req, &view) < 0)
		return;
	rc = debug_view_write(&view, req->u.mem.addr, req->u.mem.data, (size_t)req->u.mem.len, &err);
	if (rc < 0 && s->mmio)
		rc = write_device(s, &view, req, &err);
	debug_reply_result(s, rc, &err);
}

/* ---- objects ---- */

void debug_query_xfer(struct debug_session *s, const struct rsp_request *req)
{
	if (strcmp(req->u.xfer.object, "features") == 0 && strcmp(req->u.xfer.annex, "target.xml") == 0)
		rsp_reply_xfer(s->engine, s->xml, s->xml_len);
	else if (strcmp(req->u.xfer.object, "threads") == 0)
		rsp_reply_xfer(s->engine, s->text, debug_threads_xml(s, s->text, sizeof(s->text)));
	else if (strcmp(req->u.xfer.object, "exec-file") == 0)
		rsp_reply_xfer(s->engine, s->cfg.image_path, strlen(s->cfg.image_path));
	else if (strcmp(req->u.xfer.object, "libraries-svr4") == 0)
		rsp_reply_xfer(s->engine, s->text, debug_lldb_libraries(s, s->text, sizeof(s->text)));
	else if (strcmp(req->u.xfer.object, "traceframe-info") == 0)
		debug_trace_info(s);
	else
		rsp_reply_error(s->engine, ENOENT, "there is no such object");
}

/*
 * TextSeg is an address to GDB and a bias to LLDB. To GDB 0 would move an image that stands where it was
 * linked; to LLDB it must be said, since making an image of its list the executable forgets its place.
 */
void debug_query_offsets(struct debug_session *s, const struct rsp_request *req)
{
	const uint32_t lldb = RSP_CLIENT_THREAD_SUFFIX | RSP_CLIENT_LIST_THREADS | RSP_CLIENT_LLDB_ERRORS;

	(void)req;
	s->placed = rsp_engine_client(s->engine) & lldb;
	if (s->cfg.image_bias || s->placed)
		rsp_reply_offsets(s->engine, s->cfg.image_bias);
	else
		rsp_reply_empty(s->engine);
}

/* "1": quitting the debugger detaches, the guest is not lost by it. "0": it kills. */
void debug_query_attached(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_text(s->engine, s->cfg.launched ? "0" : "1");
}

void debug_query_phys(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_text(s->engine, s->phys ? "1" : "0");
}

void debug_query_set_phys(struct debug_session *s, const struct rsp_request *req)
{
	s->phys = req->u.flag != 0;
	rsp_reply_ok(s->engine);
}
