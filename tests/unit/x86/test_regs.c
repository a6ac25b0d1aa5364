#include "../cmocka_all.h"
#include "base/bytes.h"
#include "layouts.h"
#include "x86/regs.h"
#include "x86/xsave.h"
#include <errno.h>
#include <string.h>

static struct x86_layout layout;
static struct x86_regs regs;
static struct x86_state st, before;

static int setup(void **state)
{
	(void)state;
	x86_layout_init(&layout, cpuid_max, ARRAY_LEN(cpuid_max));
	x86_regs_init(&regs, &layout);
	x86_state_reset(&st);
	st.msr_valid = (1u << X86_MSR_COUNT) - 1;
	return 0;
}

static void init_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(test_layouts); i++)
		if (strcmp(test_layouts[i].name, name) == 0)
			x86_layout_init(&layout, test_layouts[i].rows, test_layouts[i].count);
	x86_regs_init(&regs, &layout);
}

/* The numbers GDB knows from its own x86-64 descriptions, and where each feature starts. */
static void test_numbers(void **state)
{
	static const struct { const char *layout, *name; int number; unsigned bits, offset; } rows[] = {
		{ "sse", "rax", 0, 64, 0 }, { "sse", "rbp", X86_REGNUM_RBP, 64, 48 },
		{ "sse", "rsp", X86_REGNUM_RSP, 64, 56 }, { "sse", "r15", 15, 64, 120 },
		{ "sse", "rip", X86_REGNUM_RIP, 64, 128 }, { "sse", "eflags", X86_REGNUM_EFLAGS, 32, 136 },
		{ "sse", "cs", X86_REGNUM_CS, 32, 140 }, { "sse", "ss", 19, 32, 144 },
		{ "sse", "gs", 23, 32, 160 },
		{ "sse", "st0", 24, 80, 164 }, { "sse", "fctrl", 32, 32, 244 }, { "sse", "fop", 39, 32, 272 },
		{ "sse", "xmm0", 40, 128, 276 }, { "sse", "xmm15", 55, 128, 516 },
		{ "sse", "mxcsr", 56, 32, 532 },
		{ "sse", "fs_base", 57, 64, 536 }, { "sse", "gs_base", 58, 64, 544 },
		{ "sse", "k_gs_base", 59, 64, 552 },
		{ "sse", "cr0", 60, 64, 560 }, { "sse", "cr2", 61, 64, 568 }, { "sse", "efer", 65, 64, 600 },
		{ "sse", "ymm0h", -1, 0, 0 }, { "sse", "xcr0", -1, 0, 0 }, { "sse", "pkru", -1, 0, 0 },
		{ "avx", "ymm0h", 59, 128, 552 }, { "avx", "ymm15h", 74, 128, 792 },
		{ "avx", "k_gs_base", 75, 64, 808 },
		{ "avx", "xmm16", -1, 0, 0 }, { "avx", "k0", -1, 0, 0 },
		{ "max", "xmm16", 75, 128, 808 }, { "max", "ymm16h", 91, 128, 1064 },
		{ "max", "k0", 107, 64, 1320 },
		{ "max", "zmm0h", 115, 256, 1384 }, { "max", "zmm31h", 146, 256, 2376 },
		{ "max", "pkru", 147, 32, 2408 },
		{ "max", "k_gs_base", 148, 64, 2412 }, { "max", "cr0", 149, 64, 2420 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct x86_reg *reg;

		init_named(rows[i].layout);
		reg = x86_regs_find(&regs, rows[i].name);
		if ((reg != NULL) != (rows[i].number >= 0))
			fail_msg("%s in %s", rows[i].name, rows[i].layout);
		if (reg != NULL && (reg->number != rows[i].number || reg->bits != rows[i].bits ||
		                    reg->offset != rows[i].offset))
			fail_msg("%s: number %u bits %u offset %u", reg->name, reg->number, reg->bits,
			         (unsigned)reg->offset);
	}
	assert_null(x86_regs_find(&regs, "RAX"));
	assert_null(x86_regs_find(&regs, ""));
}

/* Numbers and offsets run on, names are unique, sizes fit what callers allocate. */
static void test_table_is_sound(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(test_layouts); l++) {
		uint32_t offset = 0;

		init_named(test_layouts[l].name);
		assert_true(regs.count < X86_REGS_MAX);
		assert_true(regs.size <= X86_REGS_MAX_BYTES);
		for (unsigned i = 0; i < regs.count; i++) {
			const struct x86_reg *reg = &regs.reg[i];

			assert_int_equal(reg->number, i);
			assert_int_equal(reg->offset, offset);
			assert_true(reg->bits % 8 == 0 && reg->bits / 8 <= X86_REG_MAX_SIZE);
			assert_true(reg->group != 0 && (reg->group & ~X86_GROUP_ALL) == 0);
			assert_true(x86_regs_find(&regs, reg->name) == reg);
			offset += reg->bits / 8u;
		}
		assert_int_equal(regs.size, offset);
		assert_int_equal(regs.g_count, x86_regs_find(&regs, "k_gs_base")->number);
		assert_int_equal(regs.g_size, x86_regs_find(&regs, "k_gs_base")->offset);
	}
}

