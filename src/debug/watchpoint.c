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
	uint32_t at = 0;

	w->bound = w->has_change = false;
	memset(w->part, 0, sizeof(w->part));
	if (len == 0 || len > DEBUG_WATCH_MAX)
		return error_set(err, EINVAL, "a range of %llu bytes is too long to compare (at most %u)",
		                 (unsigned long long)len, DEBUG_WATCH_MAX);
	for (unsigned i = 0; at < len; i++) {
		uint32_t n = (uint32_t)(PAGE - (gva + at) % PAGE);
		int rc;

		n = n < len - at ? n : (uint32_t)len - at;
		rc = bind_part(w, i, mem, map, gva + at, n, err);
		if (rc < 0)
			return rc;
		at += n;
	}
	w->len = at;
	w->bound = true;
	debug_watch_capture(w, mem);
	return 0;
}

static void read_now(const struct debug_watch *w, const struct guest_mem *mem, uint8_t *buf)
{
	for (unsigned i = 0, at = 0; i < DEBUG_WATCH_PARTS; at += w->part[i].len, i++)
		guest_mem_read(mem, w->part[i].gpa, buf + at, w->part[i].len);
}

void debug_watch_capture(struct debug_watch *w, const struct guest_mem *mem)
{
	w->has_change = false;
	if (w->bound)
		read_now(w, mem, w->old);
}

/* now[] differs from the old value: that is noted, and now[] is the old value from here on. */
static void take(struct debug_watch *w, const uint8_t *now)
{
	struct debug_watch_change *c = &w->change;
	uint32_t first = 0;

	while (w->len > 8 && w->old[first] == now[first])
		first++;
	c->offset = first;
	c->len = (uint8_t)(w->len - first < 8 ? w->len - first : 8);
	while (w->len > 8 && w->old[first + c->len - 1] == now[first + c->len - 1])
		c->len--;
	memcpy(c->old, w->old + first, c->len);
	memcpy(c->now, now + first, c->len);
	memcpy(w->old, now, w->len);
	w->has_change = true;
}

bool debug_watch_changed(struct debug_watch *w, const struct guest_mem *mem)
{
	uint8_t now[DEBUG_WATCH_MAX];

	w->has_change = false;
	if (!w->bound)
		return false;
	memset(now, 0, w->len);
	read_now(w, mem, now);
	if (memcmp(now, w->old, w->len) == 0)
		return false;
	take(w, now);
	return true;
}

bool debug_watch_touched(const struct debug_watch *w, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; w->bound && i < DEBUG_WATCH_PARTS; i++)
		if (gpa < w->part[i].gpa + w->part[i].len && w->part[i].gpa < gpa + len)
			return true;
	return false;
}

bool debug_watch_wrote(struct debug_watch *w, const struct debug_access *a)
{
	uint8_t now[DEBUG_WATCH_MAX];

	memcpy(now, w->old, w->len);
	for (unsigned i = 0, at = 0; i < DEBUG_WATCH_PARTS; at += w->part[i].len, i++)
		for (unsigned b = 0; b < a->len; b++)
			if (a->gpa + b - w->part[i].gpa < w->part[i].len)
				now[at + (a->gpa + b - w->part[i].gpa)] = a->now[b];
	if (memcmp(now, w->old, w->len) == 0)
		return false;
	take(w, now);
	return true;
}
