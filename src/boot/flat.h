/* What Multiboot 1 and 2 have in common: images by load addresses, the entry, the command line. */
#ifndef BOOT_FLAT_H
#define BOOT_FLAT_H

#include "boot/setup.h"

/* Where a header says that the file's bytes go; all physical. */
struct boot_flat {
	uint64_t header_offset;      /* in the file */
	uint64_t header_addr, load_addr;
	uint64_t load_end;           /* 0: to the end of the file */
	uint64_t bss_end;            /* 0: no bss */
	uint64_t entry;
};

/* Fills entry and the one segment of *ret, and copies. -EINVAL, -ENOMEM with text. */
int boot_flat_load(const struct boot_image *image, const struct boot_flat *flat, struct guest_mem *mem,
                   struct boot_entry *ret, struct error *err);

/* Makes the entry point of a loaded ELF image physical. -EINVAL with text: in no segment below 4 GiB. */
int boot_flat_entry(struct boot_entry *entry, struct error *err);

/*
 * A block with room for fixed bytes, all texts and the map; the modules behind the image; the 32-bit state.
 */
int boot_flat_block(struct boot_setup *s, uint64_t fixed, struct boot_entry *entry, struct boot_block *ret,
                    struct error *err);

#define BOOT_FLAT_NAME_MAX 255u
#define BOOT_FLAT_CMDLINE_MAX (BOOT_FLAT_NAME_MAX + 1 + BOOT_CMDLINE_MAX)

/* The command line as these kernels know it: the image's file name goes before it. */
void boot_flat_cmdline(const struct boot_setup *s, char ret[BOOT_FLAT_CMDLINE_MAX]);

#endif
