/* Queues as a hostile driver may leave them: what is taken, and what is refused. */
#include "../cmocka_all.h"
#include "base/bytes.h"
#include "dev/virtqueue.h"
#include <errno.h>
#include <string.h>

#define RAM 0x10000u
#define HIGH 0x100000000ull
#define DESC 0x1000u
#define AVAIL 0x2000u
#define USED 0x3000u
#define SIZE 4u

enum { N = 1, W = 2, I = 4 }; /* next, write, indirect */

struct d { uint64_t gpa; uint32_t len; uint16_t flags, next; };

static struct guest_mem mem;
static struct dev_virtqueue_chain chain;

static int set_up(void **state)
{
	(void)state;
	guest_mem_init(&mem);
	return guest_mem_add(&mem, 0, RAM, NULL) || guest_mem_add(&mem, HIGH, 0x1000, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	guest_mem_fini(&mem);
	return 0;
}

static void put16(uint64_t gpa, uint16_t v)
{
	uint8_t b[2];

	bytes_put_le16(b, v);
	assert_int_equal(guest_mem_write(&mem, gpa, b, 2), 0);
}

static uint16_t get16(uint64_t gpa)
{
	uint8_t b[2];

	assert_int_equal(guest_mem_read(&mem, gpa, b, 2), 0);
	return bytes_get_le16(b);
}

static void put_desc(unsigned i, const struct d *d)
{
	uint8_t b[16];

	bytes_put_le64(b, d->gpa);
	bytes_put_le32(b + 8, d->len);
	bytes_put_le16(b + 12, d->flags);
	bytes_put_le16(b + 14, d->next);
	assert_int_equal(guest_mem_write(&mem, DESC + 16 * i, b, 16), 0);
}

static void offer(unsigned slot, uint16_t head)
{
	put16(AVAIL + 4 + 2 * slot, head);
}

static struct dev_virtqueue started(void)
{
	struct dev_virtqueue q = {.size = SIZE, .desc = DESC, .avail = AVAIL, .used = USED};

	assert_int_equal(dev_virtqueue_start(&q, &mem), 0);
	return q;
}

/* ---- starting ---- */

static void test_starts(void **state)
{
	static const struct { uint32_t size; uint64_t desc, avail, used; int rc; } rows[] = {
		{4, DESC, AVAIL, USED, 0},
		{1, DESC, AVAIL, USED, 0},
		{256, DESC, AVAIL, USED, 0},
		{256, HIGH, AVAIL, USED, 0},
		{0, DESC, AVAIL, USED, -EINVAL},
		{3, DESC, AVAIL, USED, -EINVAL},
		{512, DESC, AVAIL, USED, -EINVAL},
		{65536, DESC, AVAIL, USED, -EINVAL},
		{UINT32_MAX, DESC, AVAIL, USED, -EINVAL},
		{4, DESC + 8, AVAIL, USED, -EINVAL},
		{4, DESC, AVAIL + 1, USED, -EINVAL},
		{4, DESC, AVAIL, USED + 2, -EINVAL},
		{4, RAM - 16, AVAIL, USED, -EINVAL},
		{4, RAM - 64, AVAIL, USED, 0},
		{4, DESC, RAM - 10, USED, -EINVAL},
		{4, DESC, RAM - 12, USED, 0},
		{4, DESC, AVAIL, RAM - 32, -EINVAL},
		{4, DESC, AVAIL, RAM - 36, 0},
		{4, HIGH - 16, AVAIL, USED, -EINVAL},
		{256, HIGH + 0x800, AVAIL, USED, -EINVAL},
		{4, UINT64_MAX - 15, AVAIL, USED, -EINVAL},
		{4, DESC, UINT64_MAX - 1, USED, -EINVAL},
		{4, DESC, AVAIL, UINT64_MAX - 3, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dev_virtqueue q = {.size = rows[i].size, .desc = rows[i].desc, .avail = rows[i].avail,
		                          .used = rows[i].used, .taken = 7, .given = 7};

		if (dev_virtqueue_start(&q, &mem) != rows[i].rc || q.ready != (rows[i].rc == 0))
			fail_msg("row %zu", i);
		assert_int_equal(q.taken, rows[i].rc ? 7 : 0);
	}
}

/* ---- chains ---- */

/* rc 1: the pieces, how many are readable, and their bytes. */
static const struct chain_row {
	const char *name;
	uint16_t head;
	struct d desc[SIZE];
	int rc;
	unsigned count, readable;
	uint64_t out_len, in_len;
} chains[] = {
	{"one to read", 0, {{0x4000, 10, 0, 0}}, 1, 1, 1, 10, 0},
	{"one to fill", 3, {[3] = {0x4000, 10, W, 0}}, 1, 1, 0, 0, 10},
	{"both", 1, {[1] = {0x4000, 10, N, 0}, [0] = {0x5000, 20, W | N, 2}, [2] = {0x6000, 30, W, 9}},
	 1, 3, 1, 10, 50},
	{"as long as the queue", 0, {{0, 1, N, 1}, {0, 2, N, 2}, {0, 3, N, 3}, {0, 4, 0, 0}}, 1, 4, 4, 10, 0},
	{"empty pieces", 0, {{0x4000, 0, N, 1}, {0x4000, 0, W, 0}}, 1, 2, 1, 0, 0},
	{"an empty piece outside memory", 0, {{0x7000000000000000, 0, 0, 0}}, 1, 1, 1, 0, 0},
	{"to the last byte", 0, {{RAM - 8, 8, 0, 0}}, 1, 1, 1, 8, 0},
	{"all of memory", 0, {{0, RAM, W, 0}}, 1, 1, 0, 0, RAM},
	{"leads to itself", 0, {{0x4000, 1, N, 0}}, -EINVAL, 0, 0, 0, 0},
	{"a loop of all", 0, {{0, 1, N, 1}, {0, 1, N, 2}, {0, 1, N, 3}, {0, 1, N, 0}}, -EINVAL, 0, 0, 0, 0},
	{"a head outside", SIZE, {{0x4000, 1, 0, 0}}, -EINVAL, 0, 0, 0, 0},
	{"a head far outside", 0xffff, {{0x4000, 1, 0, 0}}, -EINVAL, 0, 0, 0, 0},
	{"a wild next", 0, {{0x4000, 1, N, SIZE}}, -EINVAL, 0, 0, 0, 0},
	{"a wilder next", 0, {{0x4000, 1, N, 0xffff}}, -EINVAL, 0, 0, 0, 0},
	{"indirect", 0, {{0x4000, 16, I, 0}}, -EINVAL, 0, 0, 0, 0},
	{"to read behind what is to fill", 0, {{0, 1, W | N, 1}, {0, 1, 0, 0}}, -EINVAL, 0, 0, 0, 0},
	{"over the end of memory", 0, {{RAM - 8, 9, 0, 0}}, -EINVAL, 0, 0, 0, 0},
	{"in the hole", 0, {{HIGH - 0x1000, 16, W, 0}}, -EINVAL, 0, 0, 0, 0},
	{"from the hole into memory", 0, {{HIGH - 8, 16, W, 0}}, -EINVAL, 0, 0, 0, 0},
	{"wraps", 0, {{UINT64_MAX - 7, 16, W, 0}}, -EINVAL, 0, 0, 0, 0},
	{"4 GiB", 0, {{0, UINT32_MAX, W, 0}}, -EINVAL, 0, 0, 0, 0},
	{"a good piece before a bad one", 0, {{0x4000, 1, N, 1}, {RAM, 1, W, 0}}, -EINVAL, 0, 0, 0, 0},
};

static void test_chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		const struct chain_row *r = &chains[i];
		struct dev_virtqueue q = started();
		int rc;

		for (unsigned d = 0; d < SIZE; d++)
			put_desc(d, &r->desc[d]);
		offer(0, r->head);
		put16(AVAIL + 2, 1);
		rc = dev_virtqueue_take(&q, &mem, &chain);
		if (rc != r->rc || q.taken != (rc == 1))
			fail_msg("%s: %d", r->name, rc);
		if (rc == 1 && (chain.count != r->count || chain.readable != r->readable ||
		                chain.out_len != r->out_len || chain.in_len != r->in_len ||
		                chain.head != r->head))
			fail_msg("%s: %u pieces, %u to read", r->name, chain.count, chain.readable);
	}
}

