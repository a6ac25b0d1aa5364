/* Tracepoints: what is told of a run, and the pieces by which a client learns what there is. */
#include "debug/trace_internal.h"

#include <inttypes.h>
#include <string.h>

static void add_hex(struct debug_text *t, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		debug_text_add(t, "%02x", b[i]);
}

/* ---- status ---- */

/* GDB manual, "Tracepoint Packets", qTStatus. */
static void add_reason(struct debug_text *t, const struct debug_trace *tr)
{
	static const char *const names[] = { "tnotrun", "tstop", "tfull", "tpasscount", "tdisconnected",
	                                     "terror" };

	debug_text_add(t, ";%s:", names[tr->end]);
	if (tr->end == DEBUG_TRACE_STOPPED || tr->end == DEBUG_TRACE_ERROR) {
		add_hex(t, tr->end_text, strlen(tr->end_text));
		debug_text_add(t, ":");
	}
	debug_text_add(t, "%" PRIx32, tr->end_point);
}

void debug_trace_status(struct debug_session *s, const struct rsp_request *req)
{
	const struct debug_trace *tr = &s->trace;
	struct debug_text t;

	(void)req;
	debug_text_init(&t, s->text, sizeof(s->text));
	debug_text_add(&t, "T%d", tr->running);
	if (!tr->running)
		add_reason(&t, tr);
	debug_text_add(&t, ";tframes:%" PRIx32 ";tcreated:%" PRIx64 ";tfree:%" PRIx32 ";tsize:%" PRIx32,
	               tr->ring.count, tr->ring.created, tr->ring.size - tr->ring.used, tr->ring.size);
	debug_text_add(&t, ";circular:%d;disconn:%d;starttime:%" PRIx64 ";stoptime:%" PRIx64 ";username:",
	               tr->circular, tr->disconnected, tr->start_us, tr->stop_us);
	add_hex(&t, tr->user, strlen(tr->user));
	debug_text_add(&t, ";notes:");
	add_hex(&t, tr->notes, strlen(tr->notes));
	debug_text_add(&t, ":");
	rsp_reply_text(s->engine, s->text);
}

void debug_trace_hits(struct debug_session *s, const struct rsp_request *req)
{
	const struct debug_trace_point *p = debug_trace_find(&s->trace, req->u.trace.number,
	                                                     req->u.trace.addr);
	struct debug_text t;
	char text[64];

	debug_text_init(&t, text, sizeof(text));
	debug_text_add(&t, "V%" PRIx64 ":%" PRIx64, p ? p->hits : 0, p ? p->usage : 0);
	rsp_reply_text(s->engine, text);
}

/* ---- uploads: piece after piece, counted ---- */

static const struct debug_trace_item *condition_of(const struct debug_trace *tr, unsigned point)
{
	for (unsigned i = 0; i < tr->items; i++)
		if (tr->item[i].point == point && tr->item[i].what == DEBUG_TRACE_CONDITION)
			return &tr->item[i];
	return NULL;
}

static void add_point(struct debug_text *t, const struct debug_trace *tr, unsigned i)
{
	const struct debug_trace_point *p = &tr->point[i];
	const struct debug_trace_item *c = condition_of(tr, i);

	debug_text_add(t, "T%" PRIx32 ":%" PRIx64 ":%c:%" PRIx64 ":%" PRIx64, p->number, p->addr,
	               p->enabled ? 'E' : 'D', p->step, p->pass);
	if (c) {
		debug_text_add(t, ":X%" PRIx32 ",", c->size);
		add_hex(t, tr->store + c->at, c->size);
	}
}

static void add_item(struct debug_text *t, const struct debug_trace *tr, const struct debug_trace_item *item)
{
	const struct debug_trace_point *p = &tr->point[item->point];
	char piece = item->what == DEBUG_TRACE_SOURCE ? 'Z' : item->stepping ? 'S' : 'A';

	debug_text_add(t, "%c%" PRIx32 ":%" PRIx64 ":", piece, p->number, p->addr);
	if (item->what == DEBUG_TRACE_SOURCE)
		debug_text_add(t, "%s:%" PRIx64 ":%" PRIx64 ":", item->type, item->offset, item->len);
	else if (item->what == DEBUG_TRACE_REGS)
		debug_text_add(t, "R");
	else if (item->what == DEBUG_TRACE_CODE)
		debug_text_add(t, "X%" PRIx32 ",", item->size);
	else
		debug_text_add(t, "M%" PRIX32 ",%" PRIX64 ",%" PRIX64, (uint32_t)item->base, item->offset,
		               item->len);
	add_hex(t, tr->store + item->at, item->size);
}

