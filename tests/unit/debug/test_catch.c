/* The words of "monitor catch": ranges, and conditions compiled and evaluated. */
#include "../cmocka_all.h"
#include "debug/agent.h"
#include "debug/catch_expr.h"
#include "debug/catch_parse.h"

#include <errno.h>
#include <string.h>

static struct x86_regs regs;

static int setup(void **state)
{
	static const struct x86_layout layout = { .xcr0_mask = 3, .phys_bits = 40, .linear_bits = 48 };

	(void)state;
	x86_regs_init(&regs, &layout);
	return 0;
}

/* rax is 7, rsp 0x1000, every other register its number; what was caught: 0x41 at 0x3f8. */
static int read_reg(void *ctx, unsigned number, uint64_t *ret, struct error *err)
{
	(void)ctx;
	(void)err;
	*ret = number == DEBUG_CATCH_VALUE ? 0x41 : number == DEBUG_CATCH_ADDR ? 0x3f8 : number;
	if (number == x86_regs_find(&regs, "rax")->number)
		*ret = 7;
	if (number == x86_regs_find(&regs, "rsp")->number)
		*ret = 0x1000;
	return 0;
}

/* Memory at 0x1000: 1, 2, 3 ... 16. */
static int read_mem(void *ctx, uint64_t addr, void *buf, size_t len, struct error *err)
{
	(void)ctx;
	if (addr < 0x1000 || addr + len > 0x1010)
		return error_set(err, EFAULT, "no memory");
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)(addr - 0x1000 + i + 1);
	return 0;
}

static int value_of(const char *text, uint64_t *ret, struct error *err)
{
	struct debug_agent_io io = { .read_reg = read_reg, .read_mem = read_mem };
	struct debug_agent agent;
	uint8_t code[256];
	size_t len;
	int rc = debug_catch_compile(text, &regs, code, sizeof(code), &len, err);

	if (rc < 0)
		return rc;
	assert_int_equal(debug_agent_check(code, len, &agent, err), 0);
	return debug_agent_eval(&agent, &io, ret, err);
}

