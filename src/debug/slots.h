/* Which debug register serves whom. Identical requests share one, and writes within a wider
 * range share its register. Nothing here touches a vcpu. */
#ifndef DEBUG_SLOTS_H
#define DEBUG_SLOTS_H

#include "x86/debugreg.h"

struct debug_slots {
	struct x86_dr want[X86_DR_SLOTS];  /* wanted from the next resume on */
	struct x86_dr last[X86_DR_SLOTS];  /* wanted at the last one: taken again, so that nothing changes */
	unsigned refs[X86_DR_SLOTS];
};

void debug_slots_init(struct debug_slots *s);

/* Registers for all n pieces, or none: a mask of slots, or -ENOSPC. */
int debug_slots_take(struct debug_slots *s, const struct x86_dr *pieces, unsigned n);
void debug_slots_release(struct debug_slots *s, unsigned mask);

/* Remembers the present state as what is armed. */
void debug_slots_settle(struct debug_slots *s);

unsigned debug_slots_in_use(const struct debug_slots *s);

#endif
