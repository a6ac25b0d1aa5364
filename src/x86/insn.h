/*
 * Just enough decoding for run control: which instruction stands at pc where stepping needs care.
 * Not a disassembler: prefixes, opcode, and a length for the few kinds named here. Pure.
 */
#ifndef X86_INSN_H
#define X86_INSN_H

#include "x86/cpumode.h"
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#define X86_INSN_MAX 15

enum x86_insn_kind {
	X86_INSN_OTHER,     /* nothing special, length not told (0) */
	X86_INSN_PUSHF, X86_INSN_POPF, X86_INSN_IRET, X86_INSN_INT3, X86_INSN_INT1, X86_INSN_INTN,
	X86_INSN_INTO, X86_INSN_SYSCALL, X86_INSN_SYSRET, X86_INSN_SYSENTER, X86_INSN_SYSEXIT,
	X86_INSN_HLT, X86_INSN_STI, X86_INSN_CLI, X86_INSN_MOV_SS, X86_INSN_POP_SS, X86_INSN_REP_STRING,
	X86_INSN_IN, X86_INSN_OUT, X86_INSN_MOV_TO_DR, X86_INSN_MOV_FROM_DR, X86_INSN_XGETBV,
	X86_INSN_XSETBV, X86_INSN_MOV_TO_CR, X86_INSN_RDMSR, X86_INSN_WRMSR, X86_INSN_VMCALL
};

struct x86_insn {
	enum x86_insn_kind kind;
	uint8_t length;      /* bytes with prefixes; 0 for X86_INSN_OTHER */
	uint8_t opsize;      /* 2, 4 or 8: what pushf/popf/iret move */
	uint8_t vector;      /* X86_INSN_INTN; IN and OUT with has_imm: the port */
	uint8_t reg;         /* MOV_TO_CR, MOV_TO_DR, MOV_FROM_DR: number of the control or debug register */
	bool has_imm;        /* IN, OUT: the port is in the instruction, else in DX */
	bool wide;           /* IN, OUT: opsize bytes (8 counts as 4), else one */
};

/* Decodes the len bytes at pc in the given mode. Too few bytes: X86_INSN_OTHER. */
void x86_insn_decode(const uint8_t *bytes, size_t len, enum x86_mode mode, struct x86_insn *ret);

#endif
