#include "debug/breakpoint.h"

#include "debug/datapoint.h"
#include "debug/text.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Real-mode code lies below; what debug_map.real is asked for too, but kernels lie there (SDM 3B 21.1.1). */
#define REAL_MODE_END 0x100000

const char *debug_point_name(enum rsp_point type)
{
	static const char *const names[] = { "break", "hbreak", "watch", "rwatch", "awatch" };

	return (unsigned)type < 5 ? names[type] : "?";
}

const char *debug_means_name(enum debug_means means)
{
	static const char *const names[] = { "int3 byte", "debug register", "single-stepping",
	                                     "watched page", "pending" };

	return (unsigned)means < 5 ? names[means] : "?";
}

static bool is_exec(enum rsp_point type)
{
	return type == RSP_POINT_SW || type == RSP_POINT_HW;
}

/* ---- points by address ---- */

static uint16_t *bucket_of(struct debug_points *p, uint64_t gva)
{
	return &p->bucket[(gva ^ (gva >> 12) ^ (gva >> 24)) % DEBUG_POINT_BUCKETS];
}

/* Behind those that are there: of several at one address the first one in the list is found first. */
static void link_point(struct debug_points *p, unsigned i)
{
	uint16_t *last = bucket_of(p, p->point[i].gva);

	while (*last != 0)
		last = &p->point[*last - 1].next;
	*last = (uint16_t)(i + 1);
	p->point[i].next = p->point[i].next_data = 0;
	if (is_exec(p->point[i].type))
		return;
	*(p->last_data == 0 ? &p->first_data : &p->point[p->last_data - 1].next_data) = (uint16_t)(i + 1);
	p->last_data = (uint16_t)(i + 1);
}

/* Points have moved in the list. */
static void link_all(struct debug_points *p)
{
	memset(p->bucket, 0, sizeof(p->bucket));
	p->first_data = p->last_data = 0;
	for (unsigned i = 0; i < p->count; i++)
		link_point(p, i);
}

static struct debug_point *at_index(struct debug_points *p, uint16_t next)
{
	return next == 0 ? NULL : &p->point[next - 1];
}

static struct debug_point *first_at(struct debug_points *p, uint64_t gva)
{
	struct debug_point *pt = at_index(p, *bucket_of(p, gva));

	while (pt != NULL && pt->gva != gva)
		pt = at_index(p, pt->next);
	return pt;
}

static struct debug_point *next_at(struct debug_points *p, const struct debug_point *pt)
{
	uint64_t gva = pt->gva;

	do
		pt = at_index(p, pt->next);
	while (pt != NULL && pt->gva != gva);
	return (struct debug_point *)pt;
}

void debug_points_init(struct debug_points *p, const struct debug_caps *caps, struct guest_mem *mem,
                       const struct debug_map *map)
{
	p->caps = caps;
	p->mem = mem;
	p->map = *map;
	debug_int3_init(&p->int3, mem);
	debug_slots_init(&p->slots);
}

/* ---- choosing the means ---- */

static int no_slot(const struct debug_points *p, unsigned needed, struct error *err)
{
	char list[256];
	struct debug_text t;

	debug_text_init(&t, list, sizeof(list));
	for (unsigned i = 0; i < p->count; i++) {
		const struct debug_point *pt = &p->point[i];

		if (pt->wished && pt->slots)
			debug_text_add(&t, "%s%s 0x%" PRIx64, t.len ? ", " : "", debug_point_name(pt->type),
			               pt->gva);
	}
	if (needed > 1)
		return error_set(err, ENOSPC, "%u debug registers needed, %u free (in use: %s)", needed,
		                 X86_DR_SLOTS - debug_slots_in_use(&p->slots), t.len ? list : "none");
	return error_set(err, ENOSPC, "no free debug register (%u in use: %s)",
	                 debug_slots_in_use(&p->slots), list);
}

int debug_points_take_slots(struct debug_points *p, struct debug_point *pt, const struct x86_dr *pieces,
                            unsigned n, struct error *err)
{
	int mask = debug_slots_take(&p->slots, pieces, n);

	if (mask < 0)
		return no_slot(p, n, err);
	pt->slots = (uint8_t)mask;
	pt->means = DEBUG_MEANS_DR;
	for (unsigned i = 0; i < X86_DR_SLOTS; i++)
		pt->shares |= (pt->slots & (1u << i)) && (p->slots.want[i].addr < pt->gva ||
		              p->slots.want[i].addr + p->slots.want[i].len > pt->gva + pt->len);
	return 0;
}

