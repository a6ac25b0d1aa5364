#include "../cmocka_all.h"
#include "mem/guest_mem.h"
#include <errno.h>
#include <string.h>

#define K4 4096ull

struct add_row { const char *what; uint64_t gpa, size; int rc; };

static void test_add(void **state)
{
	/* In this order, on one memory. */
	static const struct add_row rows[] = {
		{"empty", 0, 0, -EINVAL},
		{"odd address", 1, K4, -EINVAL},
		{"odd size", 0, 100, -EINVAL},
		{"wraps", UINT64_MAX - K4 + 1, 2 * K4, -EINVAL},
		{"ends at 2^64", UINT64_MAX - K4 + 1, K4, -EINVAL},
		{"first", 16 * K4, 4 * K4, 0},
		{"same", 16 * K4, 4 * K4, -EEXIST},
		{"inside", 17 * K4, K4, -EEXIST},
		{"around", 8 * K4, 64 * K4, -EEXIST},
		{"tail overlaps", 15 * K4, 2 * K4, -EEXIST},
		{"head overlaps", 19 * K4, 2 * K4, -EEXIST},
		{"adjoining behind", 20 * K4, 4 * K4, 0},
		{"adjoining before", 15 * K4, K4, 0},
		{"high", 1ull << 32, K4, 0},
		{"low", 0, K4, 0},
		{"more than the host has address space", 1ull << 40, 1ull << 62, -ENOMEM},
	};
	struct guest_mem gm;
	struct error err = {0};

	(void)state;
	guest_mem_init(&gm);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc = guest_mem_add(&gm, rows[i].gpa, rows[i].size, &err);
		if (rc != rows[i].rc)
			fail_msg("%s: rc %d, wanted %d", rows[i].what, rc, rows[i].rc);
		if (rc < 0 && (err.code != -rc || err.text[0] == '\0'))
			fail_msg("%s: no text for %d", rows[i].what, rc);
	}
	assert_int_equal(gm.count, 5);
	for (unsigned i = 1; i < gm.count; i++)
		assert_true(gm.region[i - 1].gpa + gm.region[i - 1].size <= gm.region[i].gpa);
	assert_true(guest_mem_size(&gm) == 11 * K4);
	assert_true(guest_mem_end(&gm) == (1ull << 32) + K4);
	guest_mem_fini(&gm);
	assert_int_equal(gm.count, 0);
	guest_mem_fini(NULL);
}

static void test_table_full(void **state)
{
	struct guest_mem gm;

	(void)state;
	guest_mem_init(&gm);
	for (unsigned i = 0; i < GUEST_MEM_MAX_REGIONS; i++)
		assert_int_equal(guest_mem_add(&gm, 2 * i * K4, K4, NULL), 0);
	assert_int_equal(guest_mem_add(&gm, 1 << 30, K4, NULL), -ENOSPC);
	guest_mem_fini(&gm);
}

/* RAM at [4K, 8K) [8K, 16K) (adjoining) and [1M, 1M+4K). */
static void make(struct guest_mem *gm)
{
	guest_mem_init(gm);
	assert_int_equal(guest_mem_add(gm, K4, K4, NULL), 0);
	assert_int_equal(guest_mem_add(gm, 2 * K4, 2 * K4, NULL), 0);
	assert_int_equal(guest_mem_add(gm, 1 << 20, K4, NULL), 0);
}

struct range_row { uint64_t gpa, len; bool ram, window; };

static void test_ranges(void **state)
{
	static const struct range_row rows[] = {
		{0, 1, false, false},           {K4, 1, true, true},
		{K4 - 1, 2, false, false},      {K4, K4, true, true},
		{2 * K4 - 1, 2, true, false},   {K4, 3 * K4, true, false},
		{K4, 3 * K4 + 1, false, false}, {4 * K4 - 1, 1, true, true},
		{4 * K4, 1, false, false},      {1 << 20, K4, true, true},
		{1 << 20, UINT64_MAX, false, false}, {UINT64_MAX, 1, false, false},
		{UINT64_MAX, 2, false, false},
	};
	struct guest_mem gm;

	(void)state;
	make(&gm);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct range_row *r = &rows[i];
		if (guest_mem_contains(&gm, r->gpa, r->len) != r->ram)
			fail_msg("contains 0x%llx+0x%llx", (unsigned long long)r->gpa,
				 (unsigned long long)r->len);
		if ((guest_mem_window(&gm, r->gpa, r->len) != NULL) != r->window)
			fail_msg("window 0x%llx+0x%llx", (unsigned long long)r->gpa,
				 (unsigned long long)r->len);
	}
	assert_true(guest_mem_contains(&gm, 0, 0));
	guest_mem_fini(&gm);
}

static void test_read_write(void **state)
{
	struct guest_mem gm;
	uint8_t in[16], out[16];

	(void)state;
	make(&gm);
	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i + 1);
	/* Across the seam of two regions. */
	assert_int_equal(guest_mem_write(&gm, 2 * K4 - 7, in, sizeof(in)), 0);
	assert_int_equal(guest_mem_read(&gm, 2 * K4 - 7, out, sizeof(out)), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_memory_equal((uint8_t *)guest_mem_window(&gm, 2 * K4, 9), in + 7, 9);
	/* Half outside: nothing is written, nothing is read. */
	memset(out, 0x55, sizeof(out));
	assert_int_equal(guest_mem_write(&gm, 4 * K4 - 8, in, sizeof(in)), -EFAULT);
	assert_int_equal(guest_mem_read(&gm, 4 * K4 - 8, out, sizeof(out)), -EFAULT);
	assert_int_equal(out[0], 0x55);
	assert_int_equal(guest_mem_read(&gm, 4 * K4 - 8, out, 8), 0);
	assert_int_equal(out[0], 0);
	assert_int_equal(guest_mem_read(&gm, 12345678, out, 0), 0);
	guest_mem_fini(&gm);
}

static void test_fill_and_clear(void **state)
{
	struct guest_mem gm;
	uint8_t b[2];

	(void)state;
	make(&gm);
	assert_int_equal(guest_mem_fill(&gm, K4 + 1, 0xaa, 3 * K4 - 1), 0);
	assert_int_equal(guest_mem_fill(&gm, 4 * K4 - 1, 0xbb, 2), -EFAULT);
	assert_int_equal(guest_mem_read(&gm, K4, b, 2), 0);
	assert_int_equal(b[0], 0);
	assert_int_equal(b[1], 0xaa);
	assert_int_equal(guest_mem_read(&gm, 4 * K4 - 1, b, 1), 0);
	assert_int_equal(b[0], 0xaa);
	guest_mem_clear(&gm);
	for (uint64_t a = K4; a < 4 * K4; a++) {
		assert_int_equal(guest_mem_read(&gm, a, b, 1), 0);
		assert_int_equal(b[0], 0);
	}
	guest_mem_fini(&gm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),    cmocka_unit_test(test_table_full),
		cmocka_unit_test(test_ranges), cmocka_unit_test(test_read_write),
		cmocka_unit_test(test_fill_and_clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
