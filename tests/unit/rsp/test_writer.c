#include "../cmocka_all.h"
#include "rsp/writer.h"
#include <string.h>

static uint8_t buf[600];

static struct rsp_writer room(size_t cap)
{
	memset(buf, 0xee, sizeof(buf));
	return (struct rsp_writer){.buf = buf, .cap = cap};
}

static void check(const struct rsp_writer *w, const char *want)
{
	if (w->len != strlen(want) || memcmp(w->buf, want, w->len) != 0)
		fail_msg("want \"%s\", got \"%.*s\"", want, (int)w->len, (const char *)w->buf);
	assert_false(w->overflow);
	assert_int_equal(w->buf[w->len], 0xee);
}

static void test_pieces(void **state)
{
	struct rsp_writer w = room(200);

	(void)state;
	rsp_writer_char(&w, 'T');
	rsp_writer_hex8(&w, 5);
	rsp_writer_text(&w, "thread:");
	rsp_writer_tid(&w, 31);
	w.multiprocess = true;
	rsp_writer_char(&w, ',');
	rsp_writer_tid(&w, 31);
	rsp_writer_char(&w, ',');
	rsp_writer_tid(&w, -1);
	rsp_writer_char(&w, ' ');
	rsp_writer_number(&w, 0);
	rsp_writer_char(&w, ' ');
	rsp_writer_number(&w, UINT64_MAX);
	rsp_writer_char(&w, ' ');
	rsp_writer_decimal(&w, UINT64_MAX);
	rsp_writer_char(&w, ' ');
	rsp_writer_decimal(&w, 0);
	check(&w, "T05thread:1f,p1.1f,p1.-1 0 ffffffffffffffff 18446744073709551615 0");
}

static void test_clean(void **state)
{
	struct rsp_writer w = room(200);

	(void)state;
	rsp_writer_clean(&w, "a#b$c}d*e\nf\x80 ~;:");
	check(&w, "a?b?c?d?e?f? ~;:");
}

/* What does not fit is not written at all, and nothing is written past the end. */
static void test_overflow(void **state)
{
	struct rsp_writer w = room(4);

	(void)state;
	rsp_writer_text(&w, "abc");
	rsp_writer_hex(&w, "xy", 2);
	assert_true(w.overflow);
	assert_int_equal(w.len, 3);
	assert_int_equal(buf[3], 0xee);
	w.overflow = false;
	rsp_writer_text(&w, "de");
	assert_true(w.overflow);
	rsp_writer_char(&w, 'd');
	rsp_writer_char(&w, 'e');
	assert_int_equal(w.len, 4);
	assert_int_equal(buf[4], 0xee);
	rsp_writer_hex(&w, NULL, SIZE_MAX / 2 + 1);
	assert_int_equal(w.len, 4);
}

static size_t escape_slowly(uint8_t *dst, const uint8_t *src, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (strchr("#$}*", src[i]) != NULL && src[i] != 0) {
			dst[n++] = '}';
			dst[n++] = src[i] ^ 0x20;
		} else {
			dst[n++] = src[i];
		}
	}
	return n;
}

/* Every special byte at every place of a word, in every amount of room. */
static void test_escapes(void **state)
{
	static const uint8_t specials[] = {'#', '$', '}', '*', 0x03, 0xff, 0};

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(specials); s++) {
		for (size_t at = 0; at < 24; at++) {
			uint8_t src[24], want[48];
			size_t len;

			memset(src, 'a', sizeof(src));
			src[at] = specials[s];
			src[(at * 7) % 24] = specials[s];
			len = escape_slowly(want, src, sizeof(src));
			for (size_t cap = 0; cap <= len + 2; cap++) {
				struct rsp_writer w = room(cap);
				size_t taken = rsp_writer_escaped(&w, src, sizeof(src));

				assert_int_equal(rsp_writer_escaped_fit(src, sizeof(src), cap), taken);
				assert_int_equal(w.overflow, taken < sizeof(src));
				assert_int_equal(w.overflow, cap < len);
				assert_true(w.len <= cap && w.len + 1 >= (cap < len ? cap : len));
				assert_int_equal(w.len, escape_slowly(want, src, taken));
				assert_memory_equal(buf, want, w.len);
				assert_int_equal(buf[w.len], 0xee);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces), cmocka_unit_test(test_clean), cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_escapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
