/* Tracepoints: definitions, checked once and kept until QTinit. */
#include "debug/trace_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct debug_trace_point *debug_trace_find(struct debug_trace *t, uint32_t number, uint64_t addr)
{
	for (unsigned i = 0; i < t->points; i++)
		if (t->point[i].number == number && t->point[i].addr == addr)
			return &t->point[i];
	return NULL;
}

/* The item is complete but for its bytes. */
static int add_item(struct debug_trace *t, const struct debug_trace_item *item, const struct rsp_code *bytes,
                    struct error *err)
{
	struct debug_trace_item *to = &t->item[t->items];

	if (t->items == DEBUG_TRACE_ITEMS || bytes->len > DEBUG_TRACE_STORE - t->stored)
		return error_set(err, ENOSPC, "too much is said of tracepoints (%d items, %d bytes)",
		                 DEBUG_TRACE_ITEMS, DEBUG_TRACE_STORE);
	*to = *item;
	to->at = t->stored;
	to->size = (uint32_t)bytes->len;
	if (bytes->len > 0)
		memcpy(t->store + t->stored, bytes->bytes, bytes->len);
	t->stored += to->size;
	t->items++;
	return 0;
}

static int check_point(const struct debug_session *s, const struct rsp_trace *r, struct error *err)
{
	struct debug_agent a;
	int rc;

	if (s->trace.running)
		return error_set(err, EBUSY, "a trace run is going on");
	if (r->refused)
		return error_set(err, ENOTSUP, "%s tracepoints are not supported: guest code is not patched",
		                 r->refused);
	if (r->number == 0 || r->number > UINT16_MAX)
		return error_set(err, EINVAL, "tracepoints are numbered from 1 to %d", UINT16_MAX);
	if (r->step > DEBUG_TRACE_STEPS)
		return error_set(err, EINVAL, "while-stepping goes up to %d steps", DEBUG_TRACE_STEPS);
	if (s->trace.points == DEBUG_TRACE_POINTS)
		return error_set(err, ENOSPC, "too many tracepoints (at most %d)", DEBUG_TRACE_POINTS);
	if (r->bytes.len == 0)
		return 0;
	rc = debug_agent_check(r->bytes.bytes, r->bytes.len, &a, err);
	if (rc == 0 && !a.has_value)
		rc = error_set(err, EINVAL, "a condition without a value");
	return rc;
}

static int define(struct debug_session *s, const struct rsp_trace *r, struct error *err)
{
	struct debug_trace_item item = { .what = DEBUG_TRACE_CONDITION };
	struct debug_trace *t = &s->trace;
	int rc = check_point(s, r, err);

	if (rc == 0 && debug_trace_find(t, r->number, r->addr))
		rc = error_set(err, EEXIST, "tracepoint %" PRIu32 " is there already", r->number);
	item.point = (uint16_t)t->points;
	if (rc == 0 && r->bytes.len > 0)
		rc = add_item(t, &item, &r->bytes, err);
	if (rc < 0)
		return rc;
	t->point[t->points++] = (struct debug_trace_point){
		.number = r->number, .addr = r->addr, .enabled = r->flag, .step = r->step, .pass = r->pass,
		.conditional = r->bytes.len > 0,
	};
	return 0;
}

void debug_trace_define(struct debug_session *s, const struct rsp_request *req)
{
	struct error err;
	int rc = define(s, &req->u.trace, &err);

	debug_reply_result(s, rc, &err);
}

static int check_action(const struct debug_session *s, const struct rsp_trace_action *a, struct error *err)
{
	struct debug_agent agent;

	if (a->kind == RSP_COLLECT_CODE)
		return debug_agent_check(a->data.bytes, a->data.len, &agent, err);
	if (a->kind == RSP_COLLECT_MEMORY && a->base >= 0 && (unsigned)a->base >= s->regs.count)
		return error_set(err, EINVAL, "there is no register %" PRId32, a->base);
	if (a->kind == RSP_COLLECT_MEMORY && a->len > DEBUG_TRACE_FRAME_MAX / 2)
		return error_set(err, EINVAL, "%" PRIu64 " bytes are too many for one action (at most %d)",
		                 a->len, DEBUG_TRACE_FRAME_MAX / 2);
	return 0;
}

/*
 * GDB puts S in front of the first action for the steps only, and sends one action a packet: it holds for all
 * that follow (GDB's remote.c and gdbserver agree on that).
 */
