/* Dies by a triple fault at triple_fault_here: an invalid opcode, and no IDT to take it. */
#include "lib/guest.h"

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	(void)cmdline;
	(void)info;
	guest_puts("dying\n");
	__asm__ volatile(".globl triple_fault_here\ntriple_fault_here:\n\tud2");
	return 1;
}
