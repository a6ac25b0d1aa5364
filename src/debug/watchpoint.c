#include "debug/watchpoint.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096u

static int bind_part(struct debug_watch *w, unsigned i, const struct guest_mem *mem,
                     const struct debug_map *map, uint64_t gva, uint32_t len, struct error *err)
{
	uint64_t gpa;
	int rc = map->gpa(map->ctx, gva, &gpa, err);

	if (rc < 0)
		return rc;
	if (!guest_mem_contains(mem, gpa, len))
		return error_set(err, EFAULT, "0x%llx: physical address 0x%llx is not RAM",
		                 (unsigned long long)gva, (unsigned long long)gpa);
	w->part[i].gpa = gpa;
	w->part[i].len = len;
	return 0;
}

int debug_watch_bind(struct debug_watch *w, const struct guest_mem *mem, const struct debug_map *map,
                     uint64_t gva, uint64_t len, struct error *err)
{
	uint32_t first = (uint32_t)(PAGE - gva % PAGE);
	int rc;

	w->bound = false;
	w->part[0].len = w->part[1].len = 0;
	if (len == 0 || len > DEBUG_WATCH_MAX)
		return error_set(err, EINVAL, "a range of %llu bytes is too long to compare (at most %u)",
		                 (unsigned long long)len, DEBUG_WATCH_MAX);
	if (first > len)
		first = (uint32_t)len;
	rc = bind_part(w, 0, mem, map, gva, first, err);
	if (rc == 0 && first < len)
		rc = bind_part(w, 1, mem, map, gva + first, (uint32_t)len - first, err);
	if (rc < 0)
		return rc;
	w->bound = true;
	debug_watch_capture(w, mem);
	return 0;
}

static void read_now(const struct debug_watch *w, const struct guest_mem *mem, uint8_t *buf)
{
	for (unsigned i = 0, at = 0; i < 2; at += w->part[i].len, i++)
		guest_mem_read(mem, w->part[i].gpa, buf + at, w->part[i].len);
}

void debug_watch_capture(struct debug_watch *w, const struct guest_mem *mem)
{
	if (w->bound)
		read_now(w, mem, w->old);
}

bool debug_watch_changed(struct debug_watch *w, const struct guest_mem *mem)
{
	uint8_t now[DEBUG_WATCH_MAX];
	size_t len = w->part[0].len + w->part[1].len;

	if (!w->bound)
		return false;
	memset(now, 0, len);
	read_now(w, mem, now);
	if (memcmp(now, w->old, len) == 0)
		return false;
	memcpy(w->old, now, len);
	return true;
}
