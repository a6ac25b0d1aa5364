/*
 * A machine in memory that implements debug_target_ops: a few real x86-64 instructions, several vcpus, one
 * turn each in order, so that everything is repeatable. It keeps kvm/runctl.c's rules: an event parks its
 * vcpu, DEBUG_STOP parks all, stopped() comes when all are parked. A running vcpu that is to park notices it
 * one turn late, so that events of several meet.
 *
 * RAM is 1 MiB at 0. Entry: 64-bit mode, rip 0x1000, rsp 0x9000, 4-level paging, 4 KiB pages:
 *   0x00000-0x07fff  themselves, rwx          0x50000  an alias of physical 0x1000
 *   0x08000-0x3ffff  themselves, rw           0x60000  physical 0x10000000, which is no RAM
 *   0x40000          not mapped               0x70000  itself, read-only
 *   the rest of the first MiB: itself, rw     beyond: not mapped
 */
#ifndef TESTS_FAKE_TARGET_H
#define TESTS_FAKE_TARGET_H

#include "debug/target.h"
#include "mem/guest_mem.h"
#include "x86/state.h"

#define FAKE_RAM 0x100000u
#define FAKE_ENTRY 0x1000u
#define FAKE_STACK 0x9000u
#define FAKE_ALIAS 0x50000u
#define FAKE_MAX_IMAGE 4096u
#define FAKE_SNAPSHOTS 2

#define FAKE_DEVICE 0x10000000u  /* virtual 0x60000 */

struct fake_vcpu {
	struct x86_state st;
	struct debug_plan plan, now;     /* now: what it entered the guest with */
	bool running, halted, wait_sipi;
	unsigned grace;                  /* turns until a kick is noticed */
	bool late;                       /* its step has ended, and nobody knows yet */
	uint64_t late_dr6;
	bool inject;
	unsigned vector;
	uint64_t inject_dr6;
	unsigned guest_int3, guest_db;   /* delivered to the guest */
	uint64_t last_dr6;               /* what its #DB handler read */
	struct debug_caught out;         /* its last instruction was an out */
};

struct fake_target {
	struct guest_mem mem;
	struct x86_layout layout;
	struct debug_caps caps;
	struct debug_sink sink;
	struct debug_arm arm;
	struct debug_protect protect[DEBUG_MAX_PROTECTS];
	unsigned protects;
	bool no_protect;                  /* the op fails */
	struct debug_catch_range catch[DEBUG_MAX_CATCHES];
	unsigned catches;
	unsigned count;
	struct fake_vcpu vcpu[DEBUG_MAX_VCPUS];
	uint64_t device;                  /* the register at FAKE_DEVICE */
	bool stopping, reset_wanted, killed, no_reset, time_runs;
	bool together;                    /* steps of one turn end when all have executed */
	unsigned elected;
	uint8_t image[FAKE_MAX_IMAGE];    /* loaded at FAKE_ENTRY by a reset */
	struct fake_snapshot *snapshot[FAKE_SNAPSHOTS];
	/* What the session did, for tests. */
	unsigned arms, resumes, stops, resets, gets, sets;
	unsigned violations;              /* of debug/target.h: resumes while a stop is under way */
};

/* All capabilities on, vcpus 1 on waiting for SIPI unless woken. */
void fake_init(struct fake_target *f, unsigned vcpus);
void fake_fini(struct fake_target *f);

/* Code at FAKE_ENTRY + offset, in memory and in the image. */
void fake_code(struct fake_target *f, unsigned offset, const void *bytes, unsigned len);

/* All vcpus but those waiting for SIPI run from where they are. */
void fake_start(struct fake_target *f);
/* A vcpu that waited or halted goes on, from rip if that is not 0. */
void fake_wake(struct fake_target *f, unsigned vcpu, uint64_t rip);

/* Up to this many turns; returns early when nothing runs. */
void fake_run(struct fake_target *f, unsigned turns);
bool fake_runs(const struct fake_target *f);

/* An event from outside a turn, as a hostile target might send it. */
void fake_event(struct fake_target *f, const struct debug_event *ev);

const struct debug_target_ops *fake_ops(void);

#endif
