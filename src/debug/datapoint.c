#include "debug/datapoint.h"

#include "base/bytes.h"
#include "debug/text.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PAGE 4096u

/* The wished watchpoints, in the order of the list: all other points may be breakpoints. */
static struct debug_point *wished_at(const struct debug_points *p, uint16_t link)
{
	while (link != 0 && !p->point[link - 1].wished)
		link = p->point[link - 1].next_data;
	return link == 0 ? NULL : (struct debug_point *)&p->point[link - 1];
}

static struct debug_point *first(const struct debug_points *p)
{
	return wished_at(p, p->first_data);
}

static struct debug_point *next(const struct debug_points *p, const struct debug_point *pt)
{
	return wished_at(p, pt->next_data);
}

/* ---- choosing the means ---- */

static int bind_slots(struct debug_points *p, struct debug_point *pt, struct error *err)
{
	enum x86_dr_type type = pt->type == RSP_POINT_WRITE ? X86_DR_WRITE : X86_DR_ACCESS;
	struct x86_dr piece[X86_DR_SLOTS];
	int n = x86_dr_split(pt->gva, pt->len, piece, X86_DR_SLOTS);

	if (n > X86_DR_SLOTS)
		return error_set(err, ENOSPC,
		                 "%" PRIu64 " bytes at 0x%" PRIx64 " need %d debug registers; there are %d",
		                 pt->len, pt->gva, n, X86_DR_SLOTS);
	for (int i = 0; i < n; i++) {
		piece[i].used = true;
		piece[i].type = type;
	}
	return debug_points_take_slots(p, pt, piece, (unsigned)n, err);
}

static const char *unfit(const struct debug_points *p, const struct debug_point *pt)
{
	const struct debug_watch *w = &p->watch[pt->watch];

	for (unsigned i = 0; i < DEBUG_WATCH_PARTS && w->part[i].len; i++) {
		const char *why = p->map.unfit(p->map.ctx, w->part[i].gpa, pt->type != RSP_POINT_WRITE);

		if (why)
			return why;
	}
	return NULL;
}

static unsigned rows_of(const struct debug_points *p, const struct debug_point *pt)
{
	unsigned n = 0;

	while (n < DEBUG_WATCH_PARTS && p->watch[pt->watch].part[n].len)
		n++;
	return n;
}

/* The target's list has room for one more point. */
static bool has_room(const struct debug_points *p, const struct debug_point *pt)
{
	unsigned rows = X86_DR_SLOTS * 2 + rows_of(p, pt); /* those in registers may come along */

	for (const struct debug_point *other = first(p); other; other = next(p, other))
		if (other->means == DEBUG_MEANS_PAGE)
			rows += rows_of(p, other);
	return rows <= DEBUG_MAX_PROTECTS;
}

static int bind_page(struct debug_points *p, struct debug_point *pt, struct error *err)
{
	const char *why;

	if (!p->map.unfit || !p->caps->protect)
		return error_set(err, ENOTSUP, "this host's KVM cannot watch pages");
	if (!has_room(p, pt))
		return error_set(err, ENOSPC, "too many watched pages");
	why = unfit(p, pt);
	if (why)
		return error_set(err, ENOTSUP, "the page of 0x%" PRIx64 " cannot be watched: %s", pt->gva,
		                 why);
	pt->means = DEBUG_MEANS_PAGE;
	return 0;
}

static int bind_step(struct debug_points *p, struct debug_point *pt, struct error *err)
{
	if (pt->type != RSP_POINT_WRITE || !p->caps->step)
		return error_set(err, ENOTSUP, "no access can be seen by single-stepping, only a change");
	pt->means = DEBUG_MEANS_STEP;
	return 0;
}

static int free_watch(const struct debug_points *p)
{
	for (int i = 0; i < DEBUG_MAX_WATCHES; i++)
		if (!p->watch[i].used)
			return i;
	return -1;
}

