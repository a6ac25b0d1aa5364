/* Halts for ever with nothing to wake it; with the word "cli" with interrupts off as well. */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/interrupt.h"

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	(void)info;
	pic_init(); /* every line masked */
	guest_puts("halting\n");
	if (!guest_has_word(cmdline, "cli"))
		cpu_sti();
	for (;;)
		cpu_hlt();
}
