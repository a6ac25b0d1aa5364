/* A byte to port 0xe9, TURNS rounds of a loop of four instructions, another byte, the end. */
	.text
	.globl _start
_start:
	movb $'s', %al
	outb %al, $0xe9
	movl $TURNS, %ecx
	xorl %ebx, %ebx
1:	addq $1, %rbx
	leaq (%rbx, %rcx), %rdx
	decq %rcx
	jnz 1b
	movb $'e', %al
	outb %al, $0xe9
	xorl %eax, %eax
	outb %al, $0xf8
2:	hlt
	jmp 2b
	.section .low, "ax", @progbits
	.byte 0
	.section .note.GNU-stack, "", @progbits
