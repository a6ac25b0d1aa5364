#include "../cmocka_all.h"
#include "rsp/frame.h"
#include <stdio.h>
#include <string.h>
#include <trapline/rsp.h>

#define PACKET_SIZE 1024

static uint8_t in[PACKET_SIZE + 4], out[2 * PACKET_SIZE + 64];
static struct rsp_engine engine;
static char traced[400];

static void note(void *ctx, bool to_client, const char *text, size_t len)
{
	size_t n = strlen(traced);

	assert_ptr_equal(ctx, traced);
	snprintf(traced + n, sizeof(traced) - n, "%s%.*s\n", to_client ? "<- " : "-> ", (int)len, text);
}

static struct rsp_config config(void)
{
	traced[0] = '\0';
	return (struct rsp_config){
		.features = ~0u, .in = in, .in_size = sizeof(in), .out = out, .out_size = sizeof(out),
		.packet_size = PACKET_SIZE, .trace = note, .trace_ctx = traced,
	};
}

static void begin(void)
{
	struct rsp_config cfg = config();

	assert_int_equal(rsp_engine_init(&engine, &cfg), 0);
}

static size_t feed(const char *text)
{
	return rsp_engine_feed(&engine, text, strlen(text));
}

static size_t feed_packet(const char *body)
{
	char packet[200];

	snprintf(packet, sizeof(packet), "$%s#%02x", body,
	         rsp_frame_sum((const uint8_t *)body, strlen(body)));
	return feed(packet);
}

static void expect_output(const char *want)
{
	size_t len;
	const uint8_t *bytes = rsp_engine_output(&engine, &len);

	assert_int_equal(len, strlen(want));
	assert_memory_equal(bytes, want, len);
	rsp_engine_sent(&engine, len);
}

static void test_sizes(void **state)
{
	static const struct { size_t packet, in, out; int rc; } rows[] = {
		{1024, 1028, 2112, 0}, {1023, 4096, 4096, -1}, {1024, 1027, 2112, -1}, {1024, 1028, 2111, -1},
		{SIZE_MAX / 8, SIZE_MAX, SIZE_MAX, -1}, {SIZE_MAX, SIZE_MAX, SIZE_MAX, -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rsp_config cfg = config();

		cfg.packet_size = rows[i].packet;
		cfg.in_size = rows[i].in;
		cfg.out_size = rows[i].out;
		assert_int_equal(rsp_engine_init(&engine, &cfg), rows[i].rc);
	}
}

/* What the contract of rsp_engine_feed() says of each byte that it leaves. */
static void test_feed_stops(void **state)
{
	const struct rsp_request *req;

	(void)state;
	begin();
	assert_int_equal(feed("$?#3f+\x03$g#67"), 5);   /* a request waits: not even the interrupt */
	assert_int_equal(feed("+\x03"), 0);
	assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_REQUEST);
	assert_int_equal(req->kind, RSP_QUERY_HALT);
	assert_true(rsp_engine_owed(&engine));
	assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_NONE);
	assert_int_equal(feed("+\x03$g#67"), 2);        /* a reply is owed: no further packet */
	assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_INTERRUPT);
	rsp_reply_text(&engine, "S05");
	assert_false(rsp_engine_owed(&engine));
	assert_int_equal(feed("$g#67"), 5);
	expect_output("+$S05#b8+");
}

/* Output that nobody takes stops the input, never the reply that was promised. */
static void test_room(void **state)
{
	static char long_text[PACKET_SIZE + 1];
	const struct rsp_request *req;
	size_t len;
	int answered = 0;

	(void)state;
	begin();
	for (size_t i = 0; i < PACKET_SIZE; i++)
		long_text[i] = (char)('a' + i % 20);
	while (feed_packet("qHostInfo") > 0) {
		assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_REQUEST);
		rsp_reply_text(&engine, long_text);
		answered++;
		assert_true(answered < 10);
	}
	assert_int_equal(answered, 2);
	rsp_engine_output(&engine, &len);
	assert_int_equal(len, 2 * (1 + PACKET_SIZE + 4));
	rsp_engine_sent(&engine, 1);
	assert_int_equal(feed_packet("qHostInfo"), 0);
	rsp_engine_sent(&engine, len - 1);
	assert_int_equal(feed_packet("qHostInfo"), 13);
	rsp_engine_sent(&engine, 1000);
}

static const char *letters(size_t n)
{
	static char text[PACKET_SIZE + 1];

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + i % 20);
	text[n] = '\0';
	return text;
}

/* Fills the output so that `room` bytes are left. */
static void fill_output(size_t room)
{
	const size_t frames = 2 * (1 + 4);
	const size_t lengths[] = {PACKET_SIZE, sizeof(out) - frames - PACKET_SIZE - room};
	const struct rsp_request *req;

	begin();
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		feed_packet("qHostInfo");
		assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_REQUEST);
		rsp_reply_text(&engine, letters(lengths[i]));
	}
}

