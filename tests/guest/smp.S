/* Two processors. The second is started by INIT and SIPI at 32 KiB, in real mode. */
#include "guest.inc"

	.equ LAPIC, 0xfee00000

	.section .low, "awx"
	.code16
ap_start:				/* 0x0800:0000 */
	cli
ap_start_1:
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl ap_gdtr
	movl $0x20, %eax		/* PAE */
	movl %eax, %cr4
	movl ap_cr3, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x100, %eax		/* LME */
	wrmsr
	movl $0x80000011, %eax
ap_paging:
	movl %eax, %cr0
	ljmpl $8, $ap_long
	.code64
ap_long:
	movw $0x10, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	leaq ap_stack(%rip), %rsp
	OPEN
	movq ap_entry(%rip), %rax
	jmpq *%rax
	.balign 8
ap_gdt:	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
	.balign 8
	.word 0
ap_gdtr:
	.word 23
	.long ap_gdt
	.balign 8
ap_cr3:	.quad 0
ap_entry:
	.quad 0

	.text
	.globl _start
_start:	END 0

/* Starts the other one at rdi. Clobbers rax, rdx. */
start_ap:
	movq %rdi, ap_entry(%rip)
	OPEN
	movq %cr3, %rax
	movq %rax, ap_cr3(%rip)
	movl $LAPIC, %edx
	movl $0x1ff, 0xf0(%rdx)
	movl $0x01000000, 0x310(%rdx)
	movl $0x00004500, 0x300(%rdx)	/* INIT */
	movl $0x01000000, 0x310(%rdx)
	movl $0x00004608, 0x300(%rdx)	/* SIPI, page 8 */
start_ap_done:
	ret

/* The other one stays where it is. */
alone:	nop
alone_1:
	END 0

/* Both come to the same place at once. Status 2. */
meet:	leaq meet_ap(%rip), %rdi
	call start_ap
meet_ap:
	lock incq arrived(%rip)
1:	cmpq $2, arrived(%rip)
	jb 1b
meet_at:
	nop
meet_1:	lock incq left(%rip)
meet_2:	cmpq $2, left(%rip)
	jb meet_2
meet_end:
	movl left(%rip), %eax
	END_AL

/* Each counts in a word of its own until told to stop. Status 4. */
counts:	leaq counts_ap(%rip), %rdi
	call start_ap
counts_top:
	incq count0(%rip)
counts_1:
	cmpb $0, enough(%rip)
	je counts_top
	END 4
counts_ap:
	incq count1(%rip)
counts_ap_1:
	jmp counts_ap

/* The other one halts, interrupts off. Then this one counts. */
halts:	leaq halts_ap(%rip), %rdi
	call start_ap
	jmp counts_top
halts_ap:
	incq count1(%rip)
	cli
halts_ap_at:
	hlt
halts_ap_1:
	jmp halts_ap

/* Both write the same word: this one first. Status 5. */
writes:	leaq writes_ap(%rip), %rdi
	call start_ap
writes_at:
	movl $1, shared(%rip)
writes_1:
	movq $1, turn(%rip)
2:	cmpq $2, turn(%rip)
	jne 2b
	END 5
writes_ap:
	cmpq $1, turn(%rip)
	jne writes_ap
writes_ap_at:
	movl $2, shared(%rip)
writes_ap_1:
	movq $2, turn(%rip)
3:	pause
	jmp 3b

/* This one writes the shared word, the other one only words of its own, both all the time. Status 4. */
scribbles:
	leaq scribbles_ap(%rip), %rdi
	call start_ap
4:	cmpq $0, count1(%rip)
	je 4b
scribbles_top:
	incl shared(%rip)
scribbles_1:
	cmpb $0, enough(%rip)
	je scribbles_top
	END 4
scribbles_ap:
	incq count1(%rip)
	incq count1+8*8(%rip)
	jmp scribbles_ap

/* All there are, each at its own word of `crowd_count`, until told to stop. Status 4. */
crowd:	leaq crowd_in(%rip), %rax
	movq %rax, ap_entry(%rip)
	OPEN
	movq %cr3, %rax
	movq %rax, ap_cr3(%rip)
	movl $LAPIC, %edx
	movl $0x1ff, 0xf0(%rdx)
	movl $0x000c4500, 0x300(%rdx)	/* INIT to all others */
	movl $0x000c4608, 0x300(%rdx)	/* SIPI, page 8 */
crowd_in:
	movl $LAPIC, %ecx
	movl 0x20(%rcx), %edx
	shrl $24, %edx
	leaq crowd_count(%rip), %rsi
crowd_at:
	incq (%rsi,%rdx,8)
crowd_1:
	cmpb $0, enough(%rip)
	je crowd_at
	testl %edx, %edx
	jz 6f
5:	pause
	jmp 5b
6:	END 4

/* Both count the same word up under a lock prefix, 1000 times each. Status 6 when no count is lost. */
locks:	leaq locks_ap(%rip), %rdi
	call start_ap
	movl $1000, %ecx
5:	lock incq locked(%rip)
	decl %ecx
	jnz 5b
6:	cmpq $1, locked_by_ap(%rip)
	jne 6b
	cmpq $2000, locked(%rip)
	jne 7f
	END 6
7:	END 0xee
locks_ap:
	movl $1000, %ecx
8:	lock incq locked(%rip)
	decl %ecx
	jnz 8b
	incq locked_by_ap(%rip)
9:	pause
	jmp 9b

	.data
	.balign 64
crowd_count:
	.quad 0, 0, 0, 0, 0, 0, 0, 0
arrived:
	.quad 0
left:	.quad 0
count0:	.quad 0
count1:	.quad 0
enough:	.quad 0
	.skip 64
turn:	.quad 0
shared:	.quad 0
	.balign 4096
locked:	.quad 0
locked_by_ap:
	.quad 0
beside:	.skip 4096-16
	.bss
	.balign 16
	.skip 1024
ap_stack:
	.skip 16
