/* Impossible values are refused with a text, and then nothing has changed; possible ones are taken. */
#include "../cmocka_all.h"
#include "base/bytes.h"
#include "layouts.h"
#include "x86/regs.h"
#include "x86/segment.h"
#include <errno.h>
#include <string.h>

static struct x86_layout layout;
static struct x86_regs regs;
static struct x86_state st, before;

enum mode { REAL, PROTECTED, LONG };

struct row {
	enum mode mode;
	const char *name;
	uint64_t value;
	const char *text;     /* what the refusal says; NULL: taken */
	uint64_t want;        /* value afterwards */
};

#define OK NULL
#define SAME(v) v, OK, v

static void enter(enum mode mode)
{
	x86_state_reset(&st);
	st.msr_valid = (1u << X86_MSR_COUNT) - 1;
	st.xcr0 = 7;
	if (mode == REAL)
		return;
	st.cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_PG | X86_CR0_WP;
	st.seg[X86_CS] = mode == LONG ? x86_seg_code64(8) : x86_seg_code32(8);
	for (int i = X86_SS; i <= X86_GS; i++)
		st.seg[i] = x86_seg_data(0x10);
	if (mode == LONG) {
		st.cr4 = X86_CR4_PAE;
		st.efer = X86_EFER_LME | X86_EFER_LMA;
	}
}

