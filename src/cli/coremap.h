/* What of RAM a vcpu's page tables map, and where: the segments of a core file. Pure, but for the reader. */
#ifndef CLI_COREMAP_H
#define CLI_COREMAP_H

#include "mem/guest_mem.h"
#include "x86/paging.h"

/* Bytes that lie side by side both virtually and physically; all multiples of 4096. */
struct cli_coremap_run {
	uint64_t gva, gpa, size;
	bool writable, executable;
};

struct cli_coremap {
	struct cli_coremap_run *run; /* the caller's, room for max, sorted by gva when filled */
	unsigned count, max;
	uint64_t bytes, max_bytes;   /* of all runs together */
	bool cut; /* there was more, or the tables are too large to be walked to their end */
};

/* Fills map->run from nothing (the caller sets run, max and max_bytes). Bounded work, whatever the tables
 * hold. */
void cli_coremap_fill(struct cli_coremap *map, const struct x86_paging *paging,
                      const struct x86_phys_reader *reader, const struct guest_mem *mem);

#endif
