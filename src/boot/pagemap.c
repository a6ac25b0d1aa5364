#include "boot/pagemap.h"
#include "base/bytes.h"

#include <errno.h>

/* Entry bits of SDM 3A tables 4-15 to 4-20. */
#define PRESENT_WRITE 0x3ull
#define PRESENT 0x1ull
#define PAGE_SIZE_BIT 0x80ull
#define ADDRESS 0x000ffffffffff000ull

#define TOP_LEVEL 4u

static unsigned level_shift(unsigned level)
{
	return 12 + 9 * (level - 1);
}

static unsigned leaf_level(uint64_t page)
{
	return page == BOOT_PAGE_2M ? 2 : 1;
}

uint64_t boot_pagemap_tables(uint64_t gva, uint64_t len, uint64_t page)
{
	uint64_t last = gva + len - 1, count = 0;

	/* A table of level n is found by the address bits from level n+1's shift on. */
	for (unsigned level = leaf_level(page); level < TOP_LEVEL; level++)
		count += (last >> level_shift(level + 1)) - (gva >> level_shift(level + 1)) + 1;
	return count;
}

static int get_entry(const struct boot_pagemap *pm, uint64_t gpa, uint64_t *ret)
{
	uint8_t b[8];
	int rc = guest_mem_read(pm->mem, gpa, b, sizeof(b));

	if (rc == 0)
		*ret = bytes_get_le64(b);
	return rc;
}

static int put_entry(const struct boot_pagemap *pm, uint64_t gpa, uint64_t entry)
{
	uint8_t b[8];

	bytes_put_le64(b, entry);
	return guest_mem_write(pm->mem, gpa, b, sizeof(b));
}

/* Makes *ret the table that the entry at gpa points to, a new one if it points nowhere. */
static int descend(struct boot_pagemap *pm, uint64_t gpa, uint64_t *ret)
{
	uint64_t entry;
	int rc = get_entry(pm, gpa, &entry);

	if (rc < 0)
		return rc;
	if (entry & PAGE_SIZE_BIT)
		return -EINVAL;
	if (!(entry & PRESENT)) {
		if (pm->end - pm->next < BOOT_PAGE_4K)
			return -ENOSPC;
		entry = pm->next | PRESENT_WRITE;
		pm->next += BOOT_PAGE_4K;
		rc = put_entry(pm, gpa, entry);
	}
	*ret = entry & ADDRESS;
	return rc;
}

static int map_page(struct boot_pagemap *pm, uint64_t gva, uint64_t gpa, uint64_t page)
{
	uint64_t leaf = gpa | PRESENT_WRITE | (page == BOOT_PAGE_2M ? PAGE_SIZE_BIT : 0);
	uint64_t table = pm->cr3, at, there;
	unsigned level = TOP_LEVEL;
	int rc;

	for (;; level--) {
		at = table + 8 * (gva >> level_shift(level) & 511);
		if (level == leaf_level(page))
			break;
		rc = descend(pm, at, &table);
		if (rc < 0)
			return rc;
	}
	rc = get_entry(pm, at, &there);
	if (rc < 0)
		return rc;
	if (there & PRESENT)
		return there == leaf ? 0 : -EINVAL;
	return put_entry(pm, at, leaf);
}

int boot_pagemap_add(struct boot_pagemap *pm, uint64_t gva, uint64_t gpa, uint64_t len, uint64_t page,
                     struct error *err)
{
	uint64_t from = bytes_align_down(gva, page), count = ((gva + len - 1 - from) / page) + 1;
	uint64_t to = bytes_align_down(gpa, page);

	for (uint64_t i = 0; i < count; i++) {
		int rc = map_page(pm, from + i * page, to + i * page, page);

		if (rc < 0)
			return error_set(
				err, -rc, "virtual address 0x%llx cannot be mapped to 0x%llx: %s",
				(unsigned long long)(from + i * page), (unsigned long long)(to + i * page),
				rc == -EINVAL
					? "something else is mapped there (addresses below 4 GiB, and all "
					  "of memory, are mapped to themselves)"
					: "no room for page tables");
	}
	return 0;
}
