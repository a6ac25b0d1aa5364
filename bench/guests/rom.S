/*
 * A firmware of 64 KiB for QEMU: from the reset vector to 64-bit code at 1 MiB with nothing in between, so
 * that no boot loader is measured. Memory is mapped to itself as in vm.c. With START it ends as
 * guests/start.S does, by the ports of QEMU's isa-debugcon and isa-debug-exit; else it counts.
 */
#include "loop.inc"
#define ROM 0xffff0000
#define TABLES 0x20000
#define AT(label) (ROM + (label) - base)

	.text
	.globl _start
_start:
base:
	.code16
	cli
	lgdtl %cs:gdt_register - base
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $8, $AT(protected)

	.code32
protected:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $TABLES, %ebx
	movl $(TABLES + 0x1003), (%ebx)
	xorl %ecx, %ecx
1:	movl %ecx, %eax
	shll $12, %eax
	addl $(TABLES + 0x2003), %eax
	movl %eax, 0x1000(%ebx, %ecx, 8)
	incl %ecx
	cmpl $4, %ecx
	jne 1b
	xorl %ecx, %ecx
2:	movl %ecx, %eax
	shll $21, %eax
	orl $0x83, %eax
	movl %eax, 0x2000(%ebx, %ecx, 8)
	incl %ecx
	cmpl $2048, %ecx
	jne 2b
	movl $0x620, %eax
	movl %eax, %cr4
	movl %ebx, %cr3
	movl $0xc0000080, %ecx
	xorl %edx, %edx
	movl $0x100, %eax
	wrmsr
	movl $0x80010033, %eax
	movl %eax, %cr0
	ljmp $24, $AT(long)

	.code64
long:
	movl $AT(payload), %esi
	movl $0x100000, %edi
	movl $(payload_end - payload), %ecx
	rep movsb
	movl $TABLES, %esp
	xorl %eax, %eax
	movl $0x100000, %ebx
	jmp *%rbx

payload:
#ifdef START
	movb $'s', %al
	outb %al, $0xe9
	xorl %eax, %eax
	outb %al, $0xf8
3:	hlt
	jmp 3b
#else
	COUNTING_LOOP
#endif
payload_end:

	.balign 8
gdt:	.quad 0
	.quad 0x00cf9b000000ffff	/* 8: 32-bit code */
	.quad 0x00cf93000000ffff	/* 16: data */
	.quad 0x00af9b000000ffff	/* 24: 64-bit code */
gdt_register:
	.word 31
	.long AT(gdt)

	.org 0xfff0
	.byte 0xe9		/* jmp base: IP wraps at 64 KiB */
	.word 0x10000 - 0xfff3
	.org 0x10000
	.section .note.GNU-stack, "", @progbits
