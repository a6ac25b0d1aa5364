/*
 * boot_load() and the symbol lookup on any bytes: what loads must keep the promises of doc/boot.md, what
 * does not must say why and leave nothing behind.
 */
#include "boot/elf.h"
#include "boot/entry.h"
#include "boot/hermit.h"
#include "boot/symbols.h"
#include "x86/paging.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static int read_phys(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	return guest_mem_read(ctx, gpa, buf, len);
}

static uint64_t translate(const struct boot_entry *entry, struct guest_mem *mem, uint64_t gva)
{
	const struct x86_layout layout = {.phys_bits = 46, .linear_bits = 48};
	const struct x86_phys_reader reader = {.read = read_phys, .ctx = mem};
	struct x86_paging pg;
	struct x86_walk w;

	x86_paging_from_state(&entry->state, &layout, &pg);
	x86_paging_walk(&pg, gva, &reader, &w);
	must(w.result == X86_WALK_OK);
	return w.gpa;
}

static void check_segment(const struct boot_image *image, const struct guest_mem *mem,
                          const struct boot_segment *s)
{
	must(s->mem_size > 0 && s->file_size <= s->mem_size && guest_mem_contains(mem, s->gpa, s->mem_size));
	must(s->file_offset <= image->size && s->file_size <= image->size - s->file_offset);
}

/* trapline's own entry: doc/boot.md. */
static void check_native(const struct boot_entry *entry, struct guest_mem *mem)
{
	struct boot_info info;

	must(guest_mem_read(mem, entry->state.gpr[X86_RSI], &info, sizeof(info)) == 0);
	must(info.magic == BOOT_INFO_MAGIC && info.module_count == 1);
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];
		uint64_t last = s->mem_size - 1;

		must(s->gpa >= info.area_end || s->gpa + last < info.area_start);
		must(s->gpa >= info.image_start && s->gpa + last < info.image_end);
		if (!(entry->state.cr0 & X86_CR0_PG))
			continue;
		must(translate(entry, mem, s->gva) == s->gpa);
		must(translate(entry, mem, s->gva + last) == s->gpa + last);
	}
}

static void check_loaded(const struct boot_image *image, const struct boot_entry *entry,
                         struct guest_mem *mem)
{
	uint64_t gpa = entry->entry;
	bool inside = false;

	must(entry->format && entry->protocol && entry->state.rip == entry->entry);
	must(entry->segment_count > 0 && entry->segment_count <= BOOT_SEGMENTS_MAX);
	must(guest_mem_contains(mem, entry->state.gdt.base, entry->state.gdt.limit + 1ull));
	if (entry->state.cr0 & X86_CR0_PG)
		gpa = translate(entry, mem, gpa);
	for (unsigned i = 0; i < entry->segment_count; i++) {
		check_segment(image, mem, &entry->segment[i]);
		inside |= gpa - entry->segment[i].gpa < entry->segment[i].mem_size;
	}
	must(inside);
	if (strstr(entry->protocol, "ELF entry"))
		check_native(entry, mem);
}

static void check_notes(const struct boot_image *image)
{
	struct boot_note_cursor at = {0};
	struct boot_note note;

	while (boot_elf_next_note(image, &at, &note)) {
		const uint8_t *end = image->bytes + image->size;

		must((const uint8_t *)note.name <= end && note.name_size <= end - (const uint8_t *)note.name);
		must(note.desc <= end && note.desc_size <= end - note.desc);
	}
}

static void check_symbols(const struct boot_image *image)
{
	static const uint64_t addresses[] = {0, 0x1000, 0x100000, 0x100010, 0x200000, UINT64_MAX};
	uint64_t offset, addr;

	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		const char *name = boot_symbol_at(image, addresses[i], &offset);

		must(!name || (*name && offset <= addresses[i] && strlen(name) < image->size));
		must(!name || boot_symbol_count(image) > 0);
		if (name)
			must(boot_symbol_find(image, name, &addr) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct boot_image image = {.bytes = data, .size = size, .name = "fuzz"};
	const struct boot_module module = {.bytes = data, .size = size < 5000 ? size : 5000, .text = "m"};
	const struct boot_options opt = {
		.cmdline = "a b", .module = &module, .cpus = 2,
		.module_count = !boot_hermit_probe(&image) /* they take none */
	};
	static struct boot_entry entry, before;
	static struct guest_mem mem;
	struct error err = {0};
	int rc;

	if (mem.count == 0)
		must(guest_mem_add(&mem, 0, MEMORY, NULL) == 0);
	memset(&before, 0x5a, sizeof(before));
	memcpy(&entry, &before, sizeof(entry));
	rc = boot_load(&image, &opt, &mem, &entry, &err);
	if (rc == 0)
		check_loaded(&image, &entry, &mem);
	else
		must(err.code == -rc && err.text[0] && memcmp(&entry, &before, sizeof(entry)) == 0);
	check_notes(&image);
	check_symbols(&image);
	return 0;
}
