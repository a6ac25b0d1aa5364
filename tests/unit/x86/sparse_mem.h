/* Guest-physical memory that holds only a few 8-byte words; everything else is outside RAM. */
#ifndef TESTS_UNIT_X86_SPARSE_MEM_H
#define TESTS_UNIT_X86_SPARSE_MEM_H

#include "base/bytes.h"
#include <errno.h>
#include <stddef.h>

struct word { uint64_t gpa, value; };          /* gpa is a multiple of 4; both 0 ends a list */
struct sparse_mem { const struct word *words; unsigned reads; };

static inline int sparse_read(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	struct sparse_mem *mem = ctx;

	mem->reads++;
	for (const struct word *w = mem->words; w->gpa != 0 || w->value != 0; w++) {
		if (w->gpa == gpa) {
			bytes_put_le(buf, w->value, (unsigned)len);
			return 0;
		}
	}
	return -EFAULT;
}

#endif
