/*
 * A machine's snapshot as a file: its state as records (base/record.h), and its memory without the pages of
 * zeros. Pure: bytes out through a function, bytes in from memory. All numbers little-endian.
 *
 *   0    "TRAPSNAP"
 *   8    version, 4 bytes: SNAPFILE_VERSION
 *   12   number of vcpus, 4 bytes
 *   16   size of the file, 8 bytes
 *   24   how far the image stands from where it was linked, 8 bytes
 *   32   length of the records, 8 bytes, a multiple of 8
 *   40   number of pages, 8 bytes
 *   48   number of memory regions, 4 bytes (1 to 8); 4 bytes of zeros
 *   56   the regions: address and size, 8 bytes each; zeros up to 184
 *   184  the records
 *        runs of pages, by address: address and number of pages, 8 bytes each, then the pages
 *        CRC-32 of all that stands before, 4 bytes; 4 bytes of zeros
 *
 * What is not in a run is zeros.
 */
#ifndef MEM_SNAPFILE_H
#define MEM_SNAPFILE_H

#include "mem/page_store.h"

#define SNAPFILE_VERSION 1u

struct snapfile_region { uint64_t gpa, size; };

struct snapfile {
	uint32_t vcpus;
	uint64_t bias;
	unsigned regions;
	struct snapfile_region region[GUEST_MEM_MAX_REGIONS]; /* as guest_mem has them */
	const uint8_t *state;     /* records */
	size_t state_len;
	uint64_t pages;
	const uint8_t *runs;      /* reading */
	size_t runs_len;
};

struct snapfile_run {
	uint64_t gpa, pages;
	const uint8_t *bytes;
};

/* Takes all bytes or fails with negative errno. */
struct snapfile_sink { void *ctx; int (*write)(void *ctx, const void *bytes, size_t len); };

/* Fills in the regions. */
void snapfile_describe(const struct guest_mem *mem, struct snapfile *ret);

/* Of head: vcpus, bias, regions and state. The sink's error. */
int snapfile_write(const struct snapfile *head, const struct page_store *store,
                   const struct page_image *image, const struct snapfile_sink *sink);

/*
 * Checks everything that the file says of itself; *ret points into the bytes. -EINVAL with text: no snapshot,
 * another version, truncated, damaged.
 */
int snapfile_open(const uint8_t *bytes, size_t size, struct snapfile *ret, struct error *err);

/* The run at *at (0 first), which moves on; false at the end. Of an opened file. */
bool snapfile_next(const struct snapfile *f, size_t *at, struct snapfile_run *ret);

/* Memory becomes what the file holds. -EINVAL with text when it is of another size. */
int snapfile_load(const struct snapfile *f, struct guest_mem *mem, struct error *err);

#endif
