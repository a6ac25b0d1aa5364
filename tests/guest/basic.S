/* Straight code, loops and stores: what breakpoints and watchpoints are tried on. */
#include "guest.inc"

	.text
	.globl _start
_start:
simple:	nop
simple_1:
	movl $1, %eax
simple_2:
	addl $2, %eax
simple_3:
	END_AL

/* Four places, each once: status 4. */
four:	xorl %eax, %eax
four_a:	incl %eax
four_b:	incl %eax
four_c:	incl %eax
four_d:	incl %eax
four_end:
	END_AL

/* Three turns: status 3. */
loop:	xorl %eax, %eax
loop_top:
	incl %eax
loop_test:
	cmpl $3, %eax
	jb loop_top
loop_end:
	END_AL

/* A call and its return: status 7. */
calls:	xorl %eax, %eax
	call callee
calls_back:
	END_AL
callee:	movl $7, %eax
callee_ret:
	ret

/* One instruction that jumps to itself until rcx is 0: breakpoints on what repeats. Status 0. */
spin:	movl $3, %ecx
spin_top:
	loop spin_top
spin_end:
	movl %ecx, %eax
	END_AL

/* Counts for ever in memory. */
count:	OPEN
	leaq counter(%rip), %rbx
count_top:
	incq (%rbx)
count_next:
	jmp count_top

/* Counts until the debugger (or nobody) stops it from doing so: status 9. */
count_until:
	OPEN
	leaq counter(%rip), %rbx
count_until_top:
	incq (%rbx)
count_until_next:
	cmpb $0, stop_counting(%rip)
	je count_until_top
	END 9

/* The guest stores over the instruction at smc_at, then executes it: status 5, not 1. */
smc:	leaq smc_at(%rip), %rbx
	movb $0xb8, (%rbx)		/* movl $5, %eax */
	movl $5, 1(%rbx)
smc_stored:
	jmp smc_at
	.balign 16
smc_at:	movl $1, %eax
smc_end:
	END_AL

/* The same with a store of exactly the byte that is there: status 1. */
smc_same:
	leaq smc_same_at(%rip), %rbx
	movb $0xb8, (%rbx)
smc_same_stored:
	jmp smc_same_at
	.balign 16
smc_same_at:
	movl $1, %eax
	END_AL

/* The guest reads its own code: the byte at peek_at is a nop (0x90), whatever is set there. */
peek:	movzbl peek_at(%rip), %eax
peek_read:
	nop
peek_at:
	nop
	END_AL

/* ---- stores of every length ---- */

store:	movb $1, w_byte(%rip)
store_1:
	movw $2, w_word(%rip)
store_2:
	movl $3, w_long(%rip)
store_4:
	movq $4, w_quad(%rip)
store_8:
	END 0

/* Loads of every length. */
load:	movb w_byte(%rip), %al
load_1:	movw w_word(%rip), %ax
load_2:	movl w_long(%rip), %eax
load_4:	movq w_quad(%rip), %rax
load_8:	END 0

/* Stores around and into w_area, byte by byte: offsets 0 to 15. */
bytes:	leaq w_area(%rip), %rbx
	movb $1, 1(%rbx)
bytes_1:
	movb $2, 2(%rbx)
bytes_2:
	movb $3, 3(%rbx)
bytes_3:
	movb $4, 4(%rbx)
bytes_4:
	movb $5, 5(%rbx)
bytes_5:
	movb $6, 6(%rbx)
bytes_6:
	movb $7, 7(%rbx)
bytes_7:
	movb $8, 8(%rbx)
bytes_8:
	END 0

/* A device is told to write to w_area+3, and to a byte that nobody watches. */
dma:	movw $0x1f0, %dx
	leaq w_area+3(%rip), %rax
	outl %eax, %dx
dma_1:	leaq w_byte(%rip), %rax
	outl %eax, %dx
	END 0

/* One store that begins before w_area+4 and ends in it. */
straddle:
	leaq w_area(%rip), %rbx
	movl $0x01020304, 2(%rbx)
straddle_1:
	END 0

/* The same value again, then another. */
same:	movl $0, w_long(%rip)
same_1:	movl $1, w_long(%rip)
same_2:	END 0

push:	leaq stack_top(%rip), %rsp
	pushq $0x11
push_1:	pushq $0x22
push_2:	call push_3
push_3:	END 0

stos:	leaq w_area(%rip), %rdi
	movl $8, %ecx
	movb $0x5a, %al
	cld
stos_at:
	rep stosb
stos_end:
	END 0

movs:	leaq w_source(%rip), %rsi
	leaq w_area(%rip), %rdi
	movl $4, %ecx
	cld
movs_at:
	rep movsw
movs_end:
	END 0

rmw:	addl $5, w_long(%rip)
rmw_1:	lock incl w_long(%rip)
rmw_2:	movl $1, %eax
	xchgl %eax, w_long(%rip)
rmw_3:	END 0

/* Reads, then writes. */
readwrite:
	movl w_long(%rip), %eax
readwrite_1:
	incl %eax
	movl %eax, w_long(%rip)
readwrite_2:
	END 0

/* Two stores by one instruction: a push of memory that reads one place and writes another. */
pushmem:
	leaq stack_top(%rip), %rsp
	pushq w_quad(%rip)
pushmem_1:
	END 0

	.data
	.balign 4096
counter:
	.quad 0
stop_counting:
	.quad 0
w_byte:	.byte 0
	.balign 8
w_word:	.word 0
	.balign 8
w_long:	.long 0
	.balign 8
w_quad:	.quad 0
	.balign 16
w_area:	.skip 32
w_source:
	.byte 1, 2, 3, 4, 5, 6, 7, 8
	.balign 16
	.skip 256
stack_top:
	.quad 0
	.section .low, "awx"
	.long 0
