/* Says hello and ends with 0. Also built position-independent and in the higher half. */
#include "lib/guest.h"

/* Pointers that must be read, so that the position-independent build has relocations to apply. */
const char *const volatile hello_lines[] = {"hello from the guest\n", "and goodbye\n"};

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	(void)cmdline;
	(void)info;
	for (unsigned i = 0; i < sizeof(hello_lines) / sizeof(hello_lines[0]); i++)
		guest_puts(hello_lines[i]);
	return 0;
}