static void test_roles(void **state)
{
	static const struct { const char *name, *alt, *generic; int dwarf; } rows[] = {
		{ "rip", "pc", "pc", 16 }, { "rsp", "sp", "sp", 7 }, { "rbp", "fp", "fp", 6 },
		{ "eflags", "rflags", "flags", 49 }, { "rdi", "arg1", "arg1", 5 },
		{ "rsi", "arg2", "arg2", 4 },
		{ "rdx", "arg3", "arg3", 1 }, { "rcx", "arg4", "arg4", 2 }, { "r8", "arg5", "arg5", 8 },
		{ "r9", "arg6", "arg6", 9 }, { "rax", NULL, NULL, 0 }, { "rbx", NULL, NULL, 3 },
		{ "r15", NULL, NULL, 15 },
		{ "xmm15", NULL, NULL, 32 }, { "st7", NULL, NULL, 40 }, { "xmm16", NULL, NULL, 67 },
		{ "k7", NULL, NULL, 125 }, { "es", NULL, NULL, 50 }, { "fs_base", NULL, NULL, 58 },
		{ "cr0", NULL, NULL, -1 }, { "ymm3h", NULL, NULL, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct x86_reg *reg = x86_regs_find(&regs, rows[i].name);

		assert_non_null(reg);
		if (reg->dwarf != rows[i].dwarf)
			fail_msg("%s: DWARF %d", reg->name, reg->dwarf);
		assert_true((reg->alt == NULL) == (rows[i].alt == NULL));
		if (reg->alt != NULL) {
			assert_string_equal(reg->alt, rows[i].alt);
			assert_string_equal(reg->generic, rows[i].generic);
		}
	}
}

/* Every register shows its own part of the state: written by hand, found under its name. */
static void test_get(void **state)
{
	static const struct { const char *name; uint64_t value; } rows[] = {
		{ "rax", 0x100 }, { "r15", 0x10f }, { "rip", 0x200 }, { "eflags", 0x246 }, { "cs", 0x10 },
		{ "gs", 0x60 },
		{ "fs_base", 0xffff800000000001 }, { "gs_base", 0xffff800000000002 }, { "cr2", 0x22 },
		{ "cr3", 0x33000 },
		{ "cr8", 8 }, { "efer", 0x500 }, { "cs_limit", 0xffffffff }, { "cs_attr", 0xa09b },
		{ "tr", 0x18 },
		{ "tr_base", 0x7000 }, { "tr_attr", 0x8b }, { "ldtr_attr", 0x10000 }, { "gdtr_base", 0x5000 },
		{ "gdtr_limit", 0x37 }, { "idtr_base", 0x6000 }, { "idtr_limit", 0xfff }, { "dr0", 0xd0 },
		{ "dr3", 0xd3 },
		{ "dr6", 0xffff0ff0 }, { "dr7", 0x400 }, { "lstar", 0xffffffff81000000 },
		{ "k_gs_base", 0x77 },
		{ "xcr0", 7 }, { "linear_pc", 0x200 },
		{ "orig_rax", UINT64_MAX }, { "mxcsr", 0x1f80 }, { "fctrl", 0x37f },
		{ "ftag", 0xffff },
		{ "pkru", 0 }, { "ymm3h", 0 }, { "apic_base", 0xfee00900 },
	};

	(void)state;
	for (int i = 0; i < X86_GPR_COUNT; i++)
		st.gpr[i] = 0x100u + (unsigned)i;
	st.rip = 0x200;
	st.rflags = 0x246;
	st.cr0 = X86_CR0_PE | X86_CR0_PG;
	st.efer = X86_EFER_LME | X86_EFER_LMA;
	st.seg[X86_CS] = (struct x86_seg){ 0, 0xffffffff, 0x10, 11, 1, 0, 1, 0, 1, 0, 1, 0 };
	st.seg[X86_GS].selector = 0x60;
	st.seg[X86_FS].base = 0xffff800000000001;
	st.seg[X86_GS].base = 0xffff800000000002;
	st.seg[X86_TR] = (struct x86_seg){ 0x7000, 0x67, 0x18, 11, 0, 0, 1, 0, 0, 0, 0, 0 };
	st.seg[X86_LDTR] = (struct x86_seg){ .unusable = 1 };
	st.gdt = (struct x86_table){ 0x5000, 0x37 };
	st.idt = (struct x86_table){ 0x6000, 0xfff };
	st.cr2 = 0x22;
	st.cr3 = 0x33000;
	st.cr8 = 8;
	st.xcr0 = 7;
	st.dr[0] = 0xd0;
	st.dr[3] = 0xd3;
	st.msr[X86_MSR_LSTAR] = 0xffffffff81000000;
	st.msr[X86_MSR_KERNEL_GS_BASE] = 0x77;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct x86_reg *reg = x86_regs_find(&regs, rows[i].name);
		uint8_t buf[X86_REG_MAX_SIZE];

		assert_non_null(reg);
		memset(buf, 0xcc, sizeof(buf));
		assert_true(x86_regs_get(&layout, reg, &st, buf));
		if (bytes_get_le(buf, reg->bits < 64 ? reg->bits / 8u : 8) != rows[i].value)
			fail_msg("%s: %#llx", reg->name, (unsigned long long)bytes_get_le64(buf));
		assert_int_equal(buf[reg->bits / 8], 0xcc);
	}
}

