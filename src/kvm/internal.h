/*
 * What the files of src/kvm share. Private to the layer.
 *
 * Run control, the rules
 * ----------------------
 * One thread per vcpu; only that thread calls KVM_RUN on it (changing the thread is dear, PERF-FACTS.md).
 * One lock (machine.lock) covers the session, all plans and all `running` flags. Device handlers and
 * KVM_RUN run without it.
 *
 *  confined  nobody starts before it equals vcpu_count (struct kvm_hooks, confine).
 *  running   true from the moment a vcpu's thread has chosen to execute its plan until it is back under the
 *            lock with every pending exit completed. Set and cleared by that thread only, lock held. While it
 *            is false any thread that holds the lock may read and write the vcpu's state.
 *  plan      written by ops->resume and by begin_stop (all HOLD), lock held; read by the vcpu's thread.
 *  elected   -1, or the vcpu whose thread shall call sink->stopped() once no vcpu is running. Set by
 *            begin_stop; cleared by that thread when it makes the call. While it is >= 0 nobody starts.
 *  reset     somebody asked for a reset: the elected thread reloads the machine before anything else.
 *  ended     final. Every thread leaves its loop at once.
 *
 * A kick is kicked = 1, run->immediate_exit = 1 and a signal with an empty handler, in this order:
 * immediate_exit closes the window before KVM_RUN, the signal the one inside it. `kicked` is cleared only by
 * the vcpu's own thread, lock held, when it starts to run; immediate_exit also serves to complete I/O, and
 * is set again from `kicked` after each such use. A thread comes back from execution only by way of KVM_RUN
 * returning EINTR or an exit that has no completion, so that no I/O is ever left half done (api.rst,
 * KVM_RUN, "pending operations").
 *
 * A poke is work = true and then, on one vcpu that runs, immediate_exit = 1 and the signal: that vcpu comes
 * out, finds itself not kicked, clears immediate_exit, looks at `kicked` again, does the work and goes on. If
 * it parks before that, another one is poked; if all are parked, the first that runs does the work.
 *
 * These rules are a model as well, explored in every order of events: tests/model/run_control.py. Who changes
 * them here changes them there.
 *
 * A vcpu that parks signals the elected thread when it was the last to run. So a stop costs no hand-off when
 * the vcpu that hit is alone, and one wake-up otherwise.
 */
#ifndef KVM_INTERNAL_H
#define KVM_INTERNAL_H

#include "base/record.h"
#include "kvm/machine.h"
#include "kvm/clock.h"

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>

#define KVM_CPUID_ROWS 256

/* Why an execution came back. */
enum kvm_outcome {
	KVM_OUT_KICKED,  /* asked to park, nothing to report */
	KVM_OUT_EVENT    /* vcpu->event is filled */
};

/* Counted exits; the names are in exit.c. */
enum kvm_count {
	KVM_COUNT_PORT, KVM_COUNT_MMIO, KVM_COUNT_MSR, KVM_COUNT_WATCHED, KVM_COUNT_DEBUG,
	KVM_COUNT_KICK, KVM_COUNT_HLT, KVM_COUNT_SHUTDOWN, KVM_COUNT_ERROR, KVM_COUNT_OTHER, KVM_COUNT_KINDS
};

struct kvm_vcpu {
	struct kvm_machine *m;
	unsigned index;
	int fd;
	struct kvm_run *run;
	size_t run_size;

	pthread_t thread;
	bool thread_started;
	pid_t tid;               /* of the thread; 0: it has not begun. Set by itself, lock held */
	pthread_cond_t wake;

	_Atomic bool kicked;

	/* Run control, under the lock. */
	bool running;
	struct debug_plan plan;
	struct debug_arm arm;    /* the machine's, as it was when this one started to run */
	uint64_t arm_generation;

	/* State cache of a parked vcpu: groups in `cached` are valid. */
	struct x86_state state;
	unsigned cached;
	bool page_valid;         /* run->s.regs holds the registers of the last exit */
	bool mp_known, halted, wait_sipi;
	bool maybe_halted;       /* it may sleep in a HLT: it was kicked out of a run, or stepped over one */

	/* Guest debug as KVM has it, and what it means (guest_debug.c). */
	struct kvm_guest_debug applied;
	bool applied_valid, applied_leak;
	struct debug_plan applied_plan;
	uint64_t applied_generation;
	uint8_t own_slots;       /* bits of debugreg[] that are the stub's */
	int8_t guest_slot[X86_DR_SLOTS]; /* hardware slot -> guest's own slot, -1 */
	uint8_t guest_exec;      /* those of the guest's own slots that are for execution */
	int8_t step_slot;        /* hardware slot lent to the step in progress, -1 */
	bool guest_tf;           /* RFLAGS.TF that the guest itself set */
	bool leaked_tf;          /* a TF of ours may live in a frame in guest memory */
	bool tail;               /* a step has just ended at tail_pc: its trap may come once more there */
	uint64_t tail_pc;

