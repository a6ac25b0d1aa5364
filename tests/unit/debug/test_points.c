/* The list of points, the int3 bytes, the debug registers: no session, no vcpu. */
#include "../cmocka_all.h"

#include "debug/breakpoint.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
	struct guest_mem mem;
	struct debug_caps caps;
	struct debug_points p;
	struct debug_arm arm;
};

/* Pages 0x10000 on are not mapped; 0x8000 shows 0x1000 again. */
static int map_gpa(void *ctx, uint64_t gva, uint64_t *ret, struct error *err)
{
	(void)ctx;
	if (gva >= 0x10000)
		return error_set(err, EFAULT, "0x%llx: not mapped", (unsigned long long)gva);
	*ret = gva - gva / 0x8000 * 0x7000;
	return 0;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct debug_map map = { .gpa = map_gpa };

	w->caps = (struct debug_caps){ true, true, true, true, true, true, true, true, true, false, true };
	guest_mem_init(&w->mem);
	guest_mem_add(&w->mem, 0, 0x10000, NULL);
	guest_mem_fill(&w->mem, 0, 0x90, 0x10000);
	debug_points_init(&w->p, &w->caps, &w->mem, &map);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	guest_mem_fini(&w->mem);
	free(w);
	return 0;
}

static int insert(struct world *w, enum rsp_point type, uint64_t gva, uint64_t len)
{
	struct error err;

	return debug_points_insert(&w->p, type, gva, len, &err);
}

static uint8_t byte_at(struct world *w, uint64_t gpa)
{
	uint8_t b = 0;

	guest_mem_read(&w->mem, gpa, &b, 1);
	return b;
}

static void sync_points(struct world *w)
{
	debug_points_sync(&w->p, &w->arm);
}

static void withdraw(struct world *w)
{
	debug_points_withdraw(&w->p, &w->arm);
}

static void test_lazy(void **state)
{
	struct world *w = *state;

	assert_int_equal(insert(w, RSP_POINT_SW, 0x1000, 1), 0);
	assert_int_equal(insert(w, RSP_POINT_SW, 0x1000, 1), 0);
	assert_int_equal(byte_at(w, 0x1000), 0x90);
	sync_points(w);
	assert_int_equal(byte_at(w, 0x1000), 0xcc);
	assert_true(w->arm.int3);
	debug_points_remove(&w->p, RSP_POINT_SW, 0x1000, 1);
	debug_points_remove(&w->p, RSP_POINT_SW, 0x1000, 1);
	assert_int_equal(byte_at(w, 0x1000), 0xcc);
	assert_null(debug_points_exec_at(&w->p, 0x1000));
	sync_points(w);
	assert_int_equal(byte_at(w, 0x1000), 0x90);
	assert_false(w->arm.int3);
	assert_int_equal(w->p.count, 0);
}

/* Hits survive GDB's taking out and putting in, also with a step in between; never without bound. */
static void test_hits_survive(void **state)
{
	struct world *w = *state;

	insert(w, RSP_POINT_SW, 0x1000, 1);
	debug_points_exec_at(&w->p, 0x1000)->hits = 7;
	debug_points_remove(&w->p, RSP_POINT_SW, 0x1000, 1);
	insert(w, RSP_POINT_SW, 0x1000, 1);
	assert_int_equal(debug_points_exec_at(&w->p, 0x1000)->hits, 7);
	debug_points_remove(&w->p, RSP_POINT_SW, 0x1000, 1);
	sync_points(w);
	insert(w, RSP_POINT_SW, 0x1000, 1);
	assert_int_equal(debug_points_exec_at(&w->p, 0x1000)->hits, 7);
	for (unsigned i = 0; i < 2 * DEBUG_KEPT_POINTS; i++) {
		insert(w, RSP_POINT_SW, 0x2000 + i, 1);
		debug_points_exec_at(&w->p, 0x2000 + i)->hits = 1;
		debug_points_remove(&w->p, RSP_POINT_SW, 0x2000 + i, 1);
		sync_points(w);
	}
	assert_int_equal(w->p.count, DEBUG_KEPT_POINTS);
	assert_int_equal(debug_points_exec_at(&w->p, 0x1000)->hits, 7);
}

