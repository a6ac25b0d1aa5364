/* Counts for ever: something to interrupt, to attach to and to step. */
#include "lib/guest.h"

volatile uint64_t spin_counter;

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	(void)cmdline;
	(void)info;
	guest_puts("spinning\n");
	for (;;)
		spin_counter++;
}
