/* What a vcpu has, from its CPUID (SDM 2A, CPUID; SDM 1 13.2). Pure. */
#ifndef X86_LAYOUT_H
#define X86_LAYOUT_H

#include "x86/state.h"

/* One row of what CPUID answers the guest. Rows that a leaf does not index have subleaf 0. */
struct x86_cpuid { uint32_t leaf, subleaf, eax, ebx, ecx, edx; };

/*
 * Fills *l from the leaves 1, 7, 0xD, 0x80000001 and 0x80000008 among the rows, in any order. Missing
 * leaves mean what they mean on old CPUs: no XSAVE beyond x87 and SSE, 36 physical and 48 linear bits.
 * A component that would not fit X86_XSAVE_SIZE is left out.
 */
void x86_layout_init(struct x86_layout *l, const struct x86_cpuid *rows, unsigned count);

#endif
