/*
 * The seam between the stub and a machine: what the stub needs from whatever runs the CPUs.
 * kvm/target.c implements it over KVM; tests/unit/debug/fake_target.c over an interpreter in memory.
 *
 * Lock. One lock (the target's) covers the session and the ops: every op is called, and every callback of
 * struct debug_sink is made, with that lock held. Nothing here blocks while holding it, except get/set.
 *
 * Life of a stop. A vcpu's thread meets something (struct debug_event), and calls sink->event() with that
 * vcpu parked in a consistent state (pending I/O completed). The sink answers DEBUG_GO: the vcpu follows
 * its plan (which the sink may just have changed by ops->resume), or DEBUG_STOP: every vcpu is made to
 * park, and when all are parked the target calls sink->stopped() once, on the thread of the vcpu that was
 * first to get DEBUG_STOP (the elected one). Events of other vcpus that arrive meanwhile are given to
 * event() as well; the sink keeps them. Until the next ops->resume() nothing runs.
 */
#ifndef DEBUG_TARGET_H
#define DEBUG_TARGET_H

#include "base/error.h"
#include "x86/debugreg.h"
#include "x86/state.h"
#include <stdbool.h>
#include <stdint.h>

#define DEBUG_MAX_VCPUS 64

/* What this host's KVM really does, by the probe (kvm/probe.h). The fallbacks follow from it. */
struct debug_caps {
	bool step;         /* single-step gives a debug exit */
	bool block_irq;    /* interrupts can be held off for a step */
	bool int3;         /* a planted int3 comes back as DEBUG_EVENT_INT3, by whatever exit */
	bool int3_real;    /* in real-mode code too; else the guest gets it, and nobody is told */
	bool exec_dr;      /* execute breakpoints in debug registers fire */
	bool data_dr;      /* data watchpoints fire */
	bool int3_user;    /* int3 at CPL 3 too; else the guest gets it, and nobody is told */
	bool exec_user;    /* exec_dr at CPL 3 too */
	bool step_user;    /* step at CPL 3 too; there a vcpu with DEBUG_STEP runs on else */
	bool protect;      /* accesses to watched pages come out (ops->protect) */
	bool msr_exit;     /* accesses to MSRs can come out (ops->catch) */
};

enum debug_event_kind {
	DEBUG_EVENT_INT3,      /* an int3 at pc; it has not been executed */
	DEBUG_EVENT_DB,        /* #DB: dr6 tells; pc is the next instruction (exec: the hit one) */
	DEBUG_EVENT_STEPPED,   /* the step asked for is done; dr6 may hold watch hits as well */
	DEBUG_EVENT_ACCESS,    /* watched bytes were accessed: access[]; pc is the next instruction */
	DEBUG_EVENT_CAUGHT,    /* came out for what it was to: caught; pc is the next instruction */
	DEBUG_EVENT_OPAQUE,    /* the instruction at pc needs a step with plan.open; not executed yet */
	DEBUG_EVENT_INTERRUPT, /* ops->stop() was asked for */
	DEBUG_EVENT_EXITED,    /* the guest ended by itself: status */
	DEBUG_EVENT_RESET,     /* the machine has just been reset (all vcpus are in their entry state) */
	DEBUG_EVENT_SHUTDOWN,  /* triple fault */
	DEBUG_EVENT_ERROR,     /* KVM internal error, failed entry, bad memory: text tells */
};

#define DEBUG_MAX_PROTECTS 128
#define DEBUG_MAX_ACCESSES 4

/* Watched bytes of RAM, all on one page. Writes come out, with `reads` reads too. */
struct debug_protect { uint64_t gpa; uint32_t len; bool reads; };

/* One access to watched bytes and others beside them; len 1..8. device: by a device of the machine. */
struct debug_access { uint64_t gpa; uint8_t len; bool write, device; uint8_t old[8], now[8]; };

/* What can be caught ("monitor catch"). Of these the target knows IO, MMIO and MSR. */
enum debug_catch_kind {
	DEBUG_CATCH_NONE, DEBUG_CATCH_EXCEPTION, DEBUG_CATCH_IRQ, DEBUG_CATCH_CR3, DEBUG_CATCH_MSR,
	DEBUG_CATCH_IO, DEBUG_CATCH_MMIO, DEBUG_CATCH_HLT, DEBUG_CATCH_SHUTDOWN, DEBUG_CATCH_HYPERCALL,
	DEBUG_CATCH_SYSCALL
};

#define DEBUG_MAX_CATCHES 16

/* Ports, physical addresses, MSRs; both ends included. */
struct debug_catch_range { enum debug_catch_kind kind; uint64_t first, last; };

/* One access that was caught; count > 1: the first one of a string instruction's. */
struct debug_caught {
	enum debug_catch_kind kind;   /* NONE: nothing */
	bool write;
	uint8_t len;                  /* bytes */
	uint32_t count;
	uint64_t at, value;
};

struct debug_event {
	enum debug_event_kind kind;
	unsigned vcpu;
	uint64_t pc;        /* linear */
	uint64_t dr6;       /* DB, STEPPED */
	uint32_t status;    /* EXITED */
	unsigned accesses;  /* of ACCESS, or of any other event that came of the instruction; in order */
	struct debug_access access[DEBUG_MAX_ACCESSES];
	struct debug_caught caught; /* of CAUGHT, or of any other event that came of the instruction */
	bool on_stack;      /* this vcpu's stack is on the watched page stack_page: it must not stay */
	uint64_t stack_page;
	char text[200];     /* SHUTDOWN, ERROR: one line of what happened; else "" */
};

enum debug_verdict { DEBUG_GO, DEBUG_STOP };

/* What the target calls. Implemented by debug/session.c. */
struct debug_sink {
	void *ctx;
	enum debug_verdict (*event)(void *ctx, const struct debug_event *ev);
	void (*stopped)(void *ctx);
};

