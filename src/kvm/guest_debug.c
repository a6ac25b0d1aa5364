#include "kvm/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/*
 * The four hardware slots are filled in this order: the stub's (their numbers are the ones that DR6 hits are
 * reported in), then one lent to a step, then the guest's own as far as they fit. While any is used KVM
 * shows the CPU our DR7, and the guest's own registers are dead unless they are merged in
 * (RSP-SEMANTICS 1.6).
 */
static bool slot_wanted(const struct kvm_vcpu *v, const struct debug_plan *plan, unsigned i)
{
	return v->arm.slot[i].used && !(plan->slots_off & (1u << i));
}

static int free_slot(const struct x86_dr slot[X86_DR_SLOTS])
{
	for (int i = 0; i < X86_DR_SLOTS; i++)
		if (!slot[i].used)
			return i;
	return -1;
}

static void merge_guest_slots(struct kvm_vcpu *v, struct x86_dr slot[X86_DR_SLOTS])
{
	struct x86_dr own[X86_DR_SLOTS];

	if (kvm_state_get(v, X86_GROUP_DEBUG) < 0)
		return;
	x86_dr7_unpack(v->state.dr7, v->state.dr, own);
	for (int i = 0; i < X86_DR_SLOTS; i++) {
		int to = free_slot(slot);

		if (!own[i].used || to < 0)
			continue;
		slot[to] = own[i];
		v->guest_slot[to] = (int8_t)i;
		if (own[i].type == X86_DR_EXEC)
			v->guest_exec |= 1u << i;
	}
}

/* #DB is to come here first although no register is used: a trap of ours may be among them. */
static bool wants_traps(const struct kvm_vcpu *v)
{
	return v->leaked_tf || (v->tail && v->m->probe.step_leaves_trap);
}

/* Fills the slots; false when none is needed by the stub. */
static bool choose_slots(struct kvm_vcpu *v, const struct debug_plan *plan, const uint64_t *step_target,
                         struct x86_dr slot[X86_DR_SLOTS])
{
	bool any = false;
	int lent;

	v->own_slots = 0;
	v->guest_exec = 0;
	v->step_slot = -1;
	memset(v->guest_slot, -1, sizeof(v->guest_slot));
	memset(slot, 0, X86_DR_SLOTS * sizeof(*slot));
	for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
		if (!slot_wanted(v, plan, i))
			continue;
		slot[i] = v->arm.slot[i];
		v->own_slots |= (uint8_t)(1u << i);
		any = true;
	}
	lent = step_target != NULL ? free_slot(slot) : -1;
	if (lent >= 0) {
		slot[lent] = (struct x86_dr){.used = true, .type = X86_DR_EXEC, .len = 1,
		                             .addr = *step_target};
		v->step_slot = (int8_t)lent;
		any = true;
	}
	if (any || wants_traps(v))
		merge_guest_slots(v, slot);
	return any;
}

static uint32_t control_bits(const struct kvm_vcpu *v, const struct debug_plan *plan, bool slots)
{
	uint32_t control = 0;

	if (plan->move == DEBUG_STEP) {
		control |= KVM_GUESTDBG_SINGLESTEP;
		if (plan->block_irq && v->m->probe.block_irq)
			control |= KVM_GUESTDBG_BLOCKIRQ;
	}
	if (v->arm.int3)
		control |= KVM_GUESTDBG_USE_SW_BP;
	if (slots || wants_traps(v))
		control |= KVM_GUESTDBG_USE_HW_BP;
	return control != 0 ? control | KVM_GUESTDBG_ENABLE : 0;
}

/* Nothing that decides the setting has changed since it was made. */
static bool unchanged(const struct kvm_vcpu *v, const struct debug_plan *plan, const uint64_t *step_target)
{
	return v->applied_valid && step_target == NULL && v->step_slot < 0 &&
	       v->applied_generation == v->arm_generation && v->applied_plan.move == plan->move &&
	       v->applied_plan.block_irq == plan->block_irq && v->applied_plan.slots_off == plan->slots_off &&
	       v->applied_leak == wants_traps(v);
}

/*
 * KVM takes its TF out with SINGLESTEP, and with it the one that the guest has set while it was on
 * (kvm_get_rflags() cannot tell them apart): that one goes back.
 */
static int set_guest_debug(struct kvm_vcpu *v, const struct kvm_guest_debug *wanted)
{
	bool was = v->applied.control & KVM_GUESTDBG_SINGLESTEP;
	bool is = wanted->control & KVM_GUESTDBG_SINGLESTEP;
	struct x86_state st;

	v->applied_valid = false;
	if (ioctl(v->fd, KVM_SET_GUEST_DEBUG, wanted) < 0)
		return -errno;
	v->applied = *wanted;
	v->applied_valid = true;
	if (!was || is || !v->guest_tf)
		return 0;
	if (kvm_state_get(v, X86_GROUP_CORE) < 0)
		return -EIO;
	st = v->state;
	st.rflags |= X86_RFLAGS_TF;
	return kvm_state_set(v, X86_GROUP_CORE, &st, NULL);
}

