/*
 * Multiboot 2 (Multiboot2 Specification 2.0), entered in 32-bit mode: a header in the first 32 KiB of an ELF
 * file, or of any file when it holds the load addresses itself.
 */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "boot/setup.h"

#define BOOT_MULTIBOOT2_HEADER_MAGIC 0xe85250d6u
#define BOOT_MULTIBOOT2_MAGIC 0x36d76289u /* eax at entry */

bool boot_multiboot2_probe(const struct boot_image *image);
int boot_multiboot2_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                         struct error *err);
int boot_multiboot2_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err);

#endif