	/* An exception to be given to the guest at the next entry. */
	bool inject;
	uint8_t inject_vector;
	uint64_t inject_dr6;
	uint64_t guest_hits;     /* DR6 bits that belong to the guest's own registers */

	/* Accesses to watched bytes by the instruction that is being executed (protect.c). */
	struct debug_access access[DEBUG_MAX_ACCESSES];
	unsigned accesses;
	bool on_stack;           /* a watched page holds this vcpu's stack: stack_page */
	uint64_t stack_page;
	bool stack_known;        /* where the stack was found last */
	uint64_t stack_gva, stack_gpa, stack_cr3;

	/* What is caught, as the machine's was when this one started to run; and what has been (catch.c). */
	struct debug_catch_range catch[DEBUG_MAX_CATCHES];
	unsigned catches;
	uint64_t catch_generation;
	struct debug_caught caught;

	struct kvm_vcpu_clock time;
	struct debug_event event;
	uint64_t count[KVM_COUNT_KINDS];
	uint64_t cpu_ns;         /* CPU time of the thread, once it has ended */
};

#define KVM_MAX_SLOTS (GUEST_MEM_MAX_REGIONS + 2 * DEBUG_MAX_PROTECTS)

enum kvm_slots { KVM_SLOTS_NONE, KVM_SLOTS_PLAIN, KVM_SLOTS_LOGGED /* what the guest writes is noted */ };

/* A memory slot by its number. size 0: not used. */
struct kvm_slot { uint64_t gpa, size; uint32_t flags; };

/* hole: no slot, reads come out too; else a read-only one. */
struct kvm_protect_page { uint64_t gpa; bool hole; };

struct kvm_protect {
	pthread_mutex_t lock;    /* one access to a watched page at a time */
	struct debug_protect want[DEBUG_MAX_PROTECTS], range[DEBUG_MAX_PROTECTS];
	struct kvm_protect_page page[DEBUG_MAX_PROTECTS];
	unsigned wanted, ranges, pages;
	uint8_t (*copy)[4096];   /* what the watched pages hold, to find what devices write; NULL: none */
	bool pending;            /* want is to be applied as soon as everything is parked */
	bool open;               /* a step with plan.open is under way: the slots are whole */
};

struct kvm_machine {
	struct kvm_config cfg;
	struct kvm_probe probe;
	struct x86_layout layout;
	int kvm_fd, vm_fd, end_fd;
	pid_t pid;                      /* our own, for kicks */
	int pagemap_fd;                 /* of our own process, for the first snapshot; -1: none */
	size_t run_size;
	struct kvm_cpuid2 *cpuid;
	bool sync_regs, sregs2;
	bool msrs_known;
	uint32_t msrs;                  /* bit i: this KVM has x86_msr_index[i] */

	struct debug_sink sink;
	struct debug_arm arm;
	struct kvm_slot slot[KVM_MAX_SLOTS];
	enum kvm_slots slots_how;
	const struct kvm_protect_page *cut;  /* watched pages that the slots leave out */
	unsigned cuts;
	struct kvm_protect protect;
	uint64_t arm_generation;
	struct debug_catch_range catch[DEBUG_MAX_CATCHES];
	unsigned catches;
	uint64_t catch_generation;
	bool msr_exits;                 /* KVM has been told that filtered MSRs are to come out */

	struct kvm_clock time;           /* under the lock */
	pthread_mutex_t irq_lock;       /* while an APIC's state is read and written back */
	pthread_mutex_t lock;
	pthread_cond_t answered;        /* a thread has come back from confine() */
	unsigned answers, confined;     /* of the vcpus' threads: how many have, and 0 was its result */
	int elected;
	bool reset_wanted;
	bool ended;
	_Atomic bool work;              /* hooks.work is wanted */
	_Atomic int guest_request;      /* enum kvm_guest_request, set by device handlers */
	_Atomic uint32_t guest_status;

	_Atomic uint64_t lines;         /* levels of the interrupt lines that devices drive */
	uint32_t *part_msr;             /* MSRs that make up a vcpu's state; NULL: not yet known */
	unsigned part_msrs;
	struct records power_on;        /* as created: for reset */
	struct kvm_snapshots *snapshots; /* NULL: none */
	unsigned vcpu_count;
	struct kvm_vcpu vcpu[DEBUG_MAX_VCPUS];
};

enum kvm_guest_request { KVM_REQUEST_NONE, KVM_REQUEST_EXIT, KVM_REQUEST_RESET };

