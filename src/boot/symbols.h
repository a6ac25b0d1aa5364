/* Address -> function name from an ELF's symbol table. Untrusted input; bounded by the file's size. */
#ifndef BOOT_SYMBOLS_H
#define BOOT_SYMBOLS_H

#include "boot/loader.h"

/*
 * The function symbol that covers addr (an address of the image, without bias). Returns its name (borrowed
 * from image->bytes, NUL-terminated inside it) and the distance, or NULL.
 */
const char *boot_symbol_at(const struct boot_image *image, uint64_t addr, uint64_t *ret_offset);

/* The address of a named symbol; -ENOENT. */
int boot_symbol_find(const struct boot_image *image, const char *name, uint64_t *ret_addr);

/* How many named functions, objects and labels the image's symbol table has. */
uint64_t boot_symbol_count(const struct boot_image *image);

#endif
