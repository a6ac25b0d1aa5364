#include "rsp/engine.h"

#include "rsp/decode.h"
#include "rsp/frame.h"
#include <string.h>

/*
 * When the peer is given up (RSP_EVENT_BROKEN). Before its first good packet a peer may be anything: 16
 * bytes that no debugger sends are less than the shortest HTTP request or TLS hello. A serial line may be
 * noisy later.
 */
#define JUNK_AT_FIRST 16
#define JUNK_LATER 4096
#define BAD_IN_A_ROW 16
#define RESENDS 16
#define EXCESS_FACTOR 8 /* a packet that is this many times too long will never end */

#define FRAME_EXTRA 4 /* '$', '#', two digits */
#define ACK_EXTRA 1
#define NOTICE_MAX 1024 /* a stop reply without LLDB's list of threads is far shorter */

static const struct rsp_tid any_thread = {1, RSP_TID_ANY};

int rsp_engine_init(struct rsp_engine *e, const struct rsp_config *cfg)
{
	if (cfg->packet_size < RSP_MIN_PACKET || cfg->packet_size > SIZE_MAX / 16 ||
	    cfg->in_size < cfg->packet_size + 4 || cfg->out_size < 2 * cfg->packet_size + 64)
		return -1;
	memset(e, 0, sizeof(*e));
	e->cfg = *cfg;
	rsp_engine_reset(e);
	return 0;
}

void rsp_engine_reset(struct rsp_engine *e)
{
	struct rsp_config cfg = e->cfg;

	memset(e, 0, sizeof(*e));
	e->cfg = cfg;
	e->general = any_thread;
	e->resume = any_thread;
	rsp_frame_init(&e->frame, cfg.in, cfg.packet_size);
}

uint32_t rsp_engine_client(const struct rsp_engine *e)
{
	return e->client;
}

bool rsp_engine_is_lldb(const struct rsp_engine *e)
{
	const uint32_t marks = RSP_CLIENT_THREAD_SUFFIX | RSP_CLIENT_LIST_THREADS | RSP_CLIENT_LLDB_ERRORS;

	return (e->client & marks) != 0;
}

bool rsp_engine_owed(const struct rsp_engine *e)
{
	return e->turn == RSP_TURN_OWED;
}

bool rsp_engine_broken(const struct rsp_engine *e)
{
	return e->broken;
}

void rsp_engine_set_general(struct rsp_engine *e, int64_t tid)
{
	e->general = (struct rsp_tid){1, tid};
}

/* ---- output ---- */

const uint8_t *rsp_engine_output(const struct rsp_engine *e, size_t *ret_len)
{
	*ret_len = e->out_end - e->out_start;
	return e->cfg.out + e->out_start;
}

void rsp_engine_sent(struct rsp_engine *e, size_t n)
{
	size_t unsent = e->out_end - e->out_start;

	e->out_start += n < unsent ? n : unsent;
}

size_t rsp_engine_out_room(const struct rsp_engine *e)
{
	return e->cfg.out_size - (e->out_end - e->out_start);
}

/* Moves what is unsent to the front. The packet kept for a resend is given up: the client is past it. */
static void make_room(struct rsp_engine *e)
{
	size_t unsent = e->out_end - e->out_start;

	if (e->out_start == 0)
		return;
	if (unsent > 0)
		memmove(e->cfg.out, e->cfg.out + e->out_start, unsent);
	e->out_start = 0;
	e->out_end = unsent;
	e->packet_len = 0;
}

static void put_ack(struct rsp_engine *e, char c)
{
	if (e->client & RSP_CLIENT_NOACK)
		return;
	make_room(e);
	if (rsp_engine_out_room(e) > 0)
		e->cfg.out[e->out_end++] = (uint8_t)c;
}

void rsp_engine_open_packet(struct rsp_engine *e, struct rsp_writer *ret_w)
{
	size_t room;

	make_room(e);
	room = rsp_engine_out_room(e);
	room = room > FRAME_EXTRA ? room - FRAME_EXTRA : 0;
	*ret_w = (struct rsp_writer){
		.buf = e->cfg.out + e->out_end + 1,
		.cap = room < e->cfg.packet_size ? room : e->cfg.packet_size,
		.multiprocess = (e->client & RSP_CLIENT_MULTIPROCESS) != 0,
	};
}

void rsp_engine_close_packet(struct rsp_engine *e, struct rsp_writer *w)
{
	if (e->cfg.trace != NULL)
		e->cfg.trace(e->cfg.trace_ctx, true, (const char *)w->buf, w->len);
	e->packet_start = e->out_end;
	e->packet_len = rsp_frame_close(e->cfg.out + e->out_end, w->len);
	e->out_end += e->packet_len;
	e->resends = 0;
}

bool rsp_engine_open_notice(struct rsp_engine *e, struct rsp_writer *ret_w)
{
	const size_t own = NOTICE_MAX + FRAME_EXTRA, reply = e->cfg.packet_size + FRAME_EXTRA + ACK_EXTRA;

	if (rsp_engine_out_room(e) < own + reply)
		return false;
	if (e->cfg.out_size - e->out_end < own + reply)
		make_room(e);
	*ret_w = (struct rsp_writer){
		.buf = e->cfg.out + e->out_end + 1,
		.cap = NOTICE_MAX,
		.multiprocess = (e->client & RSP_CLIENT_MULTIPROCESS) != 0,
	};
	return true;
}

