#include "cli/coremap.h"

#include "base/bytes.h"

/* Pages and holes that are looked at: with 4 KiB pages, 8 GiB. A table may map itself, or everything to one
 * page. */
#define MAX_WALKS (2u << 20)

#define SIZE_4G (1ull << 32)

static void add_run(struct cli_coremap *map, const struct cli_coremap_run *new)
{
	struct cli_coremap_run *last = map->count > 0 ? &map->run[map->count - 1] : NULL;

	if (new->size > map->max_bytes - map->bytes) {
		map->cut = true;
		return;
	}
	if (last != NULL && last->gva + last->size == new->gva && last->gpa + last->size == new->gpa &&
	    last->writable == new->writable && last->executable == new->executable) {
		last->size += new->size;
	} else if (map->count < map->max) {
		map->run[map->count++] = *new;
	} else {
		map->cut = true;
		return;
	}
	map->bytes += new->size;
}

/* Those parts of a mapping of [gpa, gpa+size) that are RAM. */
static void add_mapping(struct cli_coremap *map, const struct guest_mem *mem, struct cli_coremap_run whole)
{
	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_mem_region *r = &mem->region[i];
		uint64_t low = whole.gpa > r->gpa ? whole.gpa : r->gpa;
		uint64_t end = whole.gpa + whole.size < r->gpa + r->size ? whole.gpa + whole.size
		                                                         : r->gpa + r->size;
		struct cli_coremap_run part = whole;

		if (low >= end)
			continue;
		part.gva += low - whole.gpa;
		part.gpa = low;
		part.size = end - low;
		add_run(map, &part);
	}
}

static void fill_by_walking(struct cli_coremap *map, const struct x86_paging *paging,
                            const struct x86_phys_reader *reader, const struct guest_mem *mem)
{
	bool wide = paging->mode == X86_PAGING_4LEVEL || paging->mode == X86_PAGING_5LEVEL;
	uint64_t gva = 0, next;
	unsigned walks = 0;

	do {
		struct x86_walk walk;

		if (++walks > MAX_WALKS) {
			map->cut = true;
			return;
		}
		x86_paging_walk(paging, gva, reader, &walk);
		next = bytes_align_down(gva, walk.page_size) + walk.page_size;
		if (walk.result == X86_WALK_OK)
			add_mapping(map, mem,
			            (struct cli_coremap_run){
			                    .gva = bytes_align_down(gva, walk.page_size),
			                    .gpa = bytes_align_down(walk.gpa, walk.page_size),
			                    .size = walk.page_size,
			                    .writable = walk.writable,
			                    .executable = walk.executable,
			            });
		gva = next;
	} while (next != 0 && (wide || next < SIZE_4G) && !map->cut);
}

void cli_coremap_fill(struct cli_coremap *map, const struct x86_paging *paging,
                      const struct x86_phys_reader *reader, const struct guest_mem *mem)
{
	map->count = 0;
	map->bytes = 0;
	map->cut = false;
	if (paging->mode == X86_PAGING_NONE)
		add_mapping(map, mem,
			    (struct cli_coremap_run){.size = SIZE_4G, .writable = true, .executable = true});
	else
		fill_by_walking(map, paging, reader, mem);
}
