#include "debug/catch.h"

#include "debug/catch_internal.h"
#include "debug/catch_parse.h"
#include "debug/resume.h"
#include "debug/text.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- the list ---- */

static bool ports_of_hypercalls(const struct debug_session *s, const struct debug_caught *a)
{
	for (unsigned i = 0; i < s->cfg.hypercalls; i++)
		if (s->cfg.hypercall[i].kind == a->kind && a->at >= s->cfg.hypercall[i].first &&
		    a->at <= s->cfg.hypercall[i].last)
			return true;
	return false;
}

bool debug_catch_matches(const struct debug_session *s, const struct debug_catch *c,
                         const struct debug_caught *a)
{
	bool bytes = a->kind == DEBUG_CATCH_IO || a->kind == DEBUG_CATCH_MMIO;
	uint64_t last = bytes && a->len > 1 ? a->at + a->len - 1 : a->at;

	if (c->range.kind == DEBUG_CATCH_HYPERCALL && ports_of_hypercalls(s, a))
		return true;
	return c->range.kind == a->kind && a->at <= c->range.last && last >= c->range.first;
}

/* What the target is to come out for: by the list, and this one more (NULL: none). */
static int tell_target(struct debug_session *s, const struct debug_catch *more, struct error *err)
{
	static const struct debug_catch_range lstar = {
		DEBUG_CATCH_MSR, DEBUG_CATCH_LSTAR, DEBUG_CATCH_LSTAR
	};
	struct debug_catch_range range[DEBUG_MAX_CATCHES];
	unsigned n = 0;

	for (unsigned i = 0; i <= s->catches.count; i++) {
		const struct debug_catch *c = i < s->catches.count ? &s->catches.list[i] : more;

		if (!c || c->means != DEBUG_CATCH_BY_EXIT)
			continue;
		if (c->range.kind != DEBUG_CATCH_HYPERCALL && n < DEBUG_MAX_CATCHES)
			range[n++] = c->range;
		for (unsigned k = 0; c->range.kind == DEBUG_CATCH_HYPERCALL && k < s->cfg.hypercalls; k++)
			if (n < DEBUG_MAX_CATCHES)
				range[n++] = s->cfg.hypercall[k];
	}
	if (s->catches.syscalls.on && s->caps.msr_exit && n < DEBUG_MAX_CATCHES)
		range[n++] = lstar;
	if (!s->cfg.ops->catch)
		return n == 0 ? 0 : error_set(err, ENOTSUP, "this machine does not come out for it");
	return s->cfg.ops->catch(s->cfg.target, range, n, err);
}

int debug_catch_tell_target(struct debug_session *s, struct error *err)
{
	return tell_target(s, NULL, err);
}

/* ---- choosing the means ---- */

static int by_gate(struct debug_session *s, struct debug_catch *c, struct error *err)
{
	const char *why = s->cfg.read_only
	                          ? "no debug registers here, and int3 bytes may not be written"
	                          : "neither int3 nor execute breakpoints come out of this KVM";

	if (!s->caps.step || (!s->caps.int3 && !s->caps.exec_dr))
		return error_set(err, ENOTSUP, "the guest's handlers cannot be watched: %s", why);
	c->means = DEBUG_CATCH_BY_GATE;
	return 0;
}

/* why: what an exit would have needed; NULL: nothing ever comes out for it. */
static int by_step(struct debug_session *s, struct debug_catch *c, const char *why, struct error *err)
{
	if (!s->caps.step)
		return error_set(err, ENOTSUP, "%s%ssingle-stepping does not work on this host's KVM",
		                 why ? why : "", why ? ", and " : "");
	c->means = DEBUG_CATCH_BY_STEP;
	return 0;
}

static int by_exit(struct debug_session *s, struct debug_catch *c, struct error *err)
{
	struct error why;
	int rc;

	c->means = DEBUG_CATCH_BY_EXIT;
	rc = tell_target(s, c, &why);
	if (rc == 0)
		return 0;
	/* The target's list is what it was. */
	if (rc == -ENOTSUP && c->range.kind != DEBUG_CATCH_MMIO)
		return by_step(s, c, why.text, err);
	return error_set(err, why.code, "%s", why.text);
}

static int choose(struct debug_session *s, struct debug_catch *c, struct error *err)
{
	switch (c->range.kind) {
	case DEBUG_CATCH_EXCEPTION:
	case DEBUG_CATCH_IRQ:
		return by_gate(s, c, err);
	case DEBUG_CATCH_IO:
	case DEBUG_CATCH_MMIO:
	case DEBUG_CATCH_MSR:
		return by_exit(s, c, err);
	case DEBUG_CATCH_HYPERCALL:
		return s->cfg.hypercalls > 0 ? by_exit(s, c, err) : by_step(s, c, NULL, err);
	case DEBUG_CATCH_SHUTDOWN:
		c->means = DEBUG_CATCH_BY_END;
		return 0;
	default:
		return by_step(s, c, NULL, err);
	}
}