int kvm_guest_debug_apply(struct kvm_vcpu *v, const struct debug_plan *plan, const uint64_t *step_target)
{
	struct kvm_guest_debug wanted = {0};
	struct x86_dr slot[X86_DR_SLOTS];
	bool slots, stepping = plan->move == DEBUG_STEP;

	if (unchanged(v, plan, step_target) && (!stepping || v->m->probe.step_stays_armed))
		return 0;
	slots = choose_slots(v, plan, step_target, slot);
	wanted.control = control_bits(v, plan, slots);
	if (wanted.control & KVM_GUESTDBG_USE_HW_BP) {
		for (int i = 0; i < X86_DR_SLOTS; i++)
			wanted.arch.debugreg[i] = slot[i].used ? slot[i].addr : 0;
		wanted.arch.debugreg[7] = x86_dr7_pack(slot);
	}
	v->applied_plan = *plan;
	v->applied_generation = v->arm_generation;
	v->applied_leak = wants_traps(v);
	if (v->applied_valid && memcmp(&wanted, &v->applied, sizeof(wanted)) == 0 &&
	    (!stepping || v->m->probe.step_stays_armed))
		return 0;
	return set_guest_debug(v, &wanted);
}

/* The guest's own hits of a data slot were reported together with ours: they are owed to the guest. */
static void owe_guest_hits(struct kvm_vcpu *v)
{
	if (v->guest_hits == 0 || v->inject)
		return;
	v->inject = true;
	v->inject_vector = 1;
	v->inject_dr6 = X86_DR6_FIXED | v->guest_hits;
	v->guest_hits = 0;
}

int kvm_guest_debug_inject(struct kvm_vcpu *v)
{
	struct kvm_vcpu_events events;

	owe_guest_hits(v);
	if (!v->inject)
		return 0;
	v->inject = false;
	if (v->inject_vector == 1) {
		struct kvm_debugregs dr;

		/* INJECT_DB does not touch DR6 (RSP-SEMANTICS 1.1): the handler reads what is set here. */
		if (ioctl(v->fd, KVM_GET_DEBUGREGS, &dr) < 0)
			return -errno;
		dr.dr6 = v->inject_dr6;
		if (ioctl(v->fd, KVM_SET_DEBUGREGS, &dr) < 0)
			return -errno;
		v->cached &= ~(unsigned)X86_GROUP_DEBUG;
	} else if (!v->m->probe.int3_reinject_at_pc) {
		struct x86_state st;

		if (kvm_state_get(v, X86_GROUP_CORE) < 0)
			return -EIO;
		st = v->state;
		st.rip += 1;
		if (kvm_state_set(v, X86_GROUP_CORE, &st, NULL) < 0)
			return -EIO;
	}
	if (ioctl(v->fd, KVM_GET_VCPU_EVENTS, &events) < 0)
		return -errno;
	if (events.exception.injected || events.exception.pending)
		return 0; /* the guest has an exception already: it would win on hardware too */
	events.exception.injected = 1;
	events.exception.nr = v->inject_vector;
	events.exception.has_error_code = 0;
	return ioctl(v->fd, KVM_SET_VCPU_EVENTS, &events) < 0 ? -errno : 0;
}

bool kvm_guest_debug_step_hit(const struct kvm_vcpu *v)
{
	const struct kvm_debug_exit_arch *d = &v->run->debug.arch;

	return d->exception == 1 && v->step_slot >= 0 && (d->dr6 & (1ull << v->step_slot));
}

bool kvm_guest_debug_pass_icebp(struct kvm_vcpu *v)
{
	struct x86_state st;
	uint8_t opcode;

	if (kvm_state_read_virtual(v, kvm_state_pc(v), &opcode, 1) != 1 || opcode != 0xf1 ||
	    kvm_state_get(v, X86_GROUP_CORE) < 0)
		return false;
	st = v->state;
	st.rip += 1;
	return kvm_state_set(v, X86_GROUP_CORE, &st, NULL) == 0;
}

void kvm_guest_debug_event(struct kvm_vcpu *v)
{
	const struct kvm_debug_exit_arch *d = &v->run->debug.arch;
	uint64_t ours = 0, guests = 0;

	if (d->exception == 3) {
		kvm_exit_event(v, DEBUG_EVENT_INT3);
		return;
	}
	for (int i = 0; i < X86_DR_SLOTS; i++) {
		if (!(d->dr6 & (1ull << i)))
			continue;
		if (v->own_slots & (1u << i))
			ours |= 1ull << i;
		else if (v->guest_slot[i] >= 0)
			guests |= 1ull << v->guest_slot[i];
	}
	/* VMX leaves rip at an ICEBP; its #DB is a trap behind it without a DR6 bit (SDM 3B 17.3.1.6). */
	if (!(d->dr6 & (0xf | X86_DR6_BS | X86_DR6_BT | X86_DR6_BD)))
		kvm_guest_debug_pass_icebp(v);
	kvm_exit_event(v, DEBUG_EVENT_DB);
	v->event.dr6 = (d->dr6 & ~0xfull) | ours;
	v->guest_hits = guests;
}
