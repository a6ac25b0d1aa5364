#include "../cmocka_all.h"
#include "base/bytes.h"
#include "base/crc32.h"
#include "base/record.h"
#include "mem/snapfile.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define K4 4096ull
#define HIGH (1ull << 32)

struct file { uint8_t *bytes; size_t len, limit; };

static int append(void *ctx, const void *bytes, size_t len)
{
	struct file *f = ctx;

	if (f->limit && f->len + len > f->limit)
		return -ENOSPC;
	f->bytes = realloc(f->bytes, f->len + len);
	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
	return 0;
}

static void make_mem(struct guest_mem *mem, unsigned low_pages)
{
	guest_mem_init(mem);
	assert_int_equal(guest_mem_add(mem, 0, low_pages * K4, NULL), 0);
	assert_int_equal(guest_mem_add(mem, HIGH, 4 * K4, NULL), 0);
}

/* Pages 0, 1, 5 and 9 of the low memory, the first of the high; one record. */
static int make_file(struct file *f)
{
	static const uint64_t at[] = {0, K4 + 1, 5 * K4, 9 * K4 + 4095, HIGH};
	const struct snapfile_sink sink = {f, append};
	struct records state = {0};
	struct guest_mem mem;
	struct page_store *store;
	struct page_image *image;
	struct snapfile head;
	uint64_t dirty[2] = {~0ull, ~0ull};
	int rc;

	make_mem(&mem, 10);
	for (unsigned i = 0; i < ARRAY_LEN(at); i++)
		guest_mem_fill(&mem, at[i], (uint8_t)(i + 1), 1);
	assert_int_equal(page_store_new(&mem, 100, &store, NULL), 0);
	assert_int_equal(page_store_capture(store, NULL, dirty, &image, NULL), 0);
	records_add(&state, "part", 2, "12345", 5);
	snapfile_describe(&mem, &head);
	head.vcpus = 3;
	head.bias = 0x1234;
	head.state = state.bytes;
	head.state_len = state.len;
	rc = snapfile_write(&head, store, image, &sink);
	page_store_drop(store, image);
	page_store_free(store);
	guest_mem_fini(&mem);
	records_free(&state);
	return rc;
}

static void test_round_trip(void **state)
{
	struct file f = {0};
	struct guest_mem mem;
	struct snapfile s;
	struct record rec;
	uint8_t b = 0;

	(void)state;
	assert_int_equal(make_file(&f), 0);
	assert_int_equal(snapfile_open(f.bytes, f.len, &s, NULL), 0);
	assert_int_equal(s.vcpus, 3);
	assert_int_equal(s.bias, 0x1234);
	assert_int_equal(s.pages, 5);
	assert_int_equal(records_find(s.state, s.state_len, "part", 2, &rec), 1);
	assert_memory_equal(rec.bytes, "12345", 5);
	make_mem(&mem, 10);
	guest_mem_fill(&mem, 3 * K4, 0xee, 8);
	assert_int_equal(snapfile_load(&s, &mem, NULL), 0);
	guest_mem_read(&mem, 9 * K4 + 4095, &b, 1);
	assert_int_equal(b, 4);
	guest_mem_read(&mem, HIGH, &b, 1);
	assert_int_equal(b, 5);
	guest_mem_read(&mem, 3 * K4, &b, 1);
	assert_int_equal(b, 0);
	guest_mem_fini(&mem);
	free(f.bytes);
}

static void test_other_memory(void **state)
{
	struct error err = {0};
	struct file f = {0};
	struct guest_mem mem;
	struct snapfile s;

	(void)state;
	assert_int_equal(make_file(&f), 0);
	assert_int_equal(snapfile_open(f.bytes, f.len, &s, NULL), 0);
	make_mem(&mem, 11);
	guest_mem_fill(&mem, 0, 0x77, 1);
	assert_int_equal(snapfile_load(&s, &mem, &err), -EINVAL);
	assert_non_null(strstr(err.text, "other memory"));
	assert_int_equal(*(uint8_t *)guest_mem_window(&mem, 0, 1), 0x77);
	guest_mem_fini(&mem);
	free(f.bytes);
}

/* A full disk at every possible byte: its error, whatever was going on. */
static void test_sink_fails(void **state)
{
	(void)state;
	for (size_t limit = 1; limit < 5 * K4; limit += 61) {
		struct file f = {.limit = limit};

		assert_int_equal(make_file(&f), -ENOSPC);
		free(f.bytes);
	}
}

static void sum(struct file *f)
{
	bytes_put_le32(f->bytes + f->len - 8, crc32_add(0, f->bytes, f->len - 8));
}

struct lie { const char *what; size_t at; uint64_t value; unsigned len; const char *says; };

static void test_lies(void **state)
{
	static const struct lie rows[] = {
		{"magic", 0, 'x', 1, "not a snapshot"},
		{"version", 8, 2, 4, "version 2"},
		{"size", 16, 1, 1, "truncated"},
		{"records' length", 32, 1ull << 40, 8, "longer"},
		{"records' length, a little", 32, 47, 8, "damaged"},
		{"page count", 40, 6, 8, "damaged"},
		{"no region", 48, 0, 4, "0 memory regions"},
		{"many regions", 48, 9, 4, "9 memory regions"},
		{"odd region", 56, 1, 8, "regions"},
		{"region's size", 64, UINT64_MAX - 4095, 8, "regions"},
		{"overlap", 72, 4096, 8, "regions"},
		{"record's name", 184, 0, 8, "records"},
		{"record's length", 184 + 28, 0xffffff, 4, "records"},
		{"run's address", 224, 0x1001, 8, "no memory"},
		{"run outside", 224, 1ull << 40, 8, "no memory"},
		{"run's length", 232, 1ull << 60, 8, "damaged"},
		{"empty run", 232, 0, 8, "damaged"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct file f = {0};
		struct error err = {0};
		struct snapfile s;

		assert_int_equal(make_file(&f), 0);
		bytes_put_le(f.bytes + rows[i].at, rows[i].value, rows[i].len);
		sum(&f);
		if (snapfile_open(f.bytes, f.len, &s, &err) != -EINVAL || !strstr(err.text, rows[i].says))
			fail_msg("%s: '%s'", rows[i].what, err.text);
		free(f.bytes);
	}
}

static void test_cut_and_damaged(void **state)
{
	struct file f = {0};
	struct snapfile s;

	(void)state;
	assert_int_equal(make_file(&f), 0);
	for (size_t len = 0; len < f.len; len += len < 300 ? 1 : 97)
		assert_int_equal(snapfile_open(f.bytes, len, &s, NULL), -EINVAL);
	for (size_t at = 0; at < f.len - 4; at += at < 300 ? 1 : 89) {
		f.bytes[at] ^= 0x10;
		if (snapfile_open(f.bytes, f.len, &s, NULL) != -EINVAL)
			fail_msg("a bit at %zu", at);
		f.bytes[at] ^= 0x10;
	}
	assert_int_equal(snapfile_open(f.bytes, f.len, &s, NULL), 0);
	free(f.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_other_memory),
		cmocka_unit_test(test_sink_fails),  cmocka_unit_test(test_lies),
		cmocka_unit_test(test_cut_and_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