static int take_condition(struct debug_session *s, struct debug_catch *c, const char *text, struct error *err)
{
	size_t len = 0;
	int rc;

	if (!text)
		return 0;
	if (strlen(text) >= sizeof(c->condition))
		return error_set(err, ENOSPC, "the condition is longer than %d bytes", DEBUG_CATCH_TEXT - 1);
	rc = debug_catch_compile(text, &s->regs, c->code, sizeof(c->code), &len, err);
	c->code_len = (uint16_t)len;
	memcpy(c->condition, text, strlen(text) + 1);
	return rc;
}

static void count_means(struct debug_catches *c)
{
	c->exits = c->gates = c->steps = 0;
	for (unsigned i = 0; i < c->count; i++) {
		c->exits += c->list[i].means == DEBUG_CATCH_BY_EXIT;
		c->gates += c->list[i].means == DEBUG_CATCH_BY_GATE;
		c->steps += c->list[i].means == DEBUG_CATCH_BY_STEP;
	}
	if (c->steps == 0)
		memset(c->coming, 0, sizeof(c->coming));
}

int debug_catch_add(struct debug_session *s, const char *line, const struct debug_catch **ret,
                    struct error *err)
{
	struct debug_catch c = { .number = s->catches.last_number + 1 };
	struct debug_catch_spec spec;
	int rc = debug_catch_parse(line, &spec, err);

	if (rc < 0)
		return rc;
	c.range = spec.range;
	rc = take_condition(s, &c, spec.condition, err);
	if (rc < 0)
		return rc;
	if (s->catches.count == DEBUG_MAX_CATCHES)
		return error_set(err, ENOSPC, "too many catches (at most %d)", DEBUG_MAX_CATCHES);
	rc = choose(s, &c, err);
	if (rc < 0)
		return rc;
	*ret = &s->catches.list[s->catches.count];
	s->catches.list[s->catches.count++] = c;
	s->catches.last_number = c.number;
	count_means(&s->catches);
	debug_catch_settle(s);
	return 0;
}

unsigned debug_catch_remove(struct debug_session *s, uint32_t number)
{
	struct debug_catches *c = &s->catches;
	unsigned kept = 0, had = c->count;

	for (unsigned i = 0; i < c->count; i++)
		if (number != 0 && c->list[i].number != number)
			c->list[kept++] = c->list[i];
	c->count = kept;
	if (kept == had)
		return 0;
	if (c->exits > 0)
		tell_target(s, NULL, NULL);
	count_means(c);
	debug_catch_settle(s);
	return had - kept;
}

void debug_catch_drop(struct debug_session *s)
{
	bool on = s->catches.syscalls.on;

	s->catches.syscalls.on = false;
	if (debug_catch_remove(s, 0) == 0 && on)
		tell_target(s, NULL, NULL);
	s->catches.waits = s->catches.found = false;
}

bool debug_catch_holds(const struct debug_session *s, const struct debug_report *r)
{
	for (unsigned i = 0; i < s->catches.count; i++)
		if (s->catches.list[i].number == r->caught_by)
			return true;
	return r->syscall && s->catches.syscalls.on;
}

/* ---- conditions ---- */

static int read_reg(void *ctx, unsigned number, uint64_t *ret, struct error *err)
{
	const struct debug_catch_scene *scene = ctx;
	const uint64_t named[] = { scene->caught.value, scene->caught.at, scene->error, scene->caught.at,
	                           scene->caught.write };

	if (number < DEBUG_CATCH_VALUE || number > DEBUG_CATCH_WRITE)
		return debug_eval_reg(ctx, number, ret, err);
	*ret = number == DEBUG_CATCH_ADDR && scene->fault ? scene->fault : named[number - DEBUG_CATCH_VALUE];
	return 0;
}

static bool holds(struct debug_catch_scene *scene, const struct debug_catch *c)
{
	struct debug_agent_io io = { .ctx = scene, .read_reg = read_reg, .read_mem = debug_eval_mem };
	struct debug_agent agent;
	uint64_t value;

	if (c->code_len == 0 || debug_agent_check(c->code, c->code_len, &agent, NULL) < 0)
		return true;
	return debug_agent_eval(&agent, &io, &value, NULL) < 0 || value != 0;
}

struct debug_catch *debug_catch_decide(struct debug_session *s, struct debug_catch_scene *scene)
{
	struct debug_catch *found = NULL;

	for (unsigned i = 0; i < s->catches.count; i++) {
		struct debug_catch *c = &s->catches.list[i];

		if (!debug_catch_matches(s, c, &scene->caught))
			continue;
		if (!holds(scene, c)) {
			c->misses++;
			continue;
		}
		c->hits++;
		found = found ? found : c;
	}
	return found;
}

/* ---- reports ---- */