static enum debug_ring ring_of(const struct debug_points *p, const struct debug_point *pt)
{
	return p->map.ring ? p->map.ring(p->map.ctx, pt->gva) : DEBUG_RING_KERNEL;
}

/* Refuses what would be seen in ring 3 alone, and not there; notes what is seen in the kernel alone. */
static int check_ring(const struct debug_points *p, struct debug_point *pt, bool seen_in_user,
                      const char *what, struct error *err)
{
	enum debug_ring ring = seen_in_user ? DEBUG_RING_KERNEL : ring_of(p, pt);

	if (ring == DEBUG_RING_USER)
		return error_set(err, ENOTSUP, "%s not in ring 3 on this host's KVM", what);
	pt->kernel_only = ring == DEBUG_RING_EITHER;
	return 0;
}

static int bind_exec_slot(struct debug_points *p, struct debug_point *pt, struct error *err)
{
	struct x86_dr dr = { .used = true, .type = X86_DR_EXEC, .len = 1, .addr = pt->gva };

	if (!p->caps->exec_dr)
		return error_set(err, ENOTSUP, "execute breakpoints do not fire on this host's KVM");
	if (check_ring(p, pt, p->caps->exec_user, "execute breakpoints do fire, but", err) < 0)
		return -ENOTSUP;
	return debug_points_take_slots(p, pt, &dr, 1, err);
}

/*
 * Where an int3 might be met in real mode and be lost. Whatever the mode is now: the code below 1 MiB may be
 * come to in another one (the start of an AP is), by another address too.
 */
static bool real_loses(const struct debug_points *p, uint64_t addr)
{
	if (p->caps->int3_real)
		return false;
	return addr < REAL_MODE_END || (p->map.real && p->map.real(p->map.ctx, addr));
}

static int bind_int3(struct debug_points *p, struct debug_point *pt, struct error *err)
{
	int rc;

	if (!p->caps->int3)
		return error_set(err, ENOTSUP, "int3 is not reported by this host's KVM");
	rc = real_loses(p, pt->gva) ? -ENOTSUP : p->map.gpa(p->map.ctx, pt->gva, &pt->gpa, err);
	if (rc == -ENOTSUP || (rc == 0 && real_loses(p, pt->gpa)))
		return error_set(err, ENOTSUP, "int3 in real-mode code is not reported by this host's KVM");
	if (!p->caps->int3_user && ring_of(p, pt) != DEBUG_RING_KERNEL)
		return error_set(err, ENOTSUP, "int3 in ring 3 is not reported by this host's KVM");
	if (rc < 0)
		return rc;
	rc = debug_int3_add(&p->int3, pt->gpa);
	if (rc == -ENOSPC)
		return error_set(err, ENOSPC, "too many breakpoints (at most %d)", DEBUG_INT3_MAX);
	if (rc < 0)
		return error_set(err, EFAULT, "0x%" PRIx64 ": physical address 0x%" PRIx64 " is not RAM",
		                 pt->gva, pt->gpa);
	pt->means = DEBUG_MEANS_INT3;
	return 0;
}

static int bind_sw(struct debug_points *p, struct debug_point *pt, struct error *err)
{
	struct error why, why_slot;

	if (bind_int3(p, pt, &why) == 0 || bind_exec_slot(p, pt, &why_slot) == 0)
		return 0;
	pt->waits = p->caps->int3 && why.code == EFAULT && (p->caps->exec_dr || !p->caps->step);
	if (pt->waits && !(p->step_pending && p->caps->step)) {
		pt->means = DEBUG_MEANS_PENDING;
		return 0;
	}
	if (p->caps->step && check_ring(p, pt, p->caps->step_user, "steps are made, but", NULL) == 0) {
		pt->means = DEBUG_MEANS_STEP;
		return 0;
	}
	return error_set(err, why.code, "%.200s; %.250s", why.text, why_slot.text);
}

static int bind_hw(struct debug_points *p, struct debug_point *pt, struct error *err)
{
	if (p->caps->exec_dr || !p->caps->step)
		return bind_exec_slot(p, pt, err);
	if (check_ring(p, pt, p->caps->step_user, "steps are made, but", err) < 0)
		return -ENOTSUP;
	pt->means = DEBUG_MEANS_STEP;
	return 0;
}

static int bind(struct debug_points *p, struct debug_point *pt, struct error *err)
{
	static int (*const binders[])(struct debug_points *, struct debug_point *, struct error *) = {
		bind_sw, bind_hw, debug_datapoint_bind, debug_datapoint_bind, debug_datapoint_bind
	};
	int rc;

	pt->slots = 0;
	pt->shares = pt->waits = pt->kernel_only = false;
	rc = binders[pt->type](p, pt, err);
	if (rc < 0)
		return rc;
	pt->wished = true;
	p->pending += pt->means == DEBUG_MEANS_PENDING;
	p->kernel_only += pt->kernel_only;
	if (pt->means == DEBUG_MEANS_STEP)
		(*(is_exec(pt->type) ? &p->step_exec : &p->step_watch))++;
	return 0;
}

