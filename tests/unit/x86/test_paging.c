#include "../cmocka_all.h"
#include "sparse_mem.h"
#include "x86/paging.h"

#define NX (1ull << 63)
#define GIB (1ull << 30)
#define MIB (1ull << 20)

/* rwx of a successful walk */
enum { R = 0, W = 1, U = 2, X = 4, WX = W | X, ALL = W | U | X };

struct row {
	const char *name;
	struct x86_paging pg;
	uint64_t gva;
	struct word words[6];
	enum x86_walk_result result;
	uint64_t gpa, page_size;
	unsigned rights, depth;
};

#define LONG4 { .mode = X86_PAGING_4LEVEL, .cr3 = 0x1000, .nx = true, .phys_bits = 46 }
#define LONG5 { .mode = X86_PAGING_5LEVEL, .cr3 = 0x1000, .nx = true, .phys_bits = 46 }
#define LEGACY { .mode = X86_PAGING_32, .cr3 = 0x1000, .pse = true, .phys_bits = 40 }
#define PAE { .mode = X86_PAGING_PAE, .cr3 = 0x1020, .nx = true, .phys_bits = 40 }

/* Slots 258, 141, 0x2b, 0x78, offset 0xabc. */
#define HIGH 0xffff812345678abcull
#define SLOT4 (0x1000 + 258 * 8)
#define SLOT3 (0x2000 + 141 * 8)
#define SLOT2 (0x3000 + 0x2b * 8)
#define SLOT1 (0x4000 + 0x78 * 8)