static const struct row rows[] = {
	/* rip */
	{ LONG, "rip", SAME(0xffffffff81000000) },
	{ LONG, "rip", 0x0000800000000000, "address not canonical", 0 },
	{ PROTECTED, "rip", 0x100000000, "wider than 32 bits", 0 }, { REAL, "rip", SAME(0x7c00) },
	/* flags: reserved bits are as the CPU forces them */
	{ LONG, "eflags", 0, OK, 2 }, { LONG, "eflags", 0xffc0802a, OK, 2 },
	{ LONG, "eflags", SAME(0x3d7fd7) },
	{ LONG, "eflags", 0x20002, "VM is not allowed in long mode", 0 },
	{ PROTECTED, "eflags", SAME(0x20002) }, { REAL, "eflags", 0x20002, "VM needs protected mode", 0 },
	/* selectors; no descriptor can be read in this test */
	{ LONG, "ds", 0x10000, "a selector has 16 bits", 0 }, { LONG, "ds", SAME(0) },
	{ LONG, "ds", SAME(0x10) },
	{ LONG, "ds", 0x20, "no descriptor table", 0 }, { LONG, "cs", 0, "null selector", 0 },
	{ REAL, "ds", SAME(0xb800) }, { LONG, "tr", 0x20, "cannot load tr", 0 },
	/* bases */
	{ LONG, "fs_base", SAME(0xffff800000000000) },
	{ LONG, "gs_base", 0x0100000000000000, "not canonical", 0 },
	{ LONG, "k_gs_base", 0x8100000000000000, "not canonical", 0 },
	{ LONG, "cs_base", 1ull << 32, "32 bits", 0 },
	{ LONG, "tr_base", SAME(0xffff800000000000) }, { LONG, "gdtr_base", 1ull << 60, "not canonical", 0 },
	{ LONG, "idtr_limit", SAME(0xfff) },
	/* limits and attributes agree */
	{ LONG, "ds_limit", SAME(0xfff) }, { LONG, "ds_limit", 0x1000, "low 12 bits", 0 },
	{ REAL, "ds_limit", SAME(0xfffff) }, { REAL, "ds_limit", 0x100000, "at most 0xfffff", 0 },
	{ LONG, "ds_attr", 0x4093, "at most 0xfffff", 0 }, { LONG, "ds_attr", SAME(0xc0f3) },
	{ LONG, "ds_attr", 0xc193, "reserved", 0 }, { LONG, "ds_attr", 0x8002c093, "reserved", 0 },
	{ LONG, "cs_attr", 0xe09b, "L and D", 0 }, { LONG, "gs_attr", SAME(0x1c093) },
	/* cr0 */
	{ REAL, "cr0", 0x80000010, "PG needs PE", 0 }, { REAL, "cr0", 0x20000011, "NW needs CD", 0 },
	{ REAL, "cr0", 1, OK, 0x11 }, { REAL, "cr0", 0x100000011, "reserved bits", 0 },
	{ REAL, "cr0", 0x51, "reserved bits", 0 }, { LONG, "cr0", 0x11, "64-bit mode", 0 },
	{ PROTECTED, "cr0", SAME(0x11) }, { LONG, "cr0", SAME(0x8005003b) },
	/* cr2, cr3, cr8 */
	{ LONG, "cr2", SAME(0x0000800000000000) }, { LONG, "cr3", SAME(0x3ffffffff018) },
	{ LONG, "cr3", 1ull << 46, "physical address width", 0 }, { LONG, "cr3", 1ull << 63, "physical", 0 },
	{ PROTECTED, "cr3", 1ull << 32, "outside long mode", 0 }, { LONG, "cr8", SAME(15) },
	{ LONG, "cr8", 16, "0 to 15", 0 },
	/* cr4 */
	{ LONG, "cr4", 0, "PAE cannot be cleared", 0 }, { LONG, "cr4", 0x1020, "LA57 cannot change", 0 },
	{ LONG, "cr4", 0x8020, "reserved bits", 0 }, { LONG, "cr4", 1ull << 40 | 0x20, "reserved bits", 0 },
	{ LONG, "cr4", SAME(0x20020) }, { PROTECTED, "cr4", 0x20000, "PCIDE needs long mode", 0 },
	{ PROTECTED, "cr4", SAME(0x1030) }, { REAL, "cr4", 0x800000, "CET needs CR0.WP", 0 },
	{ LONG, "cr4", SAME(0x4406a0) },
	/* efer */
	{ LONG, "efer", SAME(0xd01) }, { LONG, "efer", 0x400, "LME cannot change", 0 },
	{ LONG, "efer", 0x100, "LMA follows", 0 }, { LONG, "efer", 0x502, "reserved bits", 0 },
	{ REAL, "efer", SAME(0x100) }, { REAL, "efer", 0x400, "LMA follows", 0 },
	/* apic_base, xcr0 */
	{ LONG, "apic_base", SAME(0xfee00d00) }, { LONG, "apic_base", 0xfee00400, "x2APIC", 0 },
	{ LONG, "apic_base", 0xfee00901, "reserved", 0 },
	{ LONG, "apic_base", 1ull << 46 | 0x900, "reserved", 0 },
	{ LONG, "xcr0", SAME(3) }, { LONG, "xcr0", SAME(0xe7) }, { LONG, "xcr0", 6, "bit 0", 0 },
	{ LONG, "xcr0", 5, "AVX needs SSE", 0 }, { LONG, "xcr0", 0x27, "AVX-512", 0 },
	{ LONG, "xcr0", 0xe3, "AVX-512", 0 },
	{ LONG, "xcr0", 0x407, "lacks", 0 },
	/* debug registers */
	{ LONG, "dr6", 0, OK, 0xffff0ff0 }, { LONG, "dr6", 0xffffffff, OK, 0xffffeffful },
	{ LONG, "dr6", 1ull << 32, "bits 32-63", 0 }, { LONG, "dr7", 0, OK, 0x400 },
	{ LONG, "dr7", 0xffffffff, OK, 0xffff27ff }, { LONG, "dr7", 1ull << 32, "bits 32-63", 0 },
	{ LONG, "dr0", SAME(0x0000800000000000) },
	/* MSRs */
	{ LONG, "star", SAME(0x23001000000000) }, { LONG, "lstar", 1ull << 57, "not canonical", 0 },
	{ LONG, "sysenter_eip", SAME(0xffffffff81000000) }, { LONG, "sfmask", SAME(0x47700) },
	{ LONG, "sfmask", 1ull << 32, "bits 32-63", 0 }, { LONG, "pat", SAME(0x0407010500070406) },
	{ LONG, "pat", 0x0007040600070402, "not a memory type", 0 },
	{ LONG, "pat", 8, "not a memory type", 0 },
	/* x87 and SSE words */
	{ LONG, "mxcsr", 0x10000, "reserved bits", 0 }, { LONG, "mxcsr", SAME(0x1fa0) },
	{ LONG, "fctrl", 0x1037f, "reserved bits", 0 }, { LONG, "fop", 0x800, "reserved bits", 0 },
	{ LONG, "fop", SAME(0x7ff) }, { LONG, "ftag", SAME(0xfffd) },
	/* nothing but its own value goes into a read-only register */
	{ LONG, "linear_pc", 0x1234, "read-only", 0 }, { LONG, "orig_rax", 0, "read-only", 0 },
	{ LONG, "orig_rax", SAME(UINT64_MAX) }, { LONG, "linear_pc", SAME(0xfff0) },
};


static uint64_t value_of(const struct x86_reg *reg)
{
	uint8_t buf[X86_REG_MAX_SIZE] = { 0 };

	assert_true(x86_regs_get(&layout, reg, &st, buf));
	return bytes_get_le(buf, reg->bits < 64 ? reg->bits / 8u : 8);
}

static void check_row(const struct row *row)
{
	const struct x86_reg *reg = x86_regs_find(&regs, row->name);
	struct error err = { 0 };
	uint8_t buf[X86_REG_MAX_SIZE] = { 0 };
	int rc;

	assert_non_null(reg);
	enter(row->mode);
	memcpy(&before, &st, sizeof(st));
	bytes_put_le64(buf, row->value);
	rc = x86_regs_set(&layout, reg, &st, buf, reg->bits / 8u, NULL, &err);
	if ((rc == 0) != (row->text == NULL))
		fail_msg("%s = %#llx in mode %d: %d %s", row->name, (unsigned long long)row->value, row->mode,
		         rc, err.text);
	if (rc == 0) {
		if (value_of(reg) != row->want)
			fail_msg("%s = %#llx", row->name, (unsigned long long)value_of(reg));
		return;
	}
	assert_int_equal(rc, -EINVAL);
	assert_memory_equal(&st, &before, sizeof(st));
	if (strstr(err.text, row->text) == NULL || strstr(err.text, row->name) == NULL)
		fail_msg("%s = %#llx: text is \"%s\"", row->name, (unsigned long long)row->value, err.text);
}