static void test_aliases(void **state)
{
	struct world *w = *state;

	insert(w, RSP_POINT_SW, 0x1010, 1);
	insert(w, RSP_POINT_SW, 0x8010, 1);
	sync_points(w);
	assert_int_equal(w->p.int3.count, 1);
	debug_points_remove(&w->p, RSP_POINT_SW, 0x1010, 1);
	sync_points(w);
	assert_int_equal(byte_at(w, 0x1010), 0xcc);
	debug_points_remove(&w->p, RSP_POINT_SW, 0x8010, 1);
	sync_points(w);
	assert_int_equal(byte_at(w, 0x1010), 0x90);
}

static void test_overlay(void **state)
{
	struct world *w = *state;
	uint8_t buf[4], data[4] = { 1, 2, 3, 4 };

	insert(w, RSP_POINT_SW, 0x1001, 1);
	insert(w, RSP_POINT_SW, 0x1003, 1);
	sync_points(w);
	for (unsigned at = 0xffe; at < 0x1006; at++) {
		assert_int_equal(debug_int3_read(&w->p.int3, at, buf, 4), 0);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(buf[i], 0x90);
	}
	assert_int_equal(debug_int3_write(&w->p.int3, 0x1000, data, 4), 0);
	assert_int_equal(debug_int3_read(&w->p.int3, 0x1000, buf, 4), 0);
	assert_memory_equal(buf, data, 4);
	assert_int_equal(byte_at(w, 0x1001), 0xcc);
	assert_int_equal(byte_at(w, 0x1002), 3);
	withdraw(w);
	guest_mem_read(&w->mem, 0x1000, buf, 4);
	assert_memory_equal(buf, data, 4);
	assert_int_equal(debug_int3_read(&w->p.int3, 0x10000, buf, 1), -EFAULT);
}

/* The guest's byte wins, whenever it came. */
static void test_overwritten(void **state)
{
	struct world *w = *state;
	uint8_t buf[1], f4 = 0xf4;

	insert(w, RSP_POINT_SW, 0x1000, 1);
	sync_points(w);
	guest_mem_write(&w->mem, 0x1000, &f4, 1);
	debug_int3_read(&w->p.int3, 0x1000, buf, 1);
	assert_int_equal(buf[0], 0xf4);
	debug_points_verify(&w->p);
	sync_points(w);
	assert_int_equal(byte_at(w, 0x1000), 0xcc);
	debug_int3_read(&w->p.int3, 0x1000, buf, 1);
	assert_int_equal(buf[0], 0xf4);
	guest_mem_fill(&w->mem, 0x1000, 0xeb, 1);
	withdraw(w);
	assert_int_equal(byte_at(w, 0x1000), 0xeb);
}

/* Every byte is looked at in every stop, on whatever page: the first, the last, one alone on its page. */
static void test_overwritten_pages(void **state)
{
	static const uint64_t at[] = { 0, 0xfff, 0x1000, 0x1001, 0x1fff, 0x3000, 0x6fff };
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		insert(w, RSP_POINT_SW, at[i], 1);
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint8_t byte = (uint8_t)(0x10 + i), seen;

		sync_points(w);
		assert_int_equal(w->p.int3.planted, sizeof(at) / sizeof(at[0]));
		guest_mem_write(&w->mem, at[i], &byte, 1);
		debug_points_verify(&w->p);
		assert_int_equal(w->p.int3.planted, sizeof(at) / sizeof(at[0]) - 1);
		sync_points(w);
		for (unsigned k = 0; k < sizeof(at) / sizeof(at[0]); k++)
			assert_int_equal(byte_at(w, at[k]), 0xcc);
		debug_int3_read(&w->p.int3, at[i], &seen, 1);
		assert_int_equal(seen, byte);
	}
	/* Lifted, the guest may write there as it likes: that byte is not verified. */
	debug_int3_lift(&w->p.int3, 0x1fff);
	debug_int3_lift(&w->p.int3, 0x1000);
	debug_points_verify(&w->p);
	debug_int3_unlift(&w->p.int3);
	assert_int_equal(w->p.int3.planted, sizeof(at) / sizeof(at[0]));
	assert_int_equal(byte_at(w, 0x1fff), 0xcc);
	assert_int_equal(byte_at(w, 0x1000), 0xcc);
}

