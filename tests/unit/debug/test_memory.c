/* Views of memory: large pages that leave RAM, holes, wrapping ranges, int3 bytes across pages. */
#include "../cmocka_all.h"

#include "base/bytes.h"
#include "debug/memory.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RAM 0x300000u   /* the second large page is half RAM */

struct world {
	struct guest_mem mem;
	struct debug_int3 int3;
	struct x86_state st;
	struct x86_layout layout;
	struct debug_view virt, phys;
};

static void put64(struct world *w, uint64_t gpa, uint64_t value)
{
	uint8_t b[8];

	bytes_put_le64(b, value);
	guest_mem_write(&w->mem, gpa, b, 8);
}

/*
 * 4-level. 0x000000 and 0x200000: 2 MiB pages, themselves. 0x400000: small pages, 0x1000 -> 0x5000, the next
 * one -> 0x4000, then nothing. Top of the address space: the last page -> 0x6000.
 */
static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	guest_mem_init(&w->mem);
	guest_mem_add(&w->mem, 0, RAM, NULL);
	debug_int3_init(&w->int3, &w->mem);
	put64(w, 0x100000, 0x101003);
	put64(w, 0x101000, 0x102003);
	put64(w, 0x102000, 0x000083);
	put64(w, 0x102008, 0x200083);
	put64(w, 0x102010, 0x103003);
	put64(w, 0x103008, 0x005003);
	put64(w, 0x103010, 0x004003);
	put64(w, 0x100ff8, 0x104003);
	put64(w, 0x104ff8, 0x105003);
	put64(w, 0x105ff8, 0x106003);
	put64(w, 0x106ff8, 0x006003);
	w->st.cr0 = X86_CR0_PE | X86_CR0_PG;
	w->st.cr4 = X86_CR4_PAE;
	w->st.efer = X86_EFER_LME | X86_EFER_LMA;
	w->st.cr3 = 0x100000;
	w->layout.phys_bits = 40;
	debug_view_init(&w->virt, &w->mem, &w->int3, &w->st, &w->layout);
	debug_view_init(&w->phys, &w->mem, &w->int3, NULL, &w->layout);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	guest_mem_fini(&w->mem);
	free(w);
	return 0;
}

static const struct {
	bool physical;
	uint64_t addr;
	size_t len;
	int64_t read;          /* bytes, or error */
	int write;             /* of the whole range */
	const char *text;
} rows[] = {
	{ false, 0x1000, 16, 16, 0, "" },
	{ false, 0x1ffff8, 16, 16, 0, "" },
	{ false, 0x2ffff0, 32, 16, -EFAULT, "0x300000: physical address 0x300000 is not RAM" },
	{ false, 0x300000, 1, -EFAULT, -EFAULT, "0x300000: physical address 0x300000 is not RAM" },
	{ false, 0x401ff8, 16, 16, 0, "" },
	{ false, 0x402ff8, 16, 8, -EFAULT, "0x403000: page not present (level 1)" },
	{ false, 0x400000, 16, -EFAULT, -EFAULT, "0x400000: page not present (level 1)" },
	{ false, 0x600000, 16, -EFAULT, -EFAULT, "0x600000: page not present (level 2)" },
	{ false, 0x40000000, 16, -EFAULT, -EFAULT, "0x40000000: page not present (level 3)" },
	{ false, 0x800000000000, 1, -EFAULT, -EFAULT, "0x800000000000: address not canonical" },
	{ false, 0xfffffffffffffff8, 8, 8, 0, "" },
	{ false, 0xfffffffffffffff8, 16, 8, -EFAULT, "0xfffffffffffffff8: the range wraps" },
	{ false, 0x12345678, 0, 0, 0, "" },
	{ true, 0x400000, 4, -EFAULT, -EFAULT, "0x400000: physical address 0x400000 is not RAM" },
	{ true, 0x2ffff0, 32, 16, -EFAULT, "0x300000: physical address 0x300000 is not RAM" },
	{ true, 0x5000, 0x2000, 0x2000, 0, "" },
	{ true, ~0ull, 1, -EFAULT, -EFAULT,
	  "0xffffffffffffffff: physical address 0xffffffffffffffff is not RAM" },
};

static void test_rows(void **state)
{
	struct world *w = *state;
	static uint8_t buf[0x2000], before[RAM], after[RAM];

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const struct debug_view *v = rows[i].physical ? &w->phys : &w->virt;
		struct error err = { .text = "" };
		int64_t n = debug_view_read(v, rows[i].addr, buf, rows[i].len, &err);
		int rc;

		if (n != rows[i].read)
			print_error("row %u: %s\n", i, err.text);
		assert_int_equal(n, rows[i].read);
		guest_mem_read(&w->mem, 0, before, RAM);
		memset(buf, 0x5a, sizeof(buf));
		rc = debug_view_write(v, rows[i].addr, buf, rows[i].len, &err);
		assert_int_equal(rc, rows[i].write);
		assert_string_equal(err.text, rows[i].text);
		if (rc < 0) {
			guest_mem_read(&w->mem, 0, after, RAM);
			assert_memory_equal(before, after, RAM);
		} else {
			uint8_t back[0x2000];

			n = debug_view_read(v, rows[i].addr, back, rows[i].len, NULL);
			assert_int_equal(n, rows[i].len);
			assert_memory_equal(back, buf, rows[i].len);
			guest_mem_write(&w->mem, 0, before, RAM);
		}
	}
}

/* A range over two pages whose frames are in the other order, with a byte of ours in each. */
static void test_int3_over_pages(void **state)
{
	struct world *w = *state;
	uint8_t buf[8], data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	guest_mem_fill(&w->mem, 0x4000, 0x90, 0x2000);
	debug_int3_add(&w->int3, 0x5fff);
	debug_int3_add(&w->int3, 0x4000);
	debug_int3_sync(&w->int3);
	assert_int_equal(debug_view_read(&w->virt, 0x401ffc, buf, 8, NULL), 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(buf[i], 0x90);
	assert_int_equal(debug_view_write(&w->virt, 0x401ffc, data, 8, NULL), 0);
	debug_view_read(&w->virt, 0x401ffc, buf, 8, NULL);
	assert_memory_equal(buf, data, 8);
	guest_mem_read(&w->mem, 0x5fff, buf, 1);
	assert_int_equal(buf[0], 0xcc);
	debug_int3_drop(&w->int3, 0x5fff);
	debug_int3_drop(&w->int3, 0x4000);
	debug_int3_withdraw(&w->int3);
	guest_mem_read(&w->mem, 0x5ffc, buf, 4);
	assert_memory_equal(buf, data, 4);
	guest_mem_read(&w->mem, 0x4000, buf, 4);
	assert_memory_equal(buf, data + 4, 4);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(test_rows), T(test_int3_over_pages) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
