#include "debug/memory.h"

#include <errno.h>
#include <inttypes.h>

#define PAGE 4096u

static int read_phys(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	return guest_mem_read(ctx, gpa, buf, len);
}

void debug_view_init(struct debug_view *v, struct guest_mem *mem, struct debug_int3 *int3,
                     const struct x86_state *st, const struct x86_layout *layout)
{
	*v = (struct debug_view){ .mem = mem, .int3 = int3, .physical = !st };
	if (st)
		x86_paging_from_state(st, layout, &v->paging);
}

void debug_view_walk(const struct debug_view *v, uint64_t gva, struct x86_walk *ret)
{
	struct x86_phys_reader reader = { .read = read_phys, .ctx = v->mem };

	x86_paging_walk(&v->paging, gva, &reader, ret);
}

static int walk_error(const struct x86_walk *w, uint64_t addr, struct error *err)
{
	if (w->depth > 0)
		return error_set(err, EFAULT, "0x%" PRIx64 ": %s (level %u)", addr,
		                 x86_walk_result_name(w->result), w->level[w->depth - 1].level);
	return error_set(err, EFAULT, "0x%" PRIx64 ": %s", addr, x86_walk_result_name(w->result));
}

/* Bytes of one mapping from addr on, before RAM is looked at. */
int debug_view_physical(const struct debug_view *v, uint64_t addr, uint64_t *ret_gpa, uint64_t *ret_len,
                        struct error *err)
{
	struct x86_walk w;
	uint64_t size;

	if (v->physical) {
		*ret_gpa = addr;
		*ret_len = UINT64_MAX - addr;
		*ret_len += *ret_len < UINT64_MAX;
		return 0;
	}
	debug_view_walk(v, addr, &w);
	if (w.result != X86_WALK_OK)
		return walk_error(&w, addr, err);
	size = w.page_size < PAGE ? PAGE : w.page_size;
	*ret_gpa = w.gpa;
	*ret_len = size - (addr & (size - 1));
	return 0;
}

int debug_view_translate(const struct debug_view *v, uint64_t addr, uint64_t max, uint64_t *ret_gpa,
                         uint64_t *ret_len, struct error *err)
{
	uint64_t gpa = 0, len = 0;
	int rc = debug_view_physical(v, addr, &gpa, &len, err);

	if (rc < 0)
		return rc;
	if (len > max)
		len = max;
	/* RAM comes in pages: where a large mapping leaves it, go on by small ones. */
	if (!guest_mem_contains(v->mem, gpa, len) && len > PAGE - gpa % PAGE)
		len = PAGE - gpa % PAGE;
	if (!guest_mem_contains(v->mem, gpa, len))
		return error_set(err, EFAULT,
		                 "0x%" PRIx64 ": physical address 0x%" PRIx64 " is not RAM", addr, gpa);
	*ret_gpa = gpa;
	*ret_len = len;
	return 0;
}

int64_t debug_view_read(const struct debug_view *v, uint64_t addr, void *buf, size_t len, struct error *err)
{
	size_t done = 0;

	while (done < len) {
		uint64_t gpa = 0, n = 0;
		int rc = 0;

		if (done > 0 && addr + done < addr)
			break;
		rc = debug_view_translate(v, addr + done, len - done, &gpa, &n, done ? NULL : err);
		if (rc == 0)
			rc = debug_int3_read(v->int3, gpa, (uint8_t *)buf + done, n);
		if (rc < 0 && done == 0)
			return rc;
		if (rc < 0)
			break;
		done += n;
	}
	return (int64_t)done;
}

int debug_view_write(const struct debug_view *v, uint64_t addr, const void *buf, size_t len,
                     struct error *err)
{
	uint64_t gpa = 0, n = 0;
	int rc = 0;

	if (len > 0 && addr + (len - 1) < addr)
		return error_set(err, EFAULT, "0x%" PRIx64 ": the range wraps", addr);
	for (size_t at = 0; at < len; at += n) {
		rc = debug_view_translate(v, addr + at, len - at, &gpa, &n, err);
		if (rc < 0)
			return rc;
	}
	/* The same walks again: the write itself may have changed a table, which is what was asked for. */
	for (size_t at = 0; at < len && rc == 0; at += n) {
		rc = debug_view_translate(v, addr + at, len - at, &gpa, &n, err);
		if (rc == 0)
			rc = debug_int3_write(v->int3, gpa, (const uint8_t *)buf + at, n);
	}
	return rc;
}
