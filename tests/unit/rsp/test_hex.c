#include "../cmocka_all.h"
#include "rsp/hex.h"
#include <stdlib.h>
#include <string.h>

static void test_every_byte(void **state)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[256], text[512], back[256];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	rsp_hex_encode(text, bytes, 256);
	for (unsigned i = 0; i < 256; i++) {
		assert_int_equal(text[2 * i], digits[i >> 4]);
		assert_int_equal(text[2 * i + 1], digits[i & 15]);
	}
	assert_true(rsp_hex_decode(back, text, 256));
	assert_memory_equal(back, bytes, 256);
}

/* Zeros go by words: every length, and a lone other byte at every place among them. */
static void test_zeros(void **state)
{
	uint8_t bytes[40] = {0}, text[82], back[40];

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		for (size_t other = 0; other <= len; other++) {
			if (other < len)
				bytes[other] = 0xa5;
			memset(text, 'x', sizeof(text));
			rsp_hex_encode(text, bytes, len);
			assert_int_equal(text[2 * len], 'x');
			assert_true(rsp_hex_decode(back, text, len));
			assert_memory_equal(back, bytes, len);
			if (other < len)
				bytes[other] = 0;
		}
	}
}

static void test_digits(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		const char *all = "0123456789abcdefABCDEF";
		const char *at = c ? strchr(all, c) : NULL;
		int want = at ? (int)(at - all) : -1;

		assert_int_equal(rsp_hex_digit((uint8_t)c), want > 15 ? want - 6 : want);
	}
}

static void test_decode(void **state)
{
	static const struct { const char *text; bool good; const char *bytes; size_t len; } rows[] = {
		{"", true, "", 0},
		{"00", true, "\0", 1},
		{"aAfF", true, "\xaa\xff", 2},
		{"0g", false, "", 0},
		{"g0", false, "", 0},
		{"0x12", false, "", 0},
		{"12 4", false, "", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t in_place[16];
		size_t len = strlen(rows[i].text);

		memcpy(in_place, rows[i].text, len);
		assert_int_equal(rsp_hex_decode(in_place, in_place, len / 2), rows[i].good);
		if (rows[i].good)
			assert_memory_equal(in_place, rows[i].bytes, rows[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte), cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_decode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
