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

	/* System calls 1, 3 and 60 from ring 3, on the caller's stack; 60 comes back. */
	.globl syscalls, on_syscall
	.type syscalls, @function
	.type on_syscall, @function
syscalls:
	leaq user(%rip), %rcx
	movl $2, %r11d
	sysretq
user:
	movl $1, %eax
	syscall
	movl $3, %eax
	syscall
	movl $60, %eax
	syscall
on_syscall:
	cmpl $60, %eax
	je 1f
	sysretq
1:	retq
