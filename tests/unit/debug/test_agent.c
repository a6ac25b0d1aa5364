/* Agent expressions: every opcode, what the check refuses, limits, and GDB's own encodings (argv 1). */
#include "../cmocka_all.h"

#include "debug/agent.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden_path;

/* ---- a world to evaluate in ---- */

struct world {
	struct { uint64_t addr; size_t len; uint8_t bytes[64]; } mem[16];
	unsigned mems;
	uint64_t reg[32];
	char out[8192], records[256];
	size_t out_len;
	struct debug_agent_vars vars;
};

static int read_reg(void *ctx, unsigned number, uint64_t *ret, struct error *err)
{
	struct world *w = ctx;

	if (number >= 32)
		return error_set(err, EINVAL, "no register %u", number);
	*ret = w->reg[number];
	return 0;
}

static int read_mem(void *ctx, uint64_t addr, void *buf, size_t len, struct error *err)
{
	struct world *w = ctx;

	for (unsigned i = 0; i < w->mems; i++) {
		uint64_t off = addr - w->mem[i].addr;

		if (off >= w->mem[i].len || len > w->mem[i].len - off)
			continue;
		memcpy(buf, w->mem[i].bytes + off, len);
		return 0;
	}
	return error_set(err, EFAULT, "nothing at 0x%" PRIx64, addr);
}

static void print(void *ctx, const char *text, size_t len)
{
	struct world *w = ctx;

	assert_true(w->out_len + len < sizeof(w->out));
	memcpy(w->out + w->out_len, text, len);
	w->out_len += len;
	w->out[w->out_len] = '\0';
}

static int record(void *ctx, enum debug_agent_record what, uint64_t at, uint64_t len, struct error *err)
{
	struct world *w = ctx;
	size_t n = strlen(w->records);

	(void)err;
	snprintf(w->records + n, sizeof(w->records) - n, "%d:%" PRIx64 "+%" PRIx64 ";", (int)what, at, len);
	return 0;
}

static void add_mem(struct world *w, uint64_t addr, const void *bytes, size_t len)
{
	assert_true(w->mems < 16 && len <= 64);
	w->mem[w->mems].addr = addr;
	w->mem[w->mems].len = len;
	memcpy(w->mem[w->mems++].bytes, bytes, len);
}

static struct world *world(void)
{
	static struct world w;
	static const uint8_t data[] = { 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88 };

	memset(&w, 0, sizeof(w));
	add_mem(&w, 0x1000, data, sizeof(data));
	add_mem(&w, 0x2000, "hello", 6);
	w.reg[7] = 0x1234567890abcdef;
	assert_int_equal(debug_agent_var_set(&w.vars, 3, -2), 0);
	return &w;
}

static struct debug_agent_io io_of(struct world *w)
{
	return (struct debug_agent_io){ .ctx = w, .read_reg = read_reg, .read_mem = read_mem, .print = print,
	                                .record = record, .vars = &w->vars };
}

static size_t from_hex(const char *hex, uint8_t *ret)
{
	size_t n = 0;
	unsigned byte;

	for (; sscanf(hex, " %2x", &byte) == 1; hex += 2) {
		hex += *hex == ' ';
		ret[n++] = (uint8_t)byte;
	}
	return n;
}

static int eval(struct world *w, const uint8_t *code, size_t len, uint64_t *ret, struct error *err)
{
	struct debug_agent_io io = io_of(w);
	uint8_t *exact = malloc(len); /* a sanitizer sees a read past its end */
	struct debug_agent a;
	int rc;

	memcpy(exact, code, len);
	rc = debug_agent_check(exact, len, &a, err);
	if (rc == 0)
		rc = debug_agent_eval(&a, &io, ret, err);
	free(exact);
	return rc;
}

/* ---- opcodes ---- */

