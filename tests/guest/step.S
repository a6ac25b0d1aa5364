/* Instructions that single-stepping has trouble with. Handlers, own GDT, user pages. */
#include "guest.inc"

	.equ KERNEL_CODE, 0x08
	.equ KERNEL_DATA, 0x10
	.equ USER_BASE, 0x18		/* SYSRET: data at +8, 64-bit code at +16 */
	.equ USER_DATA, 0x23
	.equ USER_CODE, 0x2b
	.equ TSS, 0x30
	.equ LAPIC, 0xfee00000
	.equ NOWHERE, 0xd0000000	/* mapped, no RAM and no device */

	IDT

	.globl _start
_start:	END 0

/* Loads tables; every routine that needs them calls it. Clobbers rax, rdx. */
setup:	GATE 3, on_int3
	GATE 14, on_page_fault
	GATE 6, on_undefined
	GATE 0x20, on_int20
	GATE 0x30, on_irq
	lidt idtr(%rip)
	lgdt gdtr(%rip)
	movw $TSS, %ax
	ltr %ax
	ret

plain:	nop
plain_1:
	movl $1, %eax
plain_2:
	leaq 1(%rax), %rbx
plain_3:
	jmp plain_5
plain_4:
	nop
plain_5:
	END 0

/* pushf: status 1 when the image has TF. */
pushf:	pushfq
pushf_1:
	popq %rax
pushf_2:
	shrl $8, %eax
	andl $1, %eax
	END_AL

/* xsetbv, xgetbv: the status is XCR0 as it was set. */
xcr:	movq %cr4, %rax
	orl $0x40000, %eax
	movq %rax, %cr4
	xorl %ecx, %ecx
	movl $3, %eax
	xorl %edx, %edx
xcr_set:
	xsetbv
xcr_get:
	xgetbv
xcr_end:
	END_AL

/* pushf in 16 bits. */
pushfw:	pushfw
pushfw_1:
	popw %ax
	shrl $8, %eax
	andl $1, %eax
	END_AL

/* pushf, popf, pushf: flags come back as they were: status 0. */
popf:	pushfq
	popq %rbx
	pushq %rbx
popf_at:
	popfq
popf_1:	pushfq
	popq %rax
	xorl %ebx, %eax
	END_AL

iret:	movq %rsp, %rcx
	pushq $KERNEL_DATA
	pushq %rcx
	pushfq
	pushq $KERNEL_CODE
	leaq iret_target(%rip), %rax
	pushq %rax
iret_at:
	iretq
	nop
iret_target:
	nop
iret_end:
	END 0

/* int n: in the handler eax gets 1, and the TF of its frame; status 1. */
intn:	call setup
	xorl %ebx, %ebx
intn_at:
	int $0x20
intn_back:
	movl %ebx, %eax
	END_AL
on_int20:
	incl %ebx
on_int20_1:
	movl 16(%rsp), %ecx
on_int20_2:
	shrl $8, %ecx
	andl $1, %ecx
	leal (%rbx,%rcx,2), %ebx
on_int20_iret:
	iretq

/* int $3 in two bytes, and the one-byte form, with a handler: status 2. */
int3:	call setup
	xorl %ebx, %ebx
int3_at:
	int3
int3_1:	.byte 0xcd, 0x03
int3_2:	movl %ebx, %eax
	END_AL
on_int3:
	incl %ebx
on_int3_iret:
	iretq

/* hlt with interrupts off, then on. */
hlt:	nop
hlt_at:	hlt
hlt_1:	nop
hlt_2:	END 0

sti:	call setup
	xorl %ebx, %ebx
sti_at:	sti
sti_1:	nop
sti_2:	cli
sti_3:	END 0

movss:	movl %ss, %eax
movss_at:
	movl %eax, %ss
movss_1:
	nop
movss_2:
	nop
movss_3:
	END 0

stos:	leaq area(%rip), %rdi
	movl $3, %ecx
	xorl %eax, %eax
stos_at:
	rep stosb
stos_1:	END 0

/* rep with nothing to do. */
stos0:	leaq area(%rip), %rdi
	xorl %ecx, %ecx
stos0_at:
	rep stosb
stos0_1:
	END 0

movs:	leaq area(%rip), %rdi
	leaq area+64(%rip), %rsi
	movl $2, %ecx
movs_at:
	rep movsb
movs_1:	END 0

cpuid:	xorl %eax, %eax
cpuid_at:
	cpuid
cpuid_1:
	nop
cpuid_2:
	END 0

msr:	movl $0xc0000102, %ecx		/* KERNEL_GS_BASE */
	movl $0x1234, %eax
	xorl %edx, %edx
msr_at:	wrmsr
msr_1:	rdmsr
msr_2:	cmpl $0x1234, %eax
msr_3:	setne %al
	END_AL

ports:	movb $'x', %al
ports_at:
	outb %al, $0xe9
ports_1:
	inb $0xe9, %al
ports_2:
	cmpb $0xe9, %al
ports_3:
	setne %al
	END_AL

/* rep outsb: three bytes to the console. */
outs:	leaq message(%rip), %rsi
	movl $3, %ecx
	movw $0xe9, %dx
outs_at:
	rep outsb
outs_1:	nop
outs_2:	END 0

/* MMIO that KVM emulates itself, and MMIO that nobody answers. */
lapic:	movl $LAPIC, %ebx
lapic_at:
	movl 0x30(%rbx), %eax
lapic_1:
	movl $0x1ff, 0xf0(%rbx)
lapic_2:
	nop
lapic_3:
	END 0

mmio:	movl $NOWHERE, %ebx
mmio_at:
	movl (%rbx), %eax
mmio_1:	movl %eax, 4(%rbx)
mmio_2:	nop
mmio_3:	incl %eax
	END_AL

