#include "../cmocka_all.h"
#include "rsp/cursor.h"
#include <string.h>

static uint8_t buf[256];

static struct rsp_cursor over(const char *text)
{
	memcpy(buf, text, strlen(text) + 1);
	return (struct rsp_cursor){buf, buf + strlen(text)};
}

static void test_hex(void **state)
{
	static const struct { const char *text; bool good; uint64_t value; const char *rest; } rows[] = {
		{"0", true, 0, ""}, {"10,", true, 16, ","}, {"fF", true, 255, ""},
		{"ffffffffffffffff", true, UINT64_MAX, ""}, {"00000000000000000001", true, 1, ""},
		{"10000000000000000", false, 0, NULL}, {"", false, 0, NULL}, {"g", false, 0, NULL},
		{"-1", false, 0, NULL}, {" 1", false, 0, NULL}, {"0x1", true, 0, "x1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rsp_cursor c = over(rows[i].text);
		uint64_t n = 0xabcd;

		assert_int_equal(rsp_cursor_hex(&c, &n), rows[i].good);
		assert_true(n == (rows[i].good ? rows[i].value : 0xabcd));
		assert_string_equal(c.at, rows[i].rest ? rows[i].rest : rows[i].text);
	}
}

static void test_limits(void **state)
{
	struct rsp_cursor c;
	uint32_t n = 7;
	uint8_t byte = 7;

	(void)state;
	c = over("ffffffff");
	assert_true(rsp_cursor_hex32(&c, &n));
	assert_true(n == UINT32_MAX);
	c = over("100000000");
	assert_false(rsp_cursor_hex32(&c, &n));
	assert_true(n == UINT32_MAX && c.at == buf);
	c = over("ff");
	assert_true(rsp_cursor_hex8(&c, &byte));
	assert_int_equal(byte, 255);
	c = over("100");
	assert_false(rsp_cursor_hex8(&c, &byte));
	c = over("4294967295");
	assert_true(rsp_cursor_decimal(&c, &n));
	assert_true(n == UINT32_MAX);
	c = over("4294967296");
	assert_false(rsp_cursor_decimal(&c, &n));
	c = over("99999999999999999999999999");
	assert_false(rsp_cursor_decimal(&c, &n));
	c = over("a");
	assert_false(rsp_cursor_decimal(&c, &n));
}

static void test_tid(void **state)
{
	static const struct { const char *text; bool good; int64_t pid, tid; } rows[] = {
		{"1", true, 1, 1}, {"0", true, 1, RSP_TID_ANY}, {"-1", true, 1, RSP_TID_ALL},
		{"p1.2", true, 1, 2}, {"p2.a", true, 2, 10}, {"p1.-1", true, 1, RSP_TID_ALL},
		{"p-1", true, RSP_TID_ALL, RSP_TID_ALL}, {"p-1.-1", true, RSP_TID_ALL, RSP_TID_ALL},
		{"p3", true, 3, RSP_TID_ALL}, {"p0.0", true, 1, RSP_TID_ANY},
		{"7fffffffffffffff", true, 1, INT64_MAX}, {"8000000000000000", false, 0, 0},
		{"", false, 0, 0}, {"p", false, 0, 0}, {"p1.", false, 0, 0}, {"p.1", false, 0, 0},
		{"-", false, 0, 0}, {"-0", false, 0, 0}, {"x", false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rsp_cursor c = over(rows[i].text);
		struct rsp_tid id = {77, 77};

		if (rsp_cursor_tid(&c, &id) != rows[i].good)
			fail_msg("\"%s\"", rows[i].text);
		assert_true(id.pid == (rows[i].good ? rows[i].pid : 77));
		assert_true(id.tid == (rows[i].good ? rows[i].tid : 77));
		assert_true(rows[i].good ? c.at == c.end : c.at == buf);
	}
}

static void test_range(void **state)
{
	static const struct { const char *text; bool good; } rows[] = {
		{"1000,4", true}, {"0,0", true}, {"1000", false}, {"1000,", false}, {",4", false},
		{"1000;4", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rsp_cursor c = over(rows[i].text);
		uint64_t addr = 99, len = 98;

		assert_int_equal(rsp_cursor_range(&c, &addr, &len), rows[i].good);
		if (!rows[i].good)
			assert_true(addr == 99 && len == 98 && c.at == buf);
	}
}

static void test_strings(void **state)
{
	struct rsp_cursor c = over("target.xml:0,ffb");
	char *text = NULL;
	uint8_t *bytes = NULL;
	size_t len = 99;

	(void)state;
	assert_true(rsp_cursor_string(&c, ':', &text));
	assert_string_equal(text, "target.xml");
	assert_string_equal(c.at, "0,ffb");
	assert_false(rsp_cursor_string(&c, ':', &text));
	assert_string_equal(c.at, "0,ffb");
	assert_true(rsp_cursor_text(&c, "0,"));
	assert_false(rsp_cursor_text(&c, "ffbb"));
	assert_false(rsp_cursor_hex_bytes(&c, &bytes, &len));
	assert_true(rsp_cursor_char(&c, 'f'));
	assert_false(rsp_cursor_char(&c, 'x'));
	assert_true(rsp_cursor_hex_bytes(&c, &bytes, &len));
	assert_int_equal(len, 1);
	assert_int_equal(bytes[0], 0xfb);
	assert_int_equal(bytes[1], 0);
	assert_true(rsp_cursor_hex_bytes(&c, &bytes, &len));
	assert_int_equal(len, 0);
	assert_false(rsp_cursor_char(&c, 'x'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex), cmocka_unit_test(test_limits), cmocka_unit_test(test_tid),
		cmocka_unit_test(test_range), cmocka_unit_test(test_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