static const struct { const char *name, *code; uint64_t value; const char *records; } rows[] = {
	{ "add", "22 05 22 07 02 27", 12, "" },
	{ "sub", "22 05 22 07 03 27", (uint64_t)-2, "" },
	{ "mul", "22 05 22 07 04 27", 35, "" },
	{ "div_signed", "22 f9 16 08 22 02 05 27", (uint64_t)-3, "" },
	{ "div_signed of the least by -1", "25 8000000000000000 22 ff 16 08 05 27", UINT64_C(1) << 63, "" },
	{ "div_unsigned", "22 f9 16 08 22 02 06 27", 0x7ffffffffffffffc, "" },
	{ "rem_signed", "22 f9 16 08 22 02 07 27", (uint64_t)-1, "" },
	{ "rem_signed of the least by -1", "25 8000000000000000 22 ff 16 08 07 27", 0, "" },
	{ "rem_unsigned", "22 f9 16 08 22 0a 08 27", 9, "" },
	{ "lsh", "22 05 22 04 09 27", 80, "" },
	{ "lsh by 64", "22 05 22 40 09 27", 0, "" },
	{ "rsh_signed", "22 f0 16 08 22 02 0a 27", (uint64_t)-4, "" },
	{ "rsh_signed by 64", "22 f0 16 08 22 40 0a 27", UINT64_MAX, "" },
	{ "rsh_signed by 0", "22 f0 22 00 0a 27", 0xf0, "" },
	{ "rsh_unsigned", "22 f0 16 08 22 3c 0b 27", 15, "" },
	{ "rsh_unsigned by 200", "22 f0 22 c8 0b 27", 0, "" },
	{ "trace", "22 09 23 1000 22 04 0c 27", 9, "0:1000+4;" },
	{ "trace_quick", "23 1000 0d 08 27", 0x1000, "0:1000+8;" },
	{ "log_not", "22 05 0e 27", 0, "" },
	{ "log_not 0", "22 00 0e 27", 1, "" },
	{ "bit_and", "22 0c 22 0a 0f 27", 8, "" },
	{ "bit_or", "22 0c 22 0a 10 27", 14, "" },
	{ "bit_xor", "22 0c 22 0a 11 27", 6, "" },
	{ "bit_not", "22 0c 12 27", ~UINT64_C(12), "" },
	{ "equal", "22 0c 22 0c 13 27", 1, "" },
	{ "equal not", "22 0c 22 0d 13 27", 0, "" },
	{ "less_signed", "22 f0 16 08 22 01 14 27", 1, "" },
	{ "less_signed, the other way", "22 01 22 f0 16 08 14 27", 0, "" },
	{ "less_unsigned", "22 f0 16 08 22 01 15 27", 0, "" },
	{ "less_unsigned, the other way", "22 01 22 f0 16 08 15 27", 1, "" },
	{ "ext 8", "24 12345680 16 08 27", 0xffffffffffffff80, "" },
	{ "ext 1", "22 01 16 01 27", UINT64_MAX, "" },
	{ "ext 33", "25 0000000100000000 16 21 27", 0xffffffff00000000, "" },
	{ "ext 64", "25 8000000000000001 16 40 27", 0x8000000000000001, "" },
	{ "ext 255", "25 8000000000000001 16 ff 27", 0x8000000000000001, "" },
	{ "ref8", "23 1000 17 27", 0x81, "" },
	{ "ref16", "23 1000 18 27", 0x8281, "" },
	{ "ref32", "23 1000 19 27", 0x84838281, "" },
	{ "ref64", "23 1000 1a 27", 0x8887868584838281, "" },
	{ "if_goto", "22 01 20 0008 22 05 27 22 06 27", 6, "" },
	{ "if_goto not", "22 00 20 0008 22 05 27 22 06 27", 5, "" },
	{ "goto", "21 0006 22 05 27 22 06 27", 6, "" },
	{ "const8", "22 ff 27", 0xff, "" },
	{ "const16", "23 fedc 27", 0xfedc, "" },
	{ "const32", "24 fedcba98 27", 0xfedcba98, "" },
	{ "const64", "25 fedcba9876543210 27", 0xfedcba9876543210, "" },
	{ "reg", "26 0007 27", 0x1234567890abcdef, "" },
	{ "end", "22 07 27 22 08 27", 7, "" },
	{ "end with nothing", "27", 0, "" },
	{ "dup", "22 05 28 04 27", 25, "" },
	{ "pop", "22 05 22 06 29 27", 5, "" },
	{ "zero_ext", "22 f0 16 08 2a 10 27", 0xfff0, "" },
	{ "zero_ext 0", "22 f0 2a 00 27", 0, "" },
	{ "zero_ext 64", "22 f0 16 08 2a 40 27", 0xfffffffffffffff0, "" },
	{ "swap", "22 05 22 07 2b 03 27", 2, "" },
	{ "getv", "2c 0003 27", (uint64_t)-2, "" },
	{ "getv of none", "2c 0004 27", 0, "" },
	{ "setv", "22 63 2d 0004 29 2c 0004 27", 99, "" },
	{ "setv leaves its value", "22 63 2d 0004 27", 99, "" },
	{ "tracev", "22 05 2c 0003 2e 0003 03 27", 7, "2:3+0;" },
	{ "tracenz", "22 09 23 2000 22 20 2f 27", 9, "1:2000+20;" },
	{ "trace16", "23 1000 30 0102 27", 0x1000, "0:1000+102;" },
	{ "pick 0", "22 05 22 06 32 00 27", 6, "" },
	{ "pick 2", "22 05 22 06 22 07 32 02 27", 5, "" },
	{ "rot, the top", "22 01 22 02 22 03 33 27", 2, "" },
	{ "rot, the middle", "22 01 22 02 22 03 33 29 27", 1, "" },
	{ "rot, the bottom", "22 01 22 02 22 03 33 29 29 27", 3, "" },
	{ "a loop", "22 00 22 01 02 28 22 0a 13 0e 20 0002 27", 10, "" },
};

