/* Shows what it was given by PVH; the status is the number of things that are wrong. */
#include "say.h"

struct info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, map;
	uint32_t map_count;
};

struct module { uint64_t start, size, text, reserved; };
struct map_row { uint64_t start, size; uint32_t kind, reserved; };

int guest_main32(uint32_t eax, uint32_t ebx, uint32_t esp);

int guest_main32(uint32_t eax, uint32_t ebx, uint32_t esp)
{
	const struct info *info = (const struct info *)(uintptr_t)ebx;
	const struct module *module = (const struct module *)(uintptr_t)info->modules;
	const struct map_row *row = (const struct map_row *)(uintptr_t)info->map;

	(void)eax;
	say_check(info->magic == 0x336ec578 && info->version == 1, "start info");
	say_check(esp != 0, "esp");
	say_text("command line", info->cmdline);
	for (uint32_t i = 0; i < info->map_count; i++)
		say_range("memory", row[i].start, row[i].size, row[i].kind);
	for (uint32_t i = 0; i < info->module_count; i++)
		say_module(module[i].start, module[i].start + module[i].size, module[i].text);
	say_check(say_is_rsdp(info->rsdp), "RSDP");
	return say_failures;
}
