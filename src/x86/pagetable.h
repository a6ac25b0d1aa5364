/* Page tables for entry states: identity maps for loaders (SDM 3A 4.5). Pure; written by a callback. */
#ifndef X86_PAGETABLE_H
#define X86_PAGETABLE_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

/* Writes len bytes of guest-physical memory. 0 or negative errno. */
struct x86_phys_writer {
	int (*write)(void *ctx, uint64_t gpa, const void *buf, size_t len);
	void *ctx;
};

#define X86_PAGETABLE_MAX_MAP (1ull << 47) /* the low canonical half of 4-level paging */

/* Bytes of tables that an identity map of [0, bytes) takes; a multiple of 4096. 0 if it cannot be. */
uint64_t x86_pagetable_identity_size(uint64_t bytes);

/*
 * Writes 4-level tables at [gpa, gpa+size) that map [0, bytes), rounded up to 2 MiB, to itself: 2 MiB
 * pages, writable, executable, supervisor. *ret_cr3 becomes gpa. -EINVAL: gpa not page-aligned, bytes 0 or
 * beyond X86_PAGETABLE_MAX_MAP; -ENOSPC: area too small; else what write() returned. With text.
 */
int x86_pagetable_identity(const struct x86_phys_writer *mem, uint64_t gpa, uint64_t size, uint64_t bytes,
                           uint64_t *ret_cr3, struct error *err);

#endif