static bool steps_began(const struct debug_trace *t, unsigned point)
{
	for (unsigned i = 0; i < t->items; i++)
		if (t->item[i].point == point && t->item[i].stepping)
			return true;
	return false;
}

static int add_actions(struct debug_session *s, const struct rsp_trace *r, struct error *err)
{
	static const uint8_t what[] = { DEBUG_TRACE_REGS, DEBUG_TRACE_MEMORY, DEBUG_TRACE_CODE };
	struct debug_trace *t = &s->trace;
	struct debug_trace_point *p = debug_trace_find(t, r->number, r->addr);
	int rc = 0;

	if (t->running)
		return error_set(err, EBUSY, "a trace run is going on");
	if (r->refused)
		return error_set(err, ENOTSUP, "there are no %s tracepoints", r->refused);
	if (!p)
		return error_set(err, ENOENT, "there is no tracepoint %" PRIu32, r->number);
	for (size_t i = 0; i < r->action_count && rc == 0; i++)
		rc = check_action(s, &r->actions[i], err);
	for (size_t i = 0; i < r->action_count && rc == 0; i++) {
		const struct rsp_trace_action *a = &r->actions[i];
		struct debug_trace_item item = { .what = what[a->kind], .point = (uint16_t)(p - t->point),
		                                 .base = a->base, .offset = a->offset, .len = a->len };

		item.stepping = a->stepping || steps_began(t, item.point);
		rc = add_item(t, &item, &a->data, err);
	}
	return rc;
}

void debug_trace_actions(struct debug_session *s, const struct rsp_request *req)
{
	struct error err;
	int rc = add_actions(s, &req->u.trace, &err);

	debug_reply_result(s, rc, &err);
}

/* The text of a definition, for the client that uploads it later. */
void debug_trace_source(struct debug_session *s, const struct rsp_request *req)
{
	const struct rsp_trace *r = &req->u.trace;
	struct debug_trace_point *p = debug_trace_find(&s->trace, r->number, r->addr);
	struct debug_trace_item item = { .what = DEBUG_TRACE_SOURCE, .offset = r->first, .len = r->last };
	struct error err;
	int rc;

	if (!p) {
		rc = error_set(&err, ENOENT, "there is no tracepoint %" PRIu32, r->number);
	} else if (strlen(r->type) >= sizeof(item.type) ||
	           strspn(r->type, "abcdefghijklmnopqrstuvwxyz_") != strlen(r->type)) {
		rc = error_set(&err, EINVAL, "no such kind of source text");
	} else {
		memcpy(item.type, r->type, strlen(r->type));
		item.point = (uint16_t)(p - s->trace.point);
		rc = add_item(&s->trace, &item, &r->bytes, &err);
	}
	debug_reply_result(s, rc, &err);
}

static int define_variable(struct debug_session *s, const struct rsp_trace *r, struct error *err)
{
	struct debug_trace *t = &s->trace;
	struct debug_trace_variable *v;
	unsigned i = 0;

	while (i < t->variables && t->variable[i].number != r->number)
		i++;
	if (r->number > UINT16_MAX || r->bytes.len >= sizeof(v->name))
		return error_set(err, EINVAL, "a variable's number or name is too long");
	if (i == DEBUG_AGENT_VARS ||
	    debug_agent_var_set(&s->vars, (uint16_t)r->number, (int64_t)r->first) < 0)
		return error_set(err, ENOSPC, "too many variables (at most %d)", DEBUG_AGENT_VARS);
	v = &t->variable[i];
	*v = (struct debug_trace_variable){ .number = (uint16_t)r->number, .builtin = r->flag,
	                                    .initial = (int64_t)r->first };
	memcpy(v->name, r->bytes.bytes, r->bytes.len);
	t->variables += i == t->variables;
	return 0;
}

void debug_trace_variable(struct debug_session *s, const struct rsp_request *req)
{
	struct error err;
	int rc = define_variable(s, &req->u.trace, &err);

	debug_reply_result(s, rc, &err);
}

void debug_trace_read_only(struct debug_session *s, const struct rsp_request *req)
{
	const struct rsp_trace *r = &req->u.trace;

	s->trace.ranges = (unsigned)r->range_count;
	for (unsigned i = 0; i < s->trace.ranges; i++)
		s->trace.range[i] = r->ranges[i];
	rsp_reply_ok(s->engine);
}
