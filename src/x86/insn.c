#include "x86/insn.h"
#include <string.h>

/* What stands in front of the opcode (SDM 2A 2.1.1, 2.2.1). */
struct prefixes { uint8_t count; bool opsize, addrsize, rep, lock, rex_w; };

/* Where and how an opcode counts. */
enum {
	NOT_64 = 1,      /* #UD in 64-bit mode */
	NEED_REP = 2,    /* only with F2 or F3 */
	MODRM_SS = 4,    /* ModRM with reg field 2: MOV to SS */
	MODRM_REG = 8,   /* one ModRM byte, always a register */
	IMM8 = 16,       /* one byte follows */
	WIDE_64 = 32,    /* 64-bit operand by default in 64-bit mode */
	NO_PREFIX = 64   /* #UD with 66, F2, F3 */
};

struct row { uint8_t first, last, kind, flags; };

static const struct row one_byte[] = {
	{ 0x17, 0x17, X86_INSN_POP_SS, NOT_64 },
	{ 0x6c, 0x6f, X86_INSN_REP_STRING, NEED_REP },
	{ 0x8e, 0x8e, X86_INSN_MOV_SS, MODRM_SS },
	{ 0x9c, 0x9c, X86_INSN_PUSHF, WIDE_64 },
	{ 0x9d, 0x9d, X86_INSN_POPF, WIDE_64 },
	{ 0xa4, 0xa7, X86_INSN_REP_STRING, NEED_REP },
	{ 0xaa, 0xaf, X86_INSN_REP_STRING, NEED_REP },
	{ 0xcc, 0xcc, X86_INSN_INT3, 0 },
	{ 0xcd, 0xcd, X86_INSN_INTN, IMM8 },
	{ 0xce, 0xce, X86_INSN_INTO, NOT_64 },
	{ 0xcf, 0xcf, X86_INSN_IRET, 0 },
	{ 0xe4, 0xe5, X86_INSN_IN, IMM8 },
	{ 0xe6, 0xe7, X86_INSN_OUT, IMM8 },
	{ 0xec, 0xed, X86_INSN_IN, 0 },
	{ 0xee, 0xef, X86_INSN_OUT, 0 },
	{ 0xf1, 0xf1, X86_INSN_INT1, 0 },
	{ 0xf4, 0xf4, X86_INSN_HLT, 0 },
	{ 0xfa, 0xfa, X86_INSN_CLI, 0 },
	{ 0xfb, 0xfb, X86_INSN_STI, 0 },
};

static const struct row two_byte[] = { /* after 0F */
	{ 0x05, 0x05, X86_INSN_SYSCALL, 0 },
	{ 0x07, 0x07, X86_INSN_SYSRET, 0 },
	{ 0x21, 0x21, X86_INSN_MOV_FROM_DR, MODRM_REG },
	{ 0x22, 0x22, X86_INSN_MOV_TO_CR, MODRM_REG },
	{ 0x23, 0x23, X86_INSN_MOV_TO_DR, MODRM_REG },
	{ 0x30, 0x30, X86_INSN_WRMSR, 0 },
	{ 0x32, 0x32, X86_INSN_RDMSR, 0 },
	{ 0x34, 0x34, X86_INSN_SYSENTER, 0 },
	{ 0x35, 0x35, X86_INSN_SYSEXIT, 0 },
};

static const struct row three_byte[] = { /* after 0F 01 */
	{ 0xc1, 0xc1, X86_INSN_VMCALL, NO_PREFIX },
	{ 0xd0, 0xd0, X86_INSN_XGETBV, NO_PREFIX },
	{ 0xd1, 0xd1, X86_INSN_XSETBV, NO_PREFIX },
	{ 0xd9, 0xd9, X86_INSN_VMCALL, NO_PREFIX }, /* AMD's VMMCALL (APM 3) */
};

static const struct row *find(const struct row *rows, size_t count, uint8_t opcode)
{
	for (size_t i = 0; i < count; i++)
		if (opcode >= rows[i].first && opcode <= rows[i].last)
			return &rows[i];
	return NULL;
}

/* A REX prefix counts only right before the opcode; a later prefix cancels it. */
static void read_prefixes(const uint8_t *bytes, size_t len, bool is64, struct prefixes *p)
{
	memset(p, 0, sizeof(*p));
	for (; p->count < len; p->count++) {
		uint8_t b = bytes[p->count];

		if (is64 && (b & 0xf0) == 0x40) {
			p->rex_w = b & 8;
			continue;
		}
		if (b == 0x66)
			p->opsize = true;
		else if (b == 0x67)
			p->addrsize = true;
		else if (b == 0xf2 || b == 0xf3)
			p->rep = true;
		else if (b == 0xf0)
			p->lock = true;
		else if (b != 0x2e && b != 0x36 && b != 0x3e && b != 0x26 && b != 0x64 && b != 0x65)
			return;
		p->rex_w = false;
	}
}

