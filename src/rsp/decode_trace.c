/*
 * Packets about tracepoints (GDB manual, "Tracepoint Packets"). One decoder for all: what stands behind the
 * name goes by the table at the end.
 */
#include "rsp/decode.h"

#include "rsp/engine.h"
#include <string.h>

typedef bool parse_fn(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t);

/* ---- pieces ---- */

static bool parse_nothing(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	(void)e;
	(void)c;
	(void)t;
	return true;
}

/* "N:ADDR" */
static bool parse_point_name(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	(void)e;
	return rsp_cursor_hex32(c, &t->number) && rsp_cursor_char(c, ':') && rsp_cursor_hex(c, &t->addr);
}

static bool parse_number(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	(void)e;
	return rsp_cursor_hex32(c, &t->number);
}

static bool parse_flag(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	uint32_t value;

	(void)e;
	if (!rsp_cursor_hex32(c, &value) || value > 1)
		return false;
	t->flag = value != 0;
	return true;
}

/* Hex digits up to ';' or the end. */
static bool take_hex(struct rsp_cursor *c, struct rsp_code *ret)
{
	uint8_t *stop = memchr(c->at, ';', rsp_cursor_left(c));
	struct rsp_cursor word = {c->at, stop ? stop : c->end};
	uint8_t *bytes;

	if (!rsp_cursor_hex_bytes(&word, &bytes, &ret->len))
		return false;
	ret->bytes = ret->len > 0 ? bytes : (const uint8_t *)"";
	c->at = stop ? stop : c->end;
	return true;
}

/* ---- definitions ---- */

/* What may stand behind the pass count: ":FLEN" ":S" ":XLEN,BYTES", in any order. */
static bool take_option(struct rsp_cursor *c, struct rsp_trace *t)
{
	uint64_t len;

	if (rsp_cursor_char(c, 'F')) {
		t->refused = "fast";
		return rsp_cursor_hex(c, &len);
	}
	if (rsp_cursor_char(c, 'S')) {
		t->refused = "static";
		return true;
	}
	return t->bytes.len == 0 && rsp_decode_take_code(c, &t->bytes);
}

static bool take_definition(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	t->op = RSP_TRACE_POINT;
	if (!parse_point_name(e, c, t) || !rsp_cursor_char(c, ':'))
		return false;
	t->flag = rsp_cursor_char(c, 'E');
	if (!t->flag && !rsp_cursor_char(c, 'D'))
		return false;
	if (!rsp_cursor_char(c, ':') || !rsp_cursor_hex(c, &t->step) || !rsp_cursor_char(c, ':') ||
	    !rsp_cursor_hex(c, &t->pass))
		return false;
	while (rsp_cursor_char(c, ':'))
		if (!take_option(c, t))
			return false;
	rsp_cursor_char(c, '-'); /* actions follow: every point may get them */
	return true;
}

/* "M BASE,OFFSET,LEN"; no base is -1, by GDB's printf of an int: FFFFFFFF. */
static bool take_memory(struct rsp_cursor *c, struct rsp_trace_action *a)
{
	uint64_t base = UINT64_MAX;

	if (!rsp_cursor_text(c, "-1") && !rsp_cursor_hex(c, &base))
		return false;
	if (base > INT32_MAX && base != UINT32_MAX && base != UINT64_MAX)
		return false;
	a->kind = RSP_COLLECT_MEMORY;
	a->base = base > INT32_MAX ? -1 : (int32_t)base;
	return rsp_cursor_char(c, ',') && rsp_cursor_hex(c, &a->offset) && rsp_cursor_char(c, ',') &&
	       rsp_cursor_hex(c, &a->len);
}

static bool is_hex(uint8_t b)
{
	return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F');
}

