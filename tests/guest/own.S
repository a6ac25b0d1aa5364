/* A guest that debugs itself: its own int3, #DB handler, DR0-7 and TF, while the debugger uses its own. */
#include "guest.inc"

	IDT

	.globl _start
_start:	END 0

/* Handlers note what they saw; each routine turns that into its status. Clobbers rax, rdx. */
setup:	GATE 1, on_db
	GATE 3, on_int3
	lidt idtr(%rip)
	xorl %ebx, %ebx
	xorl %r8d, %r8d
	ret

/* r8d: how many; r9: saved rip of the last. */
on_int3:
	incl %r8d
	movq (%rsp), %r9
on_int3_iret:
	iretq

/* ebx: how many; r10: saved rip of the last; r11: DR6, which is cleared; TF in the frame is taken out. */
on_db:	incl %ebx
	movq (%rsp), %r10
	movq %dr6, %r11
	movl $0xffff0ff0, %eax
	movq %rax, %dr6
	andl $~0x100, 16(%rsp)
	orl $0x10000, 16(%rsp)		/* RF: an execute breakpoint of the guest is passed */
on_db_iret:
	iretq

/* ---- its own int3 ---- */

/* Two of them; the frames hold the address behind. Status 2 + 1 if an address is wrong. */
own_int3:
	call setup
own_int3_at:
	int3
own_int3_1:
	leaq own_int3_1(%rip), %rax
	cmpq %rax, %r9
	jne wrong
	nop
own_int3_nop:
	nop
own_int3_at2:
	int3
own_int3_2:
	leaq own_int3_2(%rip), %rax
	cmpq %rax, %r9
	jne wrong
	movl %r8d, %eax
	END_AL
wrong:	END 0xee

/* No handler: an int3 of the guest's own kills it. */
bare_int3:
	nop
bare_int3_at:
	int3
bare_int3_1:
	END 0

/* ---- its own debug registers ---- */

/* An execute breakpoint in DR0 at own_exec_at: status = how often #DB came + 0x10 * (DR6 low bits). */
own_exec:
	call setup
	leaq own_exec_at(%rip), %rax
	movq %rax, %dr0
	movl $0x401, %eax
	movq %rax, %dr7
own_exec_armed:
	nop
own_exec_at:
	nop
own_exec_1:
	movq %dr7, %rcx
	xorl %eax, %eax
	movq %rax, %dr7
	cmpl $0x401, %ecx
	jne wrong
	shll $4, %r11d
	leal (%rbx,%r11), %eax
	END_AL

/* A write watchpoint in DR1 on own_word. */
own_watch:
	call setup
	leaq own_word(%rip), %rax
	movq %rax, %dr1
	movl $0xd00404, %eax
	movq %rax, %dr7
own_watch_at:
	movl $7, own_word(%rip)
own_watch_1:
	nop
own_watch_2:
	xorl %eax, %eax
	movq %rax, %dr7
	leaq own_watch_1(%rip), %rax
	cmpq %rax, %r10
	jne wrong
	shll $4, %r11d
	leal (%rbx,%r11), %eax
	END_AL

/* What it wrote into its registers it reads back, whatever the debugger has armed. Status 0. */
own_read:
	movl $0x1000, %eax
	movq %rax, %dr0
	movl $0x2000, %eax
	movq %rax, %dr1
	movl $0x3000, %eax
	movq %rax, %dr2
	movl $0x4000, %eax
	movq %rax, %dr3
own_read_at:
	movq %dr0, %rax
	cmpl $0x1000, %eax
	jne wrong
	movq %dr3, %rax
	cmpl $0x4000, %eax
	jne wrong
	movq %dr7, %rax
	cmpl $0x400, %eax
	jne wrong
own_read_end:
	END 0

/* ---- its own single step ---- */

/* Sets TF for two instructions: the trap comes behind the first one after popf. Status 1. */
own_step:
	call setup
	pushfq
	orl $0x100, (%rsp)
own_step_at:
	popfq
own_step_1:
	nop
own_step_2:
	nop
own_step_3:
	leaq own_step_2(%rip), %rax
	cmpq %rax, %r10
	jne wrong
	testl $0x4000, %r11d
	jz wrong
	movl %ebx, %eax
	END_AL

/* ICEBP: #DB behind it, with nothing in DR6. */
own_icebp:
	call setup
own_icebp_at:
	.byte 0xf1
own_icebp_1:
	nop
	leaq own_icebp_1(%rip), %rax
	cmpq %rax, %r10
	jne wrong
	movl %ebx, %eax
own_icebp_end:
	END_AL

	.data
	.balign 16
own_word:
	.quad 0
own_other:
	.quad 0
	.section .low, "awx"
	.long 0
