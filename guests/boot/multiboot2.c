/* Shows what it was given by Multiboot 2; the status is the number of things that are wrong. */
#include "say.h"

struct tag { uint32_t type, size; };
struct module { uint32_t type, size, start, end; };
struct map_row { uint64_t start, length; uint32_t kind, reserved; };

static void show_map(uint32_t at, uint32_t size)
{
	say_check(*(const uint32_t *)(uintptr_t)(at + 8) == sizeof(struct map_row), "size of the map's rows");
	for (uint32_t i = 16; i < size; i += sizeof(struct map_row)) {
		const struct map_row *row = (const struct map_row *)(uintptr_t)(at + i);

		say_range("memory", row->start, row->length, row->kind);
	}
}

static void show_tag(uint32_t at, const struct tag *tag)
{
	const struct module *module = (const struct module *)tag;

	if (tag->type == 1)
		say_text("command line", at + 8);
	else if (tag->type == 3)
		say_module(module->start, module->end, at + 16);
	else if (tag->type == 6)
		show_map(at, tag->size);
	else if (tag->type == 14 || tag->type == 15)
		say_check(say_is_rsdp(at + 8), "RSDP");
}

int guest_main32(uint32_t eax, uint32_t ebx, uint32_t esp);

int guest_main32(uint32_t eax, uint32_t ebx, uint32_t esp)
{
	uint32_t end = ebx + *(const uint32_t *)(uintptr_t)ebx, at = ebx + 8, seen = 0;
	const struct tag *tag = (const struct tag *)(uintptr_t)at;

	say_check(eax == 0x36d76289 && ebx % 8 == 0 && esp != 0, "registers");
	while (tag->type != 0 && at < end) {
		seen |= 1u << tag->type;
		show_tag(at, tag);
		at += (tag->size + 7) & ~7u;
		tag = (const struct tag *)(uintptr_t)at;
	}
	say_check(tag->type == 0 && tag->size == 8 && at + 8 == end, "end");
	say_check((seen & 0xc056) == 0xc056, "tags");
	return say_failures;
}
