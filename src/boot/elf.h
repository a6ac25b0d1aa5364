/*
 * ELF images for x86-64 and 32-bit x86: checked access to the file, loading, relocation. Untrusted input;
 * bounded by the file's size. Pure but for the guest memory that is passed in.
 */
#ifndef BOOT_ELF_H
#define BOOT_ELF_H

#include "boot/loader.h"
#include <elf.h>

/* Where a position-independent image is placed (its lowest segment), aligned up as its segments ask. */
#define BOOT_ELF_PIE_BASE 0x200000ull

/* ---- the file; both classes are read as ELF64, e_ident tells which it was ---- */

/* True when the file begins as an ELF file does, of whatever class. */
bool boot_elf_probe(const struct boot_image *image);

/*
 * The header of a little-endian ELF64 x86-64 or ELF32 x86 file. 0, -ENOEXEC (no ELF) or -EINVAL with text.
 */
int boot_elf_header(const struct boot_image *image, Elf64_Ehdr *ret, struct error *err);
bool boot_elf_is32(const Elf64_Ehdr *eh);

/* Program header i < e_phnum, of a table that has been checked. check: 0, or -EINVAL with text. */
int boot_elf_check_phdrs(const struct boot_image *image, const Elf64_Ehdr *eh, struct error *err);
Elf64_Phdr boot_elf_phdr(const struct boot_image *image, const Elf64_Ehdr *eh, unsigned i);

/* Section header i < e_shnum, where has_sections() said that the table is all there. */
bool boot_elf_has_sections(const struct boot_image *image, const Elf64_Ehdr *eh);
Elf64_Shdr boot_elf_section(const struct boot_image *image, const Elf64_Ehdr *eh, unsigned i);

/* len bytes of the file at offset; NULL when they are not all there. */
const void *boot_elf_bytes(const struct boot_image *image, uint64_t offset, uint64_t len);

/* ---- notes ---- */

struct boot_note {
	const char *name;       /* in the file; name_size counts its NUL, if it has one */
	const uint8_t *desc;
	uint32_t name_size, desc_size, type;
};

#define BOOT_NOTES_MAX 1024 /* further ones are not seen */

struct boot_note_cursor { unsigned header, count; uint64_t offset; }; /* zeroed: the first note */

/* The next note of the program headers; false behind the last, and for what is no ELF or broken. */
bool boot_elf_next_note(const struct boot_image *image, struct boot_note_cursor *at, struct boot_note *ret);
/* The first of this name (without NUL) and type. */
bool boot_elf_find_note(const struct boot_image *image, const char *name, uint32_t type,
                        struct boot_note *ret);

/* ---- loading ---- */

/*
 * Checks the image, copies its segments into mem (which reads zero where nothing was copied) and applies
 * its relocations. Fills format, entry, bias and segments of *ret; leaves state alone. The entry point is
 * not looked at. Errors as boot_load(); the text does not name the image.
 */
int boot_elf_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                  struct error *err);
/* The same, with the lowest segment of a position-independent image at base, a page, whatever its wishes. */
int boot_elf_load_at(const struct boot_image *image, uint64_t base, struct guest_mem *mem,
                     struct boot_entry *ret, struct error *err);
/* boot_elf_load() for kernels that are entered at their entry point: -EINVAL when it lies in no segment. */
int boot_elf_load_native(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                         struct error *err);

/* Physical address of what is linked at addr, or addr itself where it is one. False: in no segment. */
bool boot_elf_locate(const struct boot_entry *entry, uint64_t addr, uint64_t *ret);

/*
 * Applies DT_RELA and DT_RELR of a position-independent image whose segments are loaded as entry tells.
 * 0, or -EINVAL with text: broken tables, or relocations that need a dynamic linker.
 */
int boot_elf_relocate(const struct boot_image *image, const Elf64_Ehdr *eh, const struct boot_entry *entry,
                      struct guest_mem *mem, struct error *err);

#endif