/* A mask of registers, of any length; an odd digit in front counts for a byte of its own. */
static bool take_mask(struct rsp_cursor *c, struct rsp_trace_action *a)
{
	struct rsp_cursor digits = {c->at, c->at};
	uint8_t *bytes;

	while (digits.end < c->end && is_hex(*digits.end))
		digits.end++;
	c->at = digits.end;
	a->kind = RSP_COLLECT_REGS;
	if (rsp_cursor_left(&digits) % 2 != 0) /* over the 'R' */
		*--digits.at = '0';
	/* The NUL behind the bytes falls among the digits: what follows stays. */
	if (digits.at == digits.end || !rsp_cursor_hex_bytes(&digits, &bytes, &a->data.len))
		return false;
	a->data.bytes = bytes;
	return true;
}

static bool take_action(struct rsp_cursor *c, struct rsp_trace_action *a)
{
	if (c->at < c->end && *c->at == 'X') {
		a->kind = RSP_COLLECT_CODE;
		return rsp_decode_take_code(c, &a->data);
	}
	return rsp_cursor_char(c, 'M') ? take_memory(c, a) : rsp_cursor_char(c, 'R') && take_mask(c, a);
}

/* "-N:ADDR:ACTIONS": an S stands before those that are for the steps. */
static bool take_actions(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	bool stepping = false;

	t->op = RSP_TRACE_ACTIONS;
	if (!parse_point_name(e, c, t) || !rsp_cursor_char(c, ':'))
		return false;
	t->actions = e->trace_actions;
	while (c->at < c->end && *c->at != '-') {
		struct rsp_trace_action *a = &e->trace_actions[t->action_count];

		stepping |= rsp_cursor_char(c, 'S');
		if (rsp_cursor_char(c, 'L')) {
			t->refused = "static";
			continue;
		}
		if (t->action_count == RSP_MAX_TRACE_ACTIONS)
			return false;
		*a = (struct rsp_trace_action){.base = -1, .stepping = stepping};
		if (!take_action(c, a))
			return false;
		t->action_count++;
	}
	rsp_cursor_char(c, '-');
	return true;
}

static bool parse_define(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	return rsp_cursor_char(c, '-') ? take_actions(e, c, t) : take_definition(e, c, t);
}

/* "N:ADDR:TYPE:START:LEN:HEX" */
static bool parse_source(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	char *type;

	if (!parse_point_name(e, c, t) || !rsp_cursor_char(c, ':') || !rsp_cursor_string(c, ':', &type) ||
	    !rsp_cursor_hex(c, &t->first) || !rsp_cursor_char(c, ':') || !rsp_cursor_hex(c, &t->last) ||
	    !rsp_cursor_char(c, ':'))
		return false;
	t->type = type;
	return take_hex(c, &t->bytes);
}

/* "N:VALUE:BUILTIN:NAME" */
static bool parse_variable(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	return parse_number(e, c, t) && rsp_cursor_char(c, ':') && rsp_cursor_hex(c, &t->first) &&
	       rsp_cursor_char(c, ':') && parse_flag(e, c, t) && rsp_cursor_char(c, ':') &&
	       take_hex(c, &t->bytes);
}

/* ---- frames, buffer, notes ---- */

static bool parse_frame(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	(void)e;
	if (rsp_cursor_text(c, "pc:"))
		t->find = RSP_FIND_PC;
	else if (rsp_cursor_text(c, "tdp:"))
		t->find = RSP_FIND_POINT;
	else if (rsp_cursor_text(c, "range:"))
		t->find = RSP_FIND_RANGE;
	else if (rsp_cursor_text(c, "outside:"))
		t->find = RSP_FIND_OUTSIDE;
	if (t->find == RSP_FIND_NUMBER && rsp_cursor_text(c, "-1"))
		t->first = UINT32_MAX;
	else if (!rsp_cursor_hex(c, &t->first))
		return false;
	if (t->find < RSP_FIND_RANGE)
		return true;
	return rsp_cursor_char(c, ':') && rsp_cursor_hex(c, &t->last);
}

static bool parse_window(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	(void)e;
	return rsp_cursor_range(c, &t->first, &t->last);
}

/* "circular:0|1" or "size:N"; -1 is no wish. */
static bool parse_buffer(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	if (rsp_cursor_text(c, "circular:"))
		return parse_flag(e, c, t);
	t->op = RSP_TRACE_SIZE;
	t->first = UINT64_MAX;
	return rsp_cursor_text(c, "size:") && (rsp_cursor_text(c, "-1") || rsp_cursor_hex(c, &t->first));
}