static const struct row rows[] = {
	/* no paging */
	{ "none", { .mode = X86_PAGING_NONE }, 0xfffff123, {{ 0, 0 }},
	  X86_WALK_OK, 0xfffff123, 4096, ALL, 0 },
	{ "none above 4 GiB", { .mode = X86_PAGING_NONE }, 1ull << 32, {{ 0, 0 }},
	  X86_WALK_NOT_CANONICAL, 0, 1ull << 32, 0, 0 },

	/* 32-bit: 0x12345678 = slot 0x48, 0x345, offset 0x678 */
	{ "32: 4 KiB", LEGACY, 0x12345678, {{ 0x1120, 0x2007 }, { 0x2d14, 0xabcd3007 }},
	  X86_WALK_OK, 0xabcd3678, 4096, ALL, 2 },
	{ "32: write needs both levels", LEGACY, 0x12345678, {{ 0x1120, 0x2005 }, { 0x2d14, 0x3003 }},
	  X86_WALK_OK, 0x3678, 4096, X, 2 },
	{ "32: 4 MiB", LEGACY, 0x12345678, {{ 0x1120, 0x40000083 }},
	  X86_WALK_OK, 0x40345678, 4 * MIB, WX, 1 },
	{ "32: PSE-36", LEGACY, 0x12345678, {{ 0x1120, 0x4015e083 }},
	  X86_WALK_OK, 0xaf40345678, 4 * MIB, WX, 1 },
	{ "32: PSE bit 21", LEGACY, 0x12345678, {{ 0x1120, 0x40200083 }},
	  X86_WALK_RESERVED_BIT, 0, 4 * MIB, 0, 1 },
	{ "32: PSE-36 beyond 36 bits", { .mode = X86_PAGING_32, .cr3 = 0x1000, .pse = true, .phys_bits = 36 },
	  0x12345678, {{ 0x1120, 0x40020083 }}, X86_WALK_RESERVED_BIT, 0, 4 * MIB, 0, 1 },
	{ "32: PSE-36 within 36 bits", { .mode = X86_PAGING_32, .cr3 = 0x1000, .pse = true, .phys_bits = 36 },
	  0x12345678, {{ 0x1120, 0x4001e083 }}, X86_WALK_OK, 0xf40345678, 4 * MIB, WX, 1 },
	{ "32: PSE off, PS ignored", { .mode = X86_PAGING_32, .cr3 = 0x1000, .phys_bits = 36 },
	  0x12345678, {{ 0x1120, 0x2083 }, { 0x2d14, 0x3083 }}, X86_WALK_OK, 0x3678, 4096, WX, 2 },
	{ "32: PDE not present", LEGACY, 0x12345678, {{ 0x1120, 0x2006 }},
	  X86_WALK_NOT_PRESENT, 0, 4 * MIB, 0, 1 },
	{ "32: PTE not present", LEGACY, 0x12345678, {{ 0x1120, 0x2007 }, { 0x2d14, 0x3006 }},
	  X86_WALK_NOT_PRESENT, 0, 4096, 0, 2 },
	{ "32: table outside RAM", LEGACY, 0x12345678, {{ 0x1120, 0x9000007 }},
	  X86_WALK_TABLE_OUTSIDE_RAM, 0, 4096, 0, 1 },
	{ "32: above 4 GiB", LEGACY, 0x112345678, {{ 0x1120, 0x2007 }},
	  X86_WALK_NOT_CANONICAL, 0, 1ull << 32, 0, 0 },

	/* PAE: 0xc0a05123 = slot 3, 5, 5, offset 0x123; cr3 is 32-byte aligned */
	{ "PAE: 4 KiB", PAE, 0xc0a05123, {{ 0x1038, 0x2001 }, { 0x2028, 0x3003 }, { 0x3028, 0xfedcba7003 }},
	  X86_WALK_OK, 0xfedcba7123, 4096, WX, 3 },
	{ "PAE: no execute", PAE, 0xc0a05123,
	  {{ 0x1038, 0x2001 }, { 0x2028, 0x3007 }, { 0x3028, NX | 0x5007 }},
	  X86_WALK_OK, 0x5123, 4096, W | U, 3 },
	{ "PAE: 2 MiB", PAE, 0xc0a05123, {{ 0x1038, 0x2001 }, { 0x2028, 0x8000600083 }},
	  X86_WALK_OK, 0x8000605123, 2 * MIB, WX, 2 },
	{ "PAE: PDPTE with R/W", PAE, 0xc0a05123, {{ 0x1038, 0x2003 }}, X86_WALK_RESERVED_BIT, 0, GIB, 0, 1 },
	{ "PAE: PDPTE with NX", PAE, 0xc0a05123, {{ 0x1038, NX | 0x2001 }},
	  X86_WALK_RESERVED_BIT, 0, GIB, 0, 1 },
	{ "PAE: PDPTE not present", PAE, 0xc0a05123, {{ 0x1038, 0x2000 }},
	  X86_WALK_NOT_PRESENT, 0, GIB, 0, 1 },
	{ "PAE: bit above width", PAE, 0xc0a05123,
	  {{ 0x1038, 0x2001 }, { 0x2028, 0x3003 }, { 0x3028, 1ull << 40 | 0x5003 }},
	  X86_WALK_RESERVED_BIT, 0, 4096, 0, 3 },
	{ "PAE: bit 52", PAE, 0xc0a05123, {{ 0x1038, 0x2001 }, { 0x2028, 1ull << 52 | 0x3003 }},
	  X86_WALK_RESERVED_BIT, 0, 2 * MIB, 0, 2 },
	{ "PAE: 2 MiB misaligned", PAE, 0xc0a05123, {{ 0x1038, 0x2001 }, { 0x2028, 0x102083 }},
	  X86_WALK_RESERVED_BIT, 0, 2 * MIB, 0, 2 },
	{ "PAE: above 4 GiB", PAE, 1ull << 32, {{ 0x1020, 0x2001 }},
	  X86_WALK_NOT_CANONICAL, 0, 1ull << 32, 0, 0 },

	/* 4-level */
	{ "4: 4 KiB", LONG4, HIGH,
	  {{ SLOT4, 0x2007 }, { SLOT3, 0x3007 }, { SLOT2, 0x4007 }, { SLOT1, 0x5007 }},
	  X86_WALK_OK, 0x5abc, 4096, ALL, 4 },
	{ "4: rights combine", LONG4, HIGH,
	  {{ SLOT4, 0x2003 }, { SLOT3, 0x3005 }, { SLOT2, NX | 0x4007 }, { SLOT1, 0x5007 }},
	  X86_WALK_OK, 0x5abc, 4096, R, 4 },
	{ "4: 2 MiB", LONG4, HIGH, {{ SLOT4, 0x2003 }, { SLOT3, 0x3003 }, { SLOT2, 0x3fffffe00083 }},
	  X86_WALK_OK, 0x3fffffe78abc, 2 * MIB, WX, 3 },
	{ "4: 1 GiB", LONG4, HIGH, {{ SLOT4, 0x2003 }, { SLOT3, 0x140000083 }},
	  X86_WALK_OK, 0x145678abc, GIB, WX, 2 },
	{ "4: 1 GiB PAT bit", LONG4, HIGH, {{ SLOT4, 0x2003 }, { SLOT3, 0x140001083 }},
	  X86_WALK_OK, 0x145678abc, GIB, WX, 2 },
	{ "4: 1 GiB misaligned", LONG4, HIGH, {{ SLOT4, 0x2003 }, { SLOT3, 0x160000083 }},
	  X86_WALK_RESERVED_BIT, 0, GIB, 0, 2 },
	{ "4: no 1 GiB pages", { .mode = X86_PAGING_4LEVEL, .cr3 = 0x1000, .no_1g = true, .phys_bits = 46 },
	  HIGH, {{ SLOT4, 0x2003 }, { SLOT3, 0x140000083 }}, X86_WALK_RESERVED_BIT, 0, GIB, 0, 2 },
	{ "4: PS in PML4E", LONG4, HIGH, {{ SLOT4, 0x2083 }}, X86_WALK_RESERVED_BIT, 0, 512 * GIB, 0, 1 },
	{ "4: NX reserved without EFER.NXE", { .mode = X86_PAGING_4LEVEL, .cr3 = 0x1000, .phys_bits = 46 },
	  HIGH, {{ SLOT4, NX | 0x2003 }}, X86_WALK_RESERVED_BIT, 0, 512 * GIB, 0, 1 },
	{ "4: bits 52-62 ignored", LONG4, HIGH,
	  {{ SLOT4, 0x7ff0000000002003 }, { SLOT3, 0x7ff0000000003003 }, { SLOT2, 0x7ff0000000004003 },
	    { SLOT1, 0x7ff0000000005003 }}, X86_WALK_OK, 0x5abc, 4096, WX, 4 },
	{ "4: bit above width", LONG4, HIGH, {{ SLOT4, 0x2003 }, { SLOT3, 1ull << 46 | 0x3003 }},
	  X86_WALK_RESERVED_BIT, 0, GIB, 0, 2 },
	{ "4: not present", LONG4, HIGH, {{ SLOT4, 0x2003 }, { SLOT3, 0x3003 }, { SLOT2, 0x4002 }},
	  X86_WALK_NOT_PRESENT, 0, 2 * MIB, 0, 3 },
	{ "4: not present beats reserved", LONG4, HIGH, {{ SLOT4, 1ull << 50 | 0x2082 }},
	  X86_WALK_NOT_PRESENT, 0, 512 * GIB, 0, 1 },
	{ "4: root outside RAM", LONG4, HIGH, {{ 0x8000, 1 }},
	  X86_WALK_TABLE_OUTSIDE_RAM, 0, 512 * GIB, 0, 0 },
	{ "4: last table outside RAM", LONG4, HIGH, {{ SLOT4, 0x2003 }, { SLOT3, 0x3003 }, { SLOT2, 0x4003 }},
	  X86_WALK_TABLE_OUTSIDE_RAM, 0, 4096, 0, 3 },
	{ "4: CR3 flags masked", { .mode = X86_PAGING_4LEVEL, .cr3 = 0x8000000000001fff, .phys_bits = 46 },
	  HIGH, {{ SLOT4, 0x2006 }}, X86_WALK_NOT_PRESENT, 0, 512 * GIB, 0, 1 },
	{ "4: hole", LONG4, 0x0000800000000000, {{ SLOT4, 0x2003 }},
	  X86_WALK_NOT_CANONICAL, 0, 1ull << 47, 0, 0 },
	{ "4: hole end", LONG4, 0xffff7fffffffffff, {{ SLOT4, 0x2003 }},
	  X86_WALK_NOT_CANONICAL, 0, 1ull << 47, 0, 0 },
	{ "4: lowest high address", LONG4, 0xffff800000000000, {{ 0x1800, 0x2002 }},
	  X86_WALK_NOT_PRESENT, 0, 512 * GIB, 0, 1 },
	{ "4: highest low address", LONG4, 0x00007fffffffffff, {{ 0x17f8, 0x2002 }},
	  X86_WALK_NOT_PRESENT, 0, 512 * GIB, 0, 1 },

	/* 5-level: 0x0081812345678abc = slot 0x81 above the slots of HIGH */
	{ "5: 2 MiB", LONG5, 0x0000812345678abc | 0x81ull << 48,
	  {{ 0x1408, 0x6003 }, { 0x6000 + 258 * 8, 0x2003 }, { SLOT3, 0x3003 }, { SLOT2, 0x600083 }},
	  X86_WALK_OK, 0x678abc, 2 * MIB, WX, 4 },
	{ "5: PML5E not present", LONG5, HIGH, {{ 0x1ff8, 0x2 }}, X86_WALK_NOT_PRESENT, 0, 1ull << 48, 0, 1 },
	{ "5: PS in PML5E", LONG5, HIGH, {{ 0x1ff8, 0x2083 }}, X86_WALK_RESERVED_BIT, 0, 1ull << 48, 0, 1 },
	{ "5: hole", LONG5, 1ull << 56, {{ 0x1ff8, 0x2 }}, X86_WALK_NOT_CANONICAL, 0, 1ull << 56, 0, 0 },
};

