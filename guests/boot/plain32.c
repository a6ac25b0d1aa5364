/* A 32-bit kernel of no protocol: arguments on the stack, as a C function finds them. */
#include "say.h"

struct info {
	uint64_t magic;
	uint32_t version, size;
	uint64_t cmdline, area_start, area_end, image_start, image_end, memory_count, memory[16];
	uint64_t module_count, modules;
};

struct module { uint64_t start, size, text; };

int guest_main32(uint32_t eax, uint32_t ebx, uint32_t esp);

int guest_main32(uint32_t eax, uint32_t ebx, uint32_t esp)
{
	const uint32_t *frame = (const uint32_t *)(uintptr_t)esp;
	const struct info *info = (const struct info *)(uintptr_t)frame[2];
	const struct module *module = (const struct module *)(uintptr_t)info->modules;

	say_check(eax == 0 && ebx == 0 && frame[0] == 0 && (esp + 4) % 16 == 0, "frame");
	say_check(info->magic == 0x746f6f4270617254 && info->version >= 2, "boot info");
	say_check(info->cmdline == frame[1], "command line");
	say_text("command line", frame[1]);
	say_number("memory", info->memory[1]);
	for (uint32_t i = 0; i < info->module_count; i++)
		say_module(module[i].start, module[i].start + module[i].size, module[i].text);
	return say_failures;
}
