/* The code that limits.c runs. Position-independent; copied into the guest. */
#include "guests/loop.inc"
	.section .rodata
	.globl code_begin, code_loop, code_port, code_mmio, code_end
	.balign 16
code_begin:
code_loop:
	COUNTING_LOOP
code_port:
1:	outb %al, $0xe9
	jmp 1b
code_mmio:
	movl $0xd0000000, %ebx
1:	movb %al, (%rbx)
	jmp 1b
code_end:
	.section .note.GNU-stack, "", @progbits
