/* Memory, objects and small queries. */
#include "debug/internal.h"

#include "debug/threads.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A search or checksum over more than this would hold the machine's lock too long. */
#define SCAN_MAX (256ull << 20)

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
	struct debug_view view;
	struct error err;
	int64_t n;

	if (request_view(s, req, &view) < 0)
		return;
	if (len > room)
		len = room;
	if (len > req->u.mem.len)
		len = (size_t)req->u.mem.len;
	n = debug_view_read(&view, req->u.mem.addr, s->buf, len, &err);
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

void debug_query_write_mem(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_view view;
	struct error err;
	int rc;

	if (request_view(s, req, &view) < 0)
		return;
	rc = debug_view_write(&view, req->u.mem.addr, req->u.mem.data, (size_t)req->u.mem.len, &err);
	debug_reply_result(s, rc, &err);
}

/* ---- scanning ---- */

static int scan_limit(uint64_t len, struct error *err)
{
	if (len <= SCAN_MAX)
		return 0;
	return error_set(err, E2BIG,
	                 "a range of %" PRIu64 " bytes is too long for one request (at most %llu)", len,
	                 SCAN_MAX);
}

/* The whole of [addr, addr+len) into the session's buffer, or an error. */
static int fill(struct debug_session *s, const struct debug_view *view, uint64_t addr, size_t len,
                struct error *err)
{
	int64_t n = debug_view_read(view, addr, s->buf, len, err);

	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return debug_view_read(view, addr + (uint64_t)n, s->buf, 1, err) < 0
		               ? -EFAULT
		               : error_set(err, EFAULT, "the range wraps");
	return 0;
}

/* Windows overlap by the pattern's length less one, so that no match falls between two. */
static int search(struct debug_session *s, const struct debug_view *view, const struct rsp_request *req,
                  uint64_t *ret, struct error *err)
{
	size_t plen = req->u.search.pattern_len;
	uint64_t at = 0, len = req->u.search.len;
	int rc = scan_limit(len, err);

	if (rc < 0)
		return rc;
	if (plen == 0 || plen > sizeof(s->buf) / 2)
		return error_set(err, EINVAL, "a pattern of %zu bytes cannot be searched for", plen);
	while (len - at >= plen) {
		size_t n = len - at < sizeof(s->buf) ? (size_t)(len - at) : sizeof(s->buf);
		const uint8_t *hit;

		rc = fill(s, view, req->u.search.addr + at, n, err);
		if (rc < 0)
			return rc;
		hit = memmem(s->buf, n, req->u.search.pattern, plen);
		if (hit) {
			*ret = req->u.search.addr + at + (uint64_t)(hit - s->buf);
			return 1;
		}
		at += n - (plen - 1);
	}
	return 0;
}

void debug_query_search(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_view view;
	uint64_t found = 0;
	struct error err;
	int rc;

	if (request_view(s, req, &view) < 0)
		return;
	rc = search(s, &view, req, &found, &err);
	if (rc < 0)
		debug_reply_error(s, &err);
	else
		rsp_reply_search(s->engine, rc > 0, found);
}

/* GDB's CRC: polynomial 0x04c11db7, most significant bit first, start 0xffffffff (GDB manual, qCRC). */
static uint32_t crc_add(uint32_t crc, const uint8_t *p, size_t n)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x04c11db7, 0x09823b6e, 0x0d4326d9, 0x130476dc, 0x17c56b6b,
		0x1a864db2, 0x1e475005, 0x2608edb8, 0x22c9f00f, 0x2f8ad6d6, 0x2b4bcb61,
		0x350c9b64, 0x31cd86d3, 0x3c8ea00a, 0x384fbdbd,
	};

	for (size_t i = 0; i < n; i++) {
		crc = crc << 4 ^ nibble[crc >> 28 ^ p[i] >> 4];
		crc = crc << 4 ^ nibble[crc >> 28 ^ (p[i] & 15)];
	}
	return crc;
}

void debug_query_crc(struct debug_session *s, const struct rsp_request *req)
{
	uint64_t len = req->u.mem.len;
	uint32_t crc = 0xffffffff;
	struct debug_view view;
	struct error err;
	int rc;

	if (request_view(s, req, &view) < 0)
		return;
	rc = scan_limit(len, &err);
	for (uint64_t at = 0; rc == 0 && at < len;) {
		size_t n = len - at < sizeof(s->buf) ? (size_t)(len - at) : sizeof(s->buf);

		rc = fill(s, &view, req->u.mem.addr + at, n, &err);
		if (rc == 0)
			crc = crc_add(crc, s->buf, n);
		at += n;
	}
	if (rc < 0)
		debug_reply_error(s, &err);
	else
		rsp_reply_crc(s->engine, crc);
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
	else
		rsp_reply_error(s->engine, ENOENT, "there is no such object");
}

void debug_query_offsets(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_offsets(s->engine, s->cfg.image_bias);
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
