/*
 * Guest time while the debugger holds the machine. Private to src/kvm.
 *
 * When a stop has lasted a while (whoever attends the debugger says so: a step's stop has not), the guest's
 * clocks are taken down once, and put back so when something is resumed: what lies between did not happen
 * for the guest. Stops that are shorter cost nothing, and the guest sees them pass.
 *
 *  TSC           KVM_VCPU_TSC_OFFSET of each vcpu (api.rst, KVM_SET_DEVICE_ATTR on vcpus), so that all move
 *                by the same. Where the host's KVM has none, or takes it and does nothing, the TSC runs on.
 *  kvmclock      KVM_GET_CLOCK, KVM_SET_CLOCK
 *  PIT           KVM_GET_PIT2, KVM_SET_PIT2. A period in progress begins anew: KVM cannot begin one inside.
 *                A single count of channel 0 runs on, and the others then: what is left of it is not known.
 *  local APIC    the timer's current count; in deadline mode IA32_TSC_DEADLINE, where the TSC stands
 *
 * A timer that has expired already is not touched: KVM would let it expire once more.
 */
#ifndef KVM_CLOCK_H
#define KVM_CLOCK_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kvm_machine;
struct kvm_vcpu;

/* The machine's part; under the machine's lock. */
struct kvm_clock {
	bool runs;                    /* the user wants time to go on while the guest stands */
	bool held;                    /* taken down, and not put back yet */
	bool has_clock, has_pit;      /* what was taken down */
	struct kvm_clock_data clock;
	struct kvm_pit_state2 pit;
};

/* A vcpu's part: of a machine whose time is held. */
struct kvm_vcpu_clock {
	bool has_tsc;
	uint64_t tsc;                 /* what the guest shall read when it goes on */
	uint64_t deadline;            /* IA32_TSC_DEADLINE; 0: none */
	uint32_t initial, current;    /* of the APIC timer; initial 0: it does not run */
};

/* All vcpus parked, lock held; does nothing when the time is held already or is to run. */
void kvm_clock_hold(struct kvm_machine *m);
/* Something is about to run, lock held; does nothing when the time is not held. */
void kvm_clock_release(struct kvm_machine *m);
/* What was taken down is not to be put back: every clock is about to be set. Parked, lock held. */
void kvm_clock_drop(struct kvm_machine *m);

/* The TSC of a parked vcpu while it stands: true, and *tsc read or set. false: it runs, ask KVM. */
bool kvm_clock_read_tsc(const struct kvm_vcpu *v, uint64_t *ret_tsc);
bool kvm_clock_write_tsc(struct kvm_vcpu *v, uint64_t tsc);

/* KVM_VCPU_TSC_OFFSET by KVM_GET_ or KVM_SET_DEVICE_ATTR; below 0 where there is none. One MSR likewise. */
int kvm_clock_tsc_offset(int vcpu_fd, unsigned long request, uint64_t *offset);
bool kvm_clock_msr(int vcpu_fd, unsigned long request, uint32_t index, uint64_t *value);
/* The timer's counts in an APIC's page as the guest will find them. */
void kvm_clock_show_timer(const struct kvm_vcpu *v, struct kvm_lapic_state *s);

/* wish > 0: time stands in stops, 0: runs, < 0: only tell. Writes a line about what does (NUL-terminated). */
void kvm_clock_choose(struct kvm_machine *m, int wish, char *text, size_t size);

/* True when this KVM lets the TSC of this vcpu be put back: a trial. It has not run yet. */
bool kvm_clock_probe_tsc(int vcpu_fd);

#endif