static void unbind(struct debug_points *p, struct debug_point *pt)
{
	pt->wished = false;
	p->removed++;
	p->pending -= pt->means == DEBUG_MEANS_PENDING;
	p->kernel_only -= pt->kernel_only;
	pt->kernel_only = false;
	if (!is_exec(pt->type))
		debug_datapoint_unbind(p, pt);
	if (pt->means == DEBUG_MEANS_STEP)
		(*(is_exec(pt->type) ? &p->step_exec : &p->step_watch))--;
	if (pt->means == DEBUG_MEANS_INT3)
		debug_int3_drop(&p->int3, pt->gpa);
	debug_slots_release(&p->slots, pt->slots);
	pt->slots = 0;
}

void debug_points_demote(struct debug_points *p, struct debug_point *pt)
{
	if (pt->type != RSP_POINT_WRITE || !p->caps->step) {
		unbind(p, pt);
		return;
	}
	pt->means = DEBUG_MEANS_STEP;
	p->step_watch++;
}

/* ---- the list ---- */

static struct debug_point *find_any(struct debug_points *p, enum debug_use use, enum rsp_point type,
                                    uint64_t gva, uint64_t len)
{
	for (struct debug_point *pt = first_at(p, gva); pt != NULL; pt = next_at(p, pt))
		if (pt->type == type && pt->len == len && pt->use == use)
			return pt;
	return NULL;
}

struct debug_point *debug_points_find(struct debug_points *p, enum rsp_point type, uint64_t gva,
                                      uint64_t len)
{
	struct debug_point *pt = find_any(p, DEBUG_USE_CLIENT, type, gva, is_exec(type) ? 1 : len);

	return pt && pt->wished ? pt : NULL;
}

/* Removed points go; with `keep`, those that were hit stay for a while: GDB takes them out for one step. */
static void purge(struct debug_points *p, bool keep)
{
	unsigned kept = 0, of_others = 0;

	if (p->removed == 0)
		return;
	for (unsigned i = 0; i < p->count; i++) {
		const struct debug_point *pt = &p->point[i];

		of_others += pt->wished && pt->use == DEBUG_USE_KEPT;
		if (pt->wished || (keep && (pt->hits || pt->misses) && kept < DEBUG_KEPT_POINTS))
			p->point[kept++] = *pt;
		else if (pt->conditions || pt->commands)
			debug_programs_drop(&p->programs, pt->id);
	}
	if (kept < p->count) {
		p->count = kept;
		link_all(p);
	}
	p->removed = 0;
	p->kept = of_others;
}

static int insert(struct debug_points *p, enum debug_use use, enum rsp_point type, uint64_t gva, uint64_t len,
                  struct error *err)
{
	struct debug_point *pt;
	int rc;

	if ((unsigned)type > RSP_POINT_ACCESS)
		return error_set(err, EINVAL, "no such kind of point");
	len = is_exec(type) ? 1 : len;
	pt = find_any(p, use, type, gva, len);
	if (pt && pt->wished)
		return 0;
	if (pt)
		return bind(p, pt, err); /* came back: keeps its count of hits */
	if (p->count == DEBUG_MAX_POINTS)
		purge(p, false);
	if (p->count == DEBUG_MAX_POINTS)
		return error_set(err, ENOSPC, "too many points (at most %d)", DEBUG_MAX_POINTS);
	pt = &p->point[p->count];
	*pt = (struct debug_point){ .use = use, .type = type, .gva = gva, .len = len,
	                             .id = ++p->last_id };
	rc = bind(p, pt, err);
	if (rc == 0)
		link_point(p, p->count++);
	return rc;
}

int debug_points_insert(struct debug_points *p, enum rsp_point type, uint64_t gva, uint64_t len,
                        struct error *err)
{
	return insert(p, DEBUG_USE_CLIENT, type, gva, len, err);
}

int debug_points_place(struct debug_points *p, enum debug_use use, uint64_t gva, struct error *err)
{
	return insert(p, use, RSP_POINT_SW, gva, 1, err);
}

void debug_points_clear(struct debug_points *p, enum debug_use use)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->point[i].wished && p->point[i].use == use)
			unbind(p, &p->point[i]);
}

