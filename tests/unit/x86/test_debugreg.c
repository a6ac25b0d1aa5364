#include "../cmocka_all.h"
#include "x86/debugreg.h"
#include <errno.h>
#include <limits.h>

static void test_split(void **state)
{
	static const struct { uint64_t addr, len; int count; uint8_t lens[8]; } rows[] = {
		{ 0x1000, 0, 0, { 0 } }, { 0x1000, 1, 1, { 1 } }, { 0x1000, 8, 1, { 8 } },
		{ 0x1001, 4, 3, { 1, 2, 1 } }, { 0x1000, 32, 4, { 8, 8, 8, 8 } }, { 0x1004, 8, 2, { 4, 4 } },
		{ 0x1001, 8, 4, { 1, 2, 4, 1 } }, { 0x1007, 2, 2, { 1, 1 } }, { 0x1000, 3, 2, { 2, 1 } },
		{ 0x1003, 10, 4, { 1, 4, 4, 1 } }, { 0x1000, 40, 5, { 8, 8, 8, 8 } },
		{ 0xffffffffffffffff, 1, 1, { 1 } }, { 0xfffffffffffffff8, 8, 1, { 8 } },
		{ 0xfffffffffffffff8, 9, -EINVAL, { 0 } }, { 1, UINT64_MAX, INT_MAX, { 1, 2, 4, 8 } },
		{ 0x1000, 0x10005, 0x2002, { 8, 8, 8, 8 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct x86_dr pieces[5] = { [4] = { .addr = 0x5a5a } };
		uint64_t at = rows[i].addr;
		int n = x86_dr_split(rows[i].addr, rows[i].len, pieces, 4);

		if (n != rows[i].count)
			fail_msg("row %zu: %d pieces", i, n);
		for (int k = 0; k < n && k < 4; k++) {
			assert_true(pieces[k].used);
			assert_true(pieces[k].addr == at);
			assert_int_equal(pieces[k].len, rows[i].lens[k]);
			at += pieces[k].len;
		}
		assert_int_equal(pieces[4].addr, 0x5a5a);
	}
}

/* No natural pieces cover a short range in fewer: tried over all ways of cutting. */
static unsigned fewest(uint64_t addr, uint64_t len)
{
	unsigned best = UINT_MAX;

	if (len == 0)
		return 0;
	for (unsigned n = 1; n <= 8 && n <= len; n *= 2) {
		if (addr % n == 0) {
			unsigned rest = fewest(addr + n, len - n);

			best = rest + 1 < best ? rest + 1 : best;
		}
	}
	return best;
}

static void test_split_is_minimal(void **state)
{
	struct x86_dr pieces[4];

	(void)state;
	for (uint64_t addr = 0; addr < 8; addr++)
		for (uint64_t len = 1; len <= 18; len++)
			assert_int_equal(x86_dr_split(addr, len, pieces, 4), fewest(addr, len));
}

static void test_pack(void **state)
{
	static const struct { struct x86_dr slot[4]; uint64_t dr7; } rows[] = {
		{ {{ .used = false, .type = X86_DR_WRITE, .len = 4 }}, 0x400 },
		{ {{ true, X86_DR_EXEC, 1, 0x1000 }}, 0x501 },
		{ {{ true, X86_DR_EXEC, 8, 0x1000 }}, 0x501 },
		{ {{ true, X86_DR_WRITE, 4, 0x1000 }}, 0xd0501 },
		{ {{ 0 }, { true, X86_DR_ACCESS, 8, 8 }}, 0xb00504 },
		{ {{ 0 }, { 0 }, { true, X86_DR_ACCESS, 2, 8 }, { true, X86_DR_WRITE, 1, 9 }}, 0x17000550 },
	};
	struct x86_dr back[4];
	const uint64_t dr[4] = { 1, 2, 3, 4 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(x86_dr7_pack(rows[i].slot), rows[i].dr7);
		x86_dr7_unpack(rows[i].dr7, dr, back);
		for (int k = 0; k < 4; k++) {
			assert_int_equal(back[k].used, rows[i].slot[k].used);
			assert_int_equal(back[k].addr, dr[k]);
			if (back[k].used && back[k].type != X86_DR_EXEC)
				assert_int_equal(back[k].len, rows[i].slot[k].len);
			if (back[k].used)
				assert_int_equal(back[k].type, rows[i].slot[k].type);
		}
	}
	x86_dr7_unpack(0x402, dr, back);
	assert_true(back[0].used);
}

static void test_hits(void **state)
{
	const struct x86_dr slot[4] = { [0] = { .used = true }, [2] = { .used = true } };

	(void)state;
	assert_int_equal(x86_dr6_hits(X86_DR6_FIXED | X86_DR6_BS | 0xf, slot), 5);
	assert_int_equal(x86_dr6_hits(X86_DR6_FIXED | 0xa, slot), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split), cmocka_unit_test(test_split_is_minimal),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_hits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
