/* Halts for ever, with interrupts off. */
	.text
	.globl _start
_start:
	cli
1:	hlt
	jmp 1b
	.section .low, "ax", @progbits
	.byte 0
	.section .note.GNU-stack, "", @progbits
