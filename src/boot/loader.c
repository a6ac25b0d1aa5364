#include "boot/loader.h"
#include "boot/bzimage.h"
#include "boot/elf.h"
#include "boot/entry.h"
#include "boot/hermit.h"
#include "boot/multiboot.h"
#include "boot/multiboot2.h"
#include "boot/pvh.h"
#include "boot/setup.h"

#include <errno.h>
#include <string.h>

/*
 * One way to be booted. load fills everything of the entry but protocol and state, and its address may
 * still be any inside a segment; enter makes the structures and fills the state.
 */
struct format {
	const char *protocol;
	bool (*probe)(const struct boot_image *image);
	int (*load)(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
	            struct error *err);
	int (*enter)(struct boot_setup *s, struct boot_entry *entry, struct error *err);
};

/* A kernel that can be booted in several ways says so in headers and notes: those go before plain ELF. */
static const struct format formats[] = {
	{"Linux 64-bit boot protocol", boot_bzimage_probe, boot_bzimage_load, boot_bzimage_enter},
	{"Hermit", boot_hermit_probe, boot_hermit_load, boot_hermit_enter},
	{"PVH", boot_pvh_probe, boot_pvh_load, boot_pvh_enter},
	{"Multiboot 1", boot_multiboot_probe, boot_multiboot_load, boot_multiboot_enter},
	{"Multiboot 2", boot_multiboot2_probe, boot_multiboot2_load, boot_multiboot2_enter},
	{"64-bit ELF entry", boot_entry64_probe, boot_elf_load_native, boot_entry64},
	{"32-bit ELF entry", boot_elf_probe, boot_elf_load_native, boot_entry32},
};

static const struct format *find_format(const struct boot_image *image)
{
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].probe(image))
			return &formats[i];
	return NULL;
}

static int check_options(const struct boot_options *opt, struct error *err)
{
	if (opt->cmdline && strnlen(opt->cmdline, BOOT_CMDLINE_MAX) == BOOT_CMDLINE_MAX)
		return error_set(err, E2BIG, "the command line is longer than %d bytes",
				 BOOT_CMDLINE_MAX - 1);
	if (opt->module_count > BOOT_MODULES_MAX)
		return error_set(err, E2BIG, "more than %d modules", BOOT_MODULES_MAX);
	for (unsigned i = 0; i < opt->module_count; i++)
		if (opt->module[i].text && strnlen(opt->module[i].text, BOOT_CMDLINE_MAX) == BOOT_CMDLINE_MAX)
			return error_set(err, E2BIG, "the command line of module %u is longer than %d bytes",
			                 i + 1, BOOT_CMDLINE_MAX - 1);
	return 0;
}

static int load(const struct boot_image *image, const struct boot_options *opt, struct guest_mem *mem,
                struct boot_entry *entry, struct error *err)
{
	const struct format *format = find_format(image);
	struct boot_setup setup = {.image = image, .opt = opt, .mem = mem};
	int rc;

	if (image->size == 0)
		return error_set(err, ENOEXEC, "the file is empty");
	if (!format)
		return error_set(err, ENOEXEC,
				 "not an ELF file, a Multiboot kernel or a Linux bzImage: trapline boots "
				 "these");
	if (guest_mem_size(mem) == 0)
		return error_set(err, ENOMEM, "the machine has no memory: run with -m 64M or more");
	rc = check_options(opt, err);
	if (rc < 0)
		return rc;
	guest_mem_clear(mem);
	rc = format->load(image, mem, entry, err);
	if (rc < 0)
		return rc;
	entry->protocol = format->protocol;
	boot_place_init(&setup.place, mem, entry);
	return format->enter(&setup, entry, err);
}

int boot_load(const struct boot_image *image, const struct boot_options *opt, struct guest_mem *mem,
              struct boot_entry *ret, struct error *err)
{
	static const struct boot_options none;
	struct boot_entry entry = {0};
	int rc = load(image, opt ? opt : &none, mem, &entry, err);

	if (rc < 0) {
		error_wrap(err, "%s", image->name ? image->name : "kernel");
		return rc;
	}
	*ret = entry;
	return 0;
}