static void test_unavailable(void **state)
{
	uint8_t buf[X86_REG_MAX_SIZE] = { 0 };
	const struct x86_reg *reg = x86_regs_find(&regs, "lstar");
	struct error err;

	(void)state;
	st.msr_valid = 1u << X86_MSR_STAR;
	assert_false(x86_regs_get(&layout, reg, &st, buf));
	assert_int_equal(x86_regs_set(&layout, reg, &st, buf, 8, NULL, &err), -EINVAL);
	assert_string_equal(err.text, "cannot set lstar: this vcpu has no such register");
	assert_true(x86_regs_get(&layout, x86_regs_find(&regs, "star"), &st, buf));
}

/* A value that differs from the present one and that the register can hold. */
static void other_value(const struct x86_reg *reg, uint8_t *buf)
{
	static const struct { const char *name; uint64_t flip; } rows[] = {
		{ "eflags", 1 }, { "cr0", 8 }, { "cr4", 4 }, { "efer", 1 }, { "apic_base", 0x1000 },
		{ "dr6", 1 },
		{ "dr7", 1 }, { "xcr0", 2 }, { "mxcsr", 1 }, { "ftag", 2 }, { "pat", 1 }, { "ldtr", 0 },
		{ "tr", 0 },
		{ "cr3", 0x1000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].name, reg->name) == 0) {
			bytes_put_le(buf, bytes_get_le(buf, reg->bits / 8u) ^ rows[i].flip, reg->bits / 8u);
			return;
		}
	}
	buf[0] ^= strstr(reg->name, "limit") != NULL ? 0 : 1;
}