static void expressions(void **state)
{
	static const struct { const char *text; uint64_t value; } row[] = {
		{ "1", 1 }, { "0x10", 16 }, { "rax", 7 }, { "$rax", 7 }, { " rax ", 7 }, { "(rax)", 7 },
		{ "value", 0x41 }, { "addr == 0x3f8", 1 }, { "-1", UINT64_MAX }, { "~0", UINT64_MAX },
		{ "!rax", 0 }, { "!!rax", 1 }, { "1+2*3", 7 }, { "(1+2)*3", 9 }, { "10-4-3", 3 },
		{ "7/2", 3 }, { "7%4", 3 }, { "1<<4", 16 }, { "256>>4", 16 }, { "1+1<<2", 8 },
		{ "1<2", 1 }, { "2<1", 0 }, { "1<=1", 1 }, { "2<=1", 0 }, { "2>1", 1 }, { "1>1", 0 },
		{ "1>=1", 1 }, { "0>=1", 0 }, { "-1 > 1", 1 }, { "1==1", 1 }, { "1!=1", 0 }, { "1 != 2", 1 },
		{ "6&3", 2 }, { "6|3", 7 }, { "6^3", 5 }, { "rax&1 == 1", 1 }, { "1|2&0", 1 },
		{ "0 && 1", 0 }, { "1 && 2", 1 }, { "0 || 0", 0 }, { "0 || 3", 1 }, { "1 || 0 && 0", 1 },
		{ "0 && *0", 0 }, { "1 || *0", 1 }, { "rax == 7 && value == 0x41 && !(rax == 6)", 1 },
		{ "u8[rsp]", 1 }, { "u16[rsp]", 0x201 }, { "u32[rsp+4]", 0x08070605 },
		{ "u64[rsp]", 0x0807060504030201 }, { "*rsp", 0x0807060504030201 },
		{ "u8[rsp + u8[rsp]]", 2 }, { "*(rsp+8)>>56", 16 }, { "1\t+ 1", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct error err = { 0 };
		uint64_t value = 0;
		int rc = value_of(row[i].text, &value, &err);

		if (rc != 0 || value != row[i].value)
			fail_msg("'%s': %d, 0x%llx (%s)", row[i].text, rc, (unsigned long long)value,
			         err.text);
	}
}

static void refused_expressions(void **state)
{
	static const struct { const char *text, *why; } row[] = {
		{ "", "a value is missing at 'the end'" }, { "1 +", "a value is missing" },
		{ "(1", "')' expected at 'the end'" }, { "1)", "not understood at ')'" },
		{ "nosuch", "no such register at 'nosuch'" }, { "0xzz", "not a number at '0xzz'" },
		{ "18446744073709551616", "not a number" }, { "xmm0", "too wide a register" },
		{ "u8 rsp", "'[' expected" }, { "u8[rsp", "']' expected" },
		{ "1 = 1", "not understood at '= 1'" },
		{ "rax rax", "not understood at 'rax'" }, { "1 & & 1", "a value is missing" },
		{ "((((((((((((((((((((((((((((1))))))))))))))))))))))))))))", "too deep" },
		{ "1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1", "too long" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct error err = { 0 };
		uint64_t value;
		int rc = value_of(row[i].text, &value, &err);

		if (rc >= 0 || !strstr(err.text, row[i].why))
			fail_msg("'%s': %d (%s)", row[i].text, rc, err.text);
	}
}

static void lines(void **state)
{
	static const struct {
		const char *text;
		enum debug_catch_kind kind;
		uint64_t first, last;
		const char *condition;
	} row[] = {
		{ "exception", DEBUG_CATCH_EXCEPTION, 0, 31, NULL },
		{ "exception 14", DEBUG_CATCH_EXCEPTION, 14, 14, NULL },
		{ "exception #PF if 1", DEBUG_CATCH_EXCEPTION, 14, 14, "1" },
		{ "exception gp", DEBUG_CATCH_EXCEPTION, 13, 13, NULL },
		{ "exception 0-7", DEBUG_CATCH_EXCEPTION, 0, 7, NULL },
		{ "exception if rax == 1", DEBUG_CATCH_EXCEPTION, 0, 31, "rax == 1" },
		{ "irq 32", DEBUG_CATCH_IRQ, 32, 32, NULL },
		{ "cr3", DEBUG_CATCH_CR3, 0, UINT64_MAX, NULL },
		{ "cr3 if value != 0x1000", DEBUG_CATCH_CR3, 0, UINT64_MAX, "value != 0x1000" },
		{ "msr 0xc0000082", DEBUG_CATCH_MSR, 0xc0000082, 0xc0000082, NULL },
		{ "io 0x3f8", DEBUG_CATCH_IO, 0x3f8, 0x3f8, NULL },
		{ "io 0x3f8+8", DEBUG_CATCH_IO, 0x3f8, 0x3ff, NULL },
		{ "  io   0x60-0x64 ", DEBUG_CATCH_IO, 0x60, 0x64, NULL },
		{ "mmio 0xd0000000+0x1000", DEBUG_CATCH_MMIO, 0xd0000000, 0xd0000fff, NULL },
		{ "hlt", DEBUG_CATCH_HLT, 0, UINT64_MAX, NULL },
		{ "shutdown", DEBUG_CATCH_SHUTDOWN, 0, UINT64_MAX, NULL },
		{ "hypercall", DEBUG_CATCH_HYPERCALL, 0, UINT64_MAX, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct debug_catch_spec spec;
		struct error err = { 0 };

		if (debug_catch_parse(row[i].text, &spec, &err) != 0)
			fail_msg("'%s': %s", row[i].text, err.text);
		assert_int_equal(spec.range.kind, row[i].kind);
		assert_int_equal(spec.range.first, row[i].first);
		assert_int_equal(spec.range.last, row[i].last);
		if (row[i].condition)
			assert_string_equal(spec.condition, row[i].condition);
		else
			assert_null(spec.condition);
	}
}

static void refused_lines(void **state)
{
	static const struct { const char *text, *why; } row[] = {
		{ "", "not ''" }, { "frob 1", "not 'frob'" }, { "exception 32", "catch exception [0..31" },
		{ "irq", "catch irq VECTOR" }, { "irq 31", "catch irq VECTOR" }, { "irq 256", "catch irq" },
		{ "io", "catch io PORT" }, { "io 0x10000", "catch io" }, { "io 5-4", "catch io" },
		{ "io 5+0", "catch io" }, { "io 0xffff+2", "catch io" }, { "io x", "catch io" },
		{ "mmio 0xffffffffffffffff+2", "catch mmio" }, { "msr 0x100000000", "catch msr" },
		{ "cr3 5", "catch cr3" }, { "hlt now", "catch hlt" }, { "io 5 6", "'6' is too much" },
		{ "io 5 if", "a condition is to follow" },
		{ "io 0x00000000000000000000000000000000000000000000000000005", "catch io" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct debug_catch_spec spec;
		struct error err = { 0 };

		if (debug_catch_parse(row[i].text, &spec, &err) != -EINVAL || !strstr(err.text, row[i].why))
			fail_msg("'%s': %s", row[i].text, err.text);
	}
}

static void vectors(void **state)
{
	(void)state;
	assert_string_equal(debug_catch_vector_name(14), "#PF page fault");
	assert_string_equal(debug_catch_vector_name(32), "");
	for (unsigned i = 0; i < 256; i++) {
		/* SDM 3A table 6-1; APM 2 8.2 for 29 and 30. */
		bool error = i == 8 || (i >= 10 && i <= 14) || i == 17 || i == 21 || i == 29 || i == 30;

		assert_int_equal(debug_catch_has_error(i), error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions), cmocka_unit_test(refused_expressions), cmocka_unit_test(lines),
		cmocka_unit_test(refused_lines), cmocka_unit_test(vectors),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
