#include "../cmocka_all.h"
#include "mem/page_store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define K4 4096ull
#define FIRST 700u              /* pages: more than a leaf, no multiple of 64 */
#define HIGH (1ull << 32)

struct box {
	struct guest_mem mem;
	struct page_store *store;
	struct page_image *base;    /* what memory is equal to but for the dirty pages */
	uint64_t dirty[(FIRST + 64) / 64 + 2];
};

static void box_init(struct box *b, uint64_t max_pages)
{
	memset(b, 0, sizeof(*b));
	guest_mem_init(&b->mem);
	assert_int_equal(guest_mem_add(&b->mem, 0, FIRST * K4, NULL), 0);
	assert_int_equal(guest_mem_add(&b->mem, HIGH, 10 * K4, NULL), 0);
	assert_int_equal(guest_mem_bits(&b->mem), 704 + 64);
	assert_int_equal(guest_mem_track(&b->mem), 0);
	assert_int_equal(page_store_new(&b->mem, max_pages, &b->store, NULL), 0);
}

static void box_fini(struct box *b)
{
	page_store_drop(b->store, b->base);
	page_store_free(b->store);
	guest_mem_fini(&b->mem);
}

static void poke(struct box *b, uint64_t gpa, uint8_t value)
{
	assert_int_equal(guest_mem_write(&b->mem, gpa, &value, 1), 0);
}

static uint8_t peek(const struct box *b, uint64_t gpa)
{
	uint8_t value = 0;

	assert_int_equal(guest_mem_read(&b->mem, gpa, &value, 1), 0);
	return value;
}

static void rebase(struct box *b, struct page_image *image)
{
	page_image_hold(image);
	page_store_drop(b->store, b->base);
	b->base = image;
	memset(b->dirty, 0, sizeof(b->dirty));
}

static void collect(struct box *b)
{
	if (guest_mem_take_written(&b->mem, b->dirty)) {
		page_store_drop(b->store, b->base);
		b->base = NULL;
	}
}

static struct page_image *save(struct box *b)
{
	struct page_image *image;

	collect(b);
	assert_int_equal(page_store_capture(b->store, b->base, b->dirty, &image, NULL), 0);
	rebase(b, image);
	return image;
}

static uint64_t put_back(struct box *b, struct page_image *image)
{
	uint64_t n;

	collect(b);
	n = page_store_apply(b->store, b->base, image, b->dirty);
	rebase(b, image);
	return n;
}

static void test_save_and_put_back(void **state)
{
	struct page_image *one, *two;
	struct box b;

	(void)state;
	box_init(&b, 1000);
	poke(&b, 5, 1);
	poke(&b, 600 * K4, 2);
	poke(&b, HIGH + 9 * K4 + 4095, 3);
	one = save(&b);
	assert_int_equal(page_store_pages(b.store), 3);
	poke(&b, 5, 11);
	poke(&b, 600 * K4, 0);
	poke(&b, 3 * K4, 4);
	two = save(&b);
	/* The page of zeros costs nothing, the one that did not change is shared. */
	assert_int_equal(page_store_pages(b.store), 5);
	assert_int_equal(page_image_pages(one), 3);
	assert_int_equal(page_image_pages(two), 3);
	assert_int_equal(put_back(&b, one), 3);
	assert_int_equal(peek(&b, 5), 1);
	assert_int_equal(peek(&b, 600 * K4), 2);
	assert_int_equal(peek(&b, 3 * K4), 0);
	assert_int_equal(peek(&b, HIGH + 9 * K4 + 4095), 3);
	assert_int_equal(put_back(&b, one), 0);
	poke(&b, HIGH, 9);
	assert_int_equal(put_back(&b, two), 4);
	assert_int_equal(peek(&b, 5), 11);
	assert_int_equal(peek(&b, 600 * K4), 0);
	assert_int_equal(peek(&b, 3 * K4), 4);
	assert_int_equal(peek(&b, HIGH), 0);
	page_store_drop(b.store, one);
	assert_int_equal(page_store_pages(b.store), 3);
	page_store_drop(b.store, two);
	box_fini(&b);
}

static void test_cleared(void **state)
{
	struct page_image *one;
	struct box b;

	(void)state;
	box_init(&b, 1000);
	poke(&b, 5, 1);
	poke(&b, 7 * K4, 2);
	one = save(&b);
	guest_mem_clear(&b.mem);
	poke(&b, 8 * K4, 3);
	assert_int_equal(put_back(&b, one), 3);
	assert_int_equal(peek(&b, 5), 1);
	assert_int_equal(peek(&b, 7 * K4), 2);
	assert_int_equal(peek(&b, 8 * K4), 0);
	page_store_drop(b.store, one);
	box_fini(&b);
}

