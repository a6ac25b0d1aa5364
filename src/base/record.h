/*
 * Named records in a row of bytes: how the state of a machine is kept, part by part. Each is a name, the
 * number of the thing that it is the state of (which vcpu), and its bytes.
 *
 *   0   name, padded with NUL to RECORD_NAME_SIZE
 *   24  index, 4 bytes little-endian
 *   28  length of the bytes, 4 bytes little-endian
 *   32  the bytes, padded with zeros to a multiple of 8
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_NAME_SIZE 24
#define RECORD_MAX 65536u             /* bytes of one record */
#define RECORDS_MAX (16u << 20)       /* bytes of all */

/* A growing row. All zero is an empty one; bytes is owned by it. */
struct records { uint8_t *bytes; size_t len, room; };

struct record {
	char name[RECORD_NAME_SIZE + 1];
	uint32_t index, len;
	const uint8_t *bytes;             /* in the row */
};

/* 0; -ENOMEM; -EINVAL: name too long or empty, len beyond RECORD_MAX; -ENOSPC: beyond RECORDS_MAX. */
int records_add(struct records *r, const char *name, uint32_t index, const void *bytes, uint32_t len);
void records_free(struct records *r);

/*
 * The record at *at (0 first), which moves on: 1; 0 at the end; -EINVAL where what stands there is none, for
 * rows from outside.
 */
int records_next(const uint8_t *bytes, size_t len, size_t *at, struct record *ret);

/* The record of that name and index: 1, 0 when there is none, or -EINVAL. */
int records_find(const uint8_t *bytes, size_t len, const char *name, uint32_t index, struct record *ret);

#endif
