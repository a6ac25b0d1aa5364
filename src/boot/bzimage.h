/*
 * Linux bzImages, entered in 64-bit mode (Linux, Documentation/arch/x86/boot.rst, "64-bit Boot Protocol").
 * Several modules become one initrd, each padded to four bytes, as Linux takes several archives.
 */
#ifndef BOOT_BZIMAGE_H
#define BOOT_BZIMAGE_H

#include "boot/setup.h"

bool boot_bzimage_probe(const struct boot_image *image);
int boot_bzimage_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                      struct error *err);
int boot_bzimage_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err);

#define BOOT_BZIMAGE_VERSION 200 /* characters that are shown; Linux's are fewer */

struct boot_bzimage_info {
	char version[BOOT_BZIMAGE_VERSION + 1]; /* the kernel's, any bytes; "": there is none */
	unsigned protocol;          /* 0x20f: 2.15 */
	const char *compression;    /* static; "unknown" */
	uint64_t payload_size, unpacked_size; /* bytes; unpacked as the image says, 0: not known */
	uint64_t preferred, align;  /* where it wants to lie; what else will do, if relocatable */
	bool relocatable, kaslr;    /* kaslr: its unpacker knows the word nokaslr */
};

/* What the setup header and the unpacker behind it tell. False: it is no bzImage that can be booted here. */
bool boot_bzimage_describe(const struct boot_image *image, struct boot_bzimage_info *ret);

#endif