void debug_points_remove(struct debug_points *p, enum rsp_point type, uint64_t gva, uint64_t len)
{
	struct debug_point *pt = debug_points_find(p, type, gva, len);

	if (!pt)
		return;
	unbind(p, pt);
	if (pt->conditions || pt->commands)
		debug_programs_drop(&p->programs, pt->id);
	pt->conditions = pt->commands = 0;
	pt->persist = false;
}

void debug_points_drop_kept(struct debug_points *p, const uint64_t *gva)
{
	for (unsigned i = 0; p->kept > 0 && i < p->count; i++) {
		struct debug_point *pt = &p->point[i];

		if (!pt->wished || pt->use != DEBUG_USE_KEPT || (gva && pt->gva != *gva))
			continue;
		unbind(p, pt);
		pt->hits = pt->misses = 0; /* nor is it remembered */
	}
	if (p->kept > 0)
		purge(p, true);
}

int debug_points_program(struct debug_points *p, enum rsp_point type, uint64_t gva,
                         const struct debug_codes *codes, struct error *err)
{
	struct debug_point *pt = debug_points_find(p, type, gva, 1);
	size_t count = codes->conditions + codes->commands;
	int rc;

	if (!pt || !is_exec(type))
		return error_set(err, ENOENT, "no breakpoint at 0x%" PRIx64, gva);
	if (count > 0 && !p->caps->step)
		return error_set(err, ENOTSUP, "a condition needs single-stepping, which does not work here");
	if (count == 0 && pt->conditions == 0 && pt->commands == 0)
		return 0;
	rc = debug_programs_set(&p->programs, pt->id, codes, err);
	if (rc < 0)
		return rc;
	pt->conditions = (uint8_t)codes->conditions;
	pt->commands = (uint8_t)codes->commands;
	pt->persist = codes->persist && codes->commands > 0;
	return 0;
}

/* ---- with the machine ---- */

/* What is there by now gets its byte, and what another has given up serves who waits. */
static void bind_pending(struct debug_points *p)
{
	for (unsigned i = 0; p->pending + p->step_exec > 0 && i < p->count; i++) {
		struct debug_point *pt = &p->point[i];

		if (!pt->wished || !pt->waits)
			continue;
		unbind(p, pt);
		bind(p, pt, NULL); /* at worst it is pending again */
	}
}

void debug_points_sync(struct debug_points *p, struct debug_arm *ret)
{
	purge(p, true);
	bind_pending(p);
	debug_int3_sync(&p->int3);
	debug_slots_settle(&p->slots);
	debug_datapoint_capture(p);
	memset(ret, 0, sizeof(*ret));
	ret->int3 = p->int3.planted > 0;
	memcpy(ret->slot, p->slots.want, sizeof(ret->slot));
}

void debug_points_verify(struct debug_points *p)
{
	debug_int3_verify(&p->int3);
}

/* Two passes: what one point gives up another may need. */
void debug_points_rebind(struct debug_points *p, bool keep_counts)
{
	bool again[DEBUG_MAX_POINTS];

	purge(p, keep_counts);
	debug_int3_forget(&p->int3);
	for (unsigned i = 0; i < p->count; i++) {
		again[i] = p->point[i].wished;
		if (again[i])
			unbind(p, &p->point[i]);
	}
	for (unsigned i = 0; i < p->count; i++)
		if (again[i])
			bind(p, &p->point[i], NULL);
	purge(p, keep_counts);
}

void debug_points_withdraw(struct debug_points *p, struct debug_arm *ret)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct debug_point *pt = &p->point[i];

		if (pt->wished && pt->persist)
			pt->use = DEBUG_USE_KEPT;
		else if (pt->wished)
			unbind(p, pt);
	}
	p->step_pending = false;
	p->removed++;
	purge(p, false);
	debug_int3_withdraw(&p->int3);
	debug_slots_settle(&p->slots);
	memset(ret, 0, sizeof(*ret));
	ret->int3 = p->int3.planted > 0;
	memcpy(ret->slot, p->slots.want, sizeof(ret->slot));
}

/* ---- hits ---- */

struct debug_point *debug_points_exec_at(struct debug_points *p, uint64_t pc)
{
	for (struct debug_point *pt = first_at(p, pc); pt != NULL; pt = next_at(p, pt))
		if (pt->wished && is_exec(pt->type))
			return pt;
	return NULL;
}

struct debug_point *debug_points_exec_slot(struct debug_points *p, unsigned slots, uint64_t pc)
{
	for (struct debug_point *pt = first_at(p, pc); pt != NULL; pt = next_at(p, pt))
		if ((pt->slots & slots) && pt->wished && is_exec(pt->type))
			return pt;
	return NULL;
}
