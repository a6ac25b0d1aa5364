/* The interpreter of fake_target.c: one instruction of the few it knows. */
#ifndef TESTS_FAKE_CPU_H
#define TESTS_FAKE_CPU_H

#include "fake_target.h"

enum fake_result { FAKE_DONE, FAKE_INT3, FAKE_EXIT, FAKE_RESET, FAKE_SHUTDOWN, FAKE_ERROR, FAKE_OPAQUE };

/* The data access that the instruction made; len 0: none. */
struct fake_access { uint64_t addr, gpa; unsigned len; bool write; uint8_t old[8], now[8]; };

/*
 * nop, hlt, jmp short, jne short, inc/dec REG, push/pop REG, call, ret, pushf, popf, mov al|rax to and from
 * [disp32], movnti [disp32] eax, mov byte [disp32] imm8, mov al imm8, int3 (not executed), and
 * out imm8: 0xf4 ends the guest with al, 0x64 resets, 0xe5 is an error of the target.
 * Also mov cr3, rax and ud2, which goes to the handler of the IDT.
 * Anything else, and a page fault, is a triple fault.
 */
enum fake_result fake_cpu_step(struct fake_target *f, struct fake_vcpu *v, struct fake_access *ret_access);

#endif
