/*
 * The list of mappings that GDB's generate-core-file reads, as Linux's /proc/PID/maps (proc(5)): the RAM that
 * the page tables of the CPU stopped last map. Without it GDB's core holds the image alone, and no stack.
 */
#include "debug/internal.h"

#include "debug/region.h"
#include "debug/text.h"
#include <inttypes.h>
#include <string.h>

/* Regions looked at: page tables may describe more than anybody can wait for. */
#define REGIONS 4096
#define LINE_SIZE 80

static char letter(const struct debug_region *r, char c)
{
	return strchr(r->perms, c) ? c : '-';
}

static void add_line(struct debug_text *t, const struct debug_region *r)
{
	debug_text_add(t, "%016" PRIx64 "-%016" PRIx64 " %c%c%cp 00000000 00:00 0\n", r->start,
	               r->start + r->size, letter(r, 'r'), letter(r, 'w'), letter(r, 'x'));
}

/* A line for what has been joined so far, where that is RAM and there is room. */
static void finish(struct debug_text *t, const struct debug_region *r, size_t size)
{
	if (r->size > 0 && r->perms[0] && t->len + LINE_SIZE < size)
		add_line(t, r);
}

size_t debug_maps_write(struct debug_session *s, char *buf, size_t size)
{
	struct debug_region all = { .perms = "" }, r;
	struct debug_view view;
	struct debug_text t;
	uint64_t at = 0;

	debug_text_init(&t, buf, size);
	if (debug_session_view(s, s->current, s->phys, &view, NULL) < 0)
		return 0;
	for (unsigned i = 0; i < REGIONS; i++) {
		if (s->phys)
			debug_region_find_phys(s->cfg.mem, at, &r);
		else
			debug_region_find(&view, at, &r);
		if (all.start + all.size == r.start && strcmp(all.perms, r.perms) == 0) {
			all.size += r.size;
		} else {
			finish(&t, &all, size);
			all = r;
		}
		at = r.start + r.size;
		if (at <= r.start)
			break;
	}
	finish(&t, &all, size);
	return t.len;
}
