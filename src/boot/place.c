#include "boot/place.h"
#include "base/bytes.h"

#define PAGE 4096ull

static void take(struct boot_place *p, uint64_t start, uint64_t end)
{
	p->taken[p->count].start = start;
	p->taken[p->count++].end = end;
}

void boot_place_init(struct boot_place *p, const struct guest_mem *mem, const struct boot_entry *entry)
{
	p->mem = mem;
	p->count = 0;
	take(p, 0, PAGE);
	take(p, BOOT_LOW_LIMIT, BOOT_LOW_END);
	for (unsigned i = 0; i < entry->segment_count; i++)
		take(p, entry->segment[i].gpa, entry->segment[i].gpa + entry->segment[i].mem_size);
}

/* The number of a taken range that [at, at+size) touches; count when there is none. */
static unsigned obstacle(const struct boot_place *p, uint64_t at, uint64_t size)
{
	unsigned i = 0;

	while (i < p->count && (p->taken[i].start >= at + size || at >= p->taken[i].end))
		i++;
	return i;
}

bool boot_place_is_free(const struct boot_place *p, uint64_t at, uint64_t size)
{
	return guest_mem_contains(p->mem, at, size) && obstacle(p, at, size) == p->count;
}

bool boot_place_at(struct boot_place *p, uint64_t at, uint64_t size)
{
	if (p->count == BOOT_PLACE_MAX || !boot_place_is_free(p, at, size))
		return false;
	take(p, at, at + size);
	return true;
}

/* What [from, limit) and region i have in common. */
static bool common(const struct boot_place *p, unsigned i, uint64_t from, uint64_t limit,
                   uint64_t *ret_start, uint64_t *ret_end)
{
	const struct guest_mem_region *r = &p->mem->region[i];

	*ret_start = r->gpa > from ? r->gpa : from;
	*ret_end = r->gpa + r->size < limit ? r->gpa + r->size : limit;
	return *ret_start < *ret_end;
}

/* Each round of the two searches leaves one obstacle behind for good. */
static uint64_t lowest(const struct boot_place *p, uint64_t start, uint64_t end, uint64_t size,
                       uint64_t align)
{
	for (unsigned round = 0; round <= p->count; round++) {
		uint64_t at = bytes_align_up(start, align);
		unsigned i;

		if (at < start || at > end || size > end - at)
			return 0;
		i = obstacle(p, at, size);
		if (i == p->count)
			return at;
		start = p->taken[i].end;
	}
	return 0;
}

static uint64_t highest(const struct boot_place *p, uint64_t start, uint64_t end, uint64_t size,
                        uint64_t align)
{
	for (unsigned round = 0; round <= p->count; round++) {
		uint64_t at;
		unsigned i;

		if (end < start || size > end - start)
			return 0;
		at = bytes_align_down(end - size, align);
		if (at < start)
			return 0;
		i = obstacle(p, at, size);
		if (i == p->count)
			return at;
		end = p->taken[i].start;
	}
	return 0;
}

uint64_t boot_place_low(struct boot_place *p, uint64_t from, uint64_t limit, uint64_t size, uint64_t align)
{
	uint64_t start, end, at;

	for (unsigned i = 0; i < p->mem->count && p->count < BOOT_PLACE_MAX; i++) {
		at = common(p, i, from, limit, &start, &end) ? lowest(p, start, end, size, align) : 0;
		if (at) {
			take(p, at, at + size);
			return at;
		}
	}
	return 0;
}

uint64_t boot_place_high(struct boot_place *p, uint64_t from, uint64_t limit, uint64_t size, uint64_t align)
{
	uint64_t start, end, at;

	for (unsigned i = p->mem->count; i-- > 0 && p->count < BOOT_PLACE_MAX;) {
		at = common(p, i, from, limit, &start, &end) ? highest(p, start, end, size, align) : 0;
		if (at) {
			take(p, at, at + size);
			return at;
		}
	}
	return 0;
}