static void test_opcodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world();
		struct error err = { 0, "" };
		uint8_t code[64];
		uint64_t value = 0xdead;
		int rc = eval(w, code, from_hex(rows[i].code, code), &value, &err);

		if (rc != 0 || value != rows[i].value || strcmp(w->records, rows[i].records) != 0)
			fail_msg("%s: %d %s, 0x%" PRIx64 ", records '%s'", rows[i].name, rc, err.text, value,
			         w->records);
	}
}

/* GDB manual, "Bytecode Descriptions": numbers, operand bytes, what is taken from the stack at least. */
static const struct { uint8_t op; const char *name; unsigned operand, takes; } manual[] = {
	{ 0x01, "float", 0, 0 }, { 0x02, "add", 0, 2 }, { 0x03, "sub", 0, 2 }, { 0x04, "mul", 0, 2 },
	{ 0x05, "div_signed", 0, 2 }, { 0x06, "div_unsigned", 0, 2 }, { 0x07, "rem_signed", 0, 2 },
	{ 0x08, "rem_unsigned", 0, 2 }, { 0x09, "lsh", 0, 2 }, { 0x0a, "rsh_signed", 0, 2 },
	{ 0x0b, "rsh_unsigned", 0, 2 }, { 0x0c, "trace", 0, 2 }, { 0x0d, "trace_quick", 1, 1 },
	{ 0x0e, "log_not", 0, 1 }, { 0x0f, "bit_and", 0, 2 }, { 0x10, "bit_or", 0, 2 },
	{ 0x11, "bit_xor", 0, 2 }, { 0x12, "bit_not", 0, 1 }, { 0x13, "equal", 0, 2 },
	{ 0x14, "less_signed", 0, 2 }, { 0x15, "less_unsigned", 0, 2 }, { 0x16, "ext", 1, 1 },
	{ 0x17, "ref8", 0, 1 }, { 0x18, "ref16", 0, 1 }, { 0x19, "ref32", 0, 1 },
	{ 0x1a, "ref64", 0, 1 }, { 0x1b, "ref_float", 0, 0 }, { 0x1c, "ref_double", 0, 0 },
	{ 0x1d, "ref_long_double", 0, 0 }, { 0x1e, "l_to_d", 0, 0 }, { 0x1f, "d_to_l", 0, 0 },
	{ 0x20, "if_goto", 2, 1 }, { 0x21, "goto", 2, 0 }, { 0x22, "const8", 1, 0 },
	{ 0x23, "const16", 2, 0 }, { 0x24, "const32", 4, 0 }, { 0x25, "const64", 8, 0 },
	{ 0x26, "reg", 2, 0 }, { 0x27, "end", 0, 0 }, { 0x28, "dup", 0, 1 }, { 0x29, "pop", 0, 1 },
	{ 0x2a, "zero_ext", 1, 1 }, { 0x2b, "swap", 0, 2 }, { 0x2c, "getv", 2, 0 },
	{ 0x2d, "setv", 2, 1 }, { 0x2e, "tracev", 2, 0 }, { 0x2f, "tracenz", 0, 2 },
	{ 0x30, "trace16", 2, 1 }, { 0x32, "pick", 1, 1 }, { 0x33, "rot", 0, 3 },
	{ 0x34, "printf", 3, 2 },
};

