/* The counting loop as a process of its own, for gdbserver. */
#include "loop.inc"
	.text
	.globl _start, loop
_start:
	xorl %eax, %eax
	jmp loop
	.balign 16
loop:
	COUNTING_LOOP
	.bss
	.globl buffer
	.balign 4096
buffer:	.skip 1 << 20
	.section .note.GNU-stack, "", @progbits