/* Watchpoints are found in their order among breakpoints, removed ones, and after these have gone. */
static void test_watches_among(void **state)
{
	struct world *w = *state;

	w->caps.data_dr = w->caps.exec_dr = false;
	for (unsigned i = 0; i < 100; i++)
		insert(w, RSP_POINT_SW, 0x1000 + i, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(insert(w, RSP_POINT_WRITE, 0x3000 + 8 * i, 4), 0);
		insert(w, RSP_POINT_SW, 0x2000 + i, 1);
	}
	sync_points(w);
	for (unsigned i = 0; i < 3; i++) {
		guest_mem_fill(&w->mem, 0x3000 + 8 * i, 1, 1);
		assert_int_equal(debug_points_changed(&w->p, false)->gva, 0x3000 + 8 * i);
	}
	assert_null(debug_points_changed(&w->p, false));
	debug_points_remove(&w->p, RSP_POINT_WRITE, 0x3008, 4);
	for (unsigned i = 0; i < 100; i += 2)
		debug_points_remove(&w->p, RSP_POINT_SW, 0x1000 + i, 1);
	for (unsigned purged = 0; purged < 2; purged++) {
		guest_mem_fill(&w->mem, 0x3008, (uint8_t)(2 + purged), 1);
		assert_null(debug_points_changed(&w->p, false));
		guest_mem_fill(&w->mem, 0x3010, (uint8_t)(2 + purged), 1);
		assert_int_equal(debug_points_changed(&w->p, false)->gva, 0x3010);
		sync_points(w);
	}
	withdraw(w);
	assert_null(debug_points_changed(&w->p, false));
	assert_int_equal(insert(w, RSP_POINT_WRITE, 0x3010, 4), 0);
	sync_points(w);
	guest_mem_fill(&w->mem, 0x3010, 9, 1);
	assert_int_equal(debug_points_changed(&w->p, false)->gva, 0x3010);
}

static void test_lift(void **state)
{
	struct world *w = *state;

	insert(w, RSP_POINT_SW, 0x1000, 1);
	sync_points(w);
	debug_int3_lift(&w->p.int3, 0x1000);
	assert_int_equal(byte_at(w, 0x1000), 0x90);
	guest_mem_fill(&w->mem, 0x1000, 0x55, 1);
	debug_int3_unlift(&w->p.int3);
	assert_int_equal(byte_at(w, 0x1000), 0xcc);
	debug_int3_lift(&w->p.int3, 0x1000);
	withdraw(w);
	debug_int3_unlift(&w->p.int3);
	assert_int_equal(byte_at(w, 0x1000), 0x55);
}

/* Withdrawn under running vcpus: known until all have parked. */
static void test_gone(void **state)
{
	struct world *w = *state;

	insert(w, RSP_POINT_SW, 0x1000, 1);
	sync_points(w);
	withdraw(w);
	assert_int_equal(debug_int3_find(&w->p.int3, 0x1000)->state, DEBUG_INT3_GONE);
	insert(w, RSP_POINT_SW, 0x1000, 1);
	assert_int_equal(debug_int3_find(&w->p.int3, 0x1000)->state, DEBUG_INT3_WANTED);
	withdraw(w);
	debug_points_verify(&w->p);
	assert_null(debug_int3_find(&w->p.int3, 0x1000));
}

