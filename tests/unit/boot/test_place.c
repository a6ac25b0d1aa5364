/* Room beside an image: lowest and highest places, holes, obstacles. */
#include "boot_rig.h"
#include "boot/place.h"

static void take_segments(struct boot_entry *entry)
{
	entry->segment_count = 2;
	entry->segment[0] = (struct boot_segment){.gpa = 0x100000, .mem_size = 0x1800};
	entry->segment[1] = (struct boot_segment){.gpa = 0x200000, .mem_size = 0x100000};
}

struct row {
	const char *what;
	bool high;
	uint64_t from, limit, size, align, at;
};

static void test_rows(void **state)
{
	static const struct row rows[] = {
		{"lowest of all", false, 0, UINT64_MAX, 0x1000, 0x1000, 0x1000},
		{"fills low memory", false, 0, UINT64_MAX, 0x9e000, 0x1000, 0x1000},
		{"not into the hole", false, 0, UINT64_MAX, 0x9f000, 0x1000, 0x102000},
		{"from an odd place", false, 0x1234, UINT64_MAX, 0x1000, 0x1000, 0x2000},
		{"behind a segment, aligned", false, 0x100000, UINT64_MAX, 0x1000, 0x1000, 0x102000},
		{"fits the gap", false, 0x100000, UINT64_MAX, 0xfe000, 0x1000, 0x102000},
		{"larger than the gap", false, 0x100000, UINT64_MAX, 0xff000, 0x1000, 0x300000},
		{"aligned out of the gap", false, 0x100000, UINT64_MAX, 0x1000, 0x200000, 0x400000},
		{"limit", false, 0x100000, 0x200000, 0xff000, 0x1000, 0},
		{"limit reached", false, 0x300000, 0x301000, 0x1000, 0x1000, 0x300000},
		{"second region", false, 0x800000, UINT64_MAX, 0x1000, 0x1000, 0x1000000},
		{"larger than any", false, 0, UINT64_MAX, 0x100000000, 0x1000, 0},
		{"no sum wraps", false, 0, UINT64_MAX, UINT64_MAX - 0xfff, 0x1000, 0},
		{"highest of all", true, 0, UINT64_MAX, 0x1000, 0x1000, 0x10ff000},
		{"highest below a limit", true, 0, 0x1000000, 0x1000, 0x1000, 0x7ff000},
		{"highest below a segment", true, 0, 0x2ff000, 0x1000, 0x1000, 0x1ff000},
		{"highest of a size", true, 0, 0x300000, 0xff000, 0x1000, 0},
		{"highest in low memory", true, 0, 0x101000, 0x9e000, 0x1000, 0x1000},
		{"highest, aligned", true, 0, 0x7fffff, 0x1000, 0x100000, 0x700000},
		{"highest from", true, 0x7ff000, 0x800000, 0x1000, 0x1000, 0x7ff000},
		{"highest, none", true, 0x7ff001, 0x800000, 0x1000, 0x1000, 0},
	};
	struct rig *g = *state;

	take_segments(&g->entry);
	assert_int_equal(rig_memory(g, 8 * MIB), 0);
	assert_int_equal(guest_mem_add(&g->mem, 16 * MIB, MIB, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct boot_place p;
		uint64_t at;

		boot_place_init(&p, &g->mem, &g->entry);
		at = (r->high ? boot_place_high : boot_place_low)(&p, r->from, r->limit, r->size, r->align);
		if (at != r->at)
			fail_msg("%s: 0x%llx", r->what, (unsigned long long)at);
		if (at)
			assert_false(boot_place_is_free(&p, at, 1));
	}
}

static void test_taken(void **state)
{
	struct rig *g = *state;
	struct boot_place p;
	uint64_t at = 0;

	g->entry.segment_count = 0;
	boot_place_init(&p, &g->mem, &g->entry);
	assert_false(boot_place_at(&p, 0, 0x1000));
	assert_true(boot_place_at(&p, 0x2000, 0x1000));
	assert_false(boot_place_at(&p, 0x2fff, 1));
	assert_true(boot_place_low(&p, 0, UINT64_MAX, 0x2000, 0x1000) == 0x3000);
	assert_true(boot_place_low(&p, 0, UINT64_MAX, 0x1000, 0x1000) == 0x1000);
	/* It ends, with an answer. */
	for (unsigned i = 0; i < 2 * BOOT_PLACE_MAX; i++)
		at = boot_place_high(&p, 0, UINT64_MAX, 0x1000, 0x1000);
	assert_true(at == 0 && p.count == BOOT_PLACE_MAX);
	assert_false(boot_place_at(&p, 0x200000, 0x1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {RIG_TEST(test_rows), RIG_TEST(test_taken)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
