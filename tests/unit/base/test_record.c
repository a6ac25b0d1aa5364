#include "../cmocka_all.h"
#include "base/crc32.h"
#include "base/record.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void test_crc32(void **state)
{
	/* Check values: the CRC catalogue's for "123456789"; the others from zlib's crc32(). */
	static const struct { const char *text; uint32_t crc; } rows[] = {
		{"", 0}, {"a", 0xe8b7be43}, {"12345678", 0x9ae0daaf}, {"123456789", 0xcbf43926},
		{"The quick brown fox jumps over the lazy dog", 0x414fa339},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].text);

		for (size_t cut = 0; cut <= len; cut++) {
			uint32_t crc = crc32_add(0, rows[i].text, cut);

			crc = crc32_add(crc, rows[i].text + cut, len - cut);
			if (crc != rows[i].crc)
				fail_msg("'%s' cut at %zu: %08x", rows[i].text, cut, crc);
		}
	}
}

static void test_add_and_next(void **state)
{
	struct records r = {0};
	struct record rec;
	uint8_t big[40000];
	size_t at = 0;

	(void)state;
	memset(big, 7, sizeof(big));
	assert_int_equal(records_add(&r, "regs", 1, "abc", 3), 0);
	assert_int_equal(records_add(&r, "none", 0, NULL, 0), 0);
	assert_int_equal(records_add(&r, "twentyfour-characters-ok", 3, big, sizeof(big)), 0);
	assert_int_equal(r.len % 8, 0);
	assert_int_equal(records_next(r.bytes, r.len, &at, &rec), 1);
	assert_string_equal(rec.name, "regs");
	assert_int_equal(rec.index, 1);
	assert_int_equal(rec.len, 3);
	assert_memory_equal(rec.bytes, "abc\0\0\0\0", 8);
	assert_int_equal(records_next(r.bytes, r.len, &at, &rec), 1);
	assert_int_equal(rec.len, 0);
	assert_int_equal(records_next(r.bytes, r.len, &at, &rec), 1);
	assert_string_equal(rec.name, "twentyfour-characters-ok");
	assert_memory_equal(rec.bytes, big, sizeof(big));
	assert_int_equal(records_next(r.bytes, r.len, &at, &rec), 0);
	assert_int_equal(records_find(r.bytes, r.len, "regs", 1, &rec), 1);
	assert_int_equal(records_find(r.bytes, r.len, "regs", 0, &rec), 0);
	records_free(&r);
	assert_null(r.bytes);
}

static void test_refused(void **state)
{
	struct records r = {0};
	uint8_t *big = calloc(1, RECORD_MAX + 1);
	int rc = 0;

	(void)state;
	assert_int_equal(records_add(&r, "", 0, big, 1), -EINVAL);
	assert_int_equal(records_add(&r, "twenty-five-characters-no", 0, big, 1), -EINVAL);
	assert_int_equal(records_add(&r, "long", 0, big, RECORD_MAX + 1), -EINVAL);
	assert_int_equal(r.len, 0);
	for (unsigned i = 0; rc == 0 && i < 1000; i++)
		rc = records_add(&r, "much", i, big, RECORD_MAX);
	assert_int_equal(rc, -ENOSPC);
	assert_true(r.len <= RECORDS_MAX && r.len > RECORDS_MAX - 2 * RECORD_MAX);
	records_free(&r);
	free(big);
}

/* Every cut of a row of two is the first record, or nothing, and then an error. */
static void test_cut(void **state)
{
	struct records r = {0};
	struct record rec;

	(void)state;
	assert_int_equal(records_add(&r, "a", 0, "0123456789", 10), 0);
	assert_int_equal(records_add(&r, "b", 0, "0123456789", 10), 0);
	for (size_t len = 1; len < r.len; len++) {
		size_t at = 0;
		int rc = records_next(r.bytes, len, &at, &rec);

		if (rc == 1 && at < len)
			rc = records_next(r.bytes, len, &at, &rec);
		else if (rc == 1)
			rc = len == r.len / 2 ? -EINVAL : 1;
		if (rc != -EINVAL)
			fail_msg("%zu of %zu bytes: %d", len, r.len, rc);
	}
	r.bytes[28] = 0xff;
	r.bytes[31] = 0xff;
	assert_int_equal(records_find(r.bytes, r.len, "a", 0, &rec), -EINVAL);
	records_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32), cmocka_unit_test(test_add_and_next),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
