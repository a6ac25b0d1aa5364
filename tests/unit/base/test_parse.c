#include "../cmocka_all.h"
#include "base/parse.h"
#include <errno.h>

struct row { const char *text; int rc; uint64_t value; };

typedef int parse_fn(const char *, uint64_t, uint64_t, uint64_t *);

static void check(const struct row *rows, size_t count, parse_fn *fn, uint64_t min, uint64_t max)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t v = 0xabcd;
		int rc = fn(rows[i].text, min, max, &v);
		if (rc != rows[i].rc || v != (rc == 0 ? rows[i].value : 0xabcd))
			fail_msg("\"%s\": rc %d value %llu", rows[i].text, rc, (unsigned long long)v);
	}
}

static void test_u64(void **state)
{
	static const struct row rows[] = {
		{"1", 0, 1}, {"0x10", 0, 16}, {"100", 0, 100}, {"", -EINVAL, 0}, {"-1", -EINVAL, 0},
		{" 1", -EINVAL, 0}, {"1 ", -EINVAL, 0}, {"0x", -EINVAL, 0}, {"1k", -EINVAL, 0},
		{"101", -ERANGE, 0}, {"0", -ERANGE, 0}, {"18446744073709551616", -ERANGE, 0},
		{"0x10000000000000000", -ERANGE, 0}, {"0xfg", -EINVAL, 0},
	};
	(void)state;
	check(rows, ARRAY_LEN(rows), parse_u64, 1, 100);
}

static void test_size(void **state)
{
	static const struct row rows[] = {
		{"4096", 0, 4096}, {"64M", 0, 64 << 20}, {"64m", 0, 64 << 20}, {"64MB", 0, 64 << 20},
		{"64MiB", 0, 64 << 20}, {"1G", 0, 1 << 30}, {"0x10K", 0, 16384}, {"64X", -EINVAL, 0},
		{"M", -EINVAL, 0}, {"64MM", -EINVAL, 0}, {"20000000000G", -ERANGE, 0}, {"0", -ERANGE, 0},
		{"64Mi", -EINVAL, 0},
	};
	(void)state;
	check(rows, ARRAY_LEN(rows), parse_size, 1, UINT64_MAX);
}

static void test_address(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(parse_address("ffffffff80000000", &v), 0);
	assert_true(v == 0xffffffff80000000ull);
	assert_int_equal(parse_address("0x1000", &v), 0);
	assert_true(v == 0x1000);
	assert_int_equal(parse_address("main", &v), -EINVAL);
	assert_int_equal(parse_address("", &v), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64), cmocka_unit_test(test_size), cmocka_unit_test(test_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
