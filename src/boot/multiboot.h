/*
 * Multiboot 1 (Multiboot Specification 0.6.96): a header in the first 8 KiB of an ELF file, or of any file
 * when it holds the load addresses itself.
 */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#include "boot/setup.h"

#define BOOT_MULTIBOOT_HEADER_MAGIC 0x1badb002u
#define BOOT_MULTIBOOT_MAGIC 0x2badb002u /* eax at entry */

bool boot_multiboot_probe(const struct boot_image *image);
int boot_multiboot_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                        struct error *err);
int boot_multiboot_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err);

#endif
