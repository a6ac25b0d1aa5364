/*
 * Ring 3 under a KVM that cannot step there (caps.step_user): its TF would trap into the guest. So the step
 * that enters ring 3 is made here, as the CPU makes it (SDM 2A, IRET; 2B, SYSRET), and ends in front of the
 * first instruction there. What would fault is left to KVM.
 */
#include "kvm/internal.h"
#include "base/bytes.h"
#include "x86/cpumode.h"
#include "x86/insn.h"
#include "x86/segment.h"

#include <sys/ioctl.h>

#define RPL 3u
#define FRAME 40u               /* rip, cs, rflags, rsp, ss */
#define FLAGS_IRET 0x3d7fd5ull  /* what there is but VM, which IA-32e mode leaves (SDM 2A, IRET) */
#define FLAGS_SYSRET 0x3c7fd7ull

bool kvm_ring3_stands(struct kvm_vcpu *v)
{
	return kvm_state_get(v, X86_GROUP_CORE | X86_GROUP_SYSTEM) == 0 &&
	       x86_mode_of(&v->state) != X86_MODE_REAL && (v->state.seg[X86_CS].selector & RPL) == RPL;
}

/* A present code or data segment of ring 3 from the GDT. */
static bool load(struct kvm_vcpu *v, uint16_t selector, bool code, struct x86_seg *ret)
{
	uint8_t raw[8];
	uint64_t at = selector & ~7u;

	if ((selector & 4) || (selector & RPL) != RPL || at == 0 || at + 7 > v->state.gdt.limit ||
	    kvm_state_read_virtual(v, v->state.gdt.base + at, raw, sizeof(raw)) != sizeof(raw))
		return false;
	x86_seg_unpack(selector, bytes_get_le64(raw), 0, ret);
	return ret->present && ret->s && ret->dpl == RPL && !!(ret->type & 8) == code &&
	       (code ? !(ret->l && ret->db) : (ret->type & 2) != 0);
}

/* Data segments of a lower ring are not there any more. */
static void drop_segments(struct x86_state *st)
{
	static const enum x86_seg_name data[] = {X86_DS, X86_ES, X86_FS, X86_GS};

	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		struct x86_seg *seg = &st->seg[data[i]];

		if (!seg->unusable && seg->dpl < RPL && (seg->type & 0xc) != 0xc) {
			seg->selector = 0;
			seg->unusable = 1;
		}
	}
}

static bool iret(struct kvm_vcpu *v, struct x86_state *st)
{
	uint8_t frame[FRAME];

	if (kvm_state_read_virtual(v, st->gpr[X86_RSP], frame, FRAME) != FRAME ||
	    !load(v, bytes_get_le16(frame + 8), true, &st->seg[X86_CS]) ||
	    !load(v, bytes_get_le16(frame + 32), false, &st->seg[X86_SS]))
		return false;
	st->rip = bytes_get_le64(frame);
	st->rflags = (bytes_get_le64(frame + 16) & FLAGS_IRET) | 2;
	st->gpr[X86_RSP] = bytes_get_le64(frame + 24);
	if (!st->seg[X86_CS].l) {
		st->rip = (uint32_t)st->rip;
		st->gpr[X86_RSP] = (uint32_t)st->gpr[X86_RSP];
	}
	drop_segments(st);
	return true;
}

/* CS and SS are what STAR says, flat, whatever the GDT holds. */
static bool sysret(struct kvm_vcpu *v, struct x86_state *st, bool wide)
{
	uint16_t base;

	if (!(st->efer & X86_EFER_SCE) || kvm_state_get(v, X86_GROUP_MSR) < 0)
		return false;
	base = (uint16_t)(v->state.msr[X86_MSR_STAR] >> 48);
	st->seg[X86_CS] = wide ? x86_seg_code64((uint16_t)((base + 16) | RPL)) : x86_seg_code32(base | RPL);
	st->seg[X86_SS] = x86_seg_data((uint16_t)((base + 8) | RPL));
	st->seg[X86_CS].dpl = st->seg[X86_SS].dpl = RPL;
	st->rip = wide ? st->gpr[X86_RCX] : (uint32_t)st->gpr[X86_RCX];
	st->rflags = (st->gpr[X86_R11] & FLAGS_SYSRET) | 2;
	return true;
}

/* IRET ends the blocking of NMIs. */
static void unblock_nmi(struct kvm_vcpu *v)
{
	struct kvm_vcpu_events events;

	if (ioctl(v->fd, KVM_GET_VCPU_EVENTS, &events) < 0 || !events.nmi.masked)
		return;
	events.nmi.masked = 0;
	ioctl(v->fd, KVM_SET_VCPU_EVENTS, &events);
}

bool kvm_ring3_enter(struct kvm_vcpu *v, const struct x86_insn *insn)
{
	bool is_iret = insn->kind == X86_INSN_IRET && insn->opsize == 8;
	struct x86_state st;

	if (v->m->probe.caps.step_user || v->inject || !(is_iret || insn->kind == X86_INSN_SYSRET) ||
	    x86_mode_of(&v->state) != X86_MODE_64 || (v->state.seg[X86_CS].selector & RPL) != 0)
		return false;
	st = v->state;
	if (is_iret ? !iret(v, &st) : !sysret(v, &st, insn->opsize == 8))
		return false;
	if (!x86_is_canonical(st.rip, x86_linear_bits(&st)) ||
	    kvm_state_set(v, X86_GROUP_CORE | X86_GROUP_SYSTEM, &st, NULL) < 0)
		return false;
	v->guest_tf = st.rflags & X86_RFLAGS_TF;
	if (is_iret)
		unblock_nmi(v);
	return true;
}
