/*
 * A KVM virtual machine: slots, vcpus with their threads, run control. Everything with an ioctl is behind
 * this header (and probe.h).
 */
#ifndef KVM_MACHINE_H
#define KVM_MACHINE_H

#include "base/error.h"
#include "debug/target.h"
#include "dev/bus.h"
#include "kvm/probe.h"
#include "mem/guest_mem.h"
#include "x86/state.h"

struct kvm_machine;

struct kvm_hooks {
	void *ctx;
	/* Reloads image and devices after a reset and gives the boot vcpu's entry state. Everything is
	 * parked; lock held. 0 or negative errno with text (the machine then stops for good). */
	int (*reload)(void *ctx, struct x86_state *ret_entry, struct error *err);
	/* Gives up what a thread's work does not need: called by every vcpu's thread (vcpu) before anything
	 * else and by the one that starts them, and all have returned before the first guest instruction.
	 * 0, or negative errno: the machine does not start. NULL: nothing to give up. */
	int (*confine)(void *ctx, bool vcpu);
	/* Does what kvm_machine_poke() was called for: as a device handler, on the thread of a vcpu that
	 * runs. NULL: nobody pokes. */
	void (*work)(void *ctx);
};

struct kvm_config {
	unsigned vcpus;              /* 1..DEBUG_MAX_VCPUS */
	struct guest_mem *mem;       /* complete; borrowed for the machine's life */
	struct dev_bus *bus;         /* likewise */
	const struct kvm_probe *probe;
	bool all_start;              /* every vcpu begins in the entry state, its number in RSI */
	struct kvm_hooks hooks;
	bool time_runs;              /* guest time goes on while a debugger holds the machine */
};

/* Creates VM, irqchip, PIT, slots and vcpus; no thread yet. */
int kvm_machine_new(const struct kvm_config *cfg, struct kvm_machine **ret, struct error *err);
void kvm_machine_free(struct kvm_machine *m); /* ends and joins the threads; NULL is fine */

/* Ends the machine and joins its threads: from then on nothing runs and nothing calls back. NULL is fine. */
void kvm_machine_stop_threads(struct kvm_machine *m);

/* What a vcpu has: for register tables. Constant. */
const struct x86_layout *kvm_machine_layout(const struct kvm_machine *m);

/* The ops and their first argument, for struct debug_config. The sink must be set before start. */
const struct debug_target_ops *kvm_machine_ops(void);
void kvm_machine_set_sink(struct kvm_machine *m, const struct debug_sink *sink);

/*
 * Starts the vcpu threads: the boot vcpu in `entry` (NULL: all as they are). stopped: all park before their
 * first instruction.
 */
int kvm_machine_start(struct kvm_machine *m, const struct x86_state *entry, bool stopped,
                      struct error *err);

/* The one lock of debug/target.h. */
void kvm_machine_lock(struct kvm_machine *m);
void kvm_machine_unlock(struct kvm_machine *m);

/* Lock held: the debugger takes its time, or is gone. Guest time stands until something is resumed. */
void kvm_machine_idle(struct kvm_machine *m);

/* Device side (struct dev_host): any thread. */
void kvm_machine_irq(struct kvm_machine *m, unsigned line, bool level);
/*
 * Something from outside is to reach the guest: hooks.work is called by a vcpu, soon, or once one runs again.
 * Never while the machine stands. Any thread but a handler.
 */
void kvm_machine_poke(struct kvm_machine *m);
void kvm_machine_guest_exit(struct kvm_machine *m, uint32_t status); /* becomes DEBUG_EVENT_EXITED */
void kvm_machine_guest_reset(struct kvm_machine *m);

/*
 * For device handlers, which run on the thread of the vcpu whose access they serve: its number; one of its
 * registers; the physical address of what it has at a virtual one (-EFAULT: nothing); whether it is wanted
 * elsewhere, so that a handler that waits must give up.
 */
unsigned kvm_machine_access_vcpu(void);
uint64_t kvm_machine_access_gpr(enum x86_gpr reg);
int kvm_machine_access_translate(uint64_t gva, uint64_t *ret);
bool kvm_machine_access_unwanted(void);
bool kvm_machine_access_ended(void); /* only where the machine is at its end */

/* Statistics of one vcpu, once the threads have ended: CPU time of its thread; exits as ops->exits(). */
uint64_t kvm_machine_cpu_ns(const struct kvm_machine *m, unsigned vcpu);
unsigned kvm_machine_exits(const struct kvm_machine *m, unsigned vcpu, struct debug_exit_count *rows,
                           unsigned max);

/* True once ops->kill() was called or the machine ended; readable on the eventfd as well. */
int kvm_machine_end_fd(const struct kvm_machine *m);
/* Ends it from outside (a signal). Any thread but a handler. */
void kvm_machine_end(struct kvm_machine *m);
bool kvm_machine_ended(const struct kvm_machine *m);

#endif