/* Control registers. */
cr:	movq %cr3, %rax
cr_at:	movq %rax, %cr3
cr_1:	movq %cr0, %rax
cr_2:	movq %rax, %cr0
cr_3:	END 0

/* A store that faults; its handler maps the page, and it is done again: status 7. */
	.equ FAR, 0x8000000000		/* the second entry of the level 4 table: not there at first */
fault:	call setup
	movq $FAR, %rbx
	leaq area(%rip), %rax
	addq %rax, %rbx
fault_at:
	movl $7, (%rbx)
fault_1:
	movl area(%rip), %eax
fault_2:
	END_AL
on_page_fault:
	pushq %rax
on_page_fault_1:
	pushq %rdx
	movq %cr3, %rdx
	movq (%rdx), %rax
	movq %rax, 8(%rdx)
	popq %rdx
	popq %rax
	addq $8, %rsp
on_page_fault_iret:
	iretq

/* An instruction that does not exist; the handler goes past it. */
undefined:
	call setup
	xorl %ebx, %ebx
undefined_at:
	ud2
undefined_1:
	movl %ebx, %eax
undefined_2:
	END_AL
on_undefined:
	incl %ebx
on_undefined_1:
	addq $2, (%rsp)
	iretq

/* An interrupt of our own making waits behind cli; status is how often the handler ran. */
irq:	call setup
	xorl %ebx, %ebx
	call self_interrupt
irq_at:	sti
irq_1:	nop
irq_2:	nop
irq_3:	nop
irq_4:	cli
	movl %ebx, %eax
irq_5:	END_AL
on_irq:	incl %ebx
on_irq_1:
	movl $LAPIC, %edx
	movl $0, 0xb0(%rdx)
on_irq_2:
	movl 16(%rsp), %edx		/* TF in the frame: status + 64 */
	shrl $2, %edx
	andl $0x40, %edx
	addl %edx, %ebx
on_irq_iret:
	iretq
self_interrupt:
	movl $LAPIC, %edx
	movl $0x1ff, 0xf0(%rdx)
	movl $0x44030, 0x300(%rdx)	/* to itself, vector 0x30 */
	ret

/* The same, met by a hlt: status 1. */
irqhlt:	call setup
	xorl %ebx, %ebx
	call self_interrupt
	sti
irqhlt_at:
	hlt
irqhlt_1:
	testl %ebx, %ebx
	jz irqhlt_1
	movl %ebx, %eax
	END_AL

/* Makes the identity map user-accessible (levels 4, 3 and 2) and syscalls work. Clobbers. */
user_setup:
	call setup
	movq %cr3, %rdi
	orq $4, (%rdi)
	movq (%rdi), %rdi
	andq $~0xfff, %rdi
	movq (%rdi), %rsi
	orq $4, (%rdi)
	testl $0x80, %esi
	jnz 2f				/* 1 GiB pages */
	andq $~0xfff, %rsi
	movl $512, %ecx
1:	orq $4, (%rsi)
	addq $8, %rsi
	decl %ecx
	jnz 1b
2:	movq %cr3, %rax
	movq %rax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $1, %eax
	wrmsr
	movl $0xc0000081, %ecx		/* STAR */
	xorl %eax, %eax
	movl $(USER_BASE | 3) << 16 | KERNEL_CODE, %edx
	wrmsr
	movl $0xc0000082, %ecx		/* LSTAR */
	leaq on_syscall(%rip), %rax
	xorl %edx, %edx
	wrmsr
	movl $0xc0000084, %ecx		/* SFMASK: nothing, so that R11 shows what the flags had */
	xorl %eax, %eax
	wrmsr
	ret

/* syscall at ring 0 would be the same; this one comes from ring 3. Status: TF in R11 (0 or 1). */
syscall:
	call user_setup
	leaq user(%rip), %rcx
	movl $0x2, %r11d
sysret_at:
	sysretq
user:	nop
user_syscall:
	syscall
user_back:
	nop
user_syscall2:
	syscall
on_syscall:
	testl %ebp, %ebp
on_syscall_1:
	jnz 1f
	incl %ebp
	movl %r11d, %eax
	shrl $8, %eax
	andl $1, %eax
	movl %eax, %ebx
on_sysret:
	sysretq
1:	movl %ebx, %eax
	END_AL

/* syscall from ring 0: the same instruction, no ring 3 needed. */
syscall0:
	call user_setup
	xorl %ebp, %ebp
syscall0_at:
	syscall
	nop

/* A port write by ring 3 needs the permission map; an iret to ring 3 with IOPL 3 does without. */
ring3:	call user_setup
	pushq $USER_DATA
	leaq user_stack(%rip), %rax
	pushq %rax
	pushq $0x3002
	pushq $USER_CODE
	leaq ring3_at(%rip), %rax
	pushq %rax
ring3_iret:
	iretq
ring3_at:
	nop
ring3_1:
	nop
ring3_2:
	END 0

	.data
	.balign 16
gdt:	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00cffb000000ffff
	.quad 0x00cff3000000ffff
	.quad 0x00affb000000ffff
	.quad 0x0000890080000067	/* the TSS, at 0x8000 */
	.quad 0
gdt_end:
	.balign 8
	.word 0, 0, 0
gdtr:	.word gdt_end - gdt - 1
	.quad gdt
	.balign 16
message:
	.ascii "abc"
	.balign 64
area:	.skip 256
	.bss
	.balign 16
	.skip 1024
kernel_stack:
	.skip 1024
user_stack:
	.skip 16
	.section .low, "awx"
tss:	.long 0				/* at 0x8000: guest.ld */
	.quad kernel_stack
	.skip 90
	.word 104
