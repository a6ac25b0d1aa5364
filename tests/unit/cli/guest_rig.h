/*
 * A guest made by hand: some RAM, page tables, a state in 64-bit mode.
 *
 *   0x1000 PML4   0x2000 PDPT   0x3000 PD   0x4000 PT (for 4 KiB pages)   0x10000.. free for the test
 *
 * The first 4 MiB are mapped to themselves by 2 MiB pages, and again at RIG_HIGH; rig_map_page() maps single
 * pages at RIG_PAGES.
 */
#ifndef TESTS_UNIT_CLI_GUEST_RIG_H
#define TESTS_UNIT_CLI_GUEST_RIG_H

#include "mem/guest_mem.h"
#include "x86/paging.h"
#include "x86/segment.h"
#include "x86/state.h"

#include <string.h>

#define RIG_RAM (8ull << 20)
#define RIG_HIGH 0xffffffff80000000ull
#define RIG_PAGES 0x40000000ull

struct guest_rig {
	struct guest_mem mem;
	struct x86_state state;
	struct x86_layout layout;
	struct x86_phys_reader reader;
};

static inline int rig_read(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	return guest_mem_read(ctx, gpa, buf, len);
}

static inline void rig_put(struct guest_rig *r, uint64_t gpa, uint64_t value)
{
	assert_int_equal(guest_mem_write(&r->mem, gpa, &value, sizeof(value)), 0);
}

static inline void rig_map_page(struct guest_rig *r, unsigned index, uint64_t gpa, uint64_t flags)
{
	rig_put(r, 0x4000 + index * 8, gpa | flags);
}

static inline void rig_init(struct guest_rig *r)
{
	struct x86_state *st = &r->state;

	memset(r, 0, sizeof(*r));
	guest_mem_init(&r->mem);
	assert_int_equal(guest_mem_add(&r->mem, 0, RIG_RAM, NULL), 0);
	r->reader = (struct x86_phys_reader){.read = rig_read, .ctx = &r->mem};
	r->layout.phys_bits = 40;
	r->layout.linear_bits = 48;
	r->layout.has_nx = r->layout.has_1g = true;
	rig_put(r, 0x1000, 0x2003);            /* lower half */
	rig_put(r, 0x1000 + 511 * 8, 0x2003);  /* upper half, by the same PDPT */
	rig_put(r, 0x2000, 0x3003);
	rig_put(r, 0x2000 + 8, 0x5003);        /* RIG_PAGES */
	rig_put(r, 0x2000 + 510 * 8, 0x3003);  /* RIG_HIGH */
	rig_put(r, 0x3000, 0x83);
	rig_put(r, 0x3008, 0x200083);
	rig_put(r, 0x5000, 0x4003);
	st->cr0 = X86_CR0_PG | X86_CR0_PE | X86_CR0_WP;
	st->cr3 = 0x1000;
	st->cr4 = X86_CR4_PAE;
	st->efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NX;
	st->rflags = X86_RFLAGS_FIXED;
	st->seg[X86_CS] = x86_seg_code64(8);
	st->seg[X86_SS] = st->seg[X86_DS] = st->seg[X86_ES] = x86_seg_data(16);
	st->seg[X86_FS] = st->seg[X86_GS] = x86_seg_data(0);
	st->seg[X86_LDTR] = x86_seg_none();
	st->seg[X86_TR] = x86_seg_tss64(24, 0, 0x67);
}

static inline void rig_fini(struct guest_rig *r)
{
	guest_mem_fini(&r->mem);
}

#endif