/* Each writable register takes a new value, shows it, and changes none of the others but what follows. */
static void test_set_and_get_back(void **state)
{
	uint8_t buf[X86_REG_MAX_SIZE], now[X86_REG_MAX_SIZE], was[X86_REG_MAX_SIZE];

	(void)state;
	for (unsigned i = 0; i < regs.count; i++) {
		const struct x86_reg *reg = &regs.reg[i];

		if (!reg->writable)
			continue;
		setup(NULL);
		memcpy(&before, &st, sizeof(st));
		assert_true(x86_regs_get(&layout, reg, &st, buf));
		other_value(reg, buf);
		if (x86_regs_set(&layout, reg, &st, buf, reg->bits / 8u, NULL, NULL) != 0)
			fail_msg("%s refuses", reg->name);
		assert_true(x86_regs_get(&layout, reg, &st, now));
		if (memcmp(now, buf, reg->bits / 8u) != 0)
			fail_msg("%s reads back differently", reg->name);
		for (unsigned k = 0; k < regs.count; k++) {
			const struct x86_reg *other = &regs.reg[k];
			bool follows = strcmp(other->name, "linear_pc") == 0 ||
			               (strstr(other->name, "_base") != NULL &&
			                strncmp(other->name, reg->name, 2) == 0) ||
			               (strcmp(other->name, "ftag") == 0 && strncmp(reg->name, "st", 2) == 0);

			assert_true(x86_regs_get(&layout, other, &st, now));
			assert_true(x86_regs_get(&layout, other, &before, was));
			if (k != i && !follows && memcmp(now, was, other->bits / 8u) != 0)
				fail_msg("%s changes %s", reg->name, other->name);
		}
	}
}

/* All at once is each by itself, for any content and any components present. */
static void test_get_all(void **state)
{
	static uint8_t all[X86_REGS_MAX_BYTES], one[X86_REG_MAX_SIZE];
	static bool map[X86_REGS_MAX_BYTES];

	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(test_layouts); l++) {
		init_named(test_layouts[l].name);
		for (unsigned round = 0; round < 1024; round++) {
			uint8_t *bytes = (uint8_t *)&st;
			bool complete;

			for (size_t i = 0; i < sizeof(st); i++)
				bytes[i] = (uint8_t)((i * 131 + round * 7) >> (i % 3));
			st.msr_valid = round;
			bytes_put_le64(st.xsave + X86_XSAVE_BV, round & 0x2ff);
			memset(all, 0xee, sizeof(all));
			complete = x86_regs_get_all(&regs, &layout, &st, all, map);
			assert_true(complete);
			for (unsigned i = 0; i < regs.g_count; i++) {
				const struct x86_reg *reg = &regs.reg[i];

				assert_true(x86_regs_get(&layout, reg, &st, one));
				assert_memory_equal(all + reg->offset, one, reg->bits / 8);
				assert_true(map[reg->offset]);
				assert_int_equal(regs.g_groups & reg->group, reg->group);
			}
			assert_int_equal(all[regs.g_size], 0xee);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_numbers, setup),
		cmocka_unit_test_setup(test_table_is_sound, setup),
		cmocka_unit_test_setup(test_roles, setup), cmocka_unit_test_setup(test_get, setup),
		cmocka_unit_test_setup(test_unavailable, setup), cmocka_unit_test_setup(test_get_all, setup),
		cmocka_unit_test_setup(test_set_and_get_back, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
