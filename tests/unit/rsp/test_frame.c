#include "../cmocka_all.h"
#include "rsp/frame.h"
#include <stdio.h>
#include <string.h>

#define BODY_MAX 40

static uint8_t buf[BODY_MAX + 1];

/* One letter per event: P(body) L B + - i and j for a piece of junk. */
static void feed_all(struct rsp_frame *f, const uint8_t *bytes, size_t len, size_t piece, char *ret)
{
	static const char letters[] = {
		[RSP_FRAME_BAD] = 'B', [RSP_FRAME_LONG] = 'L', [RSP_FRAME_ACK] = '+', [RSP_FRAME_NAK] = '-',
		[RSP_FRAME_INTERRUPT] = 'i', [RSP_FRAME_JUNK] = 'j',
	};

	while (len > 0) {
		enum rsp_frame_event event;
		size_t n = rsp_frame_feed(f, bytes, len < piece ? len : piece, &event);

		assert_true(n > 0 || event == RSP_FRAME_BAD);
		bytes += n;
		len -= n;
		if (event == RSP_FRAME_PACKET)
			ret += sprintf(ret, "P(%s)", (char *)f->buf);
		else if (event == RSP_FRAME_JUNK)
			ret += sprintf(ret, "%.*s", (int)n, "jjjjjjjjjjjjjjjj");
		else if (event != RSP_FRAME_NONE)
			*ret++ = letters[event];
	}
	*ret = '\0';
}

static void test_receive(void **state)
{
	static const struct { const char *bytes, *events; } rows[] = {
		{"$?#3f", "P(?)"},
		{"+$?#3f-", "+P(?)-"},
		{"$#00", "P()"},
		{"$?#3F", "P(?)"},
		{"$?#40", "B"},
		{"$?#x", "B"},
		{"$?#3x", "B"},
		{"$?#$?#3f", "BP(?)"},
		{"$?#3$?#3f", "BP(?)"},
		{"$abc$?#3f", "P(?)"},
		{"$a$b$c$?#3f", "P(?)"},
		{"\x03$\x03#03\x03", "iP(\x03)i"},
		{"ab$?#3fcd", "jjP(?)jj"},
		{"$}\x03#80", "P(#)"},
		{"$}]a#3b", "P(}a)"},
		{"$a}#de", "P(a)"},
		{"$*~#a8", "P(*~)"},
		{"$0000000000000000000000000000000000000000#80",
		 "P(0000000000000000000000000000000000000000)"},
		{"$00000000000000000000000000000000000000000#b0", "L"},
		{"$00000000000000000000000000000000000000000#b1", "B"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t piece = 1; piece < 50; piece++) {
			struct rsp_frame f;
			char events[200];

			rsp_frame_init(&f, buf, BODY_MAX);
			feed_all(&f, (const uint8_t *)rows[i].bytes, strlen(rows[i].bytes), piece, events);
			if (strcmp(events, rows[i].events) != 0)
				fail_msg("row %zu in pieces of %zu: want %s, got %s", i, piece,
				         rows[i].events, events);
		}
	}
}

static void test_restarts_are_counted(void **state)
{
	struct rsp_frame f;
	char events[200];

	(void)state;
	for (size_t piece = 1; piece < 12; piece++) {
		rsp_frame_init(&f, buf, BODY_MAX);
		feed_all(&f, (const uint8_t *)"$a$bb$$?#3f", 11, piece, events);
		assert_int_equal(f.restarts, 3);
	}
}

static void test_unchecked(void **state)
{
	struct rsp_frame f;
	char events[200];

	(void)state;
	rsp_frame_init(&f, buf, BODY_MAX);
	f.check = false;
	feed_all(&f, (const uint8_t *)"$?#00$?#zz", 10, 10, events);
	assert_string_equal(events, "P(?)Bj");
}

static void test_sum(void **state)
{
	static uint8_t bytes[5000];
	uint8_t want = 0;

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (size_t len = 0; len < sizeof(bytes); len++) {
		if (len < 40 || len % 97 == 0)
			assert_int_equal(rsp_frame_sum(bytes, len), want);
		want += bytes[len];
	}
}

/* The decoder of GDB's remote.c, in our words: '*' and a count repeat the byte before. */
static size_t unsqueeze(uint8_t *dst, const uint8_t *src, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (src[i] == '*') {
			unsigned count = src[++i];

			assert_true(count >= 32 && count <= 126);
			assert_null(strchr("#$+-", (int)count));
			memset(dst + n, dst[n - 1], count - 29);
			n += count - 29;
		} else {
			dst[n++] = src[i];
		}
	}
	return n;
}

static void check_squeeze(const uint8_t *body, size_t len)
{
	uint8_t squeezed[1200], back[1200];
	size_t n;

	memcpy(squeezed, body, len);
	squeezed[len] = 0xee;
	n = rsp_frame_squeeze(squeezed, len);
	assert_true(n <= len);
	assert_int_equal(squeezed[len], 0xee);
	assert_int_equal(unsqueeze(back, squeezed, n), len);
	assert_memory_equal(back, body, len);
}

static void test_squeeze_lengths(void **state)
{
	uint8_t body[1100];

	(void)state;
	for (size_t run = 0; run < 1000; run++) {
		memset(body, '0', run);
		check_squeeze(body, run);
		memcpy(body + run, "ab", 2);
		check_squeeze(body, run + 2);
		memmove(body + 3, body, run + 2);
		memcpy(body, "xyz", 3);
		check_squeeze(body, run + 5);
	}
}

static void test_squeeze_random(void **state)
{
	uint8_t body[1100];
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len;

		seed = seed * 1103515245u + 12345u;
		len = (seed >> 16) % 80;
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1103515245u + 12345u;
			body[i] = "aaaa0"[(seed >> 16) % 5];
		}
		check_squeeze(body, len);
	}
}

static void test_close(void **state)
{
	uint8_t frame[64] = " OK";
	uint8_t run[64] = " aaaaaaa";

	(void)state;
	assert_int_equal(rsp_frame_close(frame, 2), 6);
	assert_memory_equal(frame, "$OK#9a", 6);
	assert_int_equal(rsp_frame_close(run, 7), 8);
	assert_memory_equal(run, "$a*\"a#0e", 8);
	assert_int_equal(rsp_frame_close(frame, 0), 4);
	assert_memory_equal(frame, "$#00", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receive), cmocka_unit_test(test_restarts_are_counted),
		cmocka_unit_test(test_unchecked), cmocka_unit_test(test_sum),
		cmocka_unit_test(test_squeeze_lengths), cmocka_unit_test(test_squeeze_random),
		cmocka_unit_test(test_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
