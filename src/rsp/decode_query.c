/* q, Q and v packets (GDB manual, "General Query Packets", "Packets"). */
#include "rsp/decode.h"

#include "rsp/engine.h"
#include <string.h>

static enum rsp_decoded finish(const struct rsp_cursor *c)
{
	return c->at == c->end ? RSP_DECODED : RSP_MALFORMED;
}

/* What a client says of itself in qSupported, and the bit that we keep. */
static const struct { const char *name; uint32_t bit; } offers[] = {
	{"multiprocess+", RSP_CLIENT_MULTIPROCESS},
	{"swbreak+", RSP_CLIENT_SWBREAK},
	{"hwbreak+", RSP_CLIENT_HWBREAK},
	{"error-message+", RSP_CLIENT_ERROR_TEXT},
	{"vContSupported+", RSP_CLIENT_VCONT},
};

/* What we say beyond the adverts of the packet table: needs and forbids bits of the client, the feature. */
static const struct { const char *text; uint32_t client, feature, not_client; } extras[] = {
	{";multiprocess+", RSP_CLIENT_MULTIPROCESS, 0, 0},
	{";swbreak+", RSP_CLIENT_SWBREAK, RSP_F_SWBREAK, 0},
	{";hwbreak+", RSP_CLIENT_HWBREAK, RSP_F_HWBREAK, 0},
	{";error-message+", RSP_CLIENT_ERROR_TEXT, 0, 0},
	{";vContSupported+", 0, 0, 0},
	{";ConditionalBreakpoints+", 0, RSP_F_COND_BREAK, 0},
	{";BreakpointCommands+", 0, RSP_F_BREAK_CMDS, 0},
	{";tracenz+", 0, RSP_F_TRACE, 0},
	/* Only GDB says vContSupported+; LLDB's own marks come after qSupported. */
	{";qXfer:libraries-svr4:read+", 0, RSP_F_LIBRARIES, RSP_CLIENT_VCONT},
};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* One "name+" of the list; unknown ones are for somebody else. */
static void take_offer(struct rsp_engine *e, const uint8_t *name, size_t len)
{
	for (size_t i = 0; i < LEN(offers); i++)
		if (strlen(offers[i].name) == len && memcmp(offers[i].name, name, len) == 0)
			e->client |= offers[i].bit;
}

static void take_offers(struct rsp_engine *e, struct rsp_cursor *c)
{
	for (size_t i = 0; i < LEN(offers); i++)
		e->client &= ~offers[i].bit;
	while (c->at < c->end) {
		uint8_t *stop = memchr(c->at, ';', rsp_cursor_left(c));

		stop = stop ? stop : c->end;
		take_offer(e, c->at, (size_t)(stop - c->at));
		c->at = stop < c->end ? stop + 1 : stop;
	}
}

enum rsp_decoded rsp_decode_supported(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	struct rsp_writer w;
	size_t count;
	const struct rsp_packet_info *info = rsp_packet_table(&count);

	(void)req;
	if (c->at < c->end)
		c->at++; /* ':' */
	take_offers(e, c);
	if (!rsp_engine_open_reply(e, &w))
		return RSP_ANSWERED;
	rsp_writer_text(&w, "PacketSize=");
	rsp_writer_number(&w, e->cfg.packet_size);
	for (size_t i = 0; i < count; i++) {
		const char *advert = rsp_packet_row(i)->advert;

		if (advert == NULL || (info[i].feature & ~e->cfg.features) != 0)
			continue;
		rsp_writer_char(&w, ';');
		rsp_writer_text(&w, advert);
	}
	for (size_t i = 0; i < LEN(extras); i++)
		if ((extras[i].client & ~e->client) == 0 && (extras[i].not_client & e->client) == 0 &&
		    (extras[i].feature & ~e->cfg.features) == 0)
			rsp_writer_text(&w, extras[i].text);
	rsp_engine_close_reply(e, &w);
	return RSP_ANSWERED;
}

/* The acknowledgement of this packet has left already; from here on there are none. */
enum rsp_decoded rsp_decode_noack(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)c;
	(void)req;
	rsp_reply_ok(e);
	e->client |= RSP_CLIENT_NOACK;
	return RSP_ANSWERED;
}

enum rsp_decoded rsp_decode_empty(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)c;
	(void)req;
	rsp_reply_empty(e);
	return RSP_ANSWERED;
}

/* rsp_reply_threads() gave the whole list to qfThreadInfo. */
enum rsp_decoded rsp_decode_end_of_threads(struct rsp_engine *e, struct rsp_cursor *c,
                                           struct rsp_request *req)
{
	(void)c;
	(void)req;
	rsp_reply_text(e, "l");
	return RSP_ANSWERED;
}

