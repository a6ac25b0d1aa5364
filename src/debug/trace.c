/* Tracepoints: the run, its options, and who answers which packet. */
#include "debug/trace_internal.h"

#include "debug/resume.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

void debug_trace_init(struct debug_trace *t)
{
	t->selected = -1;
	t->size = DEBUG_TRACE_DEFAULT;
	debug_trace_ring_init(&t->ring, t->size, false);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void put_note(char *note, const char *text)
{
	struct debug_text t;

	debug_text_init(&t, note, DEBUG_TRACE_NOTE);
	debug_text_add(&t, "%s", text);
}

/* ---- the run ---- */

static void unplant(struct debug_session *s)
{
	debug_points_clear(&s->points, DEBUG_USE_TRACE);
	s->trace.planted = s->trace.replant = false;
}

static int plant(struct debug_session *s, struct error *err)
{
	struct debug_trace *t = &s->trace;
	int rc = 0;

	t->replant = false;
	t->planted = true;
	s->map_vcpu = s->current;
	for (unsigned i = 0; i < t->points && rc == 0; i++)
		if (t->point[i].enabled)
			rc = debug_points_place(&s->points, DEBUG_USE_TRACE, t->point[i].addr, err);
	if (rc < 0)
		unplant(s);
	return rc;
}

void debug_trace_end(struct debug_session *s, enum debug_trace_end end, uint32_t point, const char *text)
{
	struct debug_trace *t = &s->trace;

	if (!t->running)
		return;
	t->running = t->replant = false;
	t->end = end;
	t->end_point = point;
	put_note(t->end_text, text);
	t->stop_us = now_us();
	for (unsigned i = 0; i < s->vcpu_count; i++)
		s->vcpu[i].trace.left = 0;
	s->printed = true; /* everything parks: the points can go */
}

static void agree(struct debug_session *s)
{
	struct debug_arm arm;

	debug_points_sync(&s->points, &arm);
	debug_resume_arm(s, &arm);
}

void debug_trace_settle(struct debug_session *s)
{
	if (s->trace.planted && !s->trace.running)
		unplant(s);
}

void debug_trace_parked(struct debug_session *s)
{
	struct debug_trace *t = &s->trace;
	struct error err;

	if (t->running && t->replant) {
		if (plant(s, &err) < 0)
			debug_trace_end(s, DEBUG_TRACE_ERROR, 0, err.text);
		agree(s);
	} else if (t->planted && !t->running) {
		unplant(s);
		agree(s);
	}
}

bool debug_trace_alone(const struct debug_session *s)
{
	return s->trace.running && s->trace.disconnected;
}

void debug_trace_client_left(struct debug_session *s)
{
	s->trace.selected = -1;
	if (!debug_trace_alone(s)) {
		debug_trace_end(s, DEBUG_TRACE_LEFT, 0, "");
		s->trace.planted = false; /* taken out with all others */
		return;
	}
	s->trace.replant = true;
	if (s->run == DEBUG_RUN_PARKED)
		debug_trace_parked(s);
}

/* ---- requests ---- */

static void init_run(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_trace *t = &s->trace;

	(void)req;
	debug_trace_end(s, DEBUG_TRACE_NOT_RUN, 0, "");
	unplant(s);
	t->points = t->items = t->variables = t->ranges = 0;
	t->stored = 0;
	t->selected = -1;
	t->end = DEBUG_TRACE_NOT_RUN;
	t->end_point = 0;
	t->end_text[0] = '\0';
	debug_trace_ring_init(&t->ring, t->size, t->circular);
	s->vars.count = 0;
	rsp_reply_ok(s->engine);
}

/* Variables begin at what they were defined with. */
static int begin(struct debug_session *s, struct error *err)
{
	struct debug_trace *t = &s->trace;
	int rc;

	if (t->running)
		return error_set(err, EBUSY, "a trace run is going on");
	rc = plant(s, err);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < t->variables; i++)
		debug_agent_var_set(&s->vars, t->variable[i].number, t->variable[i].initial);
	for (unsigned i = 0; i < t->points; i++)
		t->point[i].hits = t->point[i].usage = 0;
	debug_trace_ring_init(&t->ring, t->size, t->circular);
	t->regs_size = s->regs.g_size;
	t->running = true;
	t->selected = -1;
	t->end_text[0] = '\0';
	t->start_us = now_us();
	t->stop_us = 0;
	return 0;
}