/* The least room with which a packet is taken is enough for the longest reply, and for nothing besides. */
static void test_least_room(void **state)
{
	const size_t least = 1 + PACKET_SIZE + 4;
	const struct rsp_request *req;
	size_t len;

	(void)state;
	fill_output(least - 1);
	assert_int_equal(feed("$c#63"), 0);
	fill_output(least);
	assert_int_equal(feed("$c#63"), 5);
	assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_REQUEST);
	assert_false(rsp_engine_console(&engine, "x", 1));
	rsp_reply_text(&engine, letters(PACKET_SIZE));
	rsp_engine_output(&engine, &len);
	assert_int_equal(len, sizeof(out));
}

/* Console text leaves the room for the stop reply. */
static void test_console_room(void **state)
{
	static char text[4 * PACKET_SIZE];
	const struct rsp_request *req;
	size_t len;

	(void)state;
	begin();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 20);
	feed("$c#63");
	assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_REQUEST);
	assert_false(rsp_engine_console(&engine, text, sizeof(text)));
	assert_false(rsp_engine_console(&engine, text, PACKET_SIZE / 2 + 29));
	assert_true(rsp_engine_console(&engine, text, PACKET_SIZE / 2));
	assert_false(rsp_engine_console(&engine, text, PACKET_SIZE / 2));
	rsp_engine_output(&engine, &len);
	assert_int_equal(len, 1 + PACKET_SIZE + 2 * 5);
	rsp_reply_text(&engine, "S05");
	rsp_engine_output(&engine, &len);
	assert_int_equal(len, 1 + PACKET_SIZE + 2 * 5 + 7);
	assert_false(rsp_engine_console(&engine, text, 1));
}

/* A packet half sent when it is asked for again goes out once; moving the rest forward keeps its bytes. */
static void test_partly_sent(void **state)
{
	const struct rsp_request *req;

	(void)state;
	begin();
	feed("$?#3f");
	rsp_engine_next(&engine, &req);
	rsp_reply_text(&engine, "S05");
	rsp_engine_sent(&engine, 4);
	assert_int_equal(feed("-"), 1);
	assert_int_equal(feed("$qsThreadInfo#c8"), 16);
	expect_output("5#b8+$l#6c");
	feed("-");
	expect_output("$l#6c");
	rsp_engine_sent(&engine, 99);
	expect_output("");
}

static void test_reply_room(void **state)
{
	static uint8_t zeros[2 * PACKET_SIZE];
	const struct rsp_request *req;
	size_t len;

	(void)state;
	begin();
	assert_int_equal(rsp_engine_reply_room(&engine, false), PACKET_SIZE / 2);
	assert_int_equal(rsp_engine_reply_room(&engine, true), PACKET_SIZE - 1);
	for (size_t i = 0; i < sizeof(zeros); i++)
		zeros[i] = (uint8_t)(i * 2 + 0x40) & 0x5e; /* no byte that needs an escape, no runs */
	feed_packet("x0,ffff");
	assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_REQUEST);
	rsp_reply_memory(&engine, zeros, rsp_engine_reply_room(&engine, true));
	rsp_engine_output(&engine, &len);
	assert_int_equal(len, 1 + PACKET_SIZE + 4);
}

static void test_trace(void **state)
{
	const struct rsp_request *req;

	(void)state;
	begin();
	feed("+$qC#b4");
	rsp_engine_next(&engine, &req);
	rsp_reply_text(&engine, "aaaaaaaaaaaaaaaaaaaa");
	assert_string_equal(traced, "-> qC\n<- aaaaaaaaaaaaaaaaaaaa\n");
}

static void test_client_bits(void **state)
{
	(void)state;
	begin();
	assert_int_equal(rsp_engine_client(&engine), 0);
	feed_packet("qSupported:swbreak+;xmlRegisters=i386;hwbreak-;multiprocess+");
	assert_int_equal(rsp_engine_client(&engine), RSP_CLIENT_SWBREAK | RSP_CLIENT_MULTIPROCESS);
	rsp_engine_reset(&engine);
	assert_int_equal(rsp_engine_client(&engine), 0);
	assert_int_equal(engine.cfg.packet_size, PACKET_SIZE);
}

static void test_broken_once(void **state)
{
	const struct rsp_request *req;

	(void)state;
	begin();
	assert_int_equal(feed("SSH-2.0-OpenSSH_9.2p1\r\n"), 23);
	assert_true(rsp_engine_broken(&engine));
	assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_BROKEN);
	assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_NONE);
	assert_int_equal(feed("$?#3f"), 5);
	assert_int_equal(rsp_engine_next(&engine, &req), RSP_EVENT_NONE);
	assert_true(rsp_engine_broken(&engine));
	expect_output("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes), cmocka_unit_test(test_feed_stops), cmocka_unit_test(test_room),
		cmocka_unit_test(test_least_room),
		cmocka_unit_test(test_console_room), cmocka_unit_test(test_partly_sent),
		cmocka_unit_test(test_reply_room), cmocka_unit_test(test_trace),
		cmocka_unit_test(test_client_bits), cmocka_unit_test(test_broken_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