/* A bit that nothing stands behind shares the page; a full store changes nothing. */
static void test_limits(void **state)
{
	struct page_image *one, *two = NULL;
	struct error err = {0};
	struct box b;

	(void)state;
	box_init(&b, 4);
	for (unsigned i = 0; i < 3; i++)
		poke(&b, i * K4, 1);
	one = save(&b);
	memset(b.dirty, 0xff, sizeof(b.dirty));
	two = save(&b);
	assert_int_equal(page_store_pages(b.store), 3);
	page_store_drop(b.store, two);
	poke(&b, 0, 2);
	poke(&b, K4, 2);
	collect(&b);
	assert_int_equal(page_store_capture(b.store, b.base, b.dirty, &two, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "delete"));
	assert_int_equal(page_store_pages(b.store), 3);
	assert_int_equal(put_back(&b, one), 2);
	assert_int_equal(peek(&b, K4), 1);
	page_store_drop(b.store, one);
	box_fini(&b);
}

/* What saves, writes, deletions and restores in any order leave is what a plain copy has. */
static void test_random(void **state)
{
	enum { SLOTS = 5, SIZE = 710 };
	static uint8_t copy[SLOTS][SIZE], now[SIZE];
	struct page_image *image[SLOTS] = {0};
	struct box b;

	(void)state;
	srand(7);
	memset(now, 0, sizeof(now));
	box_init(&b, 100000);
	for (unsigned turn = 0; turn < 3000; turn++) {
		unsigned slot = (unsigned)rand() % SLOTS, page = (unsigned)rand() % SIZE, what = rand() % 8;
		uint64_t gpa = page < FIRST ? page * K4 : HIGH + (page - FIRST) * K4;

		if (what == 0) {
			page_store_drop(b.store, image[slot]);
			image[slot] = save(&b);
			memcpy(copy[slot], now, SIZE);
		} else if (what == 1 && image[slot]) {
			put_back(&b, image[slot]);
			memcpy(now, copy[slot], SIZE);
		} else if (what > 1) {
			now[page] = (uint8_t)(rand() % 3);
			poke(&b, gpa + 17, now[page]);
		}
		for (unsigned i = 0; turn % 50 == 0 && i < SIZE; i++)
			if (peek(&b, (i < FIRST ? i * K4 : HIGH + (i - FIRST) * K4) + 17) != now[i])
				fail_msg("turn %u: page %u differs", turn, i);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		page_store_drop(b.store, image[i]);
	page_store_drop(b.store, b.base);
	b.base = NULL;
	assert_int_equal(page_store_pages(b.store), 0);
	box_fini(&b);
}

static void test_marks(void **state)
{
	struct box b;

	(void)state;
	box_init(&b, 10);
	guest_mem_mark(&b.mem, 64 * K4 - 1, 2);
	guest_mem_mark(&b.mem, HIGH + 9 * K4, UINT64_MAX);
	guest_mem_mark(&b.mem, HIGH - 1, K4);
	guest_mem_mark(&b.mem, 0, 0);
	assert_false(guest_mem_take_written(&b.mem, b.dirty));
	assert_true(b.dirty[0] == 1ull << 63 && b.dirty[1] == 1);
	assert_true(b.dirty[11] == 1);
	memset(b.dirty, 0, sizeof(b.dirty));
	assert_int_equal(guest_mem_fill(&b.mem, 699 * K4 + 1, 1, 10), 0);
	guest_mem_take_written(&b.mem, b.dirty);
	assert_true(b.dirty[10] == 1ull << (699 - 640));
	assert_ptr_equal(guest_mem_page(&b.mem, 699), guest_mem_window(&b.mem, 699 * K4, 1));
	assert_null(guest_mem_page(&b.mem, 700));
	assert_ptr_equal(guest_mem_page(&b.mem, 705), guest_mem_window(&b.mem, HIGH + K4, 1));
	assert_true(guest_mem_page_address(&b.mem, 713) == HIGH + 9 * K4);
	box_fini(&b);
}

static void test_touched(void **state)
{
	struct box b;
	int fd;

	(void)state;
	box_init(&b, 10);
	poke(&b, 100 * K4, 0);
	poke(&b, HIGH + K4, 5);
	fd = open("/proc/self/pagemap", O_RDONLY);
	guest_mem_touched(&b.mem, fd, b.dirty);
	assert_true(fd < 0 || !(b.dirty[1] & 1ull << 35));
	assert_true(b.dirty[1] & 1ull << 36);
	assert_true(b.dirty[11] & 2);
	guest_mem_touched(&b.mem, -1, b.dirty);
	assert_true(b.dirty[0] == UINT64_MAX && b.dirty[11] == 0x3ff);
	box_fini(&b);
	if (fd >= 0)
		close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_save_and_put_back), cmocka_unit_test(test_cleared),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_random),
		cmocka_unit_test(test_marks), cmocka_unit_test(test_touched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