static int setup(void **state)
{
	(void)state;
	x86_layout_init(&layout, cpuid_max, ARRAY_LEN(cpuid_max));
	x86_regs_init(&regs, &layout);
	enter(LONG);
	return 0;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(&rows[i]);
}

static int set64(const char *name, uint64_t value, struct error *err)
{
	const struct x86_reg *reg = x86_regs_find(&regs, name);
	uint8_t buf[8];

	assert_non_null(reg);
	bytes_put_le64(buf, value);
	return x86_regs_set(&layout, reg, &st, buf, reg->bits / 8u, NULL, err);
}

static void test_length(void **state)
{
	struct error err;
	uint8_t buf[64] = { 0 };

	(void)state;
	assert_int_equal(x86_regs_set(&layout, &regs.reg[0], &st, buf, 4, NULL, &err), -EINVAL);
	assert_string_equal(err.text, "cannot set rax: it has 8 bytes, not 4");
	assert_int_equal(x86_regs_set(&layout, x86_regs_find(&regs, "cs"), &st, buf, 8, NULL, &err), -EINVAL);
}

static void test_text(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(set64("cr4", 0, &err), -EINVAL);
	assert_string_equal(err.text, "cannot set cr4 to 0: PAE cannot be cleared in long mode");
	assert_int_equal(set64("rip", 0x0000800000000000, &err), -EINVAL);
	assert_string_equal(err.text, "cannot set rip to 0x800000000000: address not canonical");
}

/* The way into long mode, one register after the other as a debugger would write them. */
static void test_long_mode_by_hand(void **state)
{
	struct error err;

	(void)state;
	enter(PROTECTED);
	st.cr0 &= ~X86_CR0_PG;
	assert_int_equal(set64("efer", X86_EFER_LME, NULL), 0);
	assert_int_equal(set64("cr0", 0x80000011, &err), -EINVAL);
	assert_non_null(strstr(err.text, "CR4.PAE"));
	assert_int_equal(set64("cr4", X86_CR4_PAE, NULL), 0);
	assert_int_equal(set64("cr3", 0x1000, NULL), 0);
	assert_int_equal(set64("cr0", 0x80000011, NULL), 0);
	assert_int_equal(st.efer, X86_EFER_LME | X86_EFER_LMA);
	assert_int_equal(set64("cr0", 0x11, NULL), 0); /* compatibility mode may leave */
	assert_int_equal(st.efer, X86_EFER_LME);
	st.seg[X86_CS].l = 1;
	assert_int_equal(set64("cr0", 0x80000011, &err), -EINVAL);
	assert_non_null(strstr(err.text, "CS.L"));
}

static void test_pcide(void **state)
{
	(void)state;
	st.cr3 = 0x1018;
	assert_int_equal(set64("cr4", 0x20020, NULL), -EINVAL);
	st.cr3 = 0x1000;
	assert_int_equal(set64("cr4", 0x20020, NULL), 0);
	st.cr3 = 0x1018;
	assert_int_equal(set64("cr4", 0x200a0, NULL), 0);
	st.seg[X86_CS] = x86_seg_code32(8);
	assert_int_equal(set64("cr0", 0x11, NULL), -EINVAL);
}

static void test_features_the_vcpu_lacks(void **state)
{
	(void)state;
	x86_layout_init(&layout, cpuid_sse, ARRAY_LEN(cpuid_sse));
	x86_regs_init(&regs, &layout);
	assert_int_equal(set64("efer", 0xd00, NULL), -EINVAL);
	assert_int_equal(set64("cr4", 0x400020, NULL), -EINVAL);
	assert_int_equal(set64("cr4", 0x40020, NULL), -EINVAL);
	assert_int_equal(set64("cr3", 1ull << 36, NULL), -EINVAL);
	enter(PROTECTED);
	assert_int_equal(set64("cr4", 0x1000, NULL), -EINVAL);
}

/* A guest may be in a state we would not let a debugger make: writing it back as it is must work. */
static void test_same_value(void **state)
{
	(void)state;
	st.cr4 = 1ull << 50;
	st.seg[X86_DS].selector = 0x99;
	assert_int_equal(set64("cr4", 1ull << 50, NULL), 0);
	assert_int_equal(set64("ds", 0x99, NULL), 0);
	assert_int_equal(st.seg[X86_DS].limit, 0xffffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rows, setup), cmocka_unit_test_setup(test_length, setup),
		cmocka_unit_test_setup(test_text, setup),
		cmocka_unit_test_setup(test_long_mode_by_hand, setup),
		cmocka_unit_test_setup(test_pcide, setup),
		cmocka_unit_test_setup(test_features_the_vcpu_lacks, setup),
		cmocka_unit_test_setup(test_same_value, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
