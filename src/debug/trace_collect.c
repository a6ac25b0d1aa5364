/* Tracepoints: what happens at a hit. A frame is put together in `stage`, then kept. */
#include "debug/trace_internal.h"

#include "base/bytes.h"
#include "debug/eval.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define HEADER 6u            /* number, size */
#define PIECE 0xfff0u        /* of memory in one block: its length has 16 bits */
#define STRING_MAX 65536u

/* ---- blocks ---- */

/* Room for that many bytes more; NULL with text. */
static uint8_t *reserve(struct debug_trace *t, size_t len, struct error *err)
{
	uint8_t *to = t->stage + t->stage_len;

	if (len > sizeof(t->stage) - t->stage_len) {
		error_set(err, EFBIG, "more than %d bytes for one frame", DEBUG_TRACE_FRAME_MAX);
		return NULL;
	}
	t->stage_len += (uint32_t)len;
	return to;
}

static int put_regs(struct debug_session *s, unsigned vcpu, struct error *err)
{
	const struct x86_state *st = debug_get(s, vcpu, s->regs.g_groups);
	uint8_t *to = reserve(&s->trace, 1 + s->trace.regs_size, err);
	bool map[X86_REGS_MAX_BYTES];

	if (!to)
		return -EFBIG;
	if (s->trace.regs_size != s->regs.g_size)
		return error_set(err, EINVAL, "the registers are described in another way since tstart");
	if (!st)
		return error_set(err, EIO, "registers cannot be read");
	*to = 'R';
	x86_regs_get_all(&s->regs, s->cfg.layout, st, to + 1, map);
	return 0;
}

/* As much of the range as can be read: the rest is not collected. */
static int put_memory(struct debug_eval *e, uint64_t addr, uint64_t len, struct error *err)
{
	struct debug_trace *t = &e->s->trace;

	while (len > 0) {
		size_t piece = len < PIECE ? (size_t)len : PIECE;
		uint8_t *to = reserve(t, 11 + piece, err);
		size_t n;

		if (!to)
			return -EFBIG;
		n = debug_eval_mem_part(e, addr, to + 11, piece);
		t->stage_len -= (uint32_t)(n > 0 ? piece - n : piece + 11);
		*to = 'M';
		bytes_put_le64(to + 1, addr);
		bytes_put_le16(to + 9, (uint16_t)n);
		if (n < piece)
			break;
		addr += n;
		len -= n;
	}
	return 0;
}

/* Up to the NUL, or the limit; 0 is none. */
static int put_string(struct debug_eval *e, uint64_t addr, uint64_t limit, struct error *err)
{
	char part[64];
	uint64_t len = 0;
	size_t n;

	if (limit == 0 || limit > STRING_MAX)
		limit = STRING_MAX;
	do {
		size_t want = limit - len < sizeof(part) ? (size_t)(limit - len) : sizeof(part);
		const char *end;

		n = debug_eval_mem_part(e, addr + len, part, want);
		end = memchr(part, 0, n);
		len += end ? (size_t)(end - part) + 1 : n;
		if (end || n < want)
			break;
	} while (len < limit);
	return put_memory(e, addr, len, err);
}

static int put_variable(struct debug_session *s, uint16_t number, struct error *err)
{
	uint8_t *to = reserve(&s->trace, 13, err);

	if (!to)
		return -EFBIG;
	*to = 'V';
	bytes_put_le32(to + 1, number);
	bytes_put_le64(to + 5, (uint64_t)debug_agent_var_get(&s->vars, number));
	return 0;
}

static int record(void *ctx, enum debug_agent_record what, uint64_t at, uint64_t len, struct error *err)
{
	struct debug_eval *e = ctx;

	switch (what) {
	case DEBUG_AGENT_MEMORY:
		return put_memory(e, at, len < DEBUG_TRACE_FRAME_MAX ? len : DEBUG_TRACE_FRAME_MAX, err);
	case DEBUG_AGENT_STRING:
		return put_string(e, at, len, err);
	default:
		return put_variable(e->s, (uint16_t)at, err);
	}
}

/* ---- items ---- */

static int evaluate(struct debug_eval *e, const struct debug_trace_item *item, uint64_t *value,
                    struct error *err)
{
	struct debug_agent a;
	struct debug_agent_io io = { .ctx = e, .read_reg = debug_eval_reg, .read_mem = debug_eval_mem,
	                             .record = record, .vars = &e->s->vars };
	int rc = debug_agent_check(e->s->trace.store + item->at, item->size, &a, err);

