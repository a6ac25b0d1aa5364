/*
 * All modes of the CPU, and address spaces that change under breakpoints. Each routine starts in 64-bit mode,
 * as every guest does, and goes down from there: everything below 4 GiB is mapped to itself until a routine's
 * own tables say otherwise. Tables are made at 8 to 32 KiB.
 */
#include "guest.inc"

	.equ CODE32, 0x18
	.equ CODE16, 0x20
	.equ DATA16, 0x28
	.equ CODE16_HIGH, 0x30
	.equ TABLES, 0x2000
	.equ FAR, 0x8000000000		/* second entry of the level 4 table */
	.equ HIGH32, 0xc0000000
	.equ HIGH48, 0xffff800000000000
	.equ HIGH57, 0xff00000000000000

	.text
	.globl _start
_start:	END 0

/* Real mode above 1 MiB, by segment 0xffff. */
	.code16
real_high:
	nop
real_high_1:
	ljmpw $0x800, $real_back - 0x8000

/* 16-bit protected mode, in a segment at 1 MiB. */
prot16:	nop
prot16_1:
	pushfw
prot16_2:
	popw %ax
	ljmpw $CODE16, $real_16
	.code64

real:	movl $real_go, %esi
	jmp down
pm32:	movl $pm32_go, %esi
	jmp down
pg32:	movl $pg32_go, %esi
	jmp down
pae:	movl $pae_go, %esi
	jmp down
long4:	movl $long4_go, %esi
	jmp down
long5:	movl $long5_go, %esi
	jmp down

/* To 32-bit protected mode without paging, and on to esi. */
down:	lgdt gdtr(%rip)
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $0x7f00, %esp		/* in every mode, above the tables */
	pushq $CODE32
	leaq down_compat(%rip), %rax
	pushq %rax
	lretq

/* ---- address spaces, all in 64-bit mode ---- */

/*
 * Two spaces A (tables at 0x2000) and B (at 0x5000) that differ in what FAR means: physical 2 MiB and 4 MiB,
 * each with a copy of `shared`. It is called in A, B and A again; r12 counts the calls. Status: how often it
 * ran.
 */
spaces:	call make_spaces
spaces_ready:
	xorl %ebx, %ebx
	movl $1, %r12d
	movl $0x2000, %eax
	movq %rax, %cr3
spaces_a:
	movabsq $FAR, %rax
	call *%rax
	movl $2, %r12d
	movl $0x5000, %eax
	movq %rax, %cr3
spaces_b:
	movabsq $FAR, %rax
	call *%rax
	movl $3, %r12d
	movl $0x2000, %eax
	movq %rax, %cr3
spaces_a2:
	movabsq $FAR, %rax
	call *%rax
spaces_end:
	movl %ebx, %eax
	END_AL

/* FAR is unmapped after the first call, and mapped again before the second. Status 2. */
unmap:	call make_spaces
	xorl %ebx, %ebx
	movl $0x2000, %eax
	movq %rax, %cr3
unmap_mapped:
	movabsq $FAR, %rax
	call *%rax
	movq 0x2008, %r13
	movq $0, 0x2008
	movl $0x2000, %eax
	movq %rax, %cr3
unmap_gone:
	nop
	movq %r13, 0x2008
	movl $0x2000, %eax
	movq %rax, %cr3
unmap_back:
	movabsq $FAR, %rax
	call *%rax
unmap_end:
	movl %ebx, %eax
	END_AL

shared:	nop
shared_1:
	incl %ebx
shared_2:
	ret
shared_end:

/* Three tables: the first entry is that of the present space, the second leads to PAGE. */
	.macro SPACE tables, page
	movq %cr3, %rax
	movq (%rax), %rax
	movq %rax, \tables
	movq $\tables + 0x1003, \tables + 8
	movq $\tables + 0x2003, \tables + 0x1000
	movq $\page + 0x83, \tables + 0x2000
	leaq shared(%rip), %rsi
	movl $\page, %edi
	movl $shared_end - shared, %ecx
	rep movsb
	.endm
make_spaces:
	cld
	SPACE 0x2000, 0x200000
	SPACE 0x5000, 0x400000
	ret

/* ---- below 64 KiB: everything that is not 64-bit code at 1 MiB ---- */

	.section .low, "awx"
	.code32
down_compat:
	movl %cr0, %eax
	andl $0x7fffffff, %eax
down_unpaged:
	movl %eax, %cr0
	movl $0xc0000080, %ecx
	rdmsr
	andl $~0x100, %eax
	wrmsr
	xorl %eax, %eax
	movl %eax, %cr4
	jmp *%esi			/* the room for tables is zero, as all memory at first */

