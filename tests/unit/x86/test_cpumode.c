#include "../cmocka_all.h"
#include "x86/cpumode.h"

static struct x86_state st;

static void test_modes(void **state)
{
	static const struct {
		uint64_t cr0, efer, rflags; uint8_t l, db; enum x86_mode mode; const char *name; uint64_t pc;
	} rows[] = {
		{ 0, 0, 0, 0, 0, X86_MODE_REAL, "real mode", 0xf1234 },
		{ 1, 0, X86_RFLAGS_VM, 0, 0, X86_MODE_V86, "virtual-8086", 0xf1234 },
		{ 1, 0, 0, 0, 0, X86_MODE_16, "16-bit protected", 0xf1234 },
		{ 1, 0, 0, 0, 1, X86_MODE_32, "32-bit protected", 0xf1234 },
		{ 1, X86_EFER_LMA, 0, 0, 1, X86_MODE_COMPAT, "compatibility", 0xf1234 },
		{ 1, X86_EFER_LMA, 0, 1, 0, X86_MODE_64, "64-bit", 0x1234 },
		{ 1, X86_EFER_LME, 0, 1, 0, X86_MODE_16, "16-bit protected", 0xf1234 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		st.cr0 = rows[i].cr0;
		st.efer = rows[i].efer;
		st.rflags = rows[i].rflags;
		st.seg[X86_CS] = (struct x86_seg){ .base = 0xf0000, .l = rows[i].l, .db = rows[i].db };
		st.rip = 0x1234;
		assert_int_equal(x86_mode_of(&st), rows[i].mode);
		assert_string_equal(x86_mode_name(x86_mode_of(&st)), rows[i].name);
		assert_int_equal(x86_linear_pc(&st), rows[i].pc);
	}
	assert_string_equal(x86_mode_name((enum x86_mode)77), "unknown");
}

static void test_linear_pc_wraps(void **state)
{
	(void)state;
	st.cr0 = st.efer = 0;
	st.seg[X86_CS] = (struct x86_seg){ .base = 0xffff0000 };
	st.rip = 0x10010;
	assert_int_equal(x86_linear_pc(&st), 0x10);
}

static void test_canonical(void **state)
{
	static const struct { uint64_t addr; bool in48, in57; } rows[] = {
		{ 0, true, true }, { 0x00007fffffffffff, true, true }, { 0x0000800000000000, false, true },
		{ 0xffff7fffffffffff, false, true }, { 0xffff800000000000, true, true },
		{ 0x00ffffffffffffff, false, true }, { 0x0100000000000000, false, false },
		{ 0xff00000000000000, false, true }, { 0xfeffffffffffffff, false, false },
		{ UINT64_MAX, true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(x86_is_canonical(rows[i].addr, 48), rows[i].in48);
		assert_int_equal(x86_is_canonical(rows[i].addr, 57), rows[i].in57);
	}
}

static void test_linear_bits(void **state)
{
	(void)state;
	st.cr4 = X86_CR4_LA57;
	st.efer = 0;
	assert_int_equal(x86_linear_bits(&st), 48);
	st.efer = X86_EFER_LMA;
	assert_int_equal(x86_linear_bits(&st), 57);
	st.cr4 = 0;
	assert_int_equal(x86_linear_bits(&st), 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes), cmocka_unit_test(test_linear_pc_wraps),
		cmocka_unit_test(test_canonical), cmocka_unit_test(test_linear_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