/* vcpu.c: one vcpu's descriptor, and executing its plan. */
int kvm_vcpu_open(struct kvm_machine *m, unsigned index, struct error *err);
void kvm_vcpu_close(struct kvm_vcpu *v);
void kvm_vcpu_kick(struct kvm_vcpu *v);                 /* lock held or not */
/* Runs until there is something to report or the vcpu was kicked. Own thread, lock not held. */
enum kvm_outcome kvm_vcpu_run(struct kvm_vcpu *v, const struct debug_plan *plan);

/* EINTR, and not kicked: it was a poke, or a signal of no meaning. Own thread. */
void kvm_vcpu_ignore(struct kvm_vcpu *v);
/* Lock held: a running vcpu does hooks.work, if that is wanted. */
void kvm_vcpu_poke(struct kvm_machine *m);

/* One entry without and with completion of what is pending. 0: an exit; -EINTR: kicked; else failed. */
int kvm_vcpu_enter(struct kvm_vcpu *v);
int kvm_vcpu_complete(struct kvm_vcpu *v);

/* step.c: exactly one instruction. Own thread, lock not held. */
enum kvm_outcome kvm_step(struct kvm_vcpu *v, const struct debug_plan *plan);
/* A parked vcpu that sleeps in a HLT goes on behind it when it next runs. Lock held, or own thread. */
void kvm_step_wake(struct kvm_vcpu *v);

/* ring3.c, own thread: it is in ring 3; its iret or sysret there is made where KVM would lose the step. */
struct x86_insn;
bool kvm_ring3_stands(struct kvm_vcpu *v);
bool kvm_ring3_enter(struct kvm_vcpu *v, const struct x86_insn *insn);

/* exit.c: what came back from KVM_RUN. */
enum kvm_exit_class {
	KVM_EXIT_CLASS_HANDLED,  /* serviced: enter again to complete it */
	KVM_EXIT_CLASS_DEBUG,    /* KVM_EXIT_DEBUG */
	KVM_EXIT_CLASS_EVENT     /* v->event is filled */
};
enum kvm_exit_class kvm_exit_handle(struct kvm_vcpu *v);
/* Fills v->event for a KVM_RUN that failed with error code err (not EINTR). */
void kvm_exit_run_failed(struct kvm_vcpu *v, int err);
/* Starts an event at the present pc. */
void kvm_exit_event(struct kvm_vcpu *v, enum debug_event_kind kind);
/* "guest asked to end / reset": fills v->event and returns true when a device handler asked. */
bool kvm_exit_request(struct kvm_vcpu *v);
const char *kvm_exit_count_name(enum kvm_count kind);

/* emulate.c: completes an instruction that KVM could not emulate. False: not one of ours. Own thread. */
bool kvm_emulate(struct kvm_vcpu *v);

/* access.c: this thread is the vcpu's from here to there. */
void kvm_access_enter(struct kvm_vcpu *v);
void kvm_access_leave(struct kvm_vcpu *v);

/* state.c: neutral structs <-> KVM's, and the only place that knows both. */
int kvm_state_get(struct kvm_vcpu *v, unsigned wanted);   /* fills v->state; lazily, by v->cached */
int kvm_state_set(struct kvm_vcpu *v, unsigned wanted, const struct x86_state *st, struct error *err);
/*
 * CORE and SYSTEM of the boot vcpu (of all, with cfg.all_start) from a loader's entry state; what a loader
 * does not know is kept.
 */
int kvm_state_set_entry(struct kvm_machine *m, const struct x86_state *entry, struct error *err);
void kvm_state_forget(struct kvm_vcpu *v);                /* the vcpu is about to run */
uint64_t kvm_state_pc(struct kvm_vcpu *v);                /* linear pc of a vcpu that is out of KVM_RUN */
void kvm_state_layout(const struct kvm_cpuid2 *cpuid, struct x86_layout *ret);

/* reset.c: what everything was like when it was created. Everything parked. */
int kvm_reset_save(struct kvm_machine *m, struct error *err);
int kvm_reset_restore(struct kvm_machine *m, struct error *err);

/* slots.c: guest memory as KVM's slots, one for each region. Negative errno. Everything parked. */
int kvm_slots_set(struct kvm_machine *m, enum kvm_slots how);
/* Each slot once more, so that KVM forgets all it has derived from memory; the logs begin anew. Likewise. */
int kvm_slots_renew(struct kvm_machine *m);
/* Adds the pages that the guest has written since the last call (or since logging began) to a bitmap. */
int kvm_slots_take_dirty(struct kvm_machine *m, uint64_t *bits);
/* These pages (sorted, borrowed until the next call) are read-only or left out from now on. Likewise. */
int kvm_slots_cut(struct kvm_machine *m, const struct kvm_protect_page *page, unsigned pages);

