#include "../cmocka_all.h"
#include "x86/insn.h"
#include <string.h>

#define M64 X86_MODE_64
#define M32 X86_MODE_32
#define M16 X86_MODE_REAL
#define K(kind) X86_INSN_##kind

struct row {
	enum x86_mode mode;
	const char *bytes; size_t len;
	enum x86_insn_kind kind;
	uint8_t length, opsize;
};

#define ROW(mode, bytes, kind, length, opsize) { mode, bytes, sizeof(bytes) - 1, K(kind), length, opsize }

static const struct row rows[] = {
	ROW(M64, "\x90", OTHER, 0, 0), ROW(M64, "\x0f\x1f", OTHER, 0, 0),
	/* pushf, popf, iret and what they move */
	ROW(M64, "\x9c", PUSHF, 1, 8), ROW(M64, "\x66\x9c", PUSHF, 2, 2), ROW(M32, "\x9c", PUSHF, 1, 4),
	ROW(M32, "\x66\x9c", PUSHF, 2, 2), ROW(M16, "\x9c", PUSHF, 1, 2), ROW(M16, "\x66\x9c", PUSHF, 2, 4),
	ROW(M64, "\x48\x9c", PUSHF, 2, 8), ROW(M64, "\x9d", POPF, 1, 8),
	ROW(M64, "\xcf", IRET, 1, 4), ROW(M64, "\x48\xcf", IRET, 2, 8), ROW(M64, "\x66\xcf", IRET, 2, 2),
	ROW(M64, "\x66\x48\xcf", IRET, 3, 8), ROW(M32, "\xcf", IRET, 1, 4), ROW(M16, "\xcf", IRET, 1, 2),
	/* REX counts only right before the opcode, and only in 64-bit mode (elsewhere it is dec/inc) */
	ROW(M64, "\x48\x66\xcf", IRET, 3, 2), ROW(M32, "\x48\xcf", OTHER, 0, 0),
	ROW(X86_MODE_COMPAT, "\x40\x9c", OTHER, 0, 0),
	ROW(X86_MODE_COMPAT, "\x9c", PUSHF, 1, 4), ROW(X86_MODE_V86, "\x9c", PUSHF, 1, 2),
	ROW(X86_MODE_16, "\x9c", PUSHF, 1, 2),
	/* interrupts */
	ROW(M64, "\xcc", INT3, 1, 4), ROW(M64, "\xf1", INT1, 1, 4), ROW(M64, "\xcd\x80", INTN, 2, 4),
	ROW(M32, "\xce", INTO, 1, 4), ROW(M64, "\xce", OTHER, 0, 0), ROW(M64, "\xcd", OTHER, 0, 0),
	/* system calls */
	ROW(M64, "\x0f\x05", SYSCALL, 2, 4), ROW(M64, "\x0f\x07", SYSRET, 2, 4),
	ROW(M64, "\x48\x0f\x07", SYSRET, 3, 8), ROW(M64, "\x0f\x34", SYSENTER, 2, 4),
	ROW(M64, "\x0f\x35", SYSEXIT, 2, 4), ROW(M64, "\x0f", OTHER, 0, 0), ROW(M64, "\x0f\x06", OTHER, 0, 0),
	/* flags, halt */
	ROW(M64, "\xf4", HLT, 1, 4), ROW(M64, "\xfa", CLI, 1, 4), ROW(M64, "\xfb", STI, 1, 4),
	ROW(M64, "\xf3\xfb", STI, 2, 4), ROW(M64, "\xf0\xf4", OTHER, 0, 0),
	/* mov ss: length from ModRM, SIB, displacement */
	ROW(M64, "\x8e\xd0", MOV_SS, 2, 4), ROW(M64, "\x8e\xd8", OTHER, 0, 0),
	ROW(M64, "\x8e\xc0", OTHER, 0, 0),
	ROW(M64, "\x41\x8e\xd0", MOV_SS, 3, 4), ROW(M64, "\x8e\x10", MOV_SS, 2, 4),
	ROW(M64, "\x8e\x50\x08", MOV_SS, 3, 4), ROW(M64, "\x8e\x90\x01\x02\x03\x04", MOV_SS, 6, 4),
	ROW(M64, "\x8e\x15\x01\x02\x03\x04", MOV_SS, 6, 4), ROW(M64, "\x8e\x14\x24", MOV_SS, 3, 4),
	ROW(M64, "\x8e\x14\x25\x01\x02\x03\x04", MOV_SS, 7, 4), ROW(M64, "\x8e\x54\x24\x08", MOV_SS, 4, 4),
	ROW(M64, "\x8e\x94\x24\x01\x02\x03\x04", MOV_SS, 7, 4), ROW(M64, "\x8e\x90\x01\x02\x03", OTHER, 0, 0),
	ROW(M64, "\x8e\x14", OTHER, 0, 0), ROW(M64, "\x8e", OTHER, 0, 0),
	ROW(M64, "\x67\x8e\x10", MOV_SS, 3, 4), ROW(M64, "\x67\x8e\x16", MOV_SS, 3, 4),
	ROW(M16, "\x8e\x16\x34\x12", MOV_SS, 4, 2), ROW(M16, "\x8e\x14", MOV_SS, 2, 2),
	ROW(M16, "\x8e\x52\x08", MOV_SS, 3, 2), ROW(M16, "\x8e\x92\x01\x02", MOV_SS, 4, 2),
	ROW(M16, "\x67\x8e\x14\x24", MOV_SS, 4, 2), ROW(M32, "\x67\x8e\x16\x34\x12", MOV_SS, 5, 4),
	ROW(M32, "\x8e\x15\x01\x02\x03\x04", MOV_SS, 6, 4),
	ROW(M32, "\x17", POP_SS, 1, 4), ROW(M64, "\x17", OTHER, 0, 0),
	/* strings only with a repeat prefix */
	ROW(M64, "\xf3\xa4", REP_STRING, 2, 4), ROW(M64, "\xf3\x48\xab", REP_STRING, 3, 8),
	ROW(M64, "\xf2\xae", REP_STRING, 2, 4), ROW(M64, "\xf3\x6e", REP_STRING, 2, 4),
	ROW(M64, "\x66\xf3\xad", REP_STRING, 3, 2), ROW(M64, "\xa4", OTHER, 0, 0),
	ROW(M64, "\x6f", OTHER, 0, 0),
	ROW(M64, "\xf3\xa8", OTHER, 0, 0),
	/* ports */
	ROW(M64, "\xe4\x60", IN, 2, 4), ROW(M64, "\xe6\x80", OUT, 2, 4), ROW(M64, "\xec", IN, 1, 4),
	ROW(M64, "\xed", IN, 1, 4), ROW(M64, "\xee", OUT, 1, 4), ROW(M64, "\x66\xef", OUT, 2, 2),
	ROW(M64, "\xe4", OTHER, 0, 0),
	/* debug registers, extended state */
	ROW(M64, "\x0f\x21\xc0", MOV_FROM_DR, 3, 4), ROW(M64, "\x0f\x23\xf8", MOV_TO_DR, 3, 4),
	ROW(M64, "\x44\x0f\x23\xf8", MOV_TO_DR, 4, 4), ROW(M64, "\x0f\x23", OTHER, 0, 0),
	ROW(M64, "\x0f\x01\xd0", XGETBV, 3, 4), ROW(M64, "\x0f\x01\xd1", XSETBV, 3, 4),
	ROW(M64, "\x66\x0f\x01\xd1", OTHER, 0, 0), ROW(M64, "\x0f\x01", OTHER, 0, 0),
	ROW(M64, "\x0f\x01\xf8", OTHER, 0, 0),
	/* segment prefixes; nothing but prefixes; 15 bytes are the end */
	ROW(M64, "\x2e\x36\x3e\x26\x64\x65\xf4", HLT, 7, 4), ROW(M64, "\x66\x66", OTHER, 0, 0),
	ROW(M64, "", OTHER, 0, 0),
	ROW(M64, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xf4", HLT, 15, 2),
	ROW(M64, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xf4", OTHER, 0, 0),
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct x86_insn insn;

		memset(&insn, 0xff, sizeof(insn));
		x86_insn_decode((const uint8_t *)rows[i].bytes, rows[i].len, rows[i].mode, &insn);
		if (insn.kind != rows[i].kind || insn.length != rows[i].length ||
		    insn.opsize != rows[i].opsize)
			fail_msg("row %zu: kind %d length %u opsize %u", i, insn.kind, insn.length,
			         insn.opsize);
	}
}

/* Bytes behind the instruction do not change what it is; bytes cut off make it unknown. */
static void test_more_and_fewer_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t bytes[32];
		struct x86_insn insn;

		if (rows[i].kind == X86_INSN_OTHER)
			continue;
		memset(bytes, 0x90, sizeof(bytes));
		memcpy(bytes, rows[i].bytes, rows[i].len);
		x86_insn_decode(bytes, sizeof(bytes), rows[i].mode, &insn);
		assert_int_equal(insn.length, rows[i].len);
		for (size_t len = 0; len < rows[i].len; len++) {
			x86_insn_decode(bytes, len, rows[i].mode, &insn);
			assert_int_equal(insn.kind, X86_INSN_OTHER);
			assert_int_equal(insn.length, 0);
		}
	}
}

static void test_vector(void **state)
{
	struct x86_insn insn;

	(void)state;
	x86_insn_decode((const uint8_t *)"\xcd\x21", 2, M16, &insn);
	assert_int_equal(insn.vector, 0x21);
	x86_insn_decode((const uint8_t *)"\xcc\x21", 2, M16, &insn);
	assert_int_equal(insn.vector, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_more_and_fewer_bytes),
		cmocka_unit_test(test_vector),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
