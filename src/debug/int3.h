/*
 * The int3 bytes that stand in guest memory, by guest-physical address, and the guest's own bytes that they
 * hide (the shadow). Several breakpoints may share one byte: they are counted.
 *
 * Every vcpu must be parked for all functions but debug_int3_withdraw() and the read-only ones.
 */
#ifndef DEBUG_INT3_H
#define DEBUG_INT3_H

#include "mem/guest_mem.h"

#define DEBUG_INT3_MAX 16384
#define DEBUG_INT3_OPCODE 0xcc

enum debug_int3_state {
	DEBUG_INT3_WANTED,   /* not in memory; will be at the next sync */
	DEBUG_INT3_PLANTED,  /* memory holds 0xcc, shadow the guest's byte */
	DEBUG_INT3_LIFTED,   /* the guest's byte is back for one step */
	DEBUG_INT3_GONE      /* withdrawn while vcpus ran: one of them may still report it */
};

/* All of them are looked at in every stop: kept small. */
struct debug_int3_byte {
	uint64_t gpa;
	uint16_t refs;       /* breakpoints that want it */
	uint8_t state;       /* enum debug_int3_state */
	uint8_t shadow;
};

struct debug_int3 {
	struct guest_mem *mem;
	unsigned count, planted, lifted;
	uint64_t lifted_from; /* with lifted: none below it is */
	bool settled;        /* memory agrees with what is wanted */
	struct debug_int3_byte byte[DEBUG_INT3_MAX]; /* sorted by gpa */
};

void debug_int3_init(struct debug_int3 *t, struct guest_mem *mem);

/* One more, one fewer breakpoint at this byte. Takes effect at the next sync. -ENOSPC, -EFAULT (no RAM). */
int debug_int3_add(struct debug_int3 *t, uint64_t gpa);
void debug_int3_drop(struct debug_int3 *t, uint64_t gpa);

/* Makes memory agree with what is wanted. */
void debug_int3_sync(struct debug_int3 *t);
/* After a stop: a byte that the guest has overwritten becomes the new shadow at the next sync. */
void debug_int3_verify(struct debug_int3 *t);
/* Memory has been loaded anew: nothing of ours is in it and nothing is wanted any more. */
void debug_int3_forget(struct debug_int3 *t);
/* Every byte that nobody wants any more goes back at once, also under running vcpus. */
void debug_int3_withdraw(struct debug_int3 *t);

/*
 * The guest's byte for one step, and ours again; of all of them for a moment in which memory is to be the
 * guest's alone. Bytes that are not planted are left alone.
 */
void debug_int3_lift(struct debug_int3 *t, uint64_t gpa);
void debug_int3_lift_all(struct debug_int3 *t);
void debug_int3_unlift(struct debug_int3 *t);

/* The entry of this byte; NULL when there is none. */
const struct debug_int3_byte *debug_int3_find(const struct debug_int3 *t, uint64_t gpa);

/* Guest memory as the guest wrote it. Whole or nothing, like guest_mem_read/write. */
int debug_int3_read(const struct debug_int3 *t, uint64_t gpa, void *buf, size_t len);
int debug_int3_write(struct debug_int3 *t, uint64_t gpa, const void *buf, size_t len);

#endif
