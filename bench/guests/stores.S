/* A byte to port 0xe9, TURNS stores to one address, another byte, the end. */
	.text
	.globl _start
_start:
	movb $'s', %al
	outb %al, $0xe9
	movl $TURNS, %ecx
	movl $STORES, %ebx
1:	movq %rcx, (%rbx)
	decl %ecx
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