static bool is_default_32(enum x86_mode mode)
{
	return mode == X86_MODE_32 || mode == X86_MODE_COMPAT || mode == X86_MODE_64;
}

/*
 * Bytes from ModRM to the end of the displacement, 0 if cut off (SDM 2A tables 2-1 and 2-2; 64-bit
 * addressing has the same lengths as 32-bit).
 */
static size_t modrm_length(const uint8_t *bytes, size_t len, bool addr16)
{
	unsigned mod, rm;
	size_t n = 1;

	if (len < 1)
		return 0;
	mod = bytes[0] >> 6;
	rm = bytes[0] & 7;
	if (mod == 3)
		return 1;
	if (addr16)
		return n + (mod == 0 ? (rm == 6 ? 2 : 0) : mod);
	if (rm == 4) {
		if (len < 2)
			return 0;
		n++;
		rm = bytes[1] & 7;
	}
	return n + (mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0);
}

static uint8_t operand_size(const struct prefixes *p, enum x86_mode mode, const struct row *row)
{
	bool big = is_default_32(mode);

	if (mode == X86_MODE_64 && p->rex_w)
		return 8;
	if (p->opsize)
		return big ? 2 : 4;
	if (mode == X86_MODE_64 && (row->flags & WIDE_64))
		return 8;
	return big ? 4 : 2;
}

/* Looks up the opcode at bytes; *ret_used is its length. */
static const struct row *find_opcode(const uint8_t *bytes, size_t len, size_t *ret_used)
{
	*ret_used = 1;
	if (len < 1)
		return NULL;
	if (bytes[0] != 0x0f)
		return find(one_byte, sizeof(one_byte) / sizeof(one_byte[0]), bytes[0]);
	*ret_used = 2;
	if (len < 2)
		return NULL;
	if (bytes[1] != 0x01)
		return find(two_byte, sizeof(two_byte) / sizeof(two_byte[0]), bytes[1]);
	*ret_used = 3;
	return len < 3 ? NULL : find(three_byte, sizeof(three_byte) / sizeof(three_byte[0]), bytes[2]);
}

static bool allowed(const struct row *row, const struct prefixes *p, enum x86_mode mode)
{
	if (p->lock || ((row->flags & NOT_64) && mode == X86_MODE_64))
		return false;
	if ((row->flags & NEED_REP) && !p->rep)
		return false;
	return !((row->flags & NO_PREFIX) && (p->rep || p->opsize));
}

/* Length of what follows the opcode; false when it is cut off or says that this is something else. */
static bool read_operands(const struct row *row, const uint8_t *bytes, size_t len, bool addr16,
                          size_t *ret_len)
{
	*ret_len = 0;
	if (row->flags & (IMM8 | MODRM_REG))
		*ret_len = 1;
	if (row->flags & MODRM_SS) {
		*ret_len = modrm_length(bytes, len, addr16);
		if (*ret_len == 0 || (bytes[0] >> 3 & 7) != 2)
			return false;
	}
	return *ret_len <= len;
}

void x86_insn_decode(const uint8_t *bytes, size_t len, enum x86_mode mode, struct x86_insn *ret)
{
	size_t used, rest, max = len < X86_INSN_MAX ? len : X86_INSN_MAX;
	struct prefixes p;
	const struct row *row;
	const uint8_t *op;
	bool addr16;

	memset(ret, 0, sizeof(*ret));
	read_prefixes(bytes, max, mode == X86_MODE_64, &p);
	op = bytes + p.count;
	row = find_opcode(op, max - p.count, &used);
	if (row == NULL || !allowed(row, &p, mode))
		return;
	addr16 = mode != X86_MODE_64 && is_default_32(mode) == p.addrsize;
	if (!read_operands(row, op + used, max - p.count - used, addr16, &rest))
		return;
	ret->kind = (enum x86_insn_kind)row->kind;
	ret->length = (uint8_t)(p.count + used + rest);
	ret->opsize = operand_size(&p, mode, row);
	ret->has_imm = row->flags & IMM8;
	ret->vector = ret->has_imm ? op[used] : 0;
	ret->wide = op[0] & 1;
	ret->reg = row->flags & MODRM_REG ? op[used] >> 3 & 7 : 0;
}
