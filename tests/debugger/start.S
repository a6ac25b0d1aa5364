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

	/* Both instructions that fault have two bytes. */
	.globl fault_ud, fault_pf, int_30
	.type fault_ud, @function
	.type fault_pf, @function
	.type int_30, @function
fault_pf:
	addq $8, %rsp
	addq $2, (%rsp)
	iretq
fault_ud:
	addq $2, (%rsp)
	iretq
	/* End of interrupt. */
int_30:
	pushq %rax
	movl $0xfee000b0, %eax
	movl $0, (%rax)
	movl $1, interrupts(%rip)
	popq %rax
	iretq
