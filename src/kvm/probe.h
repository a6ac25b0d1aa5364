/* What this host's KVM really does, found by running a few instructions in a throw-away VM. */
#ifndef KVM_PROBE_H
#define KVM_PROBE_H

#include "base/error.h"
#include "debug/target.h"

enum kvm_probe_int3 { KVM_INT3_NONE, KVM_INT3_DEBUG_EXIT, KVM_INT3_EMULATION_ERROR };

/* One ring's debugging abilities. */
struct kvm_probe_ring { bool runs, step, exec_dr, data_dr; enum kvm_probe_int3 int3; };

struct kvm_probe {
	int api_version;
	unsigned max_vcpus;
	bool irqchip, sync_regs, immediate_exit, guest_debug, block_irq, emulation_failure_exit;
	bool tsc_offset;                /* a vcpu's TSC can be put back: time can stand in a stop */
	bool sse;                       /* SSE at CPL 0 */
	enum kvm_probe_int3 int3_real;  /* an int3 in real mode */
	bool int3_reinject_at_pc;       /* #BP given back with RIP at the int3 reaches the handler right */
	bool step_stays_armed;          /* a step goes on being armed after an instruction KVM emulated */
	bool step_leaves_trap;          /* the guest gets a #DB more behind a step over what KVM emulated */
	bool msrs;                      /* accesses to filtered MSRs come out */
	bool watched_pages;             /* accesses to read-only and missing slots come out */
	struct kvm_probe_ring kernel, user;
	struct debug_caps caps;         /* what the stub goes by */
	uint32_t tsc_khz;               /* rate of a vcpu's time stamp counter; 0: KVM does not tell */
	unsigned micros;                /* how long the probe took */
};

/*
 * Opens /dev/kvm and measures. 0; -ENOENT (no /dev/kvm), -EACCES (no permission), -ENODEV, others: err
 * names the remedy (the exact command). A test that cannot be made counts as "no".
 */
int kvm_probe_run(struct kvm_probe *ret, struct error *err);

/*
 * The same without running anything, for a machine that nobody will debug: a virtual machine for the
 * experiments would cost as much time as the guest's own. What takes a guest to find out is "no".
 */
int kvm_probe_ask(struct kvm_probe *ret, struct error *err);

#endif
