/* CPU mode from CR0, EFER, RFLAGS and CS; canonical addresses; linear pc. Pure. */
#ifndef X86_CPUMODE_H
#define X86_CPUMODE_H

#include "x86/state.h"

enum x86_mode { X86_MODE_REAL, X86_MODE_V86, X86_MODE_16, X86_MODE_32, X86_MODE_COMPAT, X86_MODE_64 };

enum x86_mode x86_mode_of(const struct x86_state *st);      /* needs CORE and SYSTEM */
const char *x86_mode_name(enum x86_mode mode);              /* "real mode", "64-bit", ... */
uint64_t x86_linear_pc(const struct x86_state *st);         /* CS.base + rip outside 64-bit mode */
bool x86_is_canonical(uint64_t addr, unsigned linear_bits); /* 48 or 57 */
unsigned x86_linear_bits(const struct x86_state *st);       /* 57 with CR4.LA57 in long mode, else 48 */

#endif