static void test_full(void **state)
{
	struct world *w = *state;
	struct error err;

	for (unsigned i = 0; i < DEBUG_MAX_POINTS; i++)
		assert_int_equal(insert(w, RSP_POINT_SW, i, 1), 0);
	assert_int_equal(debug_points_insert(&w->p, RSP_POINT_SW, DEBUG_MAX_POINTS, 1, &err), -ENOSPC);
	assert_string_equal(err.text, "too many points (at most 16384)");
	sync_points(w);
	/* All out and all others in, without a resume in between. */
	for (unsigned i = 0; i < DEBUG_MAX_POINTS; i++)
		debug_points_remove(&w->p, RSP_POINT_SW, i, 1);
	for (unsigned i = 0; i < DEBUG_MAX_POINTS; i++)
		assert_int_equal(insert(w, RSP_POINT_SW, DEBUG_MAX_POINTS + i, 1), 0);
	sync_points(w);
	assert_int_equal(byte_at(w, 0x1000), 0x90);
	assert_int_equal(byte_at(w, DEBUG_MAX_POINTS), 0xcc);
	assert_int_equal(w->p.int3.planted, DEBUG_MAX_POINTS);
	withdraw(w);
	for (unsigned i = 0; i < 0x10000; i++)
		assert_int_equal(byte_at(w, i), 0x90);
}

static const struct {
	const char *caps;         /* s step, i int3, e exec_dr, d data_dr */
	enum rsp_point type;
	uint64_t gva, len;
	int rc;
	enum debug_means means;
	const char *text;
} means[] = {
	{ "sied", RSP_POINT_SW, 0x1000, 1, 0, DEBUG_MEANS_INT3, "" },
	{ "sied", RSP_POINT_SW, 0x20000, 1, 0, DEBUG_MEANS_DR, "" },
	{ "si", RSP_POINT_SW, 0x20000, 1, 0, DEBUG_MEANS_STEP, "" },
	{ "i", RSP_POINT_SW, 0x20000, 1, 0, DEBUG_MEANS_PENDING, "" },
	{ "e", RSP_POINT_SW, 0x1000, 1, 0, DEBUG_MEANS_DR, "" },
	{ "s", RSP_POINT_SW, 0x1000, 1, 0, DEBUG_MEANS_STEP, "" },
	{ "sied", RSP_POINT_HW, 0x1000, 1, 0, DEBUG_MEANS_DR, "" },
	{ "si", RSP_POINT_HW, 0x1000, 1, 0, DEBUG_MEANS_STEP, "" },
	{ "i", RSP_POINT_HW, 0x1000, 1, -ENOTSUP, 0, "execute breakpoints do not fire on this host's KVM" },
	{ "sied", RSP_POINT_WRITE, 0x1001, 15, 0, DEBUG_MEANS_DR, "" },
	{ "sied", RSP_POINT_WRITE, 0x20000, 8, 0, DEBUG_MEANS_DR, "" },
	{ "sied", RSP_POINT_ACCESS, 0x1000, 33, -ENOSPC, 0,
	  "33 bytes at 0x1000 need 5 debug registers; there are 4" },
	{ "sied", RSP_POINT_WRITE, 0x1000, 0, -EINVAL, 0, "a range of 0 bytes at 0x1000 cannot be watched" },
	{ "sied", RSP_POINT_WRITE, ~0ull, 2, -EINVAL, 0,
	  "a range of 2 bytes at 0xffffffffffffffff cannot be watched" },
	{ "sie", RSP_POINT_WRITE, 0xffc, 256, 0, DEBUG_MEANS_STEP, "" },
	{ "sie", RSP_POINT_WRITE, 0x20000, 8, -EFAULT, 0, "0x20000: not mapped" },
	{ "sie", RSP_POINT_WRITE, 0xfffc, 8, -EFAULT, 0, "0x10000: not mapped" },
	{ "sie", RSP_POINT_READ, 0x1000, 8, -ENOTSUP, 0,
	  "data watchpoints do not fire on this host's KVM; only write watchpoints work, "
	  "by single-stepping" },
	{ "ie", RSP_POINT_WRITE, 0x1000, 8, -ENOTSUP, 0, "data watchpoints do not fire on this host's KVM" },
	/* l: an int3 in real mode is lost, and this address is one of real mode. */
	{ "siel", RSP_POINT_SW, 0x1000, 1, 0, DEBUG_MEANS_DR, "" },
	{ "sil", RSP_POINT_SW, 0x1000, 1, 0, DEBUG_MEANS_STEP, "" },
	{ "il", RSP_POINT_SW, 0x1000, 1, -ENOTSUP, 0,
	  "int3 in real-mode code is not reported by this host's KVM; "
	  "execute breakpoints do not fire on this host's KVM" },
	{ "sied", (enum rsp_point)9, 0x1000, 8, -EINVAL, 0, "no such kind of point" },
};

