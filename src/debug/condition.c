#include "debug/condition.h"

#include "debug/eval.h"
#include "debug/text.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- the store ---- */

void debug_programs_drop(struct debug_programs *p, uint32_t owner)
{
	unsigned kept = 0;
	size_t used = 0;

	for (unsigned i = 0; i < p->count; i++) {
		struct debug_program g = p->program[i];

		if (g.owner == owner)
			continue;
		memmove(p->bytes + used, p->bytes + g.at, g.agent.len);
		g.at = (uint32_t)used;
		used += g.agent.len;
		p->program[kept++] = g;
	}
	p->count = kept;
	p->used = used;
}

static void append(struct debug_programs *p, uint32_t owner, const struct rsp_code *code, bool command)
{
	struct debug_program *g = &p->program[p->count];

	if (debug_agent_check(code->bytes, code->len, &g->agent, NULL) < 0)
		return;
	g->owner = owner;
	g->command = command;
	g->at = (uint32_t)p->used;
	memcpy(p->bytes + p->used, code->bytes, code->len);
	p->used += code->len;
	p->count++;
}

static int check_codes(const struct rsp_code *code, size_t count, bool command, size_t *bytes,
                       struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct debug_agent a;
		int rc = debug_agent_check(code[i].bytes, code[i].len, &a, err);

		if (rc < 0)
			return rc;
		if (!command && !a.has_value)
			return error_set(err, EINVAL, "a condition without a value");
		*bytes += code[i].len;
	}
	return 0;
}

/* What the owner has now will be gone: it does not count. */
static int check_room(const struct debug_programs *p, uint32_t owner, size_t count, size_t bytes,
                      struct error *err)
{
	for (unsigned i = 0; i < p->count; i++) {
		count += p->program[i].owner != owner;
		bytes += p->program[i].owner != owner ? p->program[i].agent.len : 0;
	}
	if (count <= DEBUG_MAX_PROGRAMS && bytes <= DEBUG_PROGRAM_BYTES)
		return 0;
	return error_set(err, ENOSPC, "too many conditions and commands (at most %d, of %d bytes)",
	                 DEBUG_MAX_PROGRAMS, DEBUG_PROGRAM_BYTES);
}

int debug_programs_set(struct debug_programs *p, uint32_t owner, const struct debug_codes *codes,
                       struct error *err)
{
	size_t bytes = 0;
	int rc = check_codes(codes->condition, codes->conditions, false, &bytes, err);

	if (rc == 0)
		rc = check_codes(codes->command, codes->commands, true, &bytes, err);
	if (rc == 0)
		rc = check_room(p, owner, codes->conditions + codes->commands, bytes, err);
	if (rc < 0)
		return rc;
	debug_programs_drop(p, owner);
	for (size_t i = 0; i < codes->conditions; i++)
		append(p, owner, &codes->condition[i], false);
	for (size_t i = 0; i < codes->commands; i++)
		append(p, owner, &codes->command[i], true);
	return 0;
}

/* ---- what an evaluation sees ---- */

struct hit {
	struct debug_eval eval;  /* first: the context of its functions */
	struct debug_session *s;
	bool stops, any;
	bool counted, ignored;   /* the hit has been taken off what is to be ignored; it was one of those */
	size_t len;
	char text[DEBUG_AGENT_OUTPUT];
};

static void print(void *ctx, const char *text, size_t len)
{
	struct hit *h = ctx;

	len = len < sizeof(h->text) - h->len ? len : sizeof(h->text) - h->len;
	memcpy(h->text + h->len, text, len);
	h->len += len;
}

/* A client that does not keep up loses lines, not the guest its time: it is told how many. */
static void to_console(struct debug_session *s, const char *text, size_t len)
{
	char line[80];
	struct debug_text t;

	if (len == 0)
		return;
	if (!s->engine || s->detached) {
		if (s->cfg.print)
			s->cfg.print(s->cfg.ctx, text, len);
		return;
	}
	debug_text_init(&t, line, sizeof(line));
	debug_text_add(&t, "trapline: %u outputs of commands were lost\n", s->prints_lost);
	if (s->prints_lost > 0 && rsp_engine_console(s->engine, line, t.len))
		s->prints_lost = 0;
	if (!rsp_engine_console(s->engine, text, len))
		s->prints_lost++;
	s->printed = true;
}

