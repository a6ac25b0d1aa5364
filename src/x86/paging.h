/*
 * Read-only page walk: no paging, 32-bit, PAE, 4-level, 5-level; large pages (SDM 3A chapter 4).
 * A debugger's walk: ignores U/S, R/W and NX for success, reports them, never writes accessed or dirty.
 * Pure; the tables are read through a callback.
 */
#ifndef X86_PAGING_H
#define X86_PAGING_H

#include "x86/state.h"

/* Reads len (4 or 8) bytes of guest-physical memory. 0 or -EFAULT. */
struct x86_phys_reader {
	int (*read)(void *ctx, uint64_t gpa, void *buf, size_t len);
	void *ctx;
};

enum x86_paging_mode {
	X86_PAGING_NONE, X86_PAGING_32, X86_PAGING_PAE, X86_PAGING_4LEVEL, X86_PAGING_5LEVEL
};

/* The registers that decide a walk; x86_paging_from_state() copies them. */
struct x86_paging {
	enum x86_paging_mode mode;
	uint64_t cr3;
	bool pse, nx;
	bool no_1g;               /* PS is reserved in a level 3 entry */
	uint8_t phys_bits;
};

enum x86_walk_result {
	X86_WALK_OK, X86_WALK_NOT_PRESENT, X86_WALK_NOT_CANONICAL, X86_WALK_RESERVED_BIT,
	X86_WALK_TABLE_OUTSIDE_RAM
};

struct x86_walk_level { uint8_t level; uint64_t entry_gpa, entry; }; /* level 5..1; PDPTE = 3 */

struct x86_walk {
	enum x86_walk_result result;
	uint64_t gpa;             /* translated address, X86_WALK_OK only */
	/* Bytes mapped by the leaf, or covered by the entry that ended the walk (not canonical: the aligned
	 * block around the address without a canonical one; no paging: 4096). A power of two. */
	uint64_t page_size;
	bool writable, user, executable; /* combined over the levels */
	unsigned depth;           /* rows of level[] that were read */
	struct x86_walk_level level[5];
};

void x86_paging_from_state(const struct x86_state *st, const struct x86_layout *layout,
                           struct x86_paging *ret);

/* Translates one guest-linear address. Always fills *ret; ret->result tells. */
void x86_paging_walk(const struct x86_paging *pg, uint64_t gva, const struct x86_phys_reader *mem,
                     struct x86_walk *ret);

/* "4-level", "PAE", ...; "page not present", ... Static strings. */
const char *x86_paging_mode_name(enum x86_paging_mode mode);
const char *x86_walk_result_name(enum x86_walk_result result);

#endif