static void test_means(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < ARRAY_LEN(means); i++) {
		const char *c = means[i].caps;
		struct error err = { .text = "" };
		int rc;

		w->caps = (struct debug_caps){ .step = strchr(c, 's'), .int3 = strchr(c, 'i'),
		                               .int3_real = !strchr(c, 'l'),
		                               .exec_dr = strchr(c, 'e'), .data_dr = strchr(c, 'd') };
		rc = debug_points_insert(&w->p, means[i].type, means[i].gva, means[i].len, &err);
		if (rc != means[i].rc || (rc == 0 && w->p.point[0].means != means[i].means))
			print_error("row %u: rc %d, %s\n", i, rc, err.text);
		assert_int_equal(rc, means[i].rc);
		assert_string_equal(err.text, means[i].text);
		if (rc == 0)
			assert_int_equal(w->p.point[0].means, means[i].means);
		withdraw(w);
		assert_int_equal(w->p.step_exec + w->p.step_watch, 0);
		assert_int_equal(debug_slots_in_use(&w->p.slots), 0);
	}
}

/* Look-up by address finds what a search through the list finds. */
static void look_up_all(struct world *w)
{
	for (uint64_t gva = 0x7ff8; gva < 0x8010; gva++) {
		bool there = false;

		for (unsigned i = 0; i < w->p.count; i++) {
			const struct debug_point *pt = &w->p.point[i];

			there |= pt->wished && pt->gva == gva && pt->type <= RSP_POINT_HW;
		}
		assert_int_equal(debug_points_exec_at(&w->p, gva) != NULL, there);
	}
}

/* A long life of random insertions and removals keeps every count. */
static void test_random(void **state)
{
	struct world *w = *state;
	uint32_t seed = 7;

	w->caps.data_dr = false;
	for (unsigned i = 0; i < 20000; i++) {
		seed = seed * 1664525u + 1013904223u;
		enum rsp_point type = (enum rsp_point)((seed >> 24) % 3);
		uint64_t gva = 0x7ffc + (seed >> 16) % 12, len = type == RSP_POINT_WRITE ? 4 : 1;

		if (seed & 0x100)
			insert(w, type, gva, len);
		else
			debug_points_remove(&w->p, type, gva, len);
		if ((seed & 0xe00) == 0)
			sync_points(w);
		look_up_all(w);
	}
	for (unsigned i = 0; i < w->p.count; i++)
		debug_points_remove(&w->p, w->p.point[i].type, w->p.point[i].gva, w->p.point[i].len);
	sync_points(w);
	assert_int_equal(w->p.count, 0);
	assert_int_equal(w->p.int3.count, 0);
	assert_int_equal(w->p.step_exec + w->p.step_watch, 0);
	assert_int_equal(debug_slots_in_use(&w->p.slots), 0);
	for (unsigned i = 0; i < ARRAY_LEN(w->p.bucket); i++)
		assert_int_equal(w->p.bucket[i], 0);
	for (unsigned i = 0; i < DEBUG_MAX_WATCHES; i++)
		assert_false(w->p.watch[i].used);
	for (unsigned i = 0; i < 0x10000; i++)
		assert_int_equal(byte_at(w, i), 0x90);
}

