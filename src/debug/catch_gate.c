/* Exceptions and interrupts, at the handlers that the guest's own IDTs name (SDM 3A 6.10, 6.12). */
#include "debug/catch.h"

#include "base/bytes.h"
#include "debug/catch_internal.h"
#include "debug/catch_parse.h"
#include "debug/resume.h"
#include "x86/cpumode.h"
#include "x86/gate.h"

/* The vcpu's own address space, whatever the client is looking at. */
static int read_own(void *ctx, uint64_t gva, void *buf, size_t len)
{
	return debug_view_read(ctx, gva, buf, len, NULL) == (int64_t)len ? 0 : -1;
}

/* 0 where there is no gate: a vector table of zeros is none. */
static uint64_t target_of(struct debug_session *s, unsigned vcpu, uint8_t vector)
{
	const struct x86_state *st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	struct debug_view view;
	struct x86_reader reader = { .read = read_own, .ctx = &view };
	struct x86_gate gate;

	if (!st)
		return 0;
	debug_view_init(&view, s->cfg.mem, &s->points.int3, st, s->cfg.layout);
	return x86_gate_find(st, vector, &reader, &gate) < 0 ? 0 : gate.target;
}

/* A vcpu that nobody has started executes nothing. */
static bool executes(struct debug_session *s, unsigned vcpu)
{
	return s->cfg.ops->vcpu_state(s->cfg.target, vcpu) != DEBUG_VCPU_WAIT_SIPI;
}

static bool has_gate(struct debug_session *s, const struct debug_catch *c, unsigned vcpu)
{
	for (uint64_t v = c->range.first; v <= c->range.last; v++)
		if (target_of(s, vcpu, (uint8_t)v) != 0)
			return true;
	return false;
}

static void place(struct debug_session *s, const struct debug_catch *c, unsigned vcpu)
{
	unsigned mapped = s->map_vcpu;

	s->map_vcpu = vcpu;
	for (uint64_t v = c->range.first; v <= c->range.last; v++) {
		uint64_t target = target_of(s, vcpu, (uint8_t)v);

		if (target != 0)
			debug_points_place(&s->points, DEBUG_USE_CATCH, target, NULL);
	}
	s->map_vcpu = mapped;
}

/* KVM tells when LSTAR is written, or it is looked for as a gate is. */
static void settle_syscalls(struct debug_session *s)
{
	unsigned mapped = s->map_vcpu;

	for (unsigned i = 0; s->catches.syscalls.on && i < s->vcpu_count; i++) {
		uint64_t target = executes(s, i) ? debug_catch_syscall_target(s, i) : 1;

		s->map_vcpu = i;
		if (target > 1)
			debug_points_place(&s->points, DEBUG_USE_CATCH, target, NULL);
		s->catches.waits |= target == 0 && !s->caps.msr_exit;
	}
	s->map_vcpu = mapped;
}

void debug_catch_settle(struct debug_session *s)
{
	struct debug_catches *list = &s->catches;

	debug_points_clear(&s->points, DEBUG_USE_CATCH);
	list->waits = list->found = false;
	for (unsigned i = 0; i < list->count; i++) {
		struct debug_catch *c = &list->list[i];

		c->waits = false;
		for (unsigned vcpu = 0; c->means == DEBUG_CATCH_BY_GATE && vcpu < s->vcpu_count; vcpu++) {
			if (!executes(s, vcpu))
				continue;
			c->waits |= !has_gate(s, c, vcpu);
			place(s, c, vcpu);
		}
		list->waits |= c->waits;
	}
	settle_syscalls(s);
}

bool debug_catch_gate_appeared(struct debug_session *s, unsigned vcpu)
{
	for (unsigned i = 0; s->catches.waits && i < s->catches.count; i++) {
		const struct debug_catch *c = &s->catches.list[i];

		if (c->waits && has_gate(s, c, vcpu))
			return true;
	}
	return s->catches.waits && !s->caps.msr_exit && debug_catch_syscall_target(s, vcpu) != 0;
}

/* What the CPU has pushed: error code where there is one, then the place (SDM 3A 6.12.1, 6.14.2). */
static void read_frame(struct debug_session *s, unsigned vcpu, struct debug_catch_scene *scene)
{
	const struct x86_state *st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	unsigned width, skip;
	uint8_t bytes[16];
	uint64_t stack;

	if (!st)
		return;
	width = st->efer & X86_EFER_LMA ? 8 : st->cr0 & X86_CR0_PE ? 4 : 2;
	stack = x86_mode_of(st) == X86_MODE_64 ? st->gpr[X86_RSP]
	                                       : st->seg[X86_SS].base + (uint32_t)st->gpr[X86_RSP];
	skip = width > 2 && debug_catch_has_error(scene->caught.at) ? width : 0;
	if (scene->caught.at == 14)
		scene->fault = st->cr2;
	if (debug_eval_mem(&scene->eval, stack, bytes, skip + width, NULL) < 0)
		return;
	scene->framed = true;
	scene->error = skip ? bytes_get_le32(bytes) : 0;
	scene->pc = bytes_get_le(bytes + skip, width);
}

bool debug_catch_entered(struct debug_session *s, const struct debug_event *ev,
                         struct debug_catch_scene *scene)
{
	const struct x86_state *st = debug_get(s, ev->vcpu, X86_GROUP_CORE);

	if (st && debug_catch_syscall_target(s, ev->vcpu) == ev->pc) {
		scene->caught = (struct debug_caught){ .kind = DEBUG_CATCH_SYSCALL, .count = 1,
		                                       .value = st->gpr[X86_RAX] };
		return true;
	}
	for (unsigned i = 0; i < s->catches.count; i++) {
		const struct debug_catch *c = &s->catches.list[i];

		if (c->means != DEBUG_CATCH_BY_GATE)
			continue;
		for (uint64_t v = c->range.first; v <= c->range.last; v++) {
			if (target_of(s, ev->vcpu, (uint8_t)v) != ev->pc)
				continue;
			scene->caught = (struct debug_caught){ .kind = c->range.kind, .at = v, .count = 1 };
			read_frame(s, ev->vcpu, scene);
			return true;
		}
	}
	return false;
}