/* The index runs through 65536; more waiting than the queue holds cannot be. */
static void test_indices(void **state)
{
	static const struct { uint16_t taken, index; int rc; } rows[] = {
		{0, 0, 0}, {0, 1, 1}, {0, 4, 1}, {0, 5, -EINVAL}, {0, 0xffff, -EINVAL}, {0xffff, 0, 1},
		{0xfffe, 2, 1}, {0xfffe, 3, -EINVAL}, {5, 4, -EINVAL}, {0x8000, 0, -EINVAL},
	};
	const struct d one = {0x4000, 8, 0, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dev_virtqueue q = started();

		put_desc(0, &one);
		for (unsigned s = 0; s < SIZE; s++)
			offer(s, 0);
		q.taken = rows[i].taken;
		put16(AVAIL + 2, rows[i].index);
		if (dev_virtqueue_take(&q, &mem, &chain) != rows[i].rc)
			fail_msg("taken %x, index %x", rows[i].taken, rows[i].index);
	}
}

static void test_gives(void **state)
{
	struct dev_virtqueue q = started();
	uint8_t entry[8];

	(void)state;
	q.given = 0xffff;
	dev_virtqueue_give(&q, &mem, 2, 77);
	assert_int_equal(get16(USED + 2), 0);
	assert_int_equal(guest_mem_read(&mem, USED + 4 + 8 * 3, entry, 8), 0);
	assert_int_equal(bytes_get_le32(entry), 2);
	assert_int_equal(bytes_get_le32(entry + 4), 77);
	put16(AVAIL, 0);
	assert_true(dev_virtqueue_wants_interrupt(&q, &mem));
	put16(AVAIL, 1);
	assert_false(dev_virtqueue_wants_interrupt(&q, &mem));
	dev_virtqueue_stop(&q);
	assert_int_equal(dev_virtqueue_take(&q, &mem, &chain), 0);
}

