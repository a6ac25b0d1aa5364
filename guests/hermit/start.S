/*
 * Entry and notes of the Hermit-like guests. -D chooses the notes: ENTRY_VERSION, INTERFACE (1: no note, as
 * kernels of that time have none), ABI_TAG (a kernel of 0.10 or later).
 */
	.section .note.hermit, "a", @note
	.align 4
	.long 7, 1, 0x5a00
	.asciz "HERMIT"
	.byte 0
	.byte ENTRY_VERSION, 0, 0, 0
#if INTERFACE > 1
	.long 8, 4, 0x5b00
	.asciz "UHYVEIF"
	.byte 0, 0, 0, INTERFACE
#endif
#if ABI_TAG
	.long 4, 16, 1
	.asciz "GNU"
	.long 6, 0, 12, 1
#endif

	.text
	.globl _start
_start:			/* rdi: BootInfo, esi: which processor, rsp: the lowest byte of a stack */
	xor	%ebp, %ebp
	mov	%esi, %eax
	test	%eax, %eax
	jz	1f
	shl	$12, %rax		/* the others have stacks of their own, a page each */
	lea	other_stacks(%rip), %rdx
	lea	(%rdx, %rax), %rsp
	jmp	2f
1:	add	$0x7ff0, %rsp
2:	and	$-16, %rsp
	call	hermit_main
3:	hlt
	jmp	3b

	.bss
	.align 4096
other_stacks:
	.skip 4 * 4096			/* of processor n: up to n pages in */

	.section .note.GNU-stack, "", @progbits
