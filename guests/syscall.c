/*
 * Runs user_main in ring 3, which prints by system calls and leaves by one: SYSCALL and SYSRET through
 * MSRs, a GDT with user segments, a TSS with a kernel stack, user pages.
 */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/interrupt.h"

#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084
#define EFER_SCE 1
#define SFMASK 0x40700            /* AC, DF, IF, TF */

#define SEL_KERNEL_CODE 0x08
#define SEL_USER_BASE 0x10        /* SYSRET: +8 is the stack segment, +16 the code segment */
#define SEL_TSS 0x28

#define PAGE_USER 0x4ull
#define PAGE_LARGE 0x80ull
#define PAGE_ADDRESS 0x000ffffffffff000ull

enum { CALL_PUTC = 1, CALL_EXIT = 2 };

/* In syscall_entry.S. */
void syscall_entry(void);
__attribute__((noreturn)) void syscall_enter_user(void (*fn)(void), uint64_t stack);

struct __attribute__((packed)) tss { uint32_t reserved; uint64_t rsp0; uint8_t rest[90]; uint16_t iomap; };

static struct tss tss;
static _Alignas(16) uint8_t user_stack[4096];
_Alignas(16) uint8_t syscall_stack[4096];
static uint64_t gdt[7] = {
	0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff,
};

volatile unsigned syscall_count;

static void load_gdt(void)
{
	const struct __attribute__((packed)) { uint16_t limit; uint64_t base; } gdtr = {
		sizeof(gdt) - 1, (uint64_t)gdt
	};
	uint64_t at = (uint64_t)&tss;

	tss.rsp0 = (uint64_t)(syscall_stack + sizeof(syscall_stack));
	tss.iomap = sizeof(tss);
	gdt[5] = (sizeof(tss) - 1) | (at & 0xffffff) << 16 | 0x89ull << 40 | (at >> 24 & 0xff) << 56;
	gdt[6] = at >> 32;
	__asm__ volatile("lgdt %0\n\tltr %w1" : : "m"(gdtr), "r"(SEL_TSS) : "memory");
}

/* Opens the first 2 MiB, where this guest lies, to ring 3: one entry at each level of the boot tables. */
static void open_pages(void)
{
	uint64_t *table = (uint64_t *)(cpu_cr3() & PAGE_ADDRESS);

	for (unsigned level = 4; level >= 2; level--) {
		table[0] |= PAGE_USER;
		if (table[0] & PAGE_LARGE)
			break;
		table = (uint64_t *)(table[0] & PAGE_ADDRESS);
	}
	cpu_set_cr3(cpu_cr3());
}

/* Called by syscall_entry with the number and the argument of the call. */
uint64_t syscall_handle(uint64_t number, uint64_t argument);
uint64_t syscall_handle(uint64_t number, uint64_t argument)
{
	syscall_count++;
	if (number == CALL_PUTC)
		guest_putc((char)argument);
	if (number == CALL_EXIT)
		guest_exit((int)argument);
	return number;
}

static uint64_t call(uint64_t number, uint64_t argument)
{
	uint64_t ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(number), "D"(argument)
	                 : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory");
	return ret;
}

void user_main(void);
void user_main(void)
{
	uint16_t cs;

	for (const char *p = "ring 3\n"; *p; p++)
		if (call(CALL_PUTC, (uint64_t)*p) != CALL_PUTC)
			call(CALL_EXIT, 1);
	__asm__ volatile("movw %%cs, %0" : "=r"(cs));
	call(CALL_EXIT, (cs & 3) == 3 ? 0 : 2);
	for (;;)
		;
}

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	(void)cmdline;
	(void)info;
	load_gdt();
	open_pages();
	cpu_wrmsr(MSR_STAR, (uint64_t)SEL_USER_BASE << 48 | (uint64_t)SEL_KERNEL_CODE << 32);
	cpu_wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
	cpu_wrmsr(MSR_SFMASK, SFMASK);
	cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_SCE);
	syscall_enter_user(user_main, (uint64_t)(user_stack + sizeof(user_stack) - 8));
}
