/* What an address space looks like: stretches of one kind, by page walks that leave no trace. */
#ifndef DEBUG_REGION_H
#define DEBUG_REGION_H

#include "debug/memory.h"

struct debug_region {
	uint64_t start, size;     /* size 0: to the end of the address space */
	const char *perms;        /* "rwx", "rx" ...; "": no RAM is mapped there */
	const char *name;         /* "device": mapped, and not RAM; else NULL */
};

/* The stretch around an address of a virtual view; a very long one may be cut behind the address. */
void debug_region_find(const struct debug_view *v, uint64_t gva, struct debug_region *ret);
/* The same of physical memory. */
void debug_region_find_phys(const struct guest_mem *mem, uint64_t gpa, struct debug_region *ret);

#endif