	return rc < 0 ? rc : debug_agent_eval(&a, &io, value, err);
}

static int carry_out(struct debug_eval *e, const struct debug_trace_item *item, struct error *err)
{
	uint64_t base = 0;
	int rc = 0;

	switch (item->what) {
	case DEBUG_TRACE_REGS:
		return put_regs(e->s, e->vcpu, err);
	case DEBUG_TRACE_CODE:
		return evaluate(e, item, NULL, err);
	case DEBUG_TRACE_MEMORY:
		if (item->base >= 0)
			rc = debug_eval_reg(e, (unsigned)item->base, &base, err);
		return rc < 0 ? rc : put_memory(e, base + item->offset, item->len, err);
	default:
		return 0;
	}
}

static void fail(struct debug_session *s, const struct debug_trace_point *p, const struct error *err)
{
	debug_trace_end(s, DEBUG_TRACE_ERROR, p->number, err->text);
}

bool debug_trace_holds(struct debug_session *s, unsigned point, unsigned vcpu)
{
	struct debug_trace *t = &s->trace;
	struct debug_eval e;

	debug_eval_init(&e, s, vcpu);
	for (unsigned i = 0; t->point[point].conditional && i < t->items; i++) {
		struct error err;
		uint64_t value = 0;

		if (t->item[i].point != point || t->item[i].what != DEBUG_TRACE_CONDITION)
			continue;
		if (evaluate(&e, &t->item[i], &value, &err) < 0)
			fail(s, &t->point[point], &err);
		return value != 0;
	}
	return true;
}

/* ---- a frame ---- */

static bool keep(struct debug_session *s, struct debug_trace_point *p, const struct debug_trace_frame *f)
{
	struct debug_trace *t = &s->trace;

	bytes_put_le16(t->stage, (uint16_t)p->number);
	bytes_put_le32(t->stage + 2, t->stage_len - HEADER);
	p->usage += t->stage_len;
	if (debug_trace_ring_add(&t->ring, f, t->stage, t->stage_len) == 0)
		return true;
	debug_trace_end(s, DEBUG_TRACE_FULL, 0, "");
	return false;
}

bool debug_trace_collect(struct debug_session *s, unsigned point, unsigned vcpu, uint64_t pc, bool step)
{
	struct debug_trace *t = &s->trace;
	struct debug_trace_point *p = &t->point[point];
	struct debug_trace_frame f = { .number = (uint16_t)p->number, .vcpu = (uint8_t)vcpu, .step = step,
	                               .pc = pc };
	struct debug_eval e;

	debug_eval_init(&e, s, vcpu);
	t->stage_len = HEADER;
	for (unsigned i = 0; i < t->items; i++) {
		struct error err;

		if (t->item[i].point != point || t->item[i].stepping != step ||
		    carry_out(&e, &t->item[i], &err) == 0)
			continue;
		fail(s, p, &err);
		return false;
	}
	return keep(s, p, &f);
}

static void hit_one(struct debug_session *s, unsigned point, unsigned vcpu, uint64_t addr)
{
	struct debug_trace_point *p = &s->trace.point[point];

	if (!debug_trace_holds(s, point, vcpu) || !s->trace.running)
		return;
	p->hits++;
	if (!debug_trace_collect(s, point, vcpu, addr, false))
		return;
	if (p->step > 0)
		s->vcpu[vcpu].trace = (struct debug_trace_stepping){ (uint16_t)point, (uint32_t)p->step };
	if (p->pass > 0 && p->hits >= p->pass)
		debug_trace_end(s, DEBUG_TRACE_PASSED, p->number, "");
}

void debug_trace_hit(struct debug_session *s, unsigned vcpu, uint64_t addr)
{
	for (unsigned i = 0; i < s->trace.points && s->trace.running; i++)
		if (s->trace.point[i].addr == addr && s->trace.point[i].enabled)
			hit_one(s, i, vcpu, addr);
}

bool debug_trace_stepped(struct debug_session *s, unsigned vcpu, uint64_t pc)
{
	struct debug_trace_stepping *st = &s->vcpu[vcpu].trace;

	if (st->left == 0)
		return false;
	st->left--;
	if (s->trace.running)
		debug_trace_collect(s, st->point, vcpu, pc, true);
	return st->left == 0;
}