static void test_watch_values(void **state)
{
	struct world *w = *state;
	struct debug_point *pt;

	insert(w, RSP_POINT_READ, 0x1000, 8);
	insert(w, RSP_POINT_WRITE, 0x1000, 8);
	sync_points(w);
	/* Read, as far as the value tells. */
	pt = debug_points_data_slot(&w->p, w->p.point[0].slots, false);
	assert_ptr_equal(pt, &w->p.point[0]);
	guest_mem_fill(&w->mem, 0x1004, 1, 1);
	assert_null(debug_points_data_slot(&w->p, w->p.point[0].slots, false));
	assert_ptr_equal(debug_points_data_slot(&w->p, w->p.point[0].slots, false), &w->p.point[0]);
	/* A doubtful write is believed once for each change. */
	assert_ptr_equal(debug_points_data_slot(&w->p, w->p.point[1].slots, true), &w->p.point[1]);
	assert_null(debug_points_data_slot(&w->p, w->p.point[1].slots, true));
	assert_ptr_equal(debug_points_data_slot(&w->p, w->p.point[1].slots, false), &w->p.point[1]);
}

static void test_slots_stay(void **state)
{
	struct world *w = *state;
	struct debug_arm before;

	insert(w, RSP_POINT_HW, 0x1000, 1);
	insert(w, RSP_POINT_HW, 0x2000, 1);
	insert(w, RSP_POINT_WRITE, 0x3000, 8);
	insert(w, RSP_POINT_WRITE, 0x3000, 4);
	sync_points(w);
	before = w->arm;
	for (unsigned i = 0; i < w->p.count; i++)
		debug_points_remove(&w->p, w->p.point[i].type, w->p.point[i].gva, w->p.point[i].len);
	insert(w, RSP_POINT_WRITE, 0x3000, 8);
	insert(w, RSP_POINT_WRITE, 0x3000, 4);
	insert(w, RSP_POINT_HW, 0x2000, 1);
	insert(w, RSP_POINT_HW, 0x1000, 1);
	sync_points(w);
	for (unsigned i = 0; i < X86_DR_SLOTS; i++)
		assert_int_equal(before.slot[i].addr, w->arm.slot[i].addr);
	/* Identical ones share, and a write in a wider one: its hit is told by what changed. */
	assert_int_equal(debug_slots_in_use(&w->p.slots), 3);
	guest_mem_fill(&w->mem, 0x3004, 1, 1);
	assert_true(debug_points_data_slot(&w->p, 4, false)->len == 8);
	debug_points_remove(&w->p, RSP_POINT_WRITE, 0x3000, 8);
	guest_mem_fill(&w->mem, 0x3004, 2, 1);
	assert_null(debug_points_data_slot(&w->p, 4, false));
	guest_mem_fill(&w->mem, 0x3000, 2, 1);
	assert_true(debug_points_data_slot(&w->p, 4, false)->len == 4);
	debug_points_remove(&w->p, RSP_POINT_WRITE, 0x3000, 4);
	assert_int_equal(insert(w, RSP_POINT_SW, 0x20000, 1), 0);
	assert_int_equal(insert(w, RSP_POINT_HW, 0x20000, 1), 0);
	assert_int_equal(debug_slots_in_use(&w->p.slots), 3);
}

/* A reset: memory is new, what one point gives up another gets. */
static void test_rebind(void **state)
{
	struct world *w = *state;

	insert(w, RSP_POINT_SW, 0x1000, 1);
	insert(w, RSP_POINT_WRITE, 0x3000, 32);
	sync_points(w);
	guest_mem_fill(&w->mem, 0, 0x91, 0x10000);
	debug_points_rebind(&w->p, false);
	assert_int_equal(w->p.count, 2);
	assert_int_equal(byte_at(w, 0x1000), 0x91);
	sync_points(w);
	assert_int_equal(byte_at(w, 0x1000), 0xcc);
	withdraw(w);
	assert_int_equal(byte_at(w, 0x1000), 0x91);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_lazy), T(test_hits_survive), T(test_aliases), T(test_overlay), T(test_overwritten),
		T(test_overwritten_pages), T(test_watches_among), T(test_lift), T(test_gone), T(test_full),
		T(test_means), T(test_random), T(test_watch_values), T(test_slots_stay), T(test_rebind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