static void describe_access(const struct debug_caught *a, struct debug_text *t)
{
	const char *what = a->kind == DEBUG_CATCH_IO    ? "port"
	                   : a->kind == DEBUG_CATCH_MSR ? "MSR"
	                                                : "address";

	if (a->write)
		debug_text_add(t, "0x%" PRIx64 " written to %s 0x%" PRIx64, a->value, what, a->at);
	else
		debug_text_add(t, "0x%" PRIx64 " read from %s 0x%" PRIx64, a->value, what, a->at);
	if (a->kind != DEBUG_CATCH_MSR)
		debug_text_add(t, ", %u byte%s", a->len, a->len == 1 ? "" : "s");
	if (a->count > 1)
		debug_text_add(t, ", the first of %" PRIu32, a->count);
}

static void describe_vector(const struct debug_catch_scene *c, struct debug_text *t)
{
	const char *name = debug_catch_vector_name(c->caught.at);

	debug_text_add(t, "%s %" PRIu64,
	               c->caught.kind == DEBUG_CATCH_IRQ ? "interrupt, vector" : "exception", c->caught.at);
	if (name[0])
		debug_text_add(t, " (%s)", name);
	if (c->framed && debug_catch_has_error(c->caught.at))
		debug_text_add(t, ", error code 0x%" PRIx64, c->error);
	if (c->caught.at == 14)
		debug_text_add(t, ", address 0x%" PRIx64, c->fault);
	if (c->framed)
		debug_text_add(t, ", at 0x%" PRIx64, c->pc);
}

void debug_catch_describe(const struct debug_catch_scene *c, const struct debug_event *ev, char *buf,
                          size_t size)
{
	struct debug_text t;

	debug_text_init(&t, buf, size);
	switch (c->caught.kind) {
	case DEBUG_CATCH_EXCEPTION:
	case DEBUG_CATCH_IRQ:
		describe_vector(c, &t);
		break;
	case DEBUG_CATCH_CR3:
		debug_text_add(&t, "cr3 0x%" PRIx64 " loaded, 0x%" PRIx64 " before", c->caught.value, c->old);
		break;
	case DEBUG_CATCH_HLT:
		debug_text_add(&t, "hlt");
		break;
	case DEBUG_CATCH_HYPERCALL:
		debug_text_add(&t, "hypercall, rax 0x%" PRIx64 " before", c->old);
		break;
	case DEBUG_CATCH_SHUTDOWN:
		if (ev->kind == DEBUG_EVENT_EXITED)
			debug_text_add(&t, "the guest ends itself with status %" PRIu32, ev->status);
		else
			debug_text_add(&t, "shutdown: %.150s", ev->text);
		break;
	default:
		describe_access(&c->caught, &t);
		break;
	}
}

static bool report(struct debug_session *s, const struct debug_event *ev, struct debug_catch_scene *scene,
                   struct debug_report *ret)
{
	const struct debug_catch *c = debug_catch_decide(s, scene);

	if (!c)
		return false;
	*ret = (struct debug_report){ .kind = DEBUG_REPORT_CATCH, .event = *ev, .caught_by = c->number };
	ret->gate = c->means == DEBUG_CATCH_BY_GATE;
	debug_catch_describe(scene, ev, ret->event.text, sizeof(ret->event.text));
	return true;
}

static bool report_syscall(struct debug_session *s, const struct debug_event *ev,
                           const struct debug_catch_scene *scene, struct debug_report *ret)
{
	if (!debug_catch_syscall_wanted(s, scene->caught.value))
		return false;
	*ret = (struct debug_report){ .kind = DEBUG_REPORT_CATCH, .event = *ev, .gate = true, .syscall = true,
	                              .addr = scene->caught.value };
	return true;
}

bool debug_catch_event(struct debug_session *s, const struct debug_event *ev, struct debug_report *ret)
{
	struct debug_catch_scene scene = { .caught = ev->caught };

	s->catches.found |= debug_catch_moved_entry(s, &ev->caught);
	if (s->catches.count == 0)
		return false;
	debug_eval_init(&scene.eval, s, ev->vcpu);
	if (scene.caught.kind == DEBUG_CATCH_NONE && (ev->kind == DEBUG_EVENT_SHUTDOWN ||
	                                              ev->kind == DEBUG_EVENT_EXITED))
		scene.caught.kind = DEBUG_CATCH_SHUTDOWN;
	if (scene.caught.kind != DEBUG_CATCH_NONE)
		return report(s, ev, &scene, ret);
	return ev->kind == DEBUG_EVENT_STEPPED && debug_catch_came(s, ev, &scene) &&
	       report(s, ev, &scene, ret);
}

bool debug_catch_at_gate(struct debug_session *s, const struct debug_event *ev, struct debug_report *ret)
{
	struct debug_catch_scene scene = { .caught = { .kind = DEBUG_CATCH_NONE } };

	if (s->catches.gates == 0 && !s->catches.syscalls.on)
		return false;
	debug_eval_init(&scene.eval, s, ev->vcpu);
	if (!debug_catch_entered(s, ev, &scene))
		return false;
	return scene.caught.kind == DEBUG_CATCH_SYSCALL ? report_syscall(s, ev, &scene, ret)
	                                                : report(s, ev, &scene, ret);
}
