/*
 * Guest memory as the debugger sees it: virtual addresses through the vcpu's own page tables, page by
 * page, or physical ones; inserted int3 bytes are invisible to reads and survive writes. Only RAM: looking
 * at a device has effects.
 */
#ifndef DEBUG_MEMORY_H
#define DEBUG_MEMORY_H

#include "debug/int3.h"
#include "x86/paging.h"

/* One address space for the length of one request. Borrows everything. */
struct debug_view {
	struct guest_mem *mem;
	struct debug_int3 *int3;
	bool physical;
	struct x86_paging paging;
};

/* st needs SYSTEM; NULL makes a physical view. */
void debug_view_init(struct debug_view *v, struct guest_mem *mem, struct debug_int3 *int3,
                     const struct x86_state *st, const struct x86_layout *layout);

/* A page walk over the guest's RAM. Virtual views only. */
void debug_view_walk(const struct debug_view *v, uint64_t gva, struct x86_walk *ret);

/* The same without a look at what is there: RAM, a device, nothing. 0 or -EFAULT with text. */
int debug_view_physical(const struct debug_view *v, uint64_t addr, uint64_t *ret_gpa, uint64_t *ret_len,
                        struct error *err);

/*
 * Where addr is: *ret_gpa, and how many bytes from there on (1..max) are contiguous RAM.
 * 0 or -EFAULT with text ("0x1000: page not present (level 2)").
 */
int debug_view_translate(const struct debug_view *v, uint64_t addr, uint64_t max, uint64_t *ret_gpa,
                         uint64_t *ret_len, struct error *err);

/* Bytes read: up to the first hole; -EFAULT with text when there is none. len 0 reads 0 anywhere. */
int64_t debug_view_read(const struct debug_view *v, uint64_t addr, void *buf, size_t len,
                        struct error *err);

/* Writes all of it or, when any of it cannot be, nothing: 0 or -EFAULT with text. */
int debug_view_write(const struct debug_view *v, uint64_t addr, const void *buf, size_t len,
                     struct error *err);

#endif
