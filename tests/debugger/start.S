/* Entered as doc/boot.md says: long mode, a stack, the command line's address in rdi. */
	.section .note.GNU-stack, "", @progbits
	.section .text.start, "ax", @progbits
	.globl _start
	.type _start, @function
_start:
	.cfi_startproc
	.cfi_undefined rip
	xorl %ebp, %ebp
	call guest_main
1:	hlt
	jmp 1b
	.cfi_endproc
	.size _start, . - _start
