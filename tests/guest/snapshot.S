/* What must be the same once more: each routine looks at what it finds, changes it, and sees the change. */
#include "guest.inc"

	.equ LAPIC, 0xfee00000
	.equ IOAPIC, 0xfec00000
	.equ SERIAL, 0x3f8
	.equ PAGES, 100

	IDT

	.globl _start
_start:	END 0

/* Counts in a hundred pages that must all have been zero. Status 6. */
pages:	nop
pages_1:
	leaq area(%rip), %rbx
	movl $PAGES, %ecx
1:	incq (%rbx)
	cmpq $1, (%rbx)
	jne bad
	addq $4096, %rbx
	decl %ecx
	jnz 1b
pages_2:
	incq runs(%rip)
pages_end:
	cmpq $1, runs(%rip)
	jne bad
	END 6
bad:	END 99

/* Registers of the system: found as set in front of system_1, then changed. Status 7. */
system:
	movl $0xc0000102, %ecx		/* KERNEL_GS_BASE */
	movl $0x1111, %eax
	xorl %edx, %edx
	wrmsr
	movl $0x2222, %eax
	movq %rax, %dr0
	movl $0x33, %eax
	movq %rax, %cr2
system_1:
	nop
	movl $0xc0000102, %ecx
	rdmsr
	cmpl $0x1111, %eax
	jne bad
	movq %dr0, %rax
	cmpl $0x2222, %eax
	jne bad
	movq %cr2, %rax
	cmpl $0x33, %eax
	jne bad
	movl $0xc0000102, %ecx
	movl $0x4444, %eax
	wrmsr
	movq %rax, %dr0
	movq %rax, %cr2
system_2:
	END 7

/* The time-stamp counter: young, then far in the future. Status 9. */
counter:
	nop
counter_1:
	rdtsc
	testl $0x10000000, %edx
	jnz bad
	movl $0x10, %ecx
	movl $0x10000000, %edx
	xorl %eax, %eax
	wrmsr
	rdtsc
counter_2:
	testl $0x10000000, %edx
	jz bad
	END 9

/* The same with vector registers. Status 8. */
vector:	movl $0x5555, %eax
	movd %eax, %xmm9
	fldpi
vector_1:
	nop
	movd %xmm9, %eax
	cmpl $0x5555, %eax
	jne bad
	pxor %xmm9, %xmm9
	fninit
	movd %xmm9, %eax
vector_2:
	testl %eax, %eax
	jnz bad
	END 8

/* The local timer has fired and waits for interrupts to be on. Status 3, and once more armed: not yet due. */
pending:
	OPEN
	cli
	GATE 0x31, on_timer
	lidt idtr(%rip)
	movl $LAPIC, %edx
	movl $0x1ff, 0xf0(%rdx)
	movl $0xb, 0x3e0(%rdx)		/* divide by 1 */
	movl $0x31, 0x320(%rdx)		/* once, vector 0x31 */
	xorl %ebx, %ebx
	movl $0x100000, 0x380(%rdx)
pending_armed:
	nop
1:	movl 0x210(%rdx), %eax		/* IRR of vectors 0x20 to 0x3f */
	testl $1 << 17, %eax
	jz 1b
pending_1:
	nop
	sti
2:	testl %ebx, %ebx
	jz 2b
	cli
pending_2:
	incq runs(%rip)
	movl runs(%rip), %eax
	shll $4, %eax
	orl %ebx, %eax
	addl $2, %eax			/* one run, one interrupt: 0x13 */
	cmpl $0x13, %eax
	jne bad
	END 3
on_timer:
	incl %ebx
	movl $LAPIC, %edx
	movl $0, 0xb0(%rdx)
	iretq

/* The serial port asks, the I/O APIC has passed it on, nobody has taken it. Status 4. */
line:	OPEN
	cli
	GATE 0x34, on_line
	lidt idtr(%rip)
	movl $LAPIC, %edx
	movl $0x1ff, 0xf0(%rdx)
	movl $IOAPIC, %edx
	movl $0x18, (%rdx)		/* redirection of line 4: vector 0x34, an edge, to APIC 0 */
	movl $0x34, 0x10(%rdx)
	movl $0x19, (%rdx)
	movl $0, 0x10(%rdx)
	xorl %ebx, %ebx
	movw $SERIAL + 7, %dx
	movb $0x5a, %al
	outb %al, %dx
	movw $SERIAL + 1, %dx
	movb $2, %al			/* transmitter empty */
	outb %al, %dx
line_1:
	nop
	sti
1:	testl %ebx, %ebx
	jz 1b
	cli
line_2:
	cmpl $1, %ebx
	jne bad
	movw $SERIAL + 7, %dx
	inb %dx, %al
	cmpb $0x5a, %al
	jne bad
	xorb %al, %al
	outb %al, %dx
	movw $SERIAL + 1, %dx
	outb %al, %dx
	incq runs(%rip)
	cmpq $1, runs(%rip)
	jne bad
line_3:
	END 4
on_line:
	incl %ebx
	movw $SERIAL + 2, %dx
	inb %dx, %al			/* which takes the request back */
	movl $LAPIC, %edx
	movl $0, 0xb0(%rdx)
	iretq

/* Page tables: the third gigabyte begins with the first 2 MiB, then with the second. Status 5. */
tables:	movq %cr3, %rax
	andq $~0xfff, %rax
	movq (%rax), %rbx
	andq $~0xfff, %rbx		/* the page-directory pointers of the first 512 GiB */
	leaq own_pd(%rip), %rcx
	movq $0x83, (%rcx)		/* 2 MiB at 0 */
	leaq 3(%rcx), %rax
	movq %rax, 16(%rbx)
	movq %cr3, %rax
	movq %rax, %cr3
	movl $0x80000000, %esi
	movq $0x77, low_word
tables_1:
	nop
	cmpq $0x77, low_word(%rsi)
	jne bad
	movq $0x200083, (%rcx)
	movq %cr3, %rax
	movq %rax, %cr3
	cmpq $0x77, low_word(%rsi)
tables_2:
	je bad
	END 5

	.data
	.balign 8
runs:	.quad 0
	.section .low, "awx"
	.balign 8
low_word:
	.quad 0
	.bss
	.balign 4096
own_pd:	.skip 4096
area:	.skip 4096 * PAGES
