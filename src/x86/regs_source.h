/* Private to regs.c and regs_set.c: what stands behind a row of the register table. */
#ifndef X86_REGS_SOURCE_H
#define X86_REGS_SOURCE_H

#include "x86/regs.h"
#include "x86/xsave.h"

/*
 * The values of x86_reg.source. Up to SRC_FIELDS a register is a field of struct x86_state at offset
 * x86_reg.index, and the source names the rule for writing it. From SRC_XSAVE on it is
 * x86_xsave_reg (source - SRC_XSAVE) number x86_reg.index.
 */
enum x86_regs_source {
	SRC_ANY, SRC_RIP, SRC_RFLAGS, SRC_SELECTOR, SRC_BASE32, SRC_CANONICAL, SRC_LIMIT, SRC_TABLE_LIMIT,
	SRC_CR0, SRC_CR3, SRC_CR4, SRC_CR8, SRC_EFER, SRC_APIC_BASE, SRC_XCR0, SRC_DR6, SRC_DR7,
	SRC_MSR, SRC_MSR_CANONICAL, SRC_MSR_LOW32, SRC_MSR_PAT, SRC_FIELDS,
	SRC_ATTR = SRC_FIELDS,  /* index: enum x86_seg_name */
	SRC_LINEAR_PC,
	SRC_NO_SYSCALL,         /* all ones, always */
	SRC_XSAVE
};

/* Which state a register needs of the vcpu to exist. */
enum x86_regs_need { NEED_NOTHING, NEED_XCR0, NEED_AVX, NEED_AVX512, NEED_PKU };

/*
 * Segment attributes as one number, like the upper half of a descriptor (SDM 3C table 24-2):
 * 0-3 type, 4 S, 5-6 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G, 16 unusable.
 */
static inline uint32_t x86_regs_pack_attr(const struct x86_seg *s)
{
	return s->type | (uint32_t)s->s << 4 | (uint32_t)s->dpl << 5 | (uint32_t)s->present << 7 |
	       (uint32_t)s->avl << 12 | (uint32_t)s->l << 13 | (uint32_t)s->db << 14 |
	       (uint32_t)s->g << 15 | (uint32_t)s->unusable << 16;
}
#define X86_REGS_ATTR_BITS 0x1f0ffu

/* regs_image.c: the pieces of g, from the finished table. */
void x86_regs_cut(struct x86_regs *regs, const struct x86_layout *layout);

#endif
