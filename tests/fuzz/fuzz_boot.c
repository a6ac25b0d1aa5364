/*
 * One loader (FORMAT) on any bytes, by itself: its magic numbers and sums are put right first, so that what
 * stands behind them is reached. What loads and enters must lie in memory; what does not must say why.
 */
#include "base/bytes.h"
#include "boot/bzimage.h"
#include "boot/elf.h"
#include "boot/entry.h"
#include "boot/multiboot.h"
#include "boot/multiboot2.h"
#include "boot/pvh.h"
#include "boot/setup.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY (4u << 20)
#define MAX (256u << 10)

enum { BZIMAGE, PVH, MULTIBOOT1, MULTIBOOT2, NOTES };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void as_bzimage(uint8_t *b, size_t size)
{
	if (size < 0x206)
		return;
	bytes_put_le16(b + 0x1fe, 0xaa55);
	memcpy(b + 0x202, "HdrS", 4);
}

static void as_elf(uint8_t *b, size_t size)
{
	if (size < 20)
		return;
	memcpy(b, "\177ELF", 4);
	b[4] = b[4] == 1 ? 1 : 2;
	b[5] = b[6] = 1;
	bytes_put_le16(b + 16, 2);
	bytes_put_le16(b + 18, b[4] == 1 ? 3 : 62);
}

/* A header where the image has room for one; the address form is left to the bytes. */
static void as_multiboot1(uint8_t *b, size_t size)
{
	size_t at = size > 0x1000 && memcmp(b, "\177ELF", 4) == 0 ? 0x1000 : 0;

	if (size < at + 12)
		return;
	bytes_put_le32(b + at, 0x1badb002);
	bytes_put_le32(b + at + 8, 0u - 0x1badb002u - bytes_get_le32(b + at + 4));
}

static void as_multiboot2(uint8_t *b, size_t size)
{
	size_t at = size > 0x1000 && memcmp(b, "\177ELF", 4) == 0 ? 0x1000 : 0;
	uint32_t len;

	if (size < at + 24)
		return;
	len = bytes_get_le32(b + at + 8);
	bytes_put_le32(b + at, 0xe85250d6);
	bytes_put_le32(b + at + 4, 0);
	bytes_put_le32(b + at + 12, 0u - 0xe85250d6u - len);
}

static const struct {
	void (*force)(uint8_t *b, size_t size);
	bool (*probe)(const struct boot_image *image);
	int (*load)(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
	            struct error *err);
	int (*enter)(struct boot_setup *s, struct boot_entry *entry, struct error *err);
} formats[] = {
	[BZIMAGE] = {as_bzimage, boot_bzimage_probe, boot_bzimage_load, boot_bzimage_enter},
	[PVH] = {as_elf, boot_pvh_probe, boot_pvh_load, boot_pvh_enter},
	[MULTIBOOT1] = {as_multiboot1, boot_multiboot_probe, boot_multiboot_load, boot_multiboot_enter},
	[MULTIBOOT2] = {as_multiboot2, boot_multiboot2_probe, boot_multiboot2_load, boot_multiboot2_enter},
	[NOTES] = {as_elf, boot_elf_probe, boot_elf_load_native, boot_entry32},
};

static void check_notes(const struct boot_image *image)
{
	struct boot_note_cursor at = {0};
	struct boot_note note;
	size_t count = 0;

	while (boot_elf_next_note(image, &at, &note)) {
		const uint8_t *end = image->bytes + image->size;

		must((const uint8_t *)note.name <= end && note.name_size <= end - (const uint8_t *)note.name);
		must(note.desc <= end && note.desc_size <= end - note.desc);
		must(++count <= image->size);
	}
}

static void check_entered(const struct boot_image *image, const struct boot_entry *entry,
                          const struct guest_mem *mem)
{
	must(entry->segment_count <= BOOT_SEGMENTS_MAX);
	must(guest_mem_contains(mem, entry->state.gdt.base, entry->state.gdt.limit + 1ull));
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		must(guest_mem_contains(mem, s->gpa, s->mem_size) && s->file_size <= s->mem_size);
		must(s->file_offset <= image->size && s->file_size <= image->size - s->file_offset);
	}
	if (entry->state.cr0 & X86_CR0_PG)
		must(guest_mem_contains(mem, entry->state.cr3 & ~0xfffull, 4096));
	else
		must(guest_mem_contains(mem, entry->state.rip, 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[MAX];
	static struct guest_mem mem;
	uint8_t *exact = malloc(size + 1);
	const struct boot_image image = {.bytes = exact, .size = size < MAX ? size : MAX, .name = "fuzz"};
	const struct boot_module module = {.bytes = bytes, .size = 5000, .text = "m"};
	const struct boot_options opt = {.cmdline = "a b", .module = &module, .module_count = 1, .cpus = 2};
	struct boot_setup setup = {.image = &image, .opt = &opt, .mem = &mem};
	struct boot_entry entry = {0};
	struct error err = {0};
	int rc;

	must(exact != NULL);
	if (mem.count == 0)
		must(guest_mem_add(&mem, 0, MEMORY, NULL) == 0);
	memcpy(exact, data, image.size);
	formats[FORMAT].force(exact, image.size);
	check_notes(&image);
	if (formats[FORMAT].probe(&image)) {
		guest_mem_clear(&mem);
		rc = formats[FORMAT].load(&image, &mem, &entry, &err);
		if (rc == 0) {
			entry.protocol = "fuzz";
			boot_place_init(&setup.place, &mem, &entry);
			rc = formats[FORMAT].enter(&setup, &entry, &err);
		}
		if (rc == 0)
			check_entered(&image, &entry, &mem);
		else
			must(err.code == -rc && err.text[0]);
	}
	free(exact);
	return 0;
}
