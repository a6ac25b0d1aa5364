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
};

struct guest_mem {
	struct guest_mem_region region[GUEST_MEM_MAX_REGIONS]; /* sorted by gpa, never overlapping */
	unsigned count;
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

/* Forgets the contents: every byte reads 0 again and host memory is given back. */
void guest_mem_clear(struct guest_mem *gm);

#endif
