#include "../cmocka_all.h"

#include "cli/keys.h"

#include <string.h>

struct key_case { const char *in, *out; enum cli_key key; size_t used; };

static const struct key_case keys[] = {
	{"abc", "abc", CLI_KEY_NONE, 3},
	{"\x03\x1a\x1c", "\x03\x1a\x1c", CLI_KEY_NONE, 3},
	{"a\x01xb", "a", CLI_KEY_QUIT, 3},
	{"\x01h", "", CLI_KEY_HELP, 2},
	{"\x01?", "", CLI_KEY_HELP, 2},
	{"\x01\x01z", "\x01z", CLI_KEY_NONE, 3},
	{"\x01" "az", "\x01z", CLI_KEY_NONE, 3},
	{"\x01\x01x", "\x01x", CLI_KEY_NONE, 3},
	{"\x01qz", "z", CLI_KEY_NONE, 3},
	{"", "", CLI_KEY_NONE, 0},
};

static void filters_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct cli_keys k = {0};
		uint8_t buf[16];
		size_t len = strlen(keys[i].in), used = 99;

		memcpy(buf, keys[i].in, len);
		assert_int_equal(cli_keys_filter(&k, buf, &len, &used), keys[i].key);
		assert_int_equal(used, keys[i].used);
		assert_int_equal(len, strlen(keys[i].out));
		assert_memory_equal(buf, keys[i].out, len);
		assert_false(k.escaped);
	}
}

/* The same, byte by byte: an escape may end one read and its key begin the next. */
static void filters_keys_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct cli_keys k = {0};
		uint8_t out[16];
		size_t out_len = 0, used;
		enum cli_key key = CLI_KEY_NONE;

		for (const char *p = keys[i].in; *p != '\0' && key == CLI_KEY_NONE; p++) {
			uint8_t byte = (uint8_t)*p;
			size_t len = 1;

			key = cli_keys_filter(&k, &byte, &len, &used);
			if (len > 0)
				out[out_len++] = byte;
		}
		assert_int_equal(key, keys[i].key);
		assert_int_equal(out_len, strlen(keys[i].out));
		assert_memory_equal(out, keys[i].out, out_len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_keys),
		cmocka_unit_test(filters_keys_in_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