enum rsp_decoded rsp_decode_thread_extra(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	if (!rsp_cursor_char(c, ','))
		return RSP_MALFORMED;
	return rsp_decode_thread(e, c, req);
}

/* "qAttached" or "qAttached:PID" */
enum rsp_decoded rsp_decode_attached(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	uint64_t pid;

	(void)e;
	(void)req;
	if (c->at != c->end && (!rsp_cursor_char(c, ':') || !rsp_cursor_hex(c, &pid)))
		return RSP_MALFORMED;
	return finish(c);
}

/* "qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH"; c is behind "read". The strings are made in place. */
enum rsp_decoded rsp_decode_xfer(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	struct rsp_cursor object = {e->frame.buf + strlen("qXfer:"), c->at};
	char *name, *annex;

	if (!rsp_cursor_string(&object, ':', &name) || !rsp_cursor_char(c, ':') ||
	    !rsp_cursor_string(c, ':', &annex) || !rsp_cursor_range(c, &req->u.xfer.offset, &req->u.xfer.len))
		return RSP_MALFORMED;
	req->u.xfer.object = name;
	req->u.xfer.annex = annex;
	return finish(c);
}

enum rsp_decoded rsp_decode_monitor(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	uint8_t *text;

	(void)e;
	if (!rsp_cursor_char(c, ',') || !rsp_cursor_hex_bytes(c, &text, &req->u.text.len))
		return RSP_MALFORMED;
	req->u.text.bytes = (const char *)text;
	return RSP_DECODED;
}

/* "qSearch:memory:ADDR;LENGTH;PATTERN", the pattern binary. */
enum rsp_decoded rsp_decode_search(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	if (!rsp_cursor_char(c, ':') || !rsp_cursor_hex(c, &req->u.search.addr) || !rsp_cursor_char(c, ';') ||
	    !rsp_cursor_hex(c, &req->u.search.len) || !rsp_cursor_char(c, ';') || c->at == c->end)
		return RSP_MALFORMED;
	req->u.search.pattern = c->at;
	req->u.search.pattern_len = rsp_cursor_left(c);
	return RSP_DECODED;
}

enum rsp_decoded rsp_decode_crc(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	if (!rsp_cursor_char(c, ':') || !rsp_cursor_range(c, &req->u.mem.addr, &req->u.mem.len))
		return RSP_MALFORMED;
	return finish(c);
}

/* "QNonStop:1"; "Qqemu.PhyMemMode:1" (QEMU manual, "Examining physical memory"). */
enum rsp_decoded rsp_decode_flag(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	(void)e;
	if (!rsp_cursor_char(c, ':') || !rsp_cursor_hex32(c, &req->u.flag) || req->u.flag > 1)
		return RSP_MALFORMED;
	return finish(c);
}

enum rsp_decoded rsp_decode_qemu_supported(struct rsp_engine *e, struct rsp_cursor *c,
                                           struct rsp_request *req)
{
	(void)c;
	(void)req;
	rsp_reply_text(e, "PhyMemMode");
	return RSP_ANSWERED;
}

/* One hex string up to ';' or the end, NUL-terminated: behind it there is at least the byte of the NUL. */
static bool take_hex_string(struct rsp_cursor *c, const char **ret)
{
	uint8_t *stop = memchr(c->at, ';', rsp_cursor_left(c));
	struct rsp_cursor word = {c->at, stop ? stop : c->end};
	uint8_t *text;
	size_t len;

	if (!rsp_cursor_hex_bytes(&word, &text, &len))
		return false;
	*ret = len > 0 ? (const char *)text : "";
	c->at = stop ? stop : c->end;
	return true;
}

/* "vRun;FILE;ARG..."; an empty FILE means the one there is. */
enum rsp_decoded rsp_decode_run(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	const size_t max = LEN(req->u.run.argv);

	(void)e;
	if (!rsp_cursor_char(c, ';') || !take_hex_string(c, &req->u.run.file))
		return RSP_MALFORMED;
	while (rsp_cursor_char(c, ';')) {
		if (req->u.run.argc == max || !take_hex_string(c, &req->u.run.argv[req->u.run.argc]))
			return RSP_MALFORMED;
		req->u.run.argc++;
	}
	return finish(c);
}

/* "vFile:OP:ARGUMENTS": what they mean is the caller's business. */
enum rsp_decoded rsp_decode_file(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	char *op;

	(void)e;
	if (!rsp_cursor_char(c, ':') || !rsp_cursor_string(c, ':', &op))
		return RSP_MALFORMED;
	req->u.file.op = op;
	req->u.file.args = (const char *)c->at;
	req->u.file.args_len = rsp_cursor_left(c);
	return RSP_DECODED;
}
