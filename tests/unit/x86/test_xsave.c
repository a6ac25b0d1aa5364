#include "../cmocka_all.h"
#include "base/bytes.h"
#include "layouts.h"
#include "x86/xsave.h"
#include <errno.h>
#include <string.h>

static struct x86_layout max, sse;
static uint8_t area[X86_XSAVE_SIZE];

static int setup(void **state)
{
	(void)state;
	x86_layout_init(&max, cpuid_max, ARRAY_LEN(cpuid_max));
	x86_layout_init(&sse, cpuid_sse, ARRAY_LEN(cpuid_sse));
	memset(area, 0, sizeof(area));
	return 0;
}

static void set_bv(uint64_t bv)
{
	bytes_put_le64(area + X86_XSAVE_BV, bv);
}

static uint32_t get32(enum x86_xsave_reg reg)
{
	uint8_t buf[64];

	assert_true(x86_xsave_get(&max, area, reg, 0, buf));
	return bytes_get_le32(buf);
}

static int set32(enum x86_xsave_reg reg, uint32_t value)
{
	uint8_t buf[64] = { 0 };

	bytes_put_le32(buf, value);
	return x86_xsave_set(&max, area, reg, 0, buf);
}

static void test_initial_values(void **state)
{
	(void)state;
	memset(area, 0xee, sizeof(area)); /* stale bytes that no XSTATE_BV bit stands for */
	set_bv(0);
	assert_int_equal(get32(X86_XSAVE_FCTRL), 0x37f);
	assert_int_equal(get32(X86_XSAVE_FSTAT), 0);
	assert_int_equal(get32(X86_XSAVE_FTAG), 0xffff);
	assert_int_equal(get32(X86_XSAVE_FIOFF), 0);
	assert_int_equal(get32(X86_XSAVE_MXCSR), 0x1f80);
	for (unsigned reg = 0; reg < X86_XSAVE_REG_COUNT; reg++) {
		uint8_t buf[64], zero[64] = { 0 };

		memset(buf, 0xcc, sizeof(buf));
		assert_true(x86_xsave_get(&max, area, reg, 0, buf));
		if (reg != X86_XSAVE_FCTRL && reg != X86_XSAVE_FTAG && reg != X86_XSAVE_MXCSR)
			assert_memory_equal(buf, zero, x86_xsave_reg_size(reg));
	}
}

/* MXCSR counts as soon as SSE or AVX is present. */
static void test_mxcsr_presence(void **state)
{
	static const struct { uint64_t bv; uint32_t mxcsr; } rows[] = {
		{ 0, 0x1f80 }, { 1, 0x1f80 }, { 2, 0x1fa0 }, { 4, 0x1fa0 }, { 6, 0x1fa0 }, { 0xe0, 0x1f80 },
	};

	(void)state;
	bytes_put_le32(area + 24, 0x1fa0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		set_bv(rows[i].bv);
		assert_int_equal(get32(X86_XSAVE_MXCSR), rows[i].mxcsr);
	}
}

static void test_mxcsr_bits(void **state)
{
	(void)state;
	set_bv(3);
	assert_int_equal(set32(X86_XSAVE_MXCSR, 0x1fff0000), -EINVAL);
	assert_int_equal(set32(X86_XSAVE_MXCSR, 0xffff), -EINVAL); /* DAZ is not in the default mask */
	assert_int_equal(set32(X86_XSAVE_MXCSR, 0xffbf), 0);
	bytes_put_le32(area + 28, 0xffff);
	assert_int_equal(set32(X86_XSAVE_MXCSR, 0xffff), 0);
	assert_int_equal(get32(X86_XSAVE_MXCSR), 0xffff);
}

