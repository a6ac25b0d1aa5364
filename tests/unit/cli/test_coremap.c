#include "../cmocka_all.h"

#include "cli/coremap.h"
#include "guest_rig.h"

static struct guest_rig rig;
static struct cli_coremap_run runs[64];

static int set_up(void **state)
{
	(void)state;
	rig_init(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static struct cli_coremap fill(unsigned max, uint64_t max_bytes)
{
	struct cli_coremap map = {.run = runs, .max = max, .max_bytes = max_bytes};
	struct x86_paging pg;

	x86_paging_from_state(&rig.state, &rig.layout, &pg);
	cli_coremap_fill(&map, &pg, &rig.reader, &rig.mem);
	return map;
}

static void must_be(const struct cli_coremap *map, unsigned i, uint64_t gva, uint64_t gpa, uint64_t size)
{
	assert_true(i < map->count);
	assert_int_equal(map->run[i].gva, gva);
	assert_int_equal(map->run[i].gpa, gpa);
	assert_int_equal(map->run[i].size, size);
}

/* The upper half shows the whole PDPT again: all of it is found, in the order of addresses. */
#define UPPER_LOW 0xffffff8000000000ull

static void runs_of_a_small_kernel(void **state)
{
	struct cli_coremap map;

	(void)state;
	rig_map_page(&rig, 0, 0x20000, 3);
	rig_map_page(&rig, 1, 0x21000, 3);                      /* joins */
	rig_map_page(&rig, 2, 0x30000, 3);                      /* lies elsewhere */
	rig_map_page(&rig, 3, 0x31000, 1);                      /* read-only */
	rig_map_page(&rig, 5, 0x32000, 0x8000000000000001ull);  /* behind a hole; not executable */
	rig_map_page(&rig, 6, 0x7000000, 3);                    /* no RAM */
	map = fill(64, UINT64_MAX);
	assert_false(map.cut);
	must_be(&map, 0, 0, 0, 4 << 20);
	assert_true(map.run[0].writable && map.run[0].executable);
	must_be(&map, 1, RIG_PAGES, 0x20000, 0x2000);
	must_be(&map, 2, RIG_PAGES + 0x2000, 0x30000, 0x1000);
	must_be(&map, 3, RIG_PAGES + 0x3000, 0x31000, 0x1000);
	assert_false(map.run[3].writable);
	must_be(&map, 4, RIG_PAGES + 0x5000, 0x32000, 0x1000);
	assert_false(map.run[4].executable);
	/* lower half: [0,4M), pages, and the alias at slot 510 */
	must_be(&map, 5, 510ull << 30, 0, 4 << 20);
	must_be(&map, 6, UPPER_LOW, 0, 4 << 20);
	must_be(&map, 11, RIG_HIGH, 0, 4 << 20);
	assert_int_equal(map.count, 12);
	assert_int_equal(map.bytes, 2 * (2 * (4 << 20) + 5 * 4096));
}

static void no_paging(void **state)
{
	struct cli_coremap map;

	(void)state;
	rig.state.cr0 = X86_CR0_PE;
	assert_int_equal(guest_mem_add(&rig.mem, 0x100000000ull, 1 << 20, NULL), 0);
	map = fill(64, UINT64_MAX);
	assert_int_equal(map.count, 1); /* what lies above 4 GiB is out of reach */
	must_be(&map, 0, 0, 0, RIG_RAM);
}

static void pages_larger_than_ram(void **state)
{
	struct cli_coremap map;

	(void)state;
	rig_put(&rig, 0x2000, 0x83);             /* 1 GiB */
	rig_put(&rig, 0x1000 + 511 * 8, 0);
	rig_put(&rig, 0x2000 + 8, 0);
	rig_put(&rig, 0x2000 + 510 * 8, 0);
	map = fill(64, UINT64_MAX);
	assert_int_equal(map.count, 1);
	must_be(&map, 0, 0, 0, RIG_RAM);
}

static void limits(void **state)
{
	struct cli_coremap map;

	(void)state;
	map = fill(2, UINT64_MAX);
	assert_int_equal(map.count, 2);
	assert_true(map.cut);
	map = fill(64, 8 << 20);
	assert_true(map.cut);
	assert_int_equal(map.bytes, 8 << 20);
	map = fill(0, 0);
	assert_int_equal(map.count, 0);
	assert_true(map.cut);
}

/* Tables that map themselves at every level: endless if one followed them all. */
static void hostile_tables_end(void **state)
{
	struct cli_coremap map;

	(void)state;
	for (unsigned i = 0; i < 512; i++)
		rig_put(&rig, 0x1000 + i * 8, 0x1003);
	map = fill(64, 4 * RIG_RAM);
	assert_true(map.cut);
	assert_true(map.bytes <= 4 * RIG_RAM);
	/* No tables at all. */
	rig.state.cr3 = 0x7ffff000;
	map = fill(64, UINT64_MAX);
	assert_int_equal(map.count, 0);
	assert_false(map.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(runs_of_a_small_kernel),
		T(no_paging),
		T(pages_larger_than_ram),
		T(limits),
		T(hostile_tables_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
