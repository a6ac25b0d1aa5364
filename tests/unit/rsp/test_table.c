#include "../cmocka_all.h"
#include "rsp/decode.h"
#include "rsp/frame.h"
#include <stdio.h>
#include <string.h>

#define PACKET_SIZE 1024

static uint8_t in[PACKET_SIZE + 4], out[2 * PACKET_SIZE + 64];
static struct rsp_engine engine;

static void begin(uint32_t features)
{
	struct rsp_config cfg = {
		.features = features, .in = in, .in_size = sizeof(in), .out = out, .out_size = sizeof(out),
		.packet_size = PACKET_SIZE,
	};

	assert_int_equal(rsp_engine_init(&engine, &cfg), 0);
}

static const char *answer(const char *body)
{
	static char reply[3 * PACKET_SIZE];
	char packet[200];
	uint8_t sum = rsp_frame_sum((const uint8_t *)body, strlen(body));
	const struct rsp_request *req;
	size_t len;

	rsp_engine_feed(&engine, packet, (size_t)snprintf(packet, sizeof(packet), "$%s#%02x", body, sum));
	if (rsp_engine_next(&engine, &req) != RSP_EVENT_NONE)
		return "a request";
	snprintf(reply, sizeof(reply), "%s", (const char *)rsp_engine_output(&engine, &len));
	reply[len] = '\0';
	rsp_engine_sent(&engine, len);
	return reply;
}

static void test_sorted(void **state)
{
	size_t count;
	const struct rsp_packet_info *rows = rsp_packet_table(&count);

	(void)state;
	assert_true(count > 60);
	for (size_t i = 1; i < count; i++)
		if (strcmp(rows[i - 1].name, rows[i].name) >= 0)
			fail_msg("\"%s\" before \"%s\"", rows[i - 1].name, rows[i].name);
}

/* Each row is found by its own name, and marked internal just when no kind of request comes of it. */
static void test_found(void **state)
{
	size_t count;
	const struct rsp_packet_info *rows = rsp_packet_table(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct rsp_frame f = {.buf = in, .len = strlen(rows[i].name)};
		const struct rsp_packet_info *info;

		strcpy((char *)in, rows[i].name);
		assert_ptr_equal(rsp_packet_find(&f, &info), rsp_packet_row(i));
		assert_ptr_equal(info, &rows[i]);
		assert_int_equal(rows[i].internal, rsp_packet_row(i)->kind == RSP_KIND_COUNT);
	}
}

/* Without its feature a packet is answered empty, and neither qSupported nor vCont? speaks of it. */
static void test_features(void **state)
{
	size_t count;
	const struct rsp_packet_info *rows = rsp_packet_table(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const char *advert = rsp_packet_row(i)->advert;

		if (rows[i].feature == 0)
			continue;
		begin(~rows[i].feature);
		if (strcmp(answer(rows[i].name), "+$#00") != 0)
			fail_msg("%s is answered without its feature", rows[i].name);
		if (advert != NULL && strstr(answer("qSupported"), advert) != NULL)
			fail_msg("%s is advertised without its feature", rows[i].name);
		begin(rows[i].feature);
		if (strcmp(answer(rows[i].name), "+$#00") == 0)
			fail_msg("%s is not answered with its feature", rows[i].name);
		if (advert != NULL && strstr(answer("qSupported"), advert) == NULL)
			fail_msg("%s is not advertised", rows[i].name);
	}
	begin(0);
	assert_non_null(strstr(answer("vCont?"), "vCont;c;C;t#"));
	begin(RSP_F_RANGE_STEP);
	assert_non_null(strstr(answer("vCont?"), "vCont;c;C;t;r#"));
	begin(RSP_F_STEP);
	assert_non_null(strstr(answer("vCont?"), "vCont;c;C;s;S;t#"));
}

/* Every prefix of every name and every name with something behind it: no request without a full name. */
static void test_prefixes(void **state)
{
	size_t count;
	const struct rsp_packet_info *rows = rsp_packet_table(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t len = 0; len < strlen(rows[i].name); len++) {
			struct rsp_frame f = {.buf = in, .len = len};
			const struct rsp_packet_info *info;

			memcpy(in, rows[i].name, len);
			in[len] = '\0';
			if (rsp_packet_find(&f, &info) != NULL)
				assert_memory_equal(in, info->name, strlen(info->name));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted), cmocka_unit_test(test_found), cmocka_unit_test(test_features),
		cmocka_unit_test(test_prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
