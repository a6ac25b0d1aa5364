/*
 * Guest-physical memory: a short list of regions backed by lazily committed host memory, and the only
 * code that turns a guest-physical address into a host pointer.
 *
 * The list is built before vcpus run and is constant afterwards, so that any thread may read and write;
 * two threads that touch the same bytes race like two CPUs would (bytes are never torn).
 */
#ifndef MEM_GUEST_MEM_H
#define MEM_GUEST_MEM_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_MEM_MAX_REGIONS 8

struct guest_mem_region {
	uint64_t gpa, size;  /* bytes, both multiples of 4096 */
	uint8_t *host;       /* first byte; owned by guest_mem */
	uint64_t bit;        /* of its first page in a bitmap of pages; a multiple of 64 */
};

struct guest_mem {
	struct guest_mem_region region[GUEST_MEM_MAX_REGIONS]; /* sorted by gpa, never overlapping */
	unsigned count;
	uint64_t *written;   /* bitmap of pages written from here; NULL: not kept */
	bool cleared;        /* by guest_mem_clear() since guest_mem_take_written() */
};

/* An empty memory. guest_mem_fini() takes NULL and half-built ones and unmaps everything. */
void guest_mem_init(struct guest_mem *gm);
void guest_mem_fini(struct guest_mem *gm);

/*
 * Adds RAM of size bytes at gpa, zero-filled, not reserved in host memory until touched, left out of
 * host core dumps. -EINVAL (alignment, size 0, wrap), -EEXIST (overlap), -ENOSPC (table), -ENOMEM.
 */
int guest_mem_add(struct guest_mem *gm, uint64_t gpa, uint64_t size, struct error *err);

/* Total bytes of RAM; address of the first byte behind the highest region. */
uint64_t guest_mem_size(const struct guest_mem *gm);
uint64_t guest_mem_end(const struct guest_mem *gm);

/* Whole or nothing, across adjoining regions. 0 or -EFAULT. len 0 succeeds anywhere. */
int guest_mem_read(const struct guest_mem *gm, uint64_t gpa, void *buf, size_t len);
int guest_mem_write(struct guest_mem *gm, uint64_t gpa, const void *buf, size_t len);
int guest_mem_fill(struct guest_mem *gm, uint64_t gpa, uint8_t byte, size_t len);

/* True when [gpa, gpa+len) is RAM. */
bool guest_mem_contains(const struct guest_mem *gm, uint64_t gpa, uint64_t len);

/*
 * The host bytes of [gpa, gpa+len) when one region holds them all, else NULL. Valid until fini.
 * For bulk users (loaders, KVM slots, search); guest bytes may change under the reader.
 */
void *guest_mem_window(const struct guest_mem *gm, uint64_t gpa, uint64_t len);

/*
 * Bitmaps of pages: one bit for each page of RAM, regions in order, each beginning with a new 64-bit word.
 * How many bits there are, a multiple of 64, the last ones of a region without a page included; and the host
 * bytes of the page that a bit stands for, NULL when it stands for none.
 */
uint64_t guest_mem_bits(const struct guest_mem *gm);
uint8_t *guest_mem_page(const struct guest_mem *gm, uint64_t bit);
uint64_t guest_mem_page_address(const struct guest_mem *gm, uint64_t bit);

/*
 * From now on it is kept which pages are written by guest_mem_write() and _fill(), as KVM keeps no record of
 * what others than the guest write. 0 or -ENOMEM; a second call changes nothing. Nobody may write meanwhile.
 */
int guest_mem_track(struct guest_mem *gm);
void guest_mem_untrack(struct guest_mem *gm);
/* For who writes through a window. Atomic; does nothing while untracked. */
void guest_mem_mark(struct guest_mem *gm, uint64_t gpa, uint64_t len);
/*
 * Adds the pages written since the last call to a bitmap. True: everything was cleared meanwhile, and the
 * bits are of what was written after that.
 */
bool guest_mem_take_written(struct guest_mem *gm, uint64_t *bits);

/*
 * Adds to a bitmap every page that may hold something other than zeros. pagemap: a descriptor of
 * /proc/self/pagemap; without one (negative, or it cannot be read) that may be any.
 */
void guest_mem_touched(const struct guest_mem *gm, int pagemap, uint64_t *bits);

/* Forgets the contents: every byte reads 0 again and host memory is given back. */
void guest_mem_clear(struct guest_mem *gm);

#endif
