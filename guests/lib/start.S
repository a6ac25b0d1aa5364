/* Entry of every guest (doc/boot.md): rdi = command line, rsi = boot info, stack ready. */
	.section .text.start, "ax", @progbits
	.globl _start
	.type _start, @function
_start:
	.cfi_startproc
	.cfi_undefined rip		/* backtraces end here */
	xorl %ebp, %ebp
	andq $-16, %rsp
	call guest_main
	movzbl %al, %edi
	call guest_exit
1:	cli
	hlt
	jmp 1b
	.cfi_endproc
	.size _start, . - _start
	.section .note.GNU-stack, "", @progbits
