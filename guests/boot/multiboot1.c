/* Shows what it was given by Multiboot 1; the status is the number of things that are wrong. */
#include "say.h"

struct info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, module_count, modules, symbols[4];
	uint32_t map_size, map, drives[2], config, loader;
};

struct module { uint32_t start, end, text, reserved; };
struct map_row { uint32_t size, start, start_high, length, length_high, kind; };

static const int data = 42;
static int bss[1000];

static void show_map(const struct info *info)
{
	uint32_t at = info->map;

	while (at < info->map + info->map_size) {
		const struct map_row *row = (const struct map_row *)(uintptr_t)at;

		say_range("memory", row->start | (uint64_t)row->start_high << 32,
		          row->length | (uint64_t)row->length_high << 32, row->kind);
		at += row->size + 4;
	}
}

int guest_main32(uint32_t eax, uint32_t ebx, uint32_t esp);

int guest_main32(uint32_t eax, uint32_t ebx, uint32_t esp)
{
	const struct info *info = (const struct info *)(uintptr_t)ebx;
	const struct module *module = (const struct module *)(uintptr_t)info->modules;

	say_check(eax == 0x2badb002, "eax");
	say_check((info->flags & 0x4d) == 0x4d, "flags");
	say_check(esp != 0, "esp");
	say_check(*(const volatile int *)&data == 42 && ((volatile int *)bss)[999] == 0, "data");
	say_text("loader", info->loader);
	say_text("command line", info->cmdline);
	say_number("lower", info->mem_lower);
	say_number("upper", info->mem_upper);
	show_map(info);
	for (uint32_t i = 0; i < info->module_count; i++)
		say_module(module[i].start, module[i].end, module[i].text);
	say_check(say_is_rsdp(0xe0000), "RSDP");
	return say_failures;
}