/* Where every register stands: written here by hand, read through the table, and back. */
static void test_places(void **state)
{
	static const struct { enum x86_xsave_reg reg; unsigned index, offset, size; } rows[] = {
		{ X86_XSAVE_ST, 0, 32, 10 }, { X86_XSAVE_ST, 7, 144, 10 }, { X86_XSAVE_XMM, 0, 160, 16 },
		{ X86_XSAVE_XMM, 15, 400, 16 }, { X86_XSAVE_YMMH, 0, 576, 16 },
		{ X86_XSAVE_YMMH, 15, 816, 16 },
		{ X86_XSAVE_K, 0, 1088, 8 }, { X86_XSAVE_K, 7, 1144, 8 }, { X86_XSAVE_ZMMH, 0, 1152, 32 },
		{ X86_XSAVE_ZMMH, 15, 1632, 32 }, { X86_XSAVE_XMM, 16, 1664, 16 },
		{ X86_XSAVE_YMMH, 16, 1680, 16 },
		{ X86_XSAVE_ZMMH, 16, 1696, 32 }, { X86_XSAVE_XMM, 31, 2624, 16 },
		{ X86_XSAVE_YMMH, 31, 2640, 16 },
		{ X86_XSAVE_ZMMH, 31, 2656, 32 }, { X86_XSAVE_PKRU_REG, 0, 2688, 4 },
		{ X86_XSAVE_FCTRL, 0, 0, 2 },
		{ X86_XSAVE_FSTAT, 0, 2, 2 }, { X86_XSAVE_FOP, 0, 6, 2 }, { X86_XSAVE_FIOFF, 0, 8, 4 },
		{ X86_XSAVE_FISEG, 0, 12, 2 }, { X86_XSAVE_FOOFF, 0, 16, 4 }, { X86_XSAVE_FOSEG, 0, 20, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t buf[64] = { 0 }, value[64] = { 0 };

		memset(area, 0, sizeof(area));
		set_bv(0x2e7);
		for (unsigned b = 0; b < rows[i].size; b++)
			value[b] = area[rows[i].offset + b] = (uint8_t)(b + 1);
		assert_true(x86_xsave_get(&max, area, rows[i].reg, rows[i].index, buf));
		assert_memory_equal(buf, value, x86_xsave_reg_size(rows[i].reg));
		memset(area + rows[i].offset, 0, rows[i].size);
		assert_int_equal(x86_xsave_set(&max, area, rows[i].reg, rows[i].index, value), 0);
		for (unsigned b = 0; b < rows[i].size; b++)
			assert_int_equal(area[rows[i].offset + b], b + 1);
		assert_int_equal(area[rows[i].offset + rows[i].size], 0);
	}
}

static void test_missing(void **state)
{
	uint8_t buf[64] = { 0 };

	(void)state;
	assert_false(x86_xsave_get(&sse, area, X86_XSAVE_YMMH, 0, buf));
	assert_false(x86_xsave_get(&sse, area, X86_XSAVE_XMM, 16, buf));
	assert_false(x86_xsave_get(&sse, area, X86_XSAVE_PKRU_REG, 0, buf));
	assert_false(x86_xsave_get(&max, area, X86_XSAVE_ST, 8, buf));
	assert_false(x86_xsave_get(&max, area, X86_XSAVE_XMM, 32, buf));
	assert_false(x86_xsave_get(&max, area, X86_XSAVE_K, 8, buf));
	assert_int_equal(x86_xsave_set(&sse, area, X86_XSAVE_K, 0, buf), -ENOENT);
	assert_true(x86_xsave_get(&sse, area, X86_XSAVE_XMM, 15, buf));
}

static void put_st(unsigned j, uint16_t exponent, uint64_t mantissa)
{
	bytes_put_le64(area + 32 + 16 * j, mantissa);
	bytes_put_le16(area + 32 + 16 * j + 8, exponent);
}

static void test_tags(void **state)
{
	(void)state;
	set_bv(1);
	put_st(0, 0x3fff, 1ull << 63);          /* valid */
	put_st(1, 0x8000, 0);                   /* zero, minus */
	put_st(2, 0x7fff, 1ull << 63);          /* infinity */
	put_st(3, 0, 1);                        /* denormal */
	put_st(4, 0x3fff, 1);                   /* no integer bit */
	bytes_put_le16(area + 2, 6 << 11);      /* TOP = 6: st(0) is register 6 */
	area[4] = 0xc7;                         /* 6 7 0 1 2 in use */
	/* reg 7 zero(1) 6 valid(0) 5 4 3 empty(3) 2 special 1 special 0 special(2) */
	assert_int_equal(get32(X86_XSAVE_FTAG), 0x4fea);
	area[4] = 0;
	assert_int_equal(get32(X86_XSAVE_FTAG), 0xffff);
	assert_int_equal(set32(X86_XSAVE_FTAG, 0x4fea), 0);
	assert_int_equal(area[4], 0xc7);
	assert_int_equal(set32(X86_XSAVE_FTAG, 0x1ffff), -EINVAL);
	for (unsigned abridged = 0; abridged < 256; abridged++) {
		area[4] = (uint8_t)abridged;
		assert_int_equal(x86_xsave_abridged_tag(x86_xsave_full_tag(area)), abridged);
	}
}

/* The first write into an initial component gives the rest of it its initial values, not stale bytes. */
static void test_write_into_initial(void **state)
{
	uint8_t value[64] = { 1, 2, 3 };

	(void)state;
	memset(area, 0xee, sizeof(area));
	bytes_put_le32(area + 28, 0xffff);
	set_bv(0);
	assert_int_equal(x86_xsave_set(&max, area, X86_XSAVE_ST, 1, value), 0);
	assert_int_equal(bytes_get_le64(area + X86_XSAVE_BV), 1);
	assert_int_equal(get32(X86_XSAVE_FCTRL), 0x37f);
	assert_int_equal(get32(X86_XSAVE_FSTAT), 0);
	assert_int_equal(bytes_get_le32(area + 32), 0);
	assert_int_equal(get32(X86_XSAVE_MXCSR), 0x1f80);
	assert_int_equal(x86_xsave_set(&max, area, X86_XSAVE_YMMH, 1, value), 0);
	assert_int_equal(bytes_get_le64(area + X86_XSAVE_BV), 5);
	assert_int_equal(get32(X86_XSAVE_MXCSR), 0x1f80);
	assert_int_equal(bytes_get_le32(area + 576), 0);
	assert_int_equal(set32(X86_XSAVE_MXCSR, 0x1fa0), 0);
	assert_int_equal(bytes_get_le64(area + X86_XSAVE_BV), 7);
	assert_int_equal(bytes_get_le32(area + 160), 0); /* xmm0 was initial and stays 0 */
	assert_int_equal(get32(X86_XSAVE_MXCSR), 0x1fa0);
}

static void test_refused_changes_nothing(void **state)
{
	static uint8_t before[X86_XSAVE_SIZE];
	static const struct { enum x86_xsave_reg reg; uint32_t value; } rows[] = {
		{ X86_XSAVE_FCTRL, 0x10000 }, { X86_XSAVE_FSTAT, 0x10000 }, { X86_XSAVE_FTAG, 0x10000 },
		{ X86_XSAVE_FISEG, 0x10000 }, { X86_XSAVE_FOSEG, 0x10000 }, { X86_XSAVE_FOP, 0x800 },
		{ X86_XSAVE_MXCSR, 0x10000 },
	};

	(void)state;
	memset(area, 0xee, sizeof(area));
	set_bv(0);
	bytes_put_le32(area + 28, 0xffff);
	memcpy(before, area, sizeof(area));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(set32(rows[i].reg, rows[i].value), -EINVAL);
		assert_memory_equal(area, before, sizeof(area));
	}
}

static void test_reset(void **state)
{
	(void)state;
	x86_xsave_reset(area);
	assert_int_equal(bytes_get_le64(area + X86_XSAVE_BV), 3);
	assert_int_equal(get32(X86_XSAVE_FCTRL), 0x37f);
	assert_int_equal(get32(X86_XSAVE_FTAG), 0xffff);
	assert_int_equal(get32(X86_XSAVE_MXCSR), 0x1f80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_initial_values, setup),
		cmocka_unit_test_setup(test_mxcsr_presence, setup),
		cmocka_unit_test_setup(test_mxcsr_bits, setup), cmocka_unit_test_setup(test_places, setup),
		cmocka_unit_test_setup(test_missing, setup), cmocka_unit_test_setup(test_tags, setup),
		cmocka_unit_test_setup(test_write_into_initial, setup),
		cmocka_unit_test_setup(test_refused_changes_nothing, setup),
		cmocka_unit_test_setup(test_reset, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
