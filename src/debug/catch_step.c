/* What stepping tells: each instruction is looked at before it is executed, and its effects behind it. */
#include "debug/catch.h"

#include "debug/catch_internal.h"
#include "x86/cpumode.h"
#include "x86/insn.h"
#include <string.h>

static uint64_t msr_value(const struct x86_state *st)
{
	return (uint32_t)st->gpr[X86_RAX] | st->gpr[X86_RDX] << 32;
}

static uint64_t cut(uint64_t value, unsigned len)
{
	return len >= 8 ? value : value & ((1ull << len * 8) - 1);
}

static void see_port(const struct x86_insn *in, const struct x86_state *st, struct debug_caught *a)
{
	a->kind = DEBUG_CATCH_IO;
	a->write = in->kind == X86_INSN_OUT;
	a->len = !in->wide ? 1 : in->opsize == 2 ? 2 : 4;
	a->at = in->has_imm ? in->vector : (uint16_t)st->gpr[X86_RDX];
	a->value = cut(st->gpr[X86_RAX], a->len);
}

/* What the instruction is, in the terms of a catch. */
static void classify(const struct x86_insn *in, const struct x86_state *st, struct debug_catch_coming *c)
{
	struct debug_caught *a = &c->caught;

	a->count = 1;
	switch (in->kind) {
	case X86_INSN_MOV_TO_CR:
		a->kind = in->reg == 3 ? DEBUG_CATCH_CR3 : DEBUG_CATCH_NONE;
		c->old = st->cr3;
		break;
	case X86_INSN_HLT:
		a->kind = DEBUG_CATCH_HLT;
		break;
	case X86_INSN_VMCALL:
		a->kind = DEBUG_CATCH_HYPERCALL;
		c->old = st->gpr[X86_RAX];
		break;
	case X86_INSN_RDMSR:
	case X86_INSN_WRMSR:
		a->kind = DEBUG_CATCH_MSR;
		a->write = in->kind == X86_INSN_WRMSR;
		a->at = (uint32_t)st->gpr[X86_RCX];
		a->value = msr_value(st);
		break;
	case X86_INSN_IN:
	case X86_INSN_OUT:
		see_port(in, st, a);
		break;
	default:
		break;
	}
}

/* Some catch that is kept by stepping is about it. */
static bool wanted(const struct debug_session *s, const struct debug_caught *a)
{
	for (unsigned i = 0; i < s->catches.count; i++)
		if (s->catches.list[i].means == DEBUG_CATCH_BY_STEP &&
		    debug_catch_matches(s, &s->catches.list[i], a))
			return true;
	return false;
}

static void look(struct debug_session *s, unsigned vcpu)
{
	const struct x86_state *st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	struct debug_catch_coming *c = &s->catches.coming[vcpu];
	uint8_t bytes[X86_INSN_MAX];
	struct debug_view view;
	struct x86_insn insn;
	int64_t len;

	if (!st)
		return;
	memset(c, 0, sizeof(*c));
	c->pc = x86_linear_pc(st);
	debug_view_init(&view, s->cfg.mem, &s->points.int3, st, s->cfg.layout);
	len = debug_view_read(&view, c->pc, bytes, sizeof(bytes), NULL);
	if (len <= 0)
		return;
	x86_insn_decode(bytes, (size_t)len, x86_mode_of(st), &insn);
	c->next = c->pc + insn.length;
	classify(&insn, st, c);
	if (!wanted(s, &c->caught))
		c->caught.kind = DEBUG_CATCH_NONE;
}

void debug_catch_look(struct debug_session *s)
{
	for (unsigned i = 0; s->catches.steps > 0 && i < s->vcpu_count; i++)
		if (s->plan[i].move == DEBUG_STEP)
			look(s, i);
}

bool debug_catch_stepped(struct debug_session *s, const struct debug_event *ev)
{
	if (s->catches.steps > 0)
		look(s, ev->vcpu);
	s->catches.found |= debug_catch_gate_appeared(s, ev->vcpu);
	return s->catches.found;
}

/* One that faulted or was interrupted has not been executed: the vcpu is elsewhere. */
bool debug_catch_came(struct debug_session *s, const struct debug_event *ev, struct debug_catch_scene *scene)
{
	struct debug_catch_coming *c = &s->catches.coming[ev->vcpu];
	const struct x86_state *st = debug_get(s, ev->vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);

	if (c->caught.kind == DEBUG_CATCH_NONE || ev->pc != c->next || !st)
		return false;
	scene->caught = c->caught;
	scene->old = c->old;
	if (c->caught.kind == DEBUG_CATCH_CR3)
		scene->caught.value = st->cr3;
	else if (c->caught.kind == DEBUG_CATCH_MSR && !c->caught.write)
		scene->caught.value = msr_value(st);
	else if (c->caught.kind == DEBUG_CATCH_IO && !c->caught.write)
		scene->caught.value = cut(st->gpr[X86_RAX], c->caught.len);
	c->caught.kind = DEBUG_CATCH_NONE;
	return true;
}
