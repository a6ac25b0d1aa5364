/*
 * Does to the machine what a guest that wants it to fall would do; the first word of the command line names
 * what: ports, mmio, flood, remap, exits. Ends with 7 when it comes to an end.
 */
#include "lib/cpu.h"
#include "lib/guest.h"

#define DEBUGCON 0xe9
#define PAGE 4096ull
#define FLOOD_LINES 1000

/* What would spoil the rest: keyboard controller, port A, exit ports, PC reset, power-off. */
static bool ends_the_machine(unsigned port)
{
	static const struct { uint16_t from, to; } enders[] = {
		{0x60, 0x64}, {0x92, 0x92}, {0xf4, 0xfb}, {0x600, 0x607}, {0xb004, 0xb005}, {0xcf9, 0xcf9},
	};

	for (unsigned i = 0; i < sizeof(enders) / sizeof(enders[0]); i++)
		if (port + 3 >= enders[i].from && port <= enders[i].to)
			return true;
	return false;
}

static void ports(void)
{
	for (unsigned port = 0; port < 0x10000; port++) {
		uint32_t v = 0x9e3779b9u * port;

		if (ends_the_machine(port))
			continue;
		__asm__ volatile("outb %b0, %w1" : : "a"(v), "d"(port));
		if (port % 16 == 0)
			__asm__ volatile("inb %w1, %b0" : "=a"(v) : "d"(port));
		if (port % 64 != 0)
			continue;
		__asm__ volatile("outw %w0, %w1" : : "a"(v), "d"(port));
		__asm__ volatile("outl %0, %w1" : : "a"(v), "d"(port));
		__asm__ volatile("inw %w1, %w0" : "=a"(v) : "d"(port));
		__asm__ volatile("inl %w1, %0" : "=a"(v) : "d"(port));
	}
}

/* Every megabyte between the end of RAM and 4 GiB, aligned and not, with each size. */
static void mmio(const struct guest_boot_info *info)
{
	uint64_t at = 0;

	for (uint64_t i = 0; i < info->memory_count && i < 8; i++) {
		uint64_t end = info->memory[i].start + info->memory[i].size;

		if (end < 1ull << 32 && end > at)
			at = end;
	}
	for (; at + PAGE < 1ull << 32; at += 1 << 20) {
		volatile uint8_t *p = (volatile uint8_t *)at;

		*p = (uint8_t)(*p + 1);
		*(volatile uint16_t *)(p + 6) = *(volatile uint16_t *)(p + 14);
		*(volatile uint32_t *)(p + 0x30) = *(volatile uint32_t *)(p + 0x41);
		*(volatile uint64_t *)(p + 0xfc) = *(volatile uint64_t *)(p + 0xff9); /* into the next page */
	}
}

/* More than any pipe holds, one string instruction a line. */
static void flood(void)
{
	char line[] = "0000 the quick brown fox jumps over the lazy dog and floods the port\n";

	for (unsigned i = 0; i < FLOOD_LINES; i++) {
		const char *at = line;
		uint64_t count = sizeof(line) - 1;

		for (unsigned d = 0; d < 4; d++)
			line[d] = (char)('0' + i / (d == 0 ? 1000 : d == 1 ? 100 : d == 2 ? 10 : 1) % 10);
		__asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(0x3f8) : "memory");
	}
}

/* What entries are made to be, under whoever walks them: nowhere, itself, devices, reserved bits. */
static void remap(void)
{
	volatile uint64_t *top = (volatile uint64_t *)(cpu_cr3() & ~(PAGE - 1));
	const uint64_t self = (uint64_t)(uintptr_t)top | 7;
	const uint64_t entries[] = {0, self, ~0ull, 0xfee00007, 0xfffffffffffff007, 0x0000000fffffffe7,
	                            0x87, 0x8000000000000001, 1ull << 40 | 7};

	guest_puts("remapping\n");
	for (unsigned i = 0;; i++)
		for (unsigned slot = 256; slot < 512; slot += 17)
			top[slot] = entries[(i + slot) % (sizeof(entries) / sizeof(entries[0]))];
}

static void exits(void)
{
	guest_puts("storming\n");
	for (;;)
		outb(0x80, 1);
}

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	if (guest_has_word(cmdline, "ports"))
		ports();
	else if (guest_has_word(cmdline, "mmio"))
		mmio(info);
	else if (guest_has_word(cmdline, "flood"))
		flood();
	else if (guest_has_word(cmdline, "remap"))
		remap();
	else if (guest_has_word(cmdline, "exits"))
		exits();
	return 7;
}