static int check(const uint8_t *code, size_t len, struct error *err)
{
	struct debug_agent a;

	return debug_agent_check(code, len, &a, err);
}

/* The opcode behind `has` constants, with operands that are right. Returns where its operands begin. */
static unsigned put_op(uint8_t *code, size_t size, uint8_t op, unsigned has)
{
	unsigned n = 0;

	memset(code, 0, size);
	for (unsigned i = 0; i < has; i++, n += 2)
		memcpy(code + n, "\x22\x01", 2);
	code[n++] = op;
	if (op == 0x16 || op == 0x2a || op == 0x0d) /* bits, bytes */
		code[n] = 8;
	if (op == 0x34)
		memcpy(code + n, "\0\0\2A", 4); /* no arguments, and a format of two bytes */
	return n;
}

/* What is refused of each: cut in its operand, too little on the stack, no end (a goto here loops). */
static void check_one(size_t row, unsigned has)
{
	uint8_t code[32], op = manual[row].op;
	unsigned n = put_op(code, sizeof(code), op, has), left = op == 0x34 ? 5 : manual[row].operand;
	bool floats = op == 1 || (op >= 0x1b && op <= 0x1f);
	struct error err;

	for (unsigned cut = 0; cut < left; cut++)
		if (check(code, n + cut, &err) != -EINVAL || !strstr(err.text, "cut off"))
			fail_msg("%s cut: %s", manual[row].name, err.text);
	if (has == manual[row].takes && op != 0x27 && op != 0x21 && check(code, n + left, &err) != -EINVAL)
		fail_msg("%s without an end is taken", manual[row].name);
	code[n + left] = 0x27;
	if (floats && (check(code, n + left + 1, &err) != -EINVAL || !strstr(err.text, "no floating point")))
		fail_msg("%s: %s", manual[row].name, err.text);
	if (has < manual[row].takes &&
	    (check(code, n + left + 1, &err) != -EINVAL || !strstr(err.text, "takes more")))
		fail_msg("%s of %u: %s", manual[row].name, has, err.text);
}

static void test_manual(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(manual); i++) {
		const char *name = debug_agent_op_name(manual[i].op);

		if (!name || strcmp(name, manual[i].name) != 0)
			fail_msg("0x%02x is %s, not %s", manual[i].op, name ? name : "?", manual[i].name);
		for (unsigned has = 0; has <= manual[i].takes; has++)
			check_one(i, has);
	}
}

/* Every opcode that can run is in the table above (or printf). */
static void test_complete(void **state)
{
	unsigned known = 0;

	(void)state;
	for (unsigned op = 0; op < 256; op++) {
		const char *name = debug_agent_op_name((uint8_t)op);
		static const char others[] =
			"float ref_float ref_double ref_long_double l_to_d d_to_l invalid2 printf";
		bool found = name && strstr(others, name) != NULL;

		for (size_t i = 0; name && i < sizeof(rows) / sizeof(rows[0]); i++)
			found |= strncmp(rows[i].name, name, strlen(name)) == 0;
		if (name && !found)
			fail_msg("no test of %s", name);
		known += name != NULL;
	}
	assert_int_equal(known, 0x34);
}