static void complain(struct debug_session *s, const struct debug_point *pt, const char *what,
                     const struct error *err)
{
	char line[ERROR_TEXT_MAX + 100];
	struct debug_text t;

	debug_text_init(&t, line, sizeof(line));
	debug_text_add(&t, "trapline: %s of %s 0x%" PRIx64 ": %s\n", what, debug_point_name(pt->type),
	               pt->gva, err->text);
	to_console(s, line, t.len);
}

/* ---- a hit ---- */

static int eval(struct hit *h, const struct debug_program *g, uint64_t *ret, struct error *err)
{
	struct debug_agent a = g->agent;
	struct debug_agent_io io = { .ctx = h, .read_reg = debug_eval_reg, .read_mem = debug_eval_mem,
	                             .print = print, .vars = &h->s->vars };

	a.code = h->s->points.programs.bytes + g->at;
	return debug_agent_eval(&a, &io, ret, err);
}

static bool holds(struct hit *h, const struct debug_point *pt)
{
	const struct debug_programs *p = &h->s->points.programs;

	if (pt->conditions == 0)
		return true;
	for (unsigned i = 0; i < p->count; i++) {
		struct error err;
		uint64_t value;

		if (p->program[i].owner != pt->id || p->program[i].command)
			continue;
		if (eval(h, &p->program[i], &value, &err) < 0) {
			complain(h->s, pt, "condition", &err);
			return true;
		}
		if (value != 0)
			return true;
	}
	return false;
}

/* What was printed before something went wrong is shown as well. */
static void run_commands(struct hit *h, const struct debug_point *pt)
{
	const struct debug_programs *p = &h->s->points.programs;

	for (unsigned i = 0; i < p->count; i++) {
		struct error err;
		int rc;

		if (p->program[i].owner != pt->id || !p->program[i].command)
			continue;
		h->len = 0;
		rc = eval(h, &p->program[i], NULL, &err);
		to_console(h->s, h->text, h->len);
		if (rc < 0)
			complain(h->s, pt, "command", &err);
	}
}

static bool is_here(const struct debug_point *pt, uint64_t pc, const uint64_t *gpa)
{
	if (!pt->wished || pt->type > RSP_POINT_HW)
		return false;
	return pt->gva == pc || (gpa && pt->means == DEBUG_MEANS_INT3 && pt->gpa == *gpa);
}

/* A point with commands is not reported: GDB and gdbserver have it so (dprintf of style agent). */
static void judge(struct hit *h, struct debug_point *pt)
{
	bool kept = pt->use == DEBUG_USE_KEPT;

	if (!holds(h, pt)) {
		pt->misses++;
		return;
	}
	pt->hits++;
	if (!kept && !h->counted)
		h->ignored = debug_ignore_take(&h->s->ignores, pt->gva);
	h->counted |= !kept;
	if (!kept && h->ignored)
		return;
	if (pt->commands > 0)
		run_commands(h, pt);
	else
		h->stops = true;
}

bool debug_condition_stops(struct debug_session *s, const struct debug_event *ev, const uint64_t *gpa)
{
	struct hit h;

	debug_eval_init(&h.eval, s, ev->vcpu);
	h.s = s;
	h.len = 0;
	h.stops = h.any = h.counted = h.ignored = false;
	for (unsigned i = 0; i < s->points.count; i++) {
		struct debug_point *pt = &s->points.point[i];

		if (!is_here(pt, ev->pc, gpa))
			continue;
		h.any = true;
		if (pt->use == DEBUG_USE_CATCH)
			continue; /* catch.c decides */
		if (pt->use == DEBUG_USE_TRACE) {
			pt->hits++;
			debug_trace_hit(s, ev->vcpu, pt->gva);
		} else {
			judge(&h, pt);
		}
	}
	return h.stops || !h.any;
}