static void check_row(const struct row *row)
{
	struct sparse_mem mem = { row->words, 0 };
	const struct x86_phys_reader reader = { sparse_read, &mem };
	struct x86_walk w;
	unsigned rights;

	memset(&w, 0xa5, sizeof(w));
	x86_paging_walk(&row->pg, row->gva, &reader, &w);
	rights = (w.writable ? W : 0) | (w.user ? U : 0) | (w.executable ? X : 0);
	if (w.result != row->result)
		fail_msg("%s: %s", row->name, x86_walk_result_name(w.result));
	if (w.page_size != row->page_size || w.depth != row->depth)
		fail_msg("%s: size %#llx depth %u", row->name, (unsigned long long)w.page_size, w.depth);
	if (w.result == X86_WALK_OK && (w.gpa != row->gpa || rights != row->rights))
		fail_msg("%s: gpa %#llx rights %u", row->name, (unsigned long long)w.gpa, rights);
	for (unsigned i = 0; i < w.depth; i++)
		if (w.level[i].entry_gpa != row->words[i].gpa || w.level[i].entry != row->words[i].value)
			fail_msg("%s: level %u at %#llx", row->name, i,
				(unsigned long long)w.level[i].entry_gpa);
	if (mem.reads > w.depth + 1)
		fail_msg("%s: %u reads", row->name, mem.reads);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(&rows[i]);
}

