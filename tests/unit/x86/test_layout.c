#include "../cmocka_all.h"
#include "layouts.h"
#include "x86/cpumode.h"
#include "x86/debugreg.h"
#include "x86/xsave.h"
#include <string.h>

static void test_max(void **state)
{
	struct x86_layout l;

	(void)state;
	memset(&l, 0xff, sizeof(l));
	x86_layout_init(&l, cpuid_max, ARRAY_LEN(cpuid_max));
	assert_int_equal(l.xcr0_mask, 0x2e7);
	assert_int_equal(l.xsave[X86_XSAVE_SSE].offset, 160);
	assert_int_equal(l.xsave[X86_XSAVE_AVX].offset, 576);
	assert_int_equal(l.xsave[X86_XSAVE_ZMM16].size, 1024);
	assert_int_equal(l.xsave[X86_XSAVE_PKRU].offset, 2688);
	assert_int_equal(l.xsave[3].size, 0);
	assert_int_equal(l.phys_bits, 46);
	assert_int_equal(l.linear_bits, 57);
	assert_true(l.has_pku && l.has_la57 && l.has_nx && l.has_1g);
}

static void test_nothing(void **state)
{
	struct x86_layout l;

	(void)state;
	x86_layout_init(&l, NULL, 0);
	assert_int_equal(l.xcr0_mask, 0);
	assert_int_equal(l.xsave[X86_XSAVE_SSE].size, 256);
	assert_int_equal(l.xsave[X86_XSAVE_AVX].size, 0);
	assert_int_equal(l.phys_bits, 36);
	assert_int_equal(l.linear_bits, 48);
	assert_false(l.has_pku || l.has_la57 || l.has_nx || l.has_1g);
}

/* Components that XCR0 does not have, that are the supervisor's, or that lie outside the area. */
static void test_left_out(void **state)
{
	static const struct x86_cpuid rows[] = {
		{ 1, 0, 0, 0, 1u << 26, 0 }, { 0xd, 0, 0x607, 0, 0, 0 }, { 0xd, 2, 256, 576, 0, 0 },
		{ 0xd, 5, 64, 1088, 0, 0 }, { 0xd, 9, 8, 4089, 0, 0 }, { 0xd, 10, 8, 2700, 1, 0 },
	};
	struct x86_layout l;

	(void)state;
	x86_layout_init(&l, rows, ARRAY_LEN(rows));
	assert_int_equal(l.xsave[2].size, 256);
	assert_int_equal(l.xsave[5].size, 0);
	assert_int_equal(l.xsave[9].size, 0);
	assert_int_equal(l.xsave[10].size, 0);
	x86_layout_init(&l, (const struct x86_cpuid[]){ { 1, 0, 0, 0, 1u << 26, 0 }, { 0xd, 0, 7, 0, 0, 0 },
	                                                { 0xd, 2, 0xffffffff, 0xffffffff, 0, 0 } }, 3);
	assert_int_equal(l.xsave[2].size, 0);
	x86_layout_init(&l, (const struct x86_cpuid[]){ { 1, 0, 0, 0, 1u << 26, 0 }, { 0xd, 0, 7, 0, 0, 0 },
	                                                { 0xd, 2, 256, 160, 0, 0 } }, 3);
	assert_int_equal(l.xsave[2].size, 0); /* would lie over the legacy region */
}

static void test_reset(void **state)
{
	static struct x86_state st;

	(void)state;
	memset(&st, 0xff, sizeof(st));
	x86_state_reset(&st);
	assert_int_equal(st.rip, 0xfff0);
	assert_int_equal(st.rflags, 2);
	assert_int_equal(st.cr0, 0x60000010);
	assert_int_equal(st.cr4 | st.cr3 | st.cr2 | st.efer, 0);
	assert_int_equal(x86_mode_of(&st), X86_MODE_REAL);
	assert_true(x86_linear_pc(&st) == 0xfffffff0);
	assert_int_equal(st.seg[X86_CS].selector, 0xf000);
	assert_int_equal(st.seg[X86_GS].limit, 0xffff);
	assert_int_equal(st.seg[X86_TR].type, 11);
	assert_int_equal(st.idt.limit, 0xffff);
	assert_int_equal(st.dr6, 0xffff0ff0);
	assert_int_equal(st.dr7, 0x400);
	assert_int_equal(st.xcr0, 1);
	assert_int_equal(st.msr_valid, 0);
	assert_true(st.msr[X86_MSR_PAT] == 0x0007040600070406);
	assert_int_equal(st.gpr[X86_RAX], 0);
	assert_int_equal(st.xsave[0] | st.xsave[1] << 8, 0x37f);
}

static void test_msrs(void **state)
{
	(void)state;
	for (int i = 0; i < X86_MSR_COUNT; i++) {
		assert_true(x86_msr_index[i] != 0);
		assert_non_null(x86_msr_name[i]);
		for (int k = 0; k < i; k++)
			assert_true(x86_msr_index[i] != x86_msr_index[k]);
	}
	assert_int_equal(x86_msr_index[X86_MSR_LSTAR], 0xc0000082);
	assert_int_equal(x86_msr_index[X86_MSR_KERNEL_GS_BASE], 0xc0000102);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_max), cmocka_unit_test(test_nothing), cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_reset), cmocka_unit_test(test_msrs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
