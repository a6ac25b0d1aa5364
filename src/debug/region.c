#include "debug/region.h"

#include <string.h>

/* Pages or holes looked at to join neighbours into one region. */
#define STEPS 512

static const char *perms_of(const struct x86_walk *w)
{
	return w->writable ? w->executable ? "rwx" : "rw" : w->executable ? "rx" : "r";
}

/* All RAM, or none of it. */
static bool uniform(const struct guest_mem *mem, uint64_t gpa, uint64_t size)
{
	if (guest_mem_contains(mem, gpa, size))
		return true;
	for (unsigned i = 0; i < mem->count; i++)
		if (mem->region[i].gpa < gpa + size && gpa < mem->region[i].gpa + mem->region[i].size)
			return false;
	return true;
}

/* What one page-table entry says about the addresses around gva. */
static void region_at(const struct debug_view *v, uint64_t gva, struct debug_region *ret)
{
	struct x86_walk w;
	uint64_t size;

	*ret = (struct debug_region){ .perms = "" };
	debug_view_walk(v, gva, &w);
	if (w.result == X86_WALK_NOT_CANONICAL) {
		bool wide = v->paging.mode == X86_PAGING_4LEVEL || v->paging.mode == X86_PAGING_5LEVEL;
		uint64_t edge = v->paging.mode == X86_PAGING_5LEVEL ? 1ull << 56 : 1ull << 47;

		ret->start = wide ? edge : 1ull << 32;
		ret->size = wide ? 0 - 2 * edge : 0 - (1ull << 32);
		return;
	}
	size = w.page_size < 4096 ? 4096 : w.page_size;
	ret->start = gva & ~(size - 1);
	ret->size = size;
	if (w.result != X86_WALK_OK)
		return;
	if (guest_mem_contains(v->mem, w.gpa & ~4095ull, 4096))
		ret->perms = perms_of(&w);
	else
		ret->name = "device";
	/* Where RAM ends inside a large page only this 4 KiB page is sure. */
	if (size > 4096 && !uniform(v->mem, w.gpa & ~(size - 1), size)) {
		ret->start = gva & ~4095ull;
		ret->size = 4096;
	}
}

void debug_region_find(const struct debug_view *v, uint64_t gva, struct debug_region *ret)
{
	region_at(v, gva, ret);
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t next = ret->start + ret->size;
		struct debug_region r;

		if (next < ret->start || next == 0)
			return;
		region_at(v, next, &r);
		if (strcmp(r.perms, ret->perms) != 0 || !r.name != !ret->name || r.start != next)
			return;
		ret->size += r.size;
	}
}

void debug_region_find_phys(const struct guest_mem *mem, uint64_t gpa, struct debug_region *ret)
{
	*ret = (struct debug_region){ .start = guest_mem_end(mem), .perms = "" };
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_mem_region *r = &mem->region[i];

		if (gpa - r->gpa < r->size) {
			*ret = (struct debug_region){ .start = r->gpa, .size = r->size, .perms = "rwx" };
			return;
		}
		if (gpa < r->gpa) {
			*ret = (struct debug_region){ .start = gpa, .size = r->gpa - gpa, .perms = "" };
			return;
		}
	}
	ret->size = 0 - ret->start;
}