static void start(struct debug_session *s, const struct rsp_request *req)
{
	struct error err;
	int rc = begin(s, &err);

	(void)req;
	debug_reply_result(s, rc, &err);
}

static void stop(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	debug_trace_end(s, DEBUG_TRACE_STOPPED, 0, s->trace.stop_notes);
	debug_trace_settle(s);
	rsp_reply_ok(s->engine);
}

static void set_circular(struct debug_session *s, const struct rsp_request *req)
{
	s->trace.circular = s->trace.ring.circular = req->u.trace.flag;
	rsp_reply_ok(s->engine);
}

static void set_size(struct debug_session *s, const struct rsp_request *req)
{
	uint64_t size = req->u.trace.first == UINT64_MAX ? DEBUG_TRACE_DEFAULT : req->u.trace.first;
	struct error err;
	int rc = 0;

	if (s->trace.running)
		rc = error_set(&err, EBUSY, "a trace run is going on");
	else if (size < 64 || size > DEBUG_TRACE_BUFFER)
		rc = error_set(&err, EINVAL, "the trace buffer has 64 to %d bytes", DEBUG_TRACE_BUFFER);
	else
		s->trace.size = (uint32_t)size;
	debug_reply_result(s, rc, &err);
}

static void set_disconnected(struct debug_session *s, const struct rsp_request *req)
{
	s->trace.disconnected = req->u.trace.flag;
	rsp_reply_ok(s->engine);
}

static void set_notes(struct debug_session *s, const struct rsp_request *req)
{
	char *const to[3] = { s->trace.user, s->trace.notes, s->trace.stop_notes };

	for (unsigned i = 0; i < 3; i++)
		if (req->u.trace.notes[i])
			put_note(to[i], req->u.trace.notes[i]);
	rsp_reply_ok(s->engine);
}

/* Points that are off cost nothing: they are taken out. */
static void enable(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_trace_point *p = debug_trace_find(&s->trace, req->u.trace.number, req->u.trace.addr);
	struct error err;
	int rc = 0;

	if (!p) {
		rc = error_set(&err, ENOENT, "there is no tracepoint %" PRIu32, req->u.trace.number);
	} else {
		p->enabled = req->u.trace.op == RSP_TRACE_ENABLE;
		if (s->trace.running) {
			unplant(s);
			rc = plant(s, &err);
		}
	}
	debug_reply_result(s, rc, &err);
}

/* There are no fast tracepoints: any length will do for none of them. */
static void min_fast(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_number(s->engine, 0);
}

static debug_handler *const handlers[] = {
	[RSP_TRACE_INIT] = init_run,
	[RSP_TRACE_POINT] = debug_trace_define,
	[RSP_TRACE_ACTIONS] = debug_trace_actions,
	[RSP_TRACE_SOURCE] = debug_trace_source,
	[RSP_TRACE_VARIABLE] = debug_trace_variable,
	[RSP_TRACE_VALUE] = debug_trace_value,
	[RSP_TRACE_ENABLE] = enable,
	[RSP_TRACE_DISABLE] = enable,
	[RSP_TRACE_START] = start,
	[RSP_TRACE_STOP] = stop,
	[RSP_TRACE_STATUS] = debug_trace_status,
	[RSP_TRACE_FRAME] = debug_trace_select,
	[RSP_TRACE_FIRST_POINT] = debug_trace_first_point,
	[RSP_TRACE_NEXT_POINT] = debug_trace_next_point,
	[RSP_TRACE_FIRST_VAR] = debug_trace_first_var,
	[RSP_TRACE_NEXT_VAR] = debug_trace_next_var,
	[RSP_TRACE_HITS] = debug_trace_hits,
	[RSP_TRACE_BUFFER] = debug_trace_buffer,
	[RSP_TRACE_CIRCULAR] = set_circular,
	[RSP_TRACE_SIZE] = set_size,
	[RSP_TRACE_DISCONNECTED] = set_disconnected,
	[RSP_TRACE_NOTES] = set_notes,
	[RSP_TRACE_READ_ONLY] = debug_trace_read_only,
	[RSP_TRACE_MIN_FAST] = min_fast,
};

void debug_trace_request(struct debug_session *s, const struct rsp_request *req)
{
	if ((unsigned)req->u.trace.op < sizeof(handlers) / sizeof(handlers[0]))
		handlers[req->u.trace.op](s, req);
	else
		rsp_reply_empty(s->engine);
}
