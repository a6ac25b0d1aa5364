/* Where an interrupt vector leads: IDT gates (SDM 3A 6.11, 6.14.1) and the real-mode vector table. Pure. */
#ifndef X86_GATE_H
#define X86_GATE_H

#include "x86/cpumode.h"
#include "x86/regs.h"

struct x86_gate {
	uint64_t target;       /* linear address of the handler's first instruction (flat code segments) */
	uint8_t flags_offset;  /* bytes from the stack pointer at entry to the saved flags, no error code */
};

/*
 * The gate of a vector in the IDT of st (CORE and SYSTEM filled). 0; -ENOENT: outside the table or not
 * present; -EINVAL: a task gate or no gate at all; -EFAULT: the table cannot be read.
 */
int x86_gate_find(const struct x86_state *st, uint8_t vector, const struct x86_reader *mem,
                  struct x86_gate *ret);

#endif