/* Piece number n of all points with their items. False: there are fewer. */
static bool point_piece(const struct debug_trace *tr, unsigned n, struct debug_text *t)
{
	for (unsigned i = 0; i < tr->points; i++) {
		if (n-- == 0) {
			add_point(t, tr, i);
			return true;
		}
		for (unsigned k = 0; k < tr->items; k++) {
			const struct debug_trace_item *item = &tr->item[k];

			if (item->point != i || item->what == DEBUG_TRACE_CONDITION || n-- > 0)
				continue;
			add_item(t, tr, item);
			return true;
		}
	}
	return false;
}

void debug_trace_next_point(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_text t;

	(void)req;
	debug_text_init(&t, s->text, sizeof(s->text));
	rsp_reply_text(s->engine, point_piece(&s->trace, s->trace.upload++, &t) ? s->text : "l");
}

void debug_trace_first_point(struct debug_session *s, const struct rsp_request *req)
{
	s->trace.upload = 0;
	debug_trace_next_point(s, req);
}

void debug_trace_next_var(struct debug_session *s, const struct rsp_request *req)
{
	const struct debug_trace *tr = &s->trace;
	unsigned i = s->trace.upload++;
	struct debug_text t;

	(void)req;
	debug_text_init(&t, s->text, sizeof(s->text));
	if (i < tr->variables) {
		const struct debug_trace_variable *v = &tr->variable[i];

		debug_text_add(&t, "%x:%" PRIx64 ":%d:", v->number, (uint64_t)v->initial, v->builtin);
		add_hex(&t, v->name, strlen(v->name));
	}
	rsp_reply_text(s->engine, t.len ? s->text : "l");
}

void debug_trace_first_var(struct debug_session *s, const struct rsp_request *req)
{
	s->trace.upload = 0;
	debug_trace_next_var(s, req);
}

/* The frames' own bytes, for a client that saves them. */
void debug_trace_buffer(struct debug_session *s, const struct rsp_request *req)
{
	size_t room = rsp_engine_reply_room(s->engine, false);
	size_t len = room < sizeof(s->buf) ? room : sizeof(s->buf);

	len = len < req->u.trace.last ? len : (size_t)req->u.trace.last;
	len = debug_trace_ring_window(&s->trace.ring, req->u.trace.first, s->buf, len);
	if (len > 0)
		rsp_reply_hex(s->engine, s->buf, len);
	else
		rsp_reply_text(s->engine, "l");
}

/* ---- "monitor trace" ---- */

void debug_monitor_trace(struct debug_session *s, struct debug_text *out)
{
	const struct debug_trace *tr = &s->trace;
	const struct debug_trace_frame *f =
		tr->selected < 0 ? NULL : debug_trace_ring_frame(&tr->ring, (uint32_t)tr->selected);

	debug_text_add(out, "tracing is %s: %" PRIu32 " frames of %" PRIu64 " collected, %" PRIu32
	               " of %" PRIu32 " bytes in use\n", tr->running ? "on" : "off", tr->ring.count,
	               tr->ring.created, tr->ring.used, tr->ring.size);
	for (unsigned i = 0; i < tr->points; i++)
		debug_text_add(out, "tracepoint %" PRIu32 " at 0x%016" PRIx64 "%s, %" PRIu64 " hits, %" PRIu64
		               " bytes\n", tr->point[i].number, tr->point[i].addr,
		               tr->point[i].enabled ? "" : " (disabled)", tr->point[i].hits,
		               tr->point[i].usage);
	if (f)
		debug_text_add(out, "frame %" PRId64 " is of tracepoint %u, cpu%u, at 0x%" PRIx64 "%s\n",
		               tr->selected, f->number, f->vcpu, f->pc, f->step ? ", of its steps" : "");
}
