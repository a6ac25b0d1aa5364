/*
 * Mappings added to 4-level tables that already lie in guest memory: for kernels whose virtual addresses
 * are not their physical ones. Writable, executable, supervisor pages, like the identity map.
 */
#ifndef BOOT_PAGEMAP_H
#define BOOT_PAGEMAP_H

#include "base/error.h"
#include "mem/guest_mem.h"

#define BOOT_PAGE_4K 0x1000ull
#define BOOT_PAGE_2M 0x200000ull

struct boot_pagemap {
	struct guest_mem *mem;
	uint64_t cr3;         /* address of the level 4 table */
	uint64_t next, end;   /* zeroed pages for new tables: taken from next on */
};

/* The most table pages that mapping [gva, gva+len) with such pages can take. len > 0, no wrap. */
uint64_t boot_pagemap_tables(uint64_t gva, uint64_t len, uint64_t page);

/*
 * Maps every page that [gva, gva+len) touches; gva and gpa agree below the page size, len > 0, no wrap.
 * A page that is already mapped to the same place is left. 0, or with text: -EINVAL (something else is
 * mapped there), -ENOSPC (no table pages left), -EFAULT (tables outside memory).
 */
int boot_pagemap_add(struct boot_pagemap *pm, uint64_t gva, uint64_t gpa, uint64_t len, uint64_t page,
                     struct error *err);

#endif
