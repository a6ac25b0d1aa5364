#include "boot/loader.h"
#include "boot/elf.h"
#include "boot/entry.h"

#include <errno.h>

/* One kind of image. load fills everything of the entry but state; enter fills that. */
struct format {
	bool (*probe)(const struct boot_image *image);
	int (*load)(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
	            struct error *err);
	int (*enter)(const struct boot_options *opt, struct guest_mem *mem, struct boot_entry *entry,
	             struct error *err);
};

static const struct format formats[] = {
	{boot_elf_probe, boot_elf_load, boot_entry64},
};

static const struct format *find_format(const struct boot_image *image)
{
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].probe(image))
			return &formats[i];
	return NULL;
}

static int load(const struct boot_image *image, const struct boot_options *opt, struct guest_mem *mem,
                struct boot_entry *entry, struct error *err)
{
	const struct format *format = find_format(image);
	int rc;

	if (image->size == 0)
		return error_set(err, ENOEXEC, "the file is empty");
	if (!format)
		return error_set(err, ENOEXEC, "not an ELF file: trapline boots 64-bit x86 ELF kernels");
	if (guest_mem_size(mem) == 0)
		return error_set(err, ENOMEM, "the machine has no memory: run with -m 64M or more");
	guest_mem_clear(mem);
	rc = format->load(image, mem, entry, err);
	return rc < 0 ? rc : format->enter(opt, mem, entry, err);
}

int boot_load(const struct boot_image *image, const struct boot_options *opt, struct guest_mem *mem,
              struct boot_entry *ret, struct error *err)
{
	struct boot_entry entry = {0};
	int rc = load(image, opt, mem, &entry, err);

	if (rc < 0) {
		error_wrap(err, "%s", image->name ? image->name : "kernel");
		return rc;
	}
	*ret = entry;
	return 0;
}
