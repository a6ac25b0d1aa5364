/* Descriptors (SDM 3A 3.4.5): packing, unpacking, loading; flat segments for entry states. Pure. */
#ifndef X86_SEGMENT_H
#define X86_SEGMENT_H

#include "x86/regs.h"

/* The 8-byte descriptor of a code/data segment, or the low 8 bytes of a system segment. */
uint64_t x86_seg_pack(const struct x86_seg *seg);
/* Fills base, limit and attributes from a descriptor (16 bytes for system segments in long mode, hi = 0
 * otherwise) and sets the selector. */
void x86_seg_unpack(uint16_t selector, uint64_t lo, uint64_t hi, struct x86_seg *ret);

struct x86_seg x86_seg_code64(uint16_t selector);
struct x86_seg x86_seg_code32(uint16_t selector);
struct x86_seg x86_seg_data(uint16_t selector);
struct x86_seg x86_seg_real(uint16_t selector, bool code);  /* base = selector * 16, limit 0xffff */
struct x86_seg x86_seg_tss64(uint16_t selector, uint64_t base, uint32_t limit); /* busy */
struct x86_seg x86_seg_none(void);                          /* unusable, null selector */

/*
 * Loads a selector into a segment register as a MOV would, from the GDT or LDT that st names, through
 * mem. -EINVAL with text: outside the table, not present, wrong type for the register. st unchanged then.
 */
int x86_seg_load(struct x86_state *st, enum x86_seg_name name, uint16_t selector,
                 const struct x86_reader *mem, struct error *err);

#endif