bool rsp_engine_close_notice(struct rsp_engine *e, struct rsp_writer *w)
{
	if (w->overflow)
		return false;
	if (e->cfg.trace != NULL)
		e->cfg.trace(e->cfg.trace_ctx, true, (const char *)w->buf, w->len);
	w->len = rsp_frame_close(e->cfg.out + e->out_end, w->len);
	e->cfg.out[e->out_end] = '%'; /* the sum is of what follows */
	e->out_end += w->len;
	return true;
}

bool rsp_engine_open_reply(struct rsp_engine *e, struct rsp_writer *ret_w)
{
	if (e->turn != RSP_TURN_OWED) {
		if (!e->spare_reply)
			e->misuse++;
		e->spare_reply = false;
		return false;
	}
	rsp_engine_open_packet(e, ret_w);
	return true;
}

void rsp_engine_close_reply(struct rsp_engine *e, struct rsp_writer *w)
{
	if (w->overflow) {
		w->len = 0;
		rsp_reply_write_error(e, w, RSP_ERROR_TOO_LONG, "the reply does not fit a packet");
	}
	rsp_engine_close_packet(e, w);
	e->turn = RSP_TURN_FEED;
}

/* ---- input ---- */

/* The client did not get the last packet; send it again unless it is still under way. */
static void resend(struct rsp_engine *e)
{
	if ((e->client & RSP_CLIENT_NOACK) || e->packet_len == 0 || e->out_start != e->out_end)
		return;
	if (e->resends++ >= RESENDS) {
		e->broken = true;
		return;
	}
	e->out_start = e->packet_start;
	e->out_end = e->packet_start + e->packet_len;
}

static void count_bad(struct rsp_engine *e, unsigned n)
{
	unsigned bad = e->bad_packets + n;

	e->bad_packets = (uint8_t)(bad < UINT8_MAX ? bad : UINT8_MAX);
	if (e->bad_packets > BAD_IN_A_ROW)
		e->broken = true;
}

static void count_junk(struct rsp_engine *e, size_t n)
{
	e->junk += n;
	if (e->junk > (e->greeted ? JUNK_LATER : JUNK_AT_FIRST))
		e->broken = true;
}

static void take_good_packet(struct rsp_engine *e, bool whole)
{
	e->greeted = true;
	e->junk = 0;
	e->bad_packets = 0;
	put_ack(e, '+');
	if (e->cfg.trace != NULL)
		e->cfg.trace(e->cfg.trace_ctx, false, (const char *)e->frame.buf, e->frame.len);
	rsp_decode_packet(e, whole);
}

static void take_event(struct rsp_engine *e, enum rsp_frame_event event, size_t n)
{
	if (e->frame.restarts > 0) {
		count_bad(e, e->frame.restarts);
		e->frame.restarts = 0;
	}
	switch (event) {
	case RSP_FRAME_NONE:
	case RSP_FRAME_ACK:
		break;
	case RSP_FRAME_PACKET:
	case RSP_FRAME_LONG:
		if (!e->broken)
			take_good_packet(e, event == RSP_FRAME_PACKET);
		break;
	case RSP_FRAME_BAD:
		put_ack(e, '-');
		count_bad(e, 1);
		break;
	case RSP_FRAME_NAK:
		resend(e);
		break;
	case RSP_FRAME_INTERRUPT:
		/* A TLS hello has 03 as its second byte; GDB may send one first (interrupt-on-connect). */
		if (e->greeted || e->junk == 0)
			e->interrupted = true;
		else
			count_junk(e, 1);
		break;
	case RSP_FRAME_JUNK:
		count_junk(e, n);
		break;
	}
}

/* A packet may begin only when its reply has a place. */
static bool may_begin(const struct rsp_engine *e)
{
	size_t least = e->cfg.packet_size + FRAME_EXTRA + ACK_EXTRA;

	return e->turn == RSP_TURN_FEED && rsp_engine_out_room(e) >= least;
}

size_t rsp_engine_feed(struct rsp_engine *e, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t taken = 0;

	while (taken < len && !e->broken && e->turn != RSP_TURN_READY) {
		enum rsp_frame_event event;
		size_t n;

		if (rsp_frame_idle(&e->frame) && p[taken] == '$' && !may_begin(e))
			break;
		e->frame.check = !(e->client & RSP_CLIENT_NOACK);
		n = rsp_frame_feed(&e->frame, p + taken, len - taken, &event);
		taken += n;
		take_event(e, event, n);
		if (!rsp_frame_idle(&e->frame) && e->frame.excess / EXCESS_FACTOR > e->frame.size)
			e->broken = true;
	}
	return e->broken ? len : taken;
}

enum rsp_event rsp_engine_next(struct rsp_engine *e, const struct rsp_request **ret_req)
{
	if (e->broken) {
		bool told = e->broken_told;

		e->broken_told = true;
		return told ? RSP_EVENT_NONE : RSP_EVENT_BROKEN;
	}
	if (e->interrupted) {
		e->interrupted = false;
		return RSP_EVENT_INTERRUPT;
	}
	if (e->turn != RSP_TURN_READY)
		return RSP_EVENT_NONE;
	/* "k" and "R" are not answered (GDB manual, "Packets"). */
	e->spare_reply = !rsp_decode_owes_reply(e);
	e->turn = e->spare_reply ? RSP_TURN_FEED : RSP_TURN_OWED;
	*ret_req = &e->req;
	return RSP_EVENT_REQUEST;
}
