/* Prints its command line, word by word, and its boot info; the status is the number of words. */
#include "lib/guest.h"

static void put_range(const char *what, uint64_t start, uint64_t end)
{
	guest_puts(what);
	guest_put_hex(start);
	guest_puts("..");
	guest_put_hex(end);
	guest_puts("\n");
}

static int put_words(const char *text)
{
	int count = 0;

	while (*text) {
		guest_puts("[");
		while (*text && *text != ' ')
			guest_putc(*text++);
		guest_puts("]\n");
		count++;
		while (*text == ' ')
			text++;
	}
	return count;
}

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	put_range("area ", info->area_start, info->area_end);
	put_range("image ", info->image_start, info->image_end);
	for (uint64_t i = 0; i < info->memory_count; i++)
		put_range("memory ", info->memory[i].start, info->memory[i].start + info->memory[i].size);
	return put_words(cmdline);
}
