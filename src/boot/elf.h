/*
 * ELF64 images for x86-64: checked access to the file, loading, relocation. Untrusted input; bounded by
 * the file's size. Pure but for the guest memory that is passed in.
 */
#ifndef BOOT_ELF_H
#define BOOT_ELF_H

#include "boot/loader.h"
#include <elf.h>

/* Where a position-independent image is placed (its lowest segment), aligned up as its segments ask. */
#define BOOT_ELF_PIE_BASE 0x200000ull

/* True when the file begins as an ELF file does, of whatever class. */
bool boot_elf_probe(const struct boot_image *image);

/*
 * Checks the image, copies its segments into mem (which reads zero where nothing was copied) and applies
 * its relocations. Fills format, entry, bias and segments of *ret; leaves state alone. Errors as
 * boot_load(); the text does not name the image.
 */
int boot_elf_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                  struct error *err);

/* The header of an ELF64 little-endian x86-64 file. 0, -ENOEXEC (no ELF) or -EINVAL with text. */
int boot_elf_header(const struct boot_image *image, Elf64_Ehdr *ret, struct error *err);

/* len bytes of the file at offset; NULL when they are not all there. */
const void *boot_elf_bytes(const struct boot_image *image, uint64_t offset, uint64_t len);

/*
 * Applies DT_RELA and DT_RELR of a position-independent image whose segments are loaded as entry tells.
 * 0, or -EINVAL with text: broken tables, or relocations that need a dynamic linker.
 */
int boot_elf_relocate(const struct boot_image *image, const Elf64_Ehdr *eh, const struct boot_entry *entry,
                      struct guest_mem *mem, struct error *err);

#endif
