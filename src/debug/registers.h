/* g G p P and LLDB's saved register sets, over the one table of registers. */
#ifndef DEBUG_REGISTERS_H
#define DEBUG_REGISTERS_H

#include "debug/internal.h"

/* Writes rip of a parked vcpu: 0 or negative errno with text. */
int debug_registers_set_pc(struct debug_session *s, unsigned vcpu, uint64_t pc, struct error *err);

#endif