/* Why there is no means: of registers, then of pages where they can be had at all. */
static int none_left(const struct debug_points *p, const struct debug_point *pt, const struct error *slots,
                     const struct error *page, struct error *err)
{
	bool pages = p->map.unfit && p->caps->protect;
	const char *hint = "";

	if (pt->type != RSP_POINT_WRITE && p->caps->step && !p->caps->data_dr && !pages)
		hint = "; only write watchpoints work, by single-stepping";
	return error_set(err, slots->code, "%.200s%s%.200s%s", slots->text, pages ? "; " : "",
	                 pages ? page->text : "", hint);
}

/* The first means that works. unbound: why the range is not known, where bound < 0. */
static int choose(struct debug_points *p, struct debug_point *pt, int bound, const struct error *unbound,
                  struct error *err)
{
	struct error slots, page = *unbound;

	if (p->caps->data_dr) {
		if (bind_slots(p, pt, &slots) == 0)
			return 0;
	} else {
		error_set(&slots, ENOTSUP, "data watchpoints do not fire on this host's KVM");
		if (bound < 0 && (pt->type == RSP_POINT_WRITE || p->caps->protect))
			slots = *unbound;
	}
	if (bound == 0 && (bind_page(p, pt, &page) == 0 || bind_step(p, pt, NULL) == 0))
		return 0;
	return bound < 0 && !p->caps->data_dr && slots.code == unbound->code
	       ? error_set(err, slots.code, "%s", slots.text) : none_left(p, pt, &slots, &page, err);
}

int debug_datapoint_bind(struct debug_points *p, struct debug_point *pt, struct error *err)
{
	int i = free_watch(p), rc;
	struct error why = { .code = 0 };

	if (i < 0)
		return error_set(err, ENOSPC, "too many watchpoints (at most %d)", DEBUG_MAX_WATCHES);
	if (pt->len == 0 || pt->gva + (pt->len - 1) < pt->gva)
		return error_set(err, EINVAL,
		                 "a range of %" PRIu64 " bytes at 0x%" PRIx64 " cannot be watched", pt->len,
		                 pt->gva);
	pt->watch = (uint8_t)i;
	rc = debug_watch_bind(&p->watch[i], p->mem, &p->map, pt->gva, pt->len, &why);
	rc = choose(p, pt, rc, &why, err);
	if (rc < 0)
		return rc;
	p->watch[i].used = true;
	return 0;
}

void debug_datapoint_unbind(struct debug_points *p, struct debug_point *pt)
{
	p->watch[pt->watch].used = false;
}

/* By way of the points: the room for all of them is a megabyte, and this is on the path of every step. */
void debug_datapoint_capture(struct debug_points *p)
{
	for (const struct debug_point *pt = first(p); pt; pt = next(p, pt))
		debug_watch_capture(&p->watch[pt->watch], p->mem);
}

/* ---- watched pages ---- */

static unsigned add_range(const struct debug_points *p, const struct debug_point *pt,
                          struct debug_protect *ret, unsigned n, unsigned max)
{
	const struct debug_watch *w = &p->watch[pt->watch];

	for (unsigned k = 0; k < DEBUG_WATCH_PARTS && w->part[k].len && n < max; k++)
		ret[n++] = (struct debug_protect){ .gpa = w->part[k].gpa, .len = w->part[k].len,
		                                   .reads = pt->type != RSP_POINT_WRITE };
	return n;
}

/* On a watched page KVM emulates the instruction, and debug registers do not see it. */
static bool on_watched_page(const struct debug_points *p, const struct debug_point *pt,
                            const struct debug_protect *range, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (debug_watch_touched(&p->watch[pt->watch], range[i].gpa & ~(uint64_t)(PAGE - 1), PAGE))
			return true;
	return false;
}

unsigned debug_datapoint_ranges(const struct debug_points *p, struct debug_protect *ret, unsigned max)
{
	unsigned n = 0, pages;

	for (const struct debug_point *pt = first(p); pt; pt = next(p, pt))
		if (pt->means == DEBUG_MEANS_PAGE)
			n = add_range(p, pt, ret, n, max);
	pages = n;
	for (const struct debug_point *pt = first(p); pt; pt = next(p, pt))
		if (pt->means == DEBUG_MEANS_DR && on_watched_page(p, pt, ret, pages))
			n = add_range(p, pt, ret, n, max);
	return n;
}

