/*
 * Where in guest memory there is room: ranges that are spoken for while a loader puts its structures and
 * modules beside the image.
 */
#ifndef BOOT_PLACE_H
#define BOOT_PLACE_H

#include "boot/loader.h"

#define BOOT_LOW_LIMIT 0x9f000ull /* the top of low memory belongs to firmware and video on a PC */
#define BOOT_LOW_END 0x100000ull
#define BOOT_PLACE_MAX (BOOT_SEGMENTS_MAX + BOOT_MODULES_MAX + 8)

struct boot_place {
	const struct guest_mem *mem; /* borrowed */
	unsigned count;
	struct { uint64_t start, end; } taken[BOOT_PLACE_MAX];
};

/* Taken at first: the first page, the PC's hole below 1 MiB, and the entry's segments. */
void boot_place_init(struct boot_place *p, const struct guest_mem *mem, const struct boot_entry *entry);

/* True when [at, at+size) is RAM and nobody's. */
bool boot_place_is_free(const struct boot_place *p, uint64_t at, uint64_t size);

/*
 * size > 0 bytes, aligned to a power of two of at least 4096, within [from, limit): the lowest, or the
 * highest. They are taken from then on. 0: no room.
 */
uint64_t boot_place_low(struct boot_place *p, uint64_t from, uint64_t limit, uint64_t size, uint64_t align);
uint64_t boot_place_high(struct boot_place *p, uint64_t from, uint64_t limit, uint64_t size, uint64_t align);

/* This very range, whole pages. False when it is not free. */
bool boot_place_at(struct boot_place *p, uint64_t at, uint64_t size);

#endif