/* ---- what is refused ---- */

static void test_refused(void **state)
{
	static const struct { const char *code, *text; } bad[] = {
		{ "", "0 bytes" },
		{ "00", "byte 0 (no opcode): unknown" },
		{ "22 01 35", "byte 2 (no opcode): unknown" },
		{ "22 01", "runs off the end" },
		{ "22", "byte 0 (const8): cut off" },
		{ "22 01 20 00", "byte 2 (if_goto): cut off" },
		{ "25 00000000000000", "cut off" },
		{ "29 27", "byte 0 (pop): takes more" },
		{ "22 01 02 27", "byte 2 (add): takes more" },
		{ "22 01 32 01 27", "byte 2 (pick): takes more" },
		{ "22 01 22 02 33 27", "byte 4 (rot): takes more" },
		{ "22 01 16 00 27", "no bits" },
		{ "21 0004 27", "byte 0 (goto): runs off the end" },
		{ "21 ffff 27", "byte 0 (goto): runs off the end" },
		{ "21 0001 27", "byte 0 (goto): jumps into an instruction" },
		{ "22 01 20 0006 22 27 27", "byte 2 (if_goto): jumps into an instruction" },
		{ "22 01 20 0007 22 01 27", "not equally deep" },
		{ "22 01 21 0000", "not equally deep" },
		{ "01 27", "float" },
		{ "22 01 1b 27", "byte 2 (ref_float): not supported" },
		{ "22 01 1c 27", "ref_double" },
		{ "22 01 1d 27", "ref_long_double" },
		{ "22 01 1e 27", "l_to_d" },
		{ "22 01 1f 27", "d_to_l" },
		{ "31", "byte 0 (invalid2): not supported" },
		{ "22 00 22 00 34 00 0002 41", "byte 4 (printf): cut off" },
		{ "22 00 22 00 34 00 0002 4142 27", "does not end where it should" },
		{ "22 00 22 00 34 00 0000 27", "does not end where it should" },
		{ "22 00 22 00 34 00 0003 410000 27", "does not end where it should" },
		{ "22 00 22 00 34 01 0003 256400 27", "byte 4 (printf): takes more" },
		{ "22 00 22 00 34 00 0003 256400 27", "1 conversions, 0 arguments" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = { 0, "" };
		uint8_t code[64];
		uint64_t value;
		int rc = eval(world(), code, from_hex(bad[i].code, code), &value, &err);

		if (rc != -EINVAL || !strstr(err.text, bad[i].text))
			fail_msg("%s: %d %s", bad[i].code, rc, err.text);
	}
}

static void test_depth(void **state)
{
	uint8_t code[2 * DEBUG_AGENT_STACK + 8];
	struct debug_agent a;
	struct error err;

	(void)state;
	for (unsigned n = 0; n <= DEBUG_AGENT_STACK; n++) {
		code[2 * n] = 0x22;
		code[2 * n + 1] = 1;
	}
	code[2 * DEBUG_AGENT_STACK + 2] = 0x27;
	assert_int_equal(debug_agent_check(code, 2 * DEBUG_AGENT_STACK + 3, &a, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too small"));
	code[2 * DEBUG_AGENT_STACK] = 0x27;
	assert_int_equal(debug_agent_check(code, 2 * DEBUG_AGENT_STACK + 1, &a, &err), 0);
	assert_true(a.has_value);
}

/* As long as can be, with as many jumps as there is room for. */
static void test_length(void **state)
{
	static uint8_t code[DEBUG_AGENT_MAX + 1];
	struct debug_agent a;
	struct error err;
	size_t n = 0;

	(void)state;
	while (n + 4 < DEBUG_AGENT_MAX) {
		code[n] = 0x21;
		code[n + 1] = (uint8_t)((n + 3) >> 8);
		code[n + 2] = (uint8_t)(n + 3);
		n += 3;
	}
	memset(code + n, 0x27, sizeof(code) - n);
	assert_int_equal(debug_agent_check(code, DEBUG_AGENT_MAX, &a, &err), 0);
	assert_false(a.has_value);
	assert_int_equal(debug_agent_check(code, DEBUG_AGENT_MAX + 1, &a, &err), -EINVAL);
}

static void test_failures(void **state)
{
	static const struct { const char *code; int rc; const char *text; } bad[] = {
		{ "22 01 22 00 05 27", -EDOM, "division by zero (byte 4" },
		{ "22 01 22 00 06 27", -EDOM, "division by zero" },
		{ "22 01 22 00 07 27", -EDOM, "division by zero" },
		{ "22 01 22 00 08 27", -EDOM, "division by zero" },
		{ "23 1005 19 27", -EFAULT, "nothing at 0x1005" },
		{ "26 0063 27", -EINVAL, "no register 99" },
		{ "21 0000", -ELOOP, "more than 20000 steps" },
		{ "22 00 22 00 34 00 0002 4100 21 0000", -EFBIG, "more than 4096 bytes" },
		{ "23 3000 22 00 22 00 34 01 0003 257300 27", -EFAULT, "nothing at 0x3000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = { 0, "" };
		uint8_t code[64];
		uint64_t value = 77;
		int rc = eval(world(), code, from_hex(bad[i].code, code), &value, &err);

		if (rc != bad[i].rc || !strstr(err.text, bad[i].text) || value != 77)
			fail_msg("%s: %d %s", bad[i].code, rc, err.text);
	}
}

static void test_variables(void **state)
{
	struct debug_agent_vars vars = { 0 };
	struct world *w = world();
	struct error err;
	uint64_t value;
	static const uint8_t set[] = { 0x22, 1, 0x2d, 0x12, 0x34, 0x27 };

	(void)state;
	for (uint16_t i = 0; i < DEBUG_AGENT_VARS; i++)
		assert_int_equal(debug_agent_var_set(&vars, i, i), 0);
	assert_int_equal(debug_agent_var_set(&vars, DEBUG_AGENT_VARS, 1), -ENOSPC);
	assert_int_equal(debug_agent_var_set(&vars, 5, -5), 0);
	assert_int_equal(debug_agent_var_get(&vars, 5), -5);
	assert_int_equal(debug_agent_var_get(&vars, DEBUG_AGENT_VARS), 0);
	assert_int_equal(debug_agent_var_set(NULL, 1, 1), -ENOSPC);
	w->vars = vars;
	assert_int_equal(eval(w, set, sizeof(set), &value, &err), -ENOSPC);
	assert_string_equal(err.text, "no room for trace-state variable 4660");
}

/* ---- printf ---- */

/* The arguments are pushed last one first, then channel and function. */
static int run_printf(struct world *w, const char *format, const uint64_t *args, unsigned count,
                      struct error *err)
{
	size_t n = 0, len = strlen(format) + 1;
	uint8_t code[512];
	uint64_t value;

	for (unsigned i = count; i-- > 0;) {
		code[n++] = 0x25;
		for (int shift = 56; shift >= 0; shift -= 8)
			code[n++] = (uint8_t)(args[i] >> shift);
	}
	memcpy(code + n, "\x22\0\x22\0\x34", 5);
	code[n + 5] = (uint8_t)count;
	code[n + 6] = (uint8_t)(len >> 8);
	code[n + 7] = (uint8_t)len;
	memcpy(code + n + 8, format, len);
	n += 8 + len;
	code[n++] = 0x27;
	return eval(w, code, n, &value, err);
}

static void test_printf(void **state)
{
	static const struct { const char *format; uint64_t arg; const char *text; } good[] = {
		{ "%d", 0xffffffff, "-1" }, { "%i", 5, "5" }, { "%5d|", 42, "   42|" },
		{ "%-5d|", 42, "42   |" },
		{ "%05d", (uint64_t)-42, "-0042" }, { "%+d", 42, "+42" }, { "% d", 42, " 42" },
		{ "%.4d", 42, "0042" },
		{ "%6.3d", 42, "   042" }, { "%u", UINT64_MAX, "4294967295" },
		{ "%lu", UINT64_MAX, "18446744073709551615" },
		{ "%ld", UINT64_C(1) << 63, "-9223372036854775808" }, { "%lld", (uint64_t)-7, "-7" },
		{ "%zu", 1234567890123, "1234567890123" }, { "%hd", 0x18000, "-32768" },
		{ "%hhu", 0x1ff, "255" },
		{ "%x", 0xdeadbeef, "deadbeef" }, { "%X", 0xdeadbeef, "DEADBEEF" }, { "%#x", 255, "0xff" },
		{ "%#x", 0, "0" }, { "%#06x", 255, "0x00ff" }, { "%#lX", 255, "0XFF" }, { "%o", 8, "10" },
		{ "%#o", 8, "010" }, { "%#o", 0, "0" }, { "%p", 0x1000, "0x1000" }, { "%c", 'a', "a" },
		{ "%3c|", 'a', "  a|" }, { "%s", 0x2000, "hello" }, { "%8s|", 0x2000, "   hello|" },
		{ "%-8s|", 0x2000, "hello   |" }, { "%.2s", 0x2001, "el" }, { "%.0d|", 0, "|" },
		{ "100%% %d", 1, "100% 1" },
		{ "a\\tb\\n\\\\\\\"%d", 7, "a\tb\n\\\"7" },
	};
	struct error err = { 0, "" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct world *w = world();
		int rc = run_printf(w, good[i].format, &good[i].arg, 1, &err);

		if (rc != 0 || strcmp(w->out, good[i].text) != 0)
			fail_msg("%s: %d %s '%s'", good[i].format, rc, err.text, w->out);
	}
}

static void test_printf_order(void **state)
{
	static const uint64_t args[] = { 1, 2, 0x2000 };
	struct world *w = world();
	struct error err = { 0, "" };

	(void)state;
	assert_int_equal(run_printf(w, "%d, %d, %s\\n", args, 3, &err), 0);
	assert_string_equal(w->out, "1, 2, hello\n");
}

static void test_printf_refused(void **state)
{
	static const char *const bad[] = { "%", "%l", "%f", "%5.2g", "%n", "%ls", "%lc", "%lp", "%*d", "%.*d",
	                                   "%256d", "%.256d", "%99999999999999999999d", "%y", "%d %",
	                                   "%d\\", "%d\\q" };
	struct error err;
	uint64_t arg = 0x2000;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (run_printf(world(), bad[i], &arg, 1, &err) != -EINVAL)
			fail_msg("%s is taken", bad[i]);
}

/* ---- GDB's own ---- */

static void read_golden(FILE *f, struct world *w, unsigned *count)
{
	static char line[4096], hex[2048];
	uint8_t bytes[1024];
	uint64_t at, want, value;
	unsigned number;
	struct error err = { 0, "" };

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "reg %x %" SCNx64, &number, &want) == 2) {
			w->reg[number & 31] = want;
		} else if (sscanf(line, "mem %" SCNx64 " %2047s", &at, hex) == 2) {
			add_mem(w, at, bytes, from_hex(hex, bytes));
		} else if (sscanf(line, "expr %2047s %" SCNx64, hex, &want) == 2) {
			int rc = eval(w, bytes, from_hex(hex, bytes), &value, &err);

			if (rc != 0 || value != want)
				fail_msg("%d %s 0x%" PRIx64 ": %s", rc, err.text, value, line);
			++*count;
		}
	}
}

static void test_golden(void **state)
{
	FILE *f = fopen(golden_path, "r");
	struct world *w = world();
	unsigned count = 0;

	(void)state;
	assert_non_null(f);
	w->mems = 0;
	read_golden(f, w, &count);
	fclose(f);
	assert_true(count > 30);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opcodes), cmocka_unit_test(test_manual),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth), cmocka_unit_test(test_length), cmocka_unit_test(test_failures),
		cmocka_unit_test(test_variables), cmocka_unit_test(test_printf),
		cmocka_unit_test(test_printf_order),
		cmocka_unit_test(test_printf_refused), cmocka_unit_test(test_golden),
	};

	if (argc < 2)
		return 2;
	golden_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
