/*
 * What the protocols have in common once an image is loaded: one block of memory for their structures, the
 * modules, the memory map, the flat 32-bit state. For src/boot only.
 */
#ifndef BOOT_SETUP_H
#define BOOT_SETUP_H

#include "boot/place.h"

/* Kinds of memory, as the BIOS call E820 and all that came after it number them. */
enum { BOOT_RAM = 1, BOOT_RESERVED = 2 };
#define BOOT_MAP_MAX (GUEST_MEM_MAX_REGIONS + 2)

struct boot_range { uint64_t start, size; uint32_t kind; };

struct boot_setup {
	const struct boot_image *image;
	const struct boot_options *opt;  /* never NULL */
	struct guest_mem *mem;
	struct boot_place place;         /* taken: the image, and what has been placed so far */
	struct boot_range module[BOOT_MODULES_MAX]; /* of opt->module, once they are placed */
};

#define BOOT_4G (1ull << 32)

/* ---- a block of structures ---- */

struct boot_block { struct guest_mem *mem; uint64_t base, next, end; };

/*
 * size bytes (rounded up to pages) at BOOT_AREA_BASE, or where else below 4 GiB is room. -ENOMEM with text.
 */
int boot_block_new(struct boot_setup *s, uint64_t size, struct boot_block *ret, struct error *err);

/* The next len bytes, aligned to a power of two; 0 when the block is full. What is there reads zero. */
uint64_t boot_block_take(struct boot_block *b, uint64_t len, uint64_t align);
/* The same, and copies len bytes there. */
uint64_t boot_block_put(struct boot_block *b, const void *bytes, uint64_t len, uint64_t align);
uint64_t boot_block_text(struct boot_block *b, const char *text); /* NULL = "" */

/* ---- modules ---- */

enum boot_end { BOOT_LOW_FIRST, BOOT_HIGH_FIRST };

/*
 * Copies every module to a page boundary below limit: close behind the image, as loaders of old did, or as
 * high as possible. Fills s->module. -ENOMEM with text.
 */
int boot_modules_place(struct boot_setup *s, enum boot_end end, uint64_t limit, struct error *err);

/* ---- memory map ---- */

/* RAM without the PC's hole below 1 MiB, which is reserved. Ascending; how many, at most BOOT_MAP_MAX. */
unsigned boot_map(const struct guest_mem *mem, struct boot_range *ret);

/* ---- 32-bit entry ---- */

/*
 * Flat protected mode without paging, interrupts off, a GDT of ours in the block (code 0x08, data 0x10,
 * task 0x18), a stack of BOOT_STACK_SIZE and zeroed general registers. 0, or -ENOMEM with text.
 */
int boot_state32(struct boot_block *b, uint64_t eip, struct x86_state *st, struct error *err);
/* What a block needs for that. */
#define BOOT_STATE32_SIZE (BOOT_STACK_SIZE + 0x200)

#endif
