/*
 * Instructions that a KVM without hardware support gives up on though the vcpu has them by its CPUID:
 * completed here, where that is simple. SDM 2: XGETBV, XSETBV.
 */
#include "kvm/internal.h"
#include "x86/insn.h"

#include <string.h>

/* What would fault (SDM 2D, "XSETBV") is not ours: the report of the failure is then what the user needs. */
static bool xcr_is_there(const struct x86_state *st)
{
	return (st->cr4 & X86_CR4_OSXSAVE) && (uint32_t)st->gpr[X86_RCX] == 0;
}

static bool finish(struct kvm_vcpu *v, struct x86_state *st, unsigned length, unsigned groups)
{
	st->rip += length;
	st->rflags &= ~X86_RFLAGS_RF;
	return kvm_state_set(v, groups, st, NULL) == 0;
}

static bool do_xgetbv(struct kvm_vcpu *v, struct x86_state *st, unsigned length)
{
	if (!xcr_is_there(st))
		return false;
	st->gpr[X86_RAX] = (uint32_t)st->xcr0;
	st->gpr[X86_RDX] = st->xcr0 >> 32;
	return finish(v, st, length, X86_GROUP_CORE);
}

/* KVM_SET_XCRS refuses combinations that the CPU would fault on. */
static bool do_xsetbv(struct kvm_vcpu *v, struct x86_state *st, unsigned length)
{
	uint64_t value = (uint32_t)st->gpr[X86_RAX] | st->gpr[X86_RDX] << 32;

	if (!xcr_is_there(st) || st->seg[X86_SS].dpl != 0 || !(value & 1) ||
	    (value & ~v->m->layout.xcr0_mask))
		return false;
	st->xcr0 = value;
	return finish(v, st, length, X86_GROUP_CORE | X86_GROUP_MSR);
}

bool kvm_emulate(struct kvm_vcpu *v)
{
	uint8_t bytes[X86_INSN_MAX];
	struct x86_state st;
	struct x86_insn insn;
	size_t len = kvm_state_read_virtual(v, kvm_state_pc(v), bytes, sizeof(bytes));

	if (kvm_state_get(v, X86_GROUP_CORE | X86_GROUP_SYSTEM | X86_GROUP_MSR) < 0)
		return false;
	st = v->state;
	x86_insn_decode(bytes, len, x86_mode_of(&st), &insn);
	switch (insn.kind) {
	case X86_INSN_XGETBV:
		return do_xgetbv(v, &st, insn.length);
	case X86_INSN_XSETBV:
		return do_xsetbv(v, &st, insn.length);
	default:
		return false;
	}
}
