/* SYSCALL leaves rip in rcx and rflags in r11 and keeps the user's stack pointer (SDM 2B, SYSCALL). */
	.text
	.globl syscall_entry
	.type syscall_entry, @function
syscall_entry:
	movq %rsp, user_rsp(%rip)
	leaq syscall_stack + 4096(%rip), %rsp
	pushq user_rsp(%rip)
	pushq %rcx
	pushq %r11
	subq $8, %rsp
	movq %rdi, %rsi
	movq %rax, %rdi
	call syscall_handle
	addq $8, %rsp
	popq %r11
	popq %rcx
	popq %rsp
	sysretq
	.size syscall_entry, . - syscall_entry

/* syscall_enter_user(fn, stack): ring 3 by IRET; data segments stay null there. */
	.globl syscall_enter_user
	.type syscall_enter_user, @function
syscall_enter_user:
	pushq $0x1b
	pushq %rsi
	pushq $0x2
	pushq $0x23
	pushq %rdi
	xorl %ebp, %ebp
	iretq
	.size syscall_enter_user, . - syscall_enter_user

	.bss
	.balign 8
user_rsp:
	.skip 8
	.section .note.GNU-stack, "", @progbits
