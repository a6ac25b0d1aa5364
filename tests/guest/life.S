/* How a machine stands still, ends and begins again. */
#include "guest.inc"

	IDT

	.globl _start
_start:	nop
start_1:
	incq runs(%rip)
start_2:
	movl runs(%rip), %eax
	END_AL

/* No IDT: the fault that cannot be delivered ends the machine. */
triple:	nop
triple_at:
	ud2
triple_1:
	nop

/* The same by a page fault, at an instruction of known length. */
triple_fault:
	movabsq $0x8000000000, %rbx
triple_fault_at:
	movl (%rbx), %eax
triple_fault_1:
	nop

/* Nobody will wake it. */
dead:	cli
	incq runs(%rip)
dead_at:
	hlt
dead_1:	nop
dead_2:	END 1

/* Interrupts are on, and nothing raises one. The debugger may move it on. */
idle:	OPEN
	nop
	incq runs(%rip)
idle_at:
	hlt
idle_1:	cli
idle_2:
	END 2

/* Woken by the local timer: status 3. */
timer:	OPEN
	cli
	GATE 0x31, on_timer
	lidt idtr(%rip)
	movl $0xfee00000, %edx
	movl $0x1ff, 0xf0(%rdx)
	movl $0xb, 0x3e0(%rdx)		/* divide by 1 */
	movl $0x31, 0x320(%rdx)		/* once, vector 0x31 */
	xorl %ebx, %ebx
	movl $0x4000000, 0x380(%rdx)	/* 67 ms: stepping gets to the hlt before */
timer_wait:
	sti
timer_at:
	hlt
timer_1:
	cli
	testl %ebx, %ebx
	jz timer_wait
	END 3
on_timer:
	incl %ebx
on_timer_1:
	movl $0xfee00000, %edx
	movl $0, 0xb0(%rdx)
on_timer_iret:
	iretq

/* Resets the machine the first time; port 0xcf9. What it counts is gone with the reset. */
reset:	nop
reset_1:
	incq runs(%rip)
	movw $0xcf9, %dx
	movb $2, %al
	outb %al, %dx
	movb $6, %al
reset_out:
	outb %al, %dx
reset_2:
	jmp reset_2

	.data
	.balign 8
runs:	.quad 0
	.section .low, "awx"
	.long 0