bool debug_datapoint_give_up(struct debug_points *p, uint64_t gpa, bool all)
{
	bool any = false;

	for (struct debug_point *pt = first(p); pt; pt = next(p, pt)) {
		if (pt->means != DEBUG_MEANS_PAGE ||
		    !(all || debug_watch_touched(&p->watch[pt->watch], gpa & ~(uint64_t)(PAGE - 1), PAGE)))
			continue;
		any = true;
		debug_points_demote(p, pt);
	}
	return any;
}

/* ---- hits ---- */

static bool believed(struct debug_points *p, struct debug_point *pt, bool doubtful)
{
	struct debug_watch *w = &p->watch[pt->watch];
	bool changed = debug_watch_changed(w, p->mem);

	if (!w->bound || pt->type == RSP_POINT_ACCESS)
		return true;
	if (pt->type == RSP_POINT_READ)
		return !changed;
	return changed || !doubtful;
}

struct debug_point *debug_points_data_slot(struct debug_points *p, unsigned slots, bool doubtful)
{
	for (struct debug_point *pt = first(p); pt; pt = next(p, pt)) {
		bool doubt = doubtful || pt->shares || p->only_changes;

		if ((pt->slots & slots) && believed(p, pt, doubt))
			return pt;
	}
	return NULL;
}

struct debug_point *debug_points_changed(struct debug_points *p, bool pages)
{
	for (struct debug_point *pt = first(p); pt; pt = next(p, pt)) {
		bool looked = pt->means == DEBUG_MEANS_STEP || (pages && pt->means == DEBUG_MEANS_PAGE);

		if (looked &&
		    pt->type != RSP_POINT_READ && debug_watch_changed(&p->watch[pt->watch], p->mem))
			return pt;
	}
	return NULL;
}

/* One instruction's accesses to one point's range. A read that came with a change was a write. */
static bool accessed(struct debug_points *p, struct debug_point *pt, const struct debug_event *ev)
{
	struct debug_watch *w = &p->watch[pt->watch];
	bool read = false, wrote = false, changed = false;

	w->has_change = false;
	for (unsigned i = 0; i < ev->accesses && i < DEBUG_MAX_ACCESSES; i++) {
		const struct debug_access *a = &ev->access[i];

		if (a->len > 8 || !debug_watch_touched(w, a->gpa, a->len))
			continue;
		if (a->write)
			changed |= debug_watch_wrote(w, a);
		*(a->write ? &wrote : &read) = true;
	}
	if (pt->type == RSP_POINT_READ)
		return read && !changed;
	if (pt->type == RSP_POINT_ACCESS)
		return read || wrote;
	return p->only_changes ? changed : wrote;
}

struct debug_point *debug_datapoint_accessed(struct debug_points *p, const struct debug_event *ev)
{
	struct debug_point *hit = NULL;

	for (struct debug_point *pt = first(p); pt; pt = next(p, pt))
		if (pt->means != DEBUG_MEANS_STEP && accessed(p, pt, ev) && !hit)
			hit = pt;
	return hit;
}

static uint64_t number(const uint8_t *bytes, unsigned len)
{
	uint8_t all[8] = { 0 };

	memcpy(all, bytes, len);
	return bytes_get_le64(all);
}

void debug_datapoint_values(const struct debug_points *p, const struct debug_point *pt, char *buf,
                            size_t size)
{
	const struct debug_watch *w = &p->watch[pt->watch];
	struct debug_text t;

	debug_text_init(&t, buf, size);
	if (!w->has_change)
		return;
	if (w->len > 8)
		debug_text_add(&t, "at +0x%" PRIx32 ": ", w->change.offset);
	debug_text_add(&t, "old 0x%" PRIx64 ", new 0x%" PRIx64, number(w->change.old, w->change.len),
	               number(w->change.now, w->change.len));
}