/* What a vcpu shall do until its next event. */
enum debug_move { DEBUG_HOLD, DEBUG_RUN, DEBUG_STEP };

struct debug_plan {
	enum debug_move move;
	bool block_irq;     /* DEBUG_STEP: no interrupt is taken (where caps say it can be) */
	bool sleeps;        /* DEBUG_STEP as a way of running: a vcpu halted in a HLT is not woken for it */
	bool open;          /* DEBUG_STEP, all others HOLD: watched pages are plain memory for it */
	uint8_t slots_off;  /* bits of debug registers that stay disarmed on this vcpu for this move */
};

/* What is armed on every vcpu whenever it runs. */
struct debug_arm {
	bool int3;                          /* at least one int3 of ours is in memory */
	struct x86_dr slot[X86_DR_SLOTS];   /* used ones belong to the stub */
};

enum debug_vcpu_state {
	DEBUG_VCPU_RUNNING, DEBUG_VCPU_STOPPED, DEBUG_VCPU_HALTED, DEBUG_VCPU_WAIT_SIPI
};

/* A counted exit reason, for "monitor exits". */
struct debug_exit_count { const char *name; uint64_t count; };

/* A kept state of the machine, for "monitor snapshot list". */
struct debug_snapshot {
	const char *name;   /* valid until the next snapshot op */
	uint64_t pages;     /* of 4096 bytes, that are not zeros; pages are shared between snapshots */
	uint64_t pc;        /* linear, of cpu0 */
};

/* Members that may be NULL say so: then the capability does not exist and is not advertised. */
struct debug_target_ops {
	unsigned (*vcpu_count)(void *t);
	/* Of a parked vcpu: stopped, halted, waiting for SIPI; else running. */
	enum debug_vcpu_state (*vcpu_state)(void *t, unsigned vcpu);

	/*
	 * The state of a parked vcpu: *ret holds at least the groups asked for. It points to the target's own
	 * copy, read at most once per stop, valid until that vcpu runs or set() is called. -EBUSY: running.
	 */
	int (*get)(void *t, unsigned vcpu, unsigned groups, const struct x86_state **ret);
	/* Writes whole groups of a parked vcpu. All or nothing per call; -EINVAL with text. */
	int (*set)(void *t, unsigned vcpu, unsigned groups, const struct x86_state *st, struct error *err);

	/* Takes effect when a vcpu is next entered; running ones are made to take it at once. */
	void (*arm)(void *t, const struct debug_arm *arm);

	/* Replaces the plans of all vcpus. Parked ones with a move other than HOLD start when the lock is
	 * released (or when the callback that called this returns DEBUG_GO); running ones whose new move is
	 * HOLD park. count is vcpu_count(). */
	void (*resume)(void *t, const struct debug_plan *plan, unsigned count);

	/* Makes everything park and then calls sink->stopped() on the thread of vcpu `elected`. */
	void (*stop)(void *t, unsigned elected);

	/* Gives vector 1 or 3 back to the guest when vcpu next runs, as the CPU would have delivered it.
	 * dr6: what the guest's handler shall read (vector 1). */
	int (*inject)(void *t, unsigned vcpu, unsigned vector, uint64_t dr6);

	/*
	 * Replaces the list of watched bytes. Everything parked: 0, or negative errno and nothing is watched.
	 * While vcpus run it takes effect soon, and the answer is 0. A page that holds page tables, a stack
	 * or (reads) descriptor tables must not be given. NULL: none.
	 */
	int (*protect)(void *t, const struct debug_protect *range, unsigned n);

	/*
	 * Replaces the list of accesses that come out as `caught` (at most DEBUG_MAX_CATCHES). 0; -ENOTSUP
	 * with text: one of these never comes out here. It fails as a whole, and the list stays what it
	 * was. While vcpus run it takes effect soon. NULL: nothing comes out.
	 */
	int (*catch)(void *t, const struct debug_catch_range *range, unsigned n, struct error *err);

	/* Everything parked: image reloaded, all vcpus at their entry state. NULL: no reset. */
	int (*reset)(void *t, struct error *err);
	/* The machine ends; the program's exit status is as if killed. Does not wait. */
	void (*kill)(void *t);
	/*
	 * Guest time while everything is stopped. wish > 0: it stands, 0: it runs on, < 0: as it is. Writes
	 * one line that says what does (NUL-terminated, cut to size). NULL: there is no choice.
	 */
	void (*time)(void *t, int wish, char *text, size_t size);
	/*
	 * One access of 1, 2, 4 or 8 bytes, naturally aligned, to a physical address that is not RAM, as this
	 * parked vcpu would make it, with all its effects. 0, or negative errno with text. NULL: none.
	 */
	int (*device)(void *t, unsigned vcpu, uint64_t gpa, void *buf, unsigned len, bool write,
	              struct error *err);
	/* Fills up to max rows; returns how many there are. NULL: none. */
	unsigned (*exits)(void *t, struct debug_exit_count *rows, unsigned max);

	/*
	 * Snapshots: the whole machine, kept by name. Everything parked, and no int3 of the stub in memory.
	 * A save under a name that is taken replaces. -ENOENT: no such name; -ENOSPC, -ENOMEM; others: the
	 * machine cannot do it. *ret_pages: how much of memory was put back. All four or none are NULL.
	 */
	int (*snapshot_save)(void *t, const char *name, struct error *err);
	int (*snapshot_restore)(void *t, const char *name, uint64_t *ret_pages, struct error *err);
	int (*snapshot_delete)(void *t, const char *name, struct error *err);
	unsigned (*snapshot_list)(void *t, struct debug_snapshot *rows, unsigned max); /* their number */
};

#endif