static void test_level_numbers(void **state)
{
	const struct word words[] = {
		{ 0x1408, 0x6003 }, { 0x6810, 0x2003 }, { SLOT3, 0x3003 }, { SLOT2, 0x4003 },
		{ SLOT1, 0x5003 }, { 0, 0 }
	};
	const struct x86_paging pg = LONG5;
	struct sparse_mem mem = { words, 0 };
	const struct x86_phys_reader reader = { sparse_read, &mem };
	struct x86_walk w;

	(void)state;
	x86_paging_walk(&pg, 0x0081812345678abc, &reader, &w);
	assert_int_equal(w.result, X86_WALK_OK);
	assert_int_equal(w.depth, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(w.level[i].level, 5 - i);
}

static void test_from_state(void **state)
{
	static const struct { uint64_t cr0, cr4, efer; enum x86_paging_mode mode; bool pse, nx; } modes[] = {
		{ 0, 0, 0, X86_PAGING_NONE, false, false },
		{ X86_CR0_PE, X86_CR4_PAE, X86_EFER_LME, X86_PAGING_NONE, false, false },
		{ X86_CR0_PE | X86_CR0_PG, X86_CR4_PSE, 0, X86_PAGING_32, true, false },
		{ X86_CR0_PE | X86_CR0_PG, X86_CR4_PAE, X86_EFER_NX, X86_PAGING_PAE, false, true },
		{ X86_CR0_PE | X86_CR0_PG, X86_CR4_PAE, X86_EFER_LME | X86_EFER_LMA, X86_PAGING_4LEVEL, false,
		  false },
		{ X86_CR0_PE | X86_CR0_PG, X86_CR4_PAE | X86_CR4_LA57, X86_EFER_LME | X86_EFER_LMA,
		  X86_PAGING_5LEVEL, false, false },
	};
	static struct x86_state st;
	const struct x86_layout layout = { .phys_bits = 39, .has_1g = true };
	struct x86_paging pg;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		st.cr0 = modes[i].cr0;
		st.cr4 = modes[i].cr4;
		st.efer = modes[i].efer;
		st.cr3 = 0x5000;
		x86_paging_from_state(&st, &layout, &pg);
		assert_int_equal(pg.mode, modes[i].mode);
		assert_int_equal(pg.pse, modes[i].pse);
		assert_int_equal(pg.nx, modes[i].nx);
		assert_int_equal(pg.cr3, 0x5000);
		assert_int_equal(pg.phys_bits, 39);
		assert_false(pg.no_1g);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(x86_paging_mode_name(X86_PAGING_4LEVEL), "4-level");
	assert_string_equal(x86_walk_result_name(X86_WALK_NOT_PRESENT), "page not present");
	assert_string_equal(x86_walk_result_name((enum x86_walk_result)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_level_numbers),
		cmocka_unit_test(test_from_state), cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
