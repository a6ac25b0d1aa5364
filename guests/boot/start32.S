/*
 * Entry of the 32-bit guests: guest_main32(eax, ebx, esp at entry), whose result is the exit status. The
 * headers and notes that make an image one of a protocol are chosen by -D.
 */
#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS (3 | MB1_ADDRESSES)
#define MB2_MAGIC 0xe85250d6

#ifdef MULTIBOOT1
	.section .text.head, "ax", @progbits
	.align 4
multiboot_header:
	.long MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
#if MB1_ADDRESSES
	.long multiboot_header, guest_start, guest_file_end, guest_end, _start
#endif
#endif

#ifdef MULTIBOOT2
	.section .text.head, "ax", @progbits
	.align 8
multiboot2_header:
	.long MB2_MAGIC, 0, multiboot2_header_end - multiboot2_header
	.long -(MB2_MAGIC + multiboot2_header_end - multiboot2_header)
	.short 1, 0			/* information that it wants: command line, map, RSDP */
	.long 20, 1, 6, 15
	.align 8
	.short 6, 0			/* modules on page boundaries */
	.long 8
	.align 8
	.short 5, 1			/* optional: a frame buffer, which it does not get */
	.long 20, 0, 0, 0
	.align 8
	.short 0, 0
	.long 8
multiboot2_header_end:
#endif

#ifdef PVH
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long _start
#endif

	.section .text.start, "ax", @progbits
	.code32
	.globl _start
	.type _start, @function
_start:
	movl %esp, %ecx
	movl $stack_top, %esp
	pushl %ecx
	pushl %ebx
	pushl %eax
	call guest_main32
	outb %al, $0xf8
1:	cli
	hlt
	jmp 1b
	.size _start, . - _start

	.bss
	.align 16
	.skip 4096
stack_top:
	.section .note.GNU-stack, "", @progbits