/* snapshot.c */
void kvm_snapshot_free_all(struct kvm_machine *m);
int kvm_snapshot_save(struct kvm_machine *m, const char *name, struct error *err);
int kvm_snapshot_restore(struct kvm_machine *m, const char *name, uint64_t *ret_pages, struct error *err);
int kvm_snapshot_delete(struct kvm_machine *m, const char *name, struct error *err);
unsigned kvm_snapshot_list(const struct kvm_machine *m, struct debug_snapshot *rows, unsigned max);

/* guest_debug.c: KVM_SET_GUEST_DEBUG, and what a KVM_EXIT_DEBUG means. */
/* Applies arm + plan (+ a step slot at `target` when step_target is not 0). Returns 0 or negative errno. */
int kvm_guest_debug_apply(struct kvm_vcpu *v, const struct debug_plan *plan, const uint64_t *step_target);
/* Gives a queued exception to the guest: after register writes, before entry. */
int kvm_guest_debug_inject(struct kvm_vcpu *v);
/* Reads v->run->debug into v->event (INT3 or DB, dr6 with only the stub's slots). */
void kvm_guest_debug_event(struct kvm_vcpu *v);
/* Moves rip behind an ICEBP that stands there; false when none does. */
bool kvm_guest_debug_pass_icebp(struct kvm_vcpu *v);
/* True when the step slot is among the hits of the last debug exit. */
bool kvm_guest_debug_step_hit(const struct kvm_vcpu *v);

/* mmio.c: debug_target_ops.device. Parked, lock held. */
int kvm_mmio_access(struct kvm_vcpu *v, uint64_t gpa, void *buf, unsigned len, bool write, struct error *err);
/* protect.c: watched pages. */
/* A KVM_EXIT_MMIO: true when it is an access to RAM; it is made, and *ret says how to go on. Own thread. */
bool kvm_protect_access(struct kvm_vcpu *v, enum kvm_exit_class *ret);
/* After a serviced exit: true when a watched byte was met; the instruction is completed, v->event filled. */
bool kvm_protect_hit(struct kvm_vcpu *v);
/* Puts what was met into v->event; an outcome without an event gets one. */
enum kvm_outcome kvm_protect_report(struct kvm_vcpu *v, enum kvm_outcome outcome);
/* After an exit that a device has served: what it has written to watched bytes. Own thread. */
void kvm_protect_device(struct kvm_vcpu *v);
/* Lock held, everything parked: watched pages hold what they hold now. */
void kvm_protect_refresh(struct kvm_machine *m);
void kvm_protect_free(struct kvm_machine *m);
/* True when an instruction that KVM could not emulate may be one that accesses a watched page. */
bool kvm_protect_opaque(struct kvm_vcpu *v);
/* Lock held. Replaces what is watched: at once when all are parked (0 or negative errno: nothing is watched
 * then), else all park for it and go on. */
int kvm_protect_set(struct kvm_machine *m, const struct debug_protect *range, unsigned n);
int kvm_protect_apply(struct kvm_machine *m);              /* lock held, everything parked */
void kvm_protect_open(struct kvm_machine *m, bool open);   /* likewise; around a step with plan.open */

/* catch.c: accesses that come out for the debugger. */
/* debug_target_ops.catch. Lock held. */
int kvm_catch_set(struct kvm_machine *m, const struct debug_catch_range *range, unsigned n,
                  struct error *err);
/* Lock held, about to run: the list as it is now. */
void kvm_catch_take(struct kvm_vcpu *v);
/* Own thread. An access that has just been served; noted when it is caught. */
void kvm_catch_access(struct kvm_vcpu *v, const struct debug_caught *access);
/* KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR: the access is made. Own thread. */
void kvm_catch_msr(struct kvm_vcpu *v);
/* True when KVM can let MSRs come out. */
bool kvm_catch_enable(struct kvm_machine *m);

/* runctl.c */
int kvm_runctl_start(struct kvm_machine *m, struct error *err);
void kvm_runctl_join(struct kvm_machine *m);
void kvm_runctl_stop(struct kvm_machine *m, unsigned elected);     /* lock held */
void kvm_runctl_end(struct kvm_machine *m);                        /* lock held */

/* Reads guest-virtual memory of a vcpu that is out of KVM_RUN, through our own walk. Returns bytes read. */
size_t kvm_state_read_virtual(struct kvm_vcpu *v, uint64_t gva, void *buf, size_t len);
/* Guest-physical address of one virtual byte and how many bytes follow on its page; 0 bytes: unmapped. */
uint64_t kvm_state_translate(struct kvm_vcpu *v, uint64_t gva, uint64_t *ret_gpa);
int kvm_state_write_virtual(struct kvm_vcpu *v, uint64_t gva, const void *buf, size_t len);

#endif