/* 32-bit, no paging: status 6. */
pm32_go:
	nop
pm32_1:	pushfl
pm32_2:	popl %eax
pm32_3:	shrl $8, %eax
	andl $1, %eax
pm32_4:	movl $1, w_32
pm32_5:	addl $6, %eax
pm32_6:	END_AL

/* 32-bit paging with 4 MiB pages; 3 GiB upwards is the first 4 MiB again: status 7. */
pg32_go:
	movl $0x83, TABLES
	movl $0x83, TABLES + 0xc00
	movl $0x10, %eax		/* PSE */
	movl %eax, %cr4
	movl $TABLES, %eax
	movl %eax, %cr3
	movl %cr0, %eax
	orl $0x80000000, %eax
pg32_paging:
	movl %eax, %cr0
pg32_1:	movl $pg32_high + HIGH32, %eax
	jmp *%eax
pg32_high:
	nop
pg32_high_1:
	movl $1, w_32 + HIGH32
pg32_high_2:
	END 7

/* PAE: four directory pointers, 2 MiB pages; the same alias: status 8. */
pae_go:	movl $TABLES + 0x1001, TABLES
	movl $TABLES + 0x1001, TABLES + 24
	movl $0x83, TABLES + 0x1000
	movl $0x20, %eax		/* PAE */
	movl %eax, %cr4
	movl $TABLES, %eax
	movl %eax, %cr3
	movl %cr0, %eax
	orl $0x80000000, %eax
pae_paging:
	movl %eax, %cr0
pae_1:	movl $pae_high + HIGH32, %eax
	jmp *%eax
pae_high:
	nop
pae_high_1:
	movl $1, w_32 + HIGH32
pae_high_2:
	END 8

/* Long mode with tables of our own; the upper half has the same alias. esi: CR4, edi: the highest table. */
go_long:
	movl %esi, %cr4
	movl %edi, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x100, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80000000, %eax
	movl %eax, %cr0
	ret

	.macro LONG_TABLES at
	movl $\at + 0x1003, \at
	movl $\at + 0x1003, \at + 0x800
	movl $\at + 0x2003, \at + 0x1000
	movl $0x83, \at + 0x2000
	movl $0x200083, \at + 0x2008
	.endm

long4_go:
	LONG_TABLES TABLES
	movl $0x20, %esi
	movl $TABLES, %edi
	call go_long
long4_compat:
	ljmpl $8, $long4_64
long5_go:
	LONG_TABLES TABLES + 0x1000
	movl $TABLES + 0x1003, TABLES
	movl $TABLES + 0x1003, TABLES + 0x800
	movl $0x1020, %esi
	movl $TABLES, %edi
	call go_long
	ljmpl $8, $long5_64
	.code64
long4_64:
	movabsq $long4_high + HIGH48, %rax
	jmp *%rax
long4_high:
	nop
long4_high_1:
	movl $1, w_32(%rip)
long4_high_2:
	END 9
long5_64:
	movabsq $long5_high + HIGH57, %rax
	jmp *%rax
long5_high:
	nop
long5_high_1:
	movl $1, w_32(%rip)
long5_high_2:
	END 10

/* Real mode, first in segment 0, then in 0x0800: status 11. */
	.code32
real_go:
	movl $DATA16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $0x7f00, %esp
	lidtl real_idtr
	ljmpl $CODE16_HIGH, $prot16 - 0x100000
	.code16
real_16:
	movl %cr0, %eax
	andl $0xfffffffe, %eax
	movl %eax, %cr0
	ljmpw $0, $real_0
real_0:	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $real_int, 0x40*4
	movw $0, 0x40*4+2
real_at:
	nop
real_1:	pushfw
real_2:	popw %bx
real_3:	shrw $8, %bx
	andw $1, %bx
real_4:	movw $1, w_32
real_5:	ljmpw $0x800, $real_seg - 0x8000
real_seg:
	nop
real_seg_1:
	int $0x40
real_seg_2:
	movw %bx, %ax
	ljmpw $0xffff, $real_high - 0xffff0
real_back:
	addw $10, %ax
real_end:
	outb %al, $0xf8
real_int:
	incw %bx
real_int_1:
	iretw

	.balign 8
gdt:	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00cf9b000000ffff
	.quad 0x00009b000000ffff
	.quad 0x000093000000ffff
	.quad 0x00009b100000ffff
gdt_end:
gdtr:	.word gdt_end - gdt - 1
	.quad gdt
real_idtr:
	.word 0x3ff
	.long 0
	.balign 8
w_32:	.quad 0
