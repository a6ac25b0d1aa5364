/*
 * Counts for ever, on every vcpu: the first wakes the others (SDM 3A 8.4.4.1: INIT and start-up IPIs to all
 * but itself), and those count in real mode.
 */
#include "loop.inc"
	.section .low, "ax", @progbits
	.code16
1:	incl %eax
	incl %ecx
	movl %eax, %edx
	jmp 1b

	.text
	.code64
	.globl _start, loop
_start:
	movl $0xfee00300, %ebx
	movl $0xc4500, (%rbx)
	movl $0xc4608, (%rbx)
	movl $0xc4608, (%rbx)
	xorl %eax, %eax
	jmp loop
	.balign 16
loop:
	COUNTING_LOOP
	.section .note.GNU-stack, "", @progbits
