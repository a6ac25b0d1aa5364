#include "cli/info.h"

#include "base/log.h"
#include "boot/bzimage.h"
#include "boot/elf.h"
#include "boot/hermit.h"
#include "boot/symbols.h"
#include "cli/archive.h"
#include "cli/image.h"
#include "cli/options.h"
#include "cli/symbols.h"
#include "cli/text.h"
#include "x86/cpumode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MEMORY (3ull << 30)   /* all that fits below the hole; only what is written takes memory here */
#define NOTES_SHOWN 32u
#define NAME_SHOWN 40u
#define PATH_SHOWN 200u

typedef unsigned long long ull;

/* Where the entry point is in the image's own addresses, which its symbols have. */
static uint64_t linked_address(const struct boot_entry *entry)
{
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		if (entry->entry - s->gpa < s->mem_size)
			return entry->entry - s->gpa + s->gva - entry->bias;
	}
	return entry->entry - entry->bias;
}

static void add_entry(struct cli_text *t, const struct boot_image *symbols, const struct boot_entry *entry)
{
	uint64_t offset = 0;
	const char *name = boot_symbol_at(symbols, linked_address(entry), &offset);

	cli_text_add(t, "entry     0x%llx", (ull)entry->entry);
	if (name) {
		cli_text_add(t, "  ");
		cli_text_add_foreign(t, name, NAME_SHOWN);
		if (offset)
			cli_text_add(t, "+0x%llx", (ull)offset);
	}
	cli_text_add(t, "\nbias      0x%llx\n", (ull)entry->bias);
}

static void add_segments(struct cli_text *t, const struct boot_entry *entry)
{
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		cli_text_add(t, "segment   0x%llx..0x%llx %c%c%c, 0x%llx bytes from 0x%llx in the file",
		             (ull)s->gpa, (ull)(s->gpa + s->mem_size), s->flags & PF_R ? 'r' : '-',
		             s->flags & PF_W ? 'w' : '-', s->flags & PF_X ? 'x' : '-', (ull)s->file_size,
		             (ull)s->file_offset);
		if (s->gva != s->gpa)
			cli_text_add(t, ", linked at 0x%llx", (ull)s->gva);
		cli_text_add(t, "\n");
	}
}

static void add_notes(struct cli_text *t, const struct boot_image *image)
{
	struct boot_note_cursor at = {0};
	struct boot_note note;
	unsigned count = 0;

	while (boot_elf_next_note(image, &at, &note)) {
		char name[NAME_SHOWN + 1];
		size_t len = note.name_size < NAME_SHOWN ? note.name_size : NAME_SHOWN;

		if (count++ >= NOTES_SHOWN)
			continue;
		memcpy(name, note.name, len);
		name[len] = '\0';
		cli_text_add(t, "note      ");
		cli_text_add_foreign(t, name, NAME_SHOWN);
		cli_text_add(t, " type 0x%x, %u bytes\n", note.type, note.desc_size);
	}
	if (count > NOTES_SHOWN)
		cli_text_add(t, "note      and %u more\n", count - NOTES_SHOWN);
}

static void add_hermit(struct cli_text *t, const struct boot_image *image)
{
	struct boot_hermit_notes n;
	struct error ignored;

	if (!boot_hermit_probe(image) || boot_hermit_notes(image, &n, &ignored) < 0)
		return;
	cli_text_add(t, "hermit    entry version %u, interface %u, kernel ", n.entry, n.interface);
	if (n.has_kernel)
		cli_text_add(t, "%u.%u.%u\n", n.kernel[0], n.kernel[1], n.kernel[2]);
	else
		cli_text_add(t, "before 0.10\n");
}

static void add_bzimage(struct cli_text *t, const struct boot_image *image)
{
	struct boot_bzimage_info i;

	if (!boot_bzimage_describe(image, &i))
		return;
	cli_text_add(t, "linux     ");
	cli_text_add_foreign(t, i.version[0] ? i.version : "no version", BOOT_BZIMAGE_VERSION);
	cli_text_add(t, "\nlinux     boot protocol %u.%u, loaded at 0x%llx", i.protocol >> 8,
	             i.protocol & 0xff, (ull)i.preferred);
	if (i.relocatable)
		cli_text_add(t, " or elsewhere at a multiple of 0x%llx\n", (ull)i.align);
	else
		cli_text_add(t, " only\n");
	cli_text_add(t, "linux     payload %s, %llu bytes, unpacked %llu\n", i.compression,
	             (ull)i.payload_size, (ull)i.unpacked_size);
	cli_text_add(t, "linux     ");
	if (i.kaslr)
		cli_text_add(t, "KASLR: moves itself, unless the command line has nokaslr\n");
	else
		cli_text_add(t, "no KASLR: stays where it is linked\n");
}

static void add_symbols(struct cli_text *t, const struct boot_image *image, const struct boot_image *symbols)
{
	uint64_t count = boot_symbol_count(symbols);

	cli_text_add(t, count ? "symbols   %llu" : "symbols   none", (ull)count);
	if (symbols != image) {
		cli_text_add(t, " in ");
		cli_text_add_foreign(t, symbols->name, PATH_SHOWN);
	}
	cli_text_add(t, "\n");
}

int cli_info_text(const struct boot_image *image, const struct boot_image *symbols, char *buf, size_t size,
                  struct error *err)
{
	static struct boot_entry entry; /* large */
	struct guest_mem mem;
	struct cli_text t;
	int rc;

	guest_mem_init(&mem);
	rc = boot_hermit_probe(image) ? boot_hermit_memory(image, MEMORY, 0, &mem, err)
	                              : guest_mem_add(&mem, 0, MEMORY, err);
	if (rc == 0)
		rc = boot_load(image, NULL, &mem, &entry, err);
	guest_mem_fini(&mem);
	if (rc < 0)
		return rc;
	cli_text_init(&t, buf, size);
	cli_text_add(&t, "format    %s\nboot      %s, %s\n", entry.format, entry.protocol,
	             x86_mode_name(x86_mode_of(&entry.state)));
	add_entry(&t, symbols, &entry);
	add_segments(&t, &entry);
	add_notes(&t, image);
	add_hermit(&t, image);
	add_bzimage(&t, image);
	add_symbols(&t, image, symbols);
	return 0;
}

int cli_info_run(const struct cli_options *opt)
{
	struct boot_image file = {.size = 0}, named = {.size = 0}, image;
	const struct boot_image *symbols;
	struct cli_archive archive = {.size = 0};
	struct error err = {0};
	char text[CLI_INFO_TEXT];
	int rc = cli_image_open(opt->kernel, &file, &err);

	image = file;
	if (rc == 0 && cli_archive_probe(&file))
		rc = cli_archive_kernel(&file, &archive, &image, &err);
	if (rc == 0)
		rc = cli_symbols_open(opt, &image, &named, &symbols, &err);
	if (rc == 0)
		rc = cli_info_text(&image, symbols, text, sizeof(text), &err);
	cli_archive_free(&archive);
	cli_image_close(&named);
	cli_image_close(&file);
	if (rc < 0) {
		log_error("%s", err.text);
		return CLI_EXIT_FAILURE;
	}
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return 0;
	log_error("cannot write to standard output: %s", strerror(errno));
	return CLI_EXIT_FAILURE;
}
