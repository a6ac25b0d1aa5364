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

#endif
