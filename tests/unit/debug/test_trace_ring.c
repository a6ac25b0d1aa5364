/* The ring of trace frames: order, wrapping, eviction, refusal. */
#include "../cmocka_all.h"
#include "debug/trace_ring.h"

#include <errno.h>
#include <string.h>

static struct debug_trace_ring r;

static int add(uint16_t number, uint32_t len)
{
	const struct debug_trace_frame f = { .number = number, .pc = 0x1000 + number };
	uint8_t bytes[256];

	memset(bytes, number, sizeof(bytes));
	return debug_trace_ring_add(&r, &f, bytes, len);
}

static void must_hold(uint32_t i, uint16_t number, uint32_t len)
{
	const struct debug_trace_frame *f = debug_trace_ring_frame(&r, i);
	uint8_t got[300], want[300];

	assert_non_null(f);
	assert_int_equal(f->number, number);
	assert_int_equal(f->pc, 0x1000 + number);
	assert_int_equal(debug_trace_ring_read(&r, f, 0, got, sizeof(got)), len);
	memset(want, number, len);
	assert_memory_equal(got, want, len);
}

static void test_full(void **state)
{
	(void)state;
	debug_trace_ring_init(&r, 100, false);
	assert_int_equal(add(1, 60), 0);
	assert_int_equal(add(2, 41), -ENOSPC);
	assert_int_equal(add(3, 40), 0);
	assert_int_equal(add(4, 1), -ENOSPC);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.created, 2);
	assert_int_equal(r.used, 100);
	must_hold(0, 1, 60);
	must_hold(1, 3, 40);
	assert_null(debug_trace_ring_frame(&r, 2));
}

/* Every length, so that frames wrap everywhere. */
static void test_circular(void **state)
{
	(void)state;
	debug_trace_ring_init(&r, 100, true);
	for (uint16_t i = 1; i < 200; i++) {
		uint32_t len = 1 + i * 7u % 100;

		assert_int_equal(add(i, len), 0);
		must_hold(r.count - 1, i, len);
		assert_true(r.used <= 100);
		assert_int_equal(r.created, i);
	}
	assert_int_equal(add(200, 101), -ENOSPC);
	assert_int_equal(add(200, 100), 0);
	assert_int_equal(r.count, 1);
	must_hold(0, 200, 100);
}

static void test_window(void **state)
{
	uint8_t got[200];

	(void)state;
	debug_trace_ring_init(&r, 100, true);
	for (uint16_t i = 1; i <= 5; i++)
		add(i, 30);
	assert_int_equal(debug_trace_ring_window(&r, 0, got, sizeof(got)), 90);
	for (unsigned i = 0; i < 90; i++)
		assert_int_equal(got[i], 3 + i / 30);
	assert_int_equal(debug_trace_ring_window(&r, 29, got, 2), 2);
	assert_int_equal(got[0], 3);
	assert_int_equal(got[1], 4);
	assert_int_equal(debug_trace_ring_window(&r, 90, got, 1), 0);
	assert_int_equal(debug_trace_ring_window(&r, UINT64_MAX, got, 1), 0);
	assert_int_equal(debug_trace_ring_read(&r, debug_trace_ring_frame(&r, 0), 30, got, 1), 0);
}

static void test_count(void **state)
{
	(void)state;
	debug_trace_ring_init(&r, UINT32_MAX, false);
	assert_int_equal(r.size, DEBUG_TRACE_BUFFER);
	for (unsigned i = 0; i < DEBUG_TRACE_FRAMES; i++)
		assert_int_equal(add(1, 1), 0);
	assert_int_equal(add(2, 1), -ENOSPC);
	r.circular = true;
	assert_int_equal(add(2, 1), 0);
	assert_int_equal(r.count, DEBUG_TRACE_FRAMES);
	must_hold(DEBUG_TRACE_FRAMES - 1, 2, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_circular),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
