#include "debug/scan.h"

#include "debug/internal.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The whole of [addr, addr+len) into the session's buffer, or an error. */
static int fill(struct debug_session *s, uint64_t addr, size_t len, struct error *err)
{
	const struct debug_view *view = &s->scan.view;
	int64_t n = debug_view_read(view, addr, s->buf, len, err);

	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return debug_view_read(view, addr + (uint64_t)n, s->buf, 1, err) < 0
		               ? -EFAULT
		               : error_set(err, EFAULT, "the range wraps");
	return 0;
}

static size_t slice(const struct debug_session *s, uint64_t left)
{
	return left < sizeof(s->buf) ? (size_t)left : sizeof(s->buf);
}

static void fail(struct debug_session *s, const struct error *err)
{
	s->scan.req = NULL;
	debug_reply_error(s, err);
}

/* False when the view cannot be had: then an error was the reply. */
static bool begin(struct debug_session *s, const struct rsp_request *req)
{
	int vcpu = debug_request_vcpu(s, &req->tid);
	struct error err;

	if (vcpu < 0)
		return false;
	if (debug_session_view(s, (unsigned)vcpu, s->phys, &s->scan.view, &err) < 0) {
		debug_reply_error(s, &err);
		return false;
	}
	s->scan.req = req;
	s->scan.at = 0;
	return true;
}

/* ---- searching ---- */

static void reply_search(struct debug_session *s, bool found, uint64_t addr)
{
	s->scan.req = NULL;
	rsp_reply_search(s->engine, found, addr);
}

/* Slices overlap by the pattern's length less one, so that no match falls between two. */
static void search_on(struct debug_session *s)
{
	const struct rsp_request *req = s->scan.req;
	uint64_t left = req->u.search.len - s->scan.at, from = req->u.search.addr + s->scan.at;
	size_t plen = req->u.search.pattern_len, n = slice(s, left);
	const uint8_t *hit;
	struct error err;

	if (left < plen) {
		reply_search(s, false, 0);
		return;
	}
	if (fill(s, from, n, &err) < 0) {
		fail(s, &err);
		return;
	}
	hit = memmem(s->buf, n, req->u.search.pattern, plen);
	s->scan.at += n - (plen - 1);
	if (hit)
		reply_search(s, true, from + (uint64_t)(hit - s->buf));
	else if (n == left)
		reply_search(s, false, 0);
}

void debug_scan_search(struct debug_session *s, const struct rsp_request *req)
{
	size_t plen = req->u.search.pattern_len;
	struct error err;

	if (plen == 0 || plen > sizeof(s->buf) / 2) {
		error_set(&err, EINVAL, "a pattern of %zu bytes cannot be searched for", plen);
		debug_reply_error(s, &err);
	} else if (begin(s, req)) {
		search_on(s);
	}
}

/* ---- checksums ---- */

/* GDB's CRC: polynomial 0x04c11db7, most significant bit first, start 0xffffffff (GDB manual, qCRC). */
#define CRC_POLYNOMIAL 0x04c11db7u

/* table[k][b]: what byte b does to the sum k bytes later. */
static void make_table(uint32_t table[8][256])
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b << 24;

		for (int bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc >> 31 ? CRC_POLYNOMIAL : 0);
		table[0][b] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (int b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] << 8 ^ table[0][table[k - 1][b] >> 24];
}

static uint32_t crc_add(uint32_t table[8][256], uint32_t crc, const uint8_t *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8)
		crc = table[7][p[0] ^ crc >> 24] ^ table[6][p[1] ^ (crc >> 16 & 0xff)] ^
		      table[5][p[2] ^ (crc >> 8 & 0xff)] ^ table[4][p[3] ^ (crc & 0xff)] ^ table[3][p[4]] ^
		      table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	for (; n > 0; n--, p++)
		crc = crc << 8 ^ table[0][crc >> 24 ^ *p];
	return crc;
}

static void crc_on(struct debug_session *s)
{
	struct debug_scan *scan = &s->scan;
	const struct rsp_request *req = scan->req;
	size_t n = slice(s, req->u.mem.len - scan->at);
	struct error err;

	if (n > 0 && fill(s, req->u.mem.addr + scan->at, n, &err) < 0) {
		fail(s, &err);
		return;
	}
	scan->crc = crc_add(scan->table, scan->crc, s->buf, n);
	scan->at += n;
	if (scan->at < req->u.mem.len)
		return;
	scan->req = NULL;
	rsp_reply_crc(s->engine, scan->crc);
}

void debug_scan_crc(struct debug_session *s, const struct rsp_request *req)
{
	if (!begin(s, req))
		return;
	if (s->scan.table[0][1] == 0)
		make_table(s->scan.table);
	s->scan.crc = 0xffffffff;
	crc_on(s);
}

/* ---- both ---- */

void debug_scan_go_on(struct debug_session *s)
{
	if (!s->scan.req)
		return;
	if (s->scan.req->kind == RSP_CRC)
		crc_on(s);
	else
		search_on(s);
}

void debug_scan_abort(struct debug_session *s)
{
	struct error err;

	error_set(&err, EINTR, "interrupted after 0x%" PRIx64 " bytes", s->scan.at);
	fail(s, &err);
}
