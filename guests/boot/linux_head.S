/* What a bzImage has around its kernel: boot sector, setup header, and the 64-bit entry at 0x200. */
	.section .setup, "ax", @progbits
setup:
	.org setup + 0x1f1
	.byte 1				/* setup sectors behind the first */
	.word 0
	.long kernel_paragraphs
	.org setup + 0x1fe
	.word 0xaa55
	.byte 0xeb, header_end - 1f
1:	.ascii "HdrS"
	.word 0x020f			/* protocol version */
	.org setup + 0x211
	.byte 1				/* loaded high */
	.org setup + 0x22c
	.long 0x7fffffff		/* an initrd's last address */
	.long 0x200000			/* alignment */
	.byte 1, 21			/* relocatable; as aligned at least */
	.word 1				/* has a 64-bit entry */
	.long 255			/* longest command line */
	.org setup + 0x258
	.quad kernel_start
	.long kernel_init_size
	.long 0
header_end:
	.org setup + 1024

	.section .text.start, "ax", @progbits
	.globl _start
_start:
	.org _start + 0x200
	.globl entry64
	.type entry64, @function
entry64:
	leaq stack_top(%rip), %rsp
	movq %rsi, %rdi
	call guest_linux
	outb %al, $0xf8
1:	cli
	hlt
	jmp 1b
	.size entry64, . - entry64

	.bss
	.align 16
	.skip 4096
stack_top:
	.section .note.GNU-stack, "", @progbits
