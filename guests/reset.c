/*
 * Says "boot", then does what the next byte of input says: 'k' resets by the keyboard controller, 'a' by
 * port 0x92, 'c' by 0xcf9, 't' dies by a triple fault, 'q' ends with 0, all else with 1. A byte on the
 * command line is done instead, at every boot. Memory that did not come back as it was first loaded ends
 * it with 2.
 */
#include "lib/cpu.h"
#include "lib/guest.h"

#define SERIAL 0x3f8
#define SERIAL_MCR (SERIAL + 4)
#define MCR_LOOPBACK 0x10

static volatile unsigned bss_mark;
static volatile unsigned data_mark = 7;

/*
 * Cuts the line before it takes the byte: the UART holds only this one then, and what follows it in the
 * input is for the next boot, not lost in the reset.
 */
static uint8_t take_only_one(void)
{
	while (!guest_has_input())
		;
	outb(SERIAL_MCR, MCR_LOOPBACK);
	return inb(SERIAL);
}

static void do_reset(uint8_t how)
{
	switch (how) {
	case 'k': outb(0x64, 0xfe); break;
	case 'a': outb(0x92, 0x01); break;
	case 'c':
		outb(0xcf9, 0x02);
		outb(0xcf9, 0x06);
		break;
	case 't': __asm__ volatile("ud2"); break;
	default: return;
	}
	for (;;)
		cpu_hlt();
}

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	uint8_t what;

	(void)info;
	guest_puts("boot\n");
	if (bss_mark != 0 || data_mark != 7)
		return 2;
	bss_mark = data_mark = 1;
	what = cmdline[0] ? (uint8_t)cmdline[0] : take_only_one();
	do_reset(what);
	return what == 'q' ? 0 : 1;
}
