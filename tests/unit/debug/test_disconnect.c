/*
 * A client that vanishes after any byte of a long session leaves no trace: the code is the image, nothing is
 * armed, the guest runs (or stays, as the session was told), and the next client is served.
 */
#include "../cmocka_all.h"

#include "harness.h"
#include <stdlib.h>
#include <string.h>

/* 1000: inc rax; mov [8000],rax; nop; call 1020; jmp 1000 / 1020: nop; ret */
static const uint8_t code[] = { 0x48, 0xff, 0xc0, 0x48, 0x89, 0x04, 0x25, 0x00, 0x80, 0x00,
                                0x00, 0x90, 0xe8, 0x0f, 0x00, 0x00, 0x00, 0xeb, 0xed };
static const uint8_t sub[] = { 0x90, 0xc3 };

static const char *const packets[] = {
	"qSupported:swbreak+;hwbreak+;vContSupported+;multiprocess+", "?", "Hgp1.1",
	"Z0,100b,1", "Z0,5000b,1", "Z1,1020,1", "Z0,40000,1", "vCont;c", "z0,100b,1", "z1,1020,1",
	"vCont;s:p1.1;c", "Z0,100b,1", "Z1,1020,1", "vCont;c", "Z2,8000,8", "vCont;c", "vCont;c",
	"vCont;r1000,1030:p1.2", "vCont;s:p1.2", "M100b,1:90", "X100b,1:\x90", "P10=0010000000000000",
	"vCont;c", "qRcmd,627265616b", "z2,8000,8", "Z4,8004,4", "vCont;c", "c", "s", "z4,8004,4",
	"z0,40000,1", "z0,100b,1", "z1,1020,1", "vCont;c",
};

static void open_machine(struct harness *h, bool running, bool stay)
{
	harness_init(h, 2);
	fake_code(&h->f, 0, code, sizeof(code));
	fake_code(&h->f, 0x20, sub, sizeof(sub));
	fake_wake(&h->f, 1, 0);
	h->stay_stopped = stay;
	h->turns = 30;
	harness_open(h, running);
}

/* Frames the session as one string of bytes; turns are given at the end of every packet. */
static size_t script(uint8_t *buf)
{
	size_t n = 0;

	for (unsigned i = 0; i < ARRAY_LEN(packets); i++) {
		uint8_t sum = 0;

		for (const char *p = packets[i]; *p; p++)
			sum = (uint8_t)(sum + (uint8_t)*p);
		n += (size_t)sprintf((char *)buf + n, "$%s#%02x", packets[i], sum);
		if (strncmp(packets[i], "vCont;", 6) == 0)
			buf[n++] = 3;
	}
	return n;
}

static void check_left(struct harness *h, bool stay, size_t at)
{
	bool clean = harness_clean(h), armed = h->f.arm.int3;

	for (unsigned i = 0; i < X86_DR_SLOTS; i++)
		armed |= h->f.arm.slot[i].used;
	if (!clean || armed)
		print_error("after byte %zu: clean %d armed %d\n", at, clean, armed);
	assert_true(clean);
	assert_false(armed);
	harness_run(h, 60);
	assert_true(harness_clean(h));
	assert_int_equal(fake_runs(&h->f), !stay);
	for (unsigned i = 0; !stay && i < h->f.count; i++)
		assert_int_equal(h->f.vcpu[i].now.move, DEBUG_RUN);
	assert_int_equal(h->f.vcpu[0].guest_int3 + h->f.vcpu[1].guest_int3, 0);
	assert_int_equal(h->f.vcpu[0].guest_db + h->f.vcpu[1].guest_db, 0);
	assert_null(debug_session_death(h->s));
	assert_int_equal(h->f.violations, 0);
}

static void check_next_client(struct harness *h)
{
	h->turns = 200;
	harness_connect(h);
	assert_int_equal(strncmp(harness_ask(h, "?"), "T05", 3), 0);
	assert_string_equal(harness_ask(h, "Z0,100b,1"), "OK");
	assert_int_equal(strncmp(harness_ask(h, "vCont;c"), "T05", 3), 0);
	assert_string_equal(harness_ask(h, "D"), "OK");
	assert_true(harness_clean(h));
	harness_run(h, 20);
	assert_true(fake_runs(&h->f));
}

/* The machine moves within packets too, and a ctrl-C meets it running or stopped already. */
static void feed_byte(struct harness *h, const uint8_t *bytes, size_t i, size_t len)
{
	harness_feed(h, bytes + i, 1);
	if (bytes[i] == '#' || bytes[i] == 3)
		harness_run(h, 5);
	if (i + 1 < len && (bytes[i + 1] == '$' || (bytes[i + 1] == 3 && (i & 2))))
		harness_run(h, h->turns);
}

static void cut_after(struct harness *h, const uint8_t *bytes, size_t len, bool stay)
{
	for (size_t i = 0; i < len; i++) {
		feed_byte(h, bytes, i, len);
	}
	harness_disconnect(h);
	check_left(h, stay, len);
	check_next_client(h);
}

static void everywhere(bool running, bool stay)
{
	static struct harness h;
	static uint8_t bytes[4096];
	size_t len = script(bytes);

	for (size_t cut = 0; cut <= len; cut++) {
		open_machine(&h, running, stay);
		harness_connect(&h);
		cut_after(&h, bytes, cut, stay);
		harness_fini(&h);
	}
}

static void test_attached(void **state)
{
	(void)state;
	everywhere(true, false);
}

static void test_started_stopped(void **state)
{
	(void)state;
	everywhere(false, false);
}

static void test_stays(void **state)
{
	(void)state;
	everywhere(false, true);
}

/* The script must really get to its stops, or the cuts prove nothing. */
static void test_script_stops(void **state)
{
	static struct harness h;
	static uint8_t bytes[4096];
	size_t len = script(bytes), n, stops = 0;
	char reply[8192];

	(void)state;
	open_machine(&h, true, false);
	harness_connect(&h);
	for (size_t i = 0; i < len; i++) {
		feed_byte(&h, bytes, i, len);
	}
	harness_run(&h, 100);
	while (harness_receive(&h, reply, sizeof(reply), &n))
		stops += strstr(reply, "swbreak:;") || strstr(reply, "hwbreak:;") || strstr(reply, "watch:");
	assert_in_range(stops, 6, 99);
	assert_int_equal(h.e.misuse, 0);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script_stops), cmocka_unit_test(test_attached),
		cmocka_unit_test(test_started_stopped), cmocka_unit_test(test_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