/* Across pieces of 1, 0, 5 and 2 bytes, at every offset and length. */
static void test_copies(void **state)
{
	static const uint8_t text[8] = "abcdefgh";
	struct dev_virtqueue_chain c = {.count = 8, .readable = 4, .out_len = 8, .in_len = 8};
	static const uint32_t lens[] = {1, 0, 5, 2};
	uint8_t got[9];

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		c.piece[i] = (struct dev_virtqueue_piece){0x4000 + 0x100 * i, lens[i % 4]};
	assert_int_equal(dev_virtqueue_write(&c, &mem, 0, text, 8), 0);
	for (unsigned i = 0; i < 4; i++) { /* what was filled is what is read */
		guest_mem_read(&mem, c.piece[4 + i].gpa, got, lens[i]);
		guest_mem_write(&mem, c.piece[i].gpa, got, lens[i]);
	}
	for (unsigned at = 0; at <= 8; at++)
		for (unsigned len = 0; len <= 9; len++) {
			int rc = dev_virtqueue_read(&c, &mem, at, got, len);

			assert_int_equal(rc, at + len <= 8 ? 0 : -EFAULT);
			if (rc == 0)
				assert_memory_equal(got, text + at, len);
		}
	assert_int_equal(dev_virtqueue_write(&c, &mem, 8, text, 1), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_starts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_chains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_indices, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_copies, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