static bool parse_notes(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	static const char *const names[3] = {"user:", "notes:", "tstop:"};
	struct rsp_code text;

	(void)e;
	while (c->at < c->end) {
		unsigned i = 0;

		while (i < 3 && !rsp_cursor_text(c, names[i]))
			i++;
		if (i == 3 || !take_hex(c, &text))
			return false;
		t->notes[i] = (const char *)text.bytes;
		rsp_cursor_char(c, ';');
	}
	return true;
}

/* ":START,END:START,END..."; none at all: nothing is read-only. */
static bool parse_read_only(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_trace *t)
{
	t->ranges = e->ranges;
	while (c->at < c->end) {
		struct rsp_range *r = &e->ranges[t->range_count];
		uint64_t end;

		if (t->range_count == RSP_MAX_RANGES || !rsp_cursor_range(c, &r->addr, &end) || end < r->addr)
			return false;
		r->len = end - r->addr;
		t->range_count++;
		if (c->at < c->end && !rsp_cursor_char(c, ':'))
			return false;
	}
	return true;
}

static const struct { const char *name; enum rsp_trace_op op; char colon; parse_fn *parse; } forms[] = {
	{"QTBuffer", RSP_TRACE_CIRCULAR, ':', parse_buffer},
	{"QTDP", RSP_TRACE_POINT, ':', parse_define},
	{"QTDPsrc", RSP_TRACE_SOURCE, ':', parse_source},
	{"QTDV", RSP_TRACE_VARIABLE, ':', parse_variable},
	{"QTDisable", RSP_TRACE_DISABLE, ':', parse_point_name},
	{"QTDisconnected", RSP_TRACE_DISCONNECTED, ':', parse_flag},
	{"QTEnable", RSP_TRACE_ENABLE, ':', parse_point_name},
	{"QTFrame", RSP_TRACE_FRAME, ':', parse_frame},
	{"QTNotes", RSP_TRACE_NOTES, ':', parse_notes},
	{"QTStart", RSP_TRACE_START, 0, parse_nothing},
	{"QTStop", RSP_TRACE_STOP, 0, parse_nothing},
	{"QTinit", RSP_TRACE_INIT, 0, parse_nothing},
	{"QTro", RSP_TRACE_READ_ONLY, '?', parse_read_only},
	{"qTBuffer", RSP_TRACE_BUFFER, ':', parse_window},
	{"qTMinFTPILen", RSP_TRACE_MIN_FAST, 0, parse_nothing},
	{"qTP", RSP_TRACE_HITS, ':', parse_point_name},
	{"qTStatus", RSP_TRACE_STATUS, 0, parse_nothing},
	{"qTV", RSP_TRACE_VALUE, ':', parse_number},
	{"qTfP", RSP_TRACE_FIRST_POINT, 0, parse_nothing},
	{"qTfV", RSP_TRACE_FIRST_VAR, 0, parse_nothing},
	{"qTsP", RSP_TRACE_NEXT_POINT, 0, parse_nothing},
	{"qTsV", RSP_TRACE_NEXT_VAR, 0, parse_nothing},
};

enum rsp_decoded rsp_decode_trace(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	size_t len = (size_t)(c->at - e->frame.buf), i = 0;
	struct rsp_trace *t = &req->u.trace;
	bool colon = rsp_cursor_char(c, ':');

	while (i < sizeof(forms) / sizeof(forms[0]) &&
	       (strlen(forms[i].name) != len || memcmp(forms[i].name, e->frame.buf, len) != 0))
		i++;
	if (i == sizeof(forms) / sizeof(forms[0]))
		return RSP_MALFORMED;
	t->op = forms[i].op;
	if ((forms[i].colon == ':' && !colon) || !forms[i].parse(e, c, t) || c->at != c->end)
		return RSP_MALFORMED;
	return RSP_DECODED;
}
