/* A client that looks on beside the one that controls the fake machine. */
#include "debug/observer.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct harness h;
static struct debug_observer o;
static struct rsp_engine engine;
static uint8_t in[DEBUG_PACKET_SIZE + 64], out[2 * DEBUG_PACKET_SIZE + 1024];

/* Packets of the observer's and what it is answered, the frame taken off. */
static const char *asks(const char *packet)
{
	static char text[8192];
	const uint8_t *bytes;
	char frame[256];
	uint8_t sum = 0;
	size_t len, n;

	for (const char *c = packet; *c; c++)
		sum = (uint8_t)(sum + (uint8_t)*c);
	n = (size_t)snprintf(frame, sizeof(frame), "$%s#%02x", packet, sum);
	rsp_engine_feed(&engine, frame, n);
	debug_observer_serve(h.s, &o);
	bytes = rsp_engine_output(&engine, &len);
	assert_true(len < sizeof(text));
	memcpy(text, bytes, len);
	text[len] = '\0';
	rsp_engine_sent(&engine, len);
	return text[0] == '+' ? text + 1 : text;
}

/* What it is told of without having asked now. */
static const char *told(void)
{
	static char text[1024];
	const uint8_t *bytes;
	size_t len;

	debug_observer_stopped(h.s, &o);
	bytes = rsp_engine_output(&engine, &len);
	assert_true(len < sizeof(text));
	memcpy(text, bytes, len);
	text[len] = '\0';
	rsp_engine_sent(&engine, len);
	return text[0] == '+' ? text + 1 : text;
}

static void starts(const char *text, const char *with)
{
	if (strncmp(text, with, strlen(with)) != 0)
		fail_msg("%s does not begin with %s", text, with);
}

/* 1000: inc rax; jmp 1000 / 1010: nop; jmp 1010 */
static int set_up(void **state)
{
	static const uint8_t code[] = { 0x48, 0xff, 0xc0, 0xeb, 0xfb };
	static const uint8_t other[] = { 0x90, 0xeb, 0xfd };
	struct rsp_config cfg = { .in = in, .in_size = sizeof(in), .out = out, .out_size = sizeof(out),
	                          .packet_size = DEBUG_PACKET_SIZE };

	(void)state;
	harness_init(&h, 2);
	fake_code(&h.f, 0, code, sizeof(code));
	fake_code(&h.f, 0x10, other, sizeof(other));
	fake_wake(&h.f, 1, FAKE_ENTRY + 0x10);
	harness_open(&h, false);
	harness_connect(&h);
	cfg.features = debug_observer_features(h.s);
	rsp_engine_init(&engine, &cfg);
	debug_observer_init(&o, &engine);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	harness_disconnect(&h);
	harness_fini(&h);
	return 0;
}

static void test_looks(void **state)
{
	(void)state;
	harness_ask(&h, "?");
	harness_ask(&h, "Z0,1003,1");
	starts(harness_ask(&h, "vCont;c:1"), "T05");
	starts(asks("?"), "$T05");
	starts(asks("p10"), "$0310");
	starts(asks("m1003,1"), "$eb#"); /* as the guest has it, like the other's */
	starts(asks("Hg2"), "$OK");
	starts(asks("p10"), "$1010");
	starts(asks("qfThreadInfo"), "$m1,2");
	/* neither's choices are the other's */
	starts(harness_ask(&h, "p10"), "0310");
	starts(harness_ask(&h, "Qqemu.PhyMemMode:1"), "OK");
	starts(asks("m50000,1"), "$48#");
	starts(harness_ask(&h, "m50000,1"), "00");
}

/* A trace frame is selected by the one: the other still sees the machine. */
static void test_beside_trace_frame(void **state)
{
	(void)state;
	harness_ask(&h, "?");
	starts(harness_ask(&h, "QTDP:1:1003:E:0:0"), "OK");
	starts(harness_ask(&h, "QTStart"), "OK");
	starts(harness_ask(&h, "Z0,1000,1;X7,26000022021327"), "OK");
	starts(harness_ask(&h, "vCont;c:1"), "T05");
	starts(harness_ask(&h, "QTFrame:0"), "F0T1");
	starts(harness_ask(&h, "p0"), "xxxx");
	starts(asks("p0"), "$020");
	starts(asks("m8000,1"), "$00#");
	starts(asks("QTFrame:0"), "$#");
	starts(harness_ask(&h, "m8000,1"), "E");
}

static void test_changes_nothing(void **state)
{
	static const char *const packets[] = {
		"P0=0100000000000000", "G00", "M1000,1:90", "X1000,1:a",
		"Z0,1000,1", "z0,1003,1", "Z2,8000,1",
		"vRun;", "QSaveRegisterState", "Qqemu.PhyMemMode:1", "vKill;1", "_M10,rw",
	};
	unsigned sets, resumes;

	(void)state;
	harness_ask(&h, "?");
	harness_ask(&h, "Z0,1003,1");
	starts(harness_ask(&h, "vCont;c:1"), "T05");
	sets = h.f.sets;
	resumes = h.f.resumes;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		starts(asks(packets[i]), "$E");
	starts(asks("P0=0100000000000000"), "$E.this debugger only looks on");
	starts(asks("qRcmd,7265736574"), "$746869732064656275676765");
	starts(asks("vCont;s:1"), "$O");
	starts(asks("R00"), "");
	assert_false(o.leaves);
	assert_int_equal(h.f.sets, sets);
	assert_int_equal(h.f.resumes, resumes);
	assert_int_equal(h.f.resets, 0);
	assert_false(h.f.killed);
	/* the breakpoint is still the other's */
	starts(harness_ask(&h, "vCont;c:1"), "T05");
	assert_true(h.connected && !h.closed);
}

/* A continue resumes nothing; the next stop answers it, whatever has been going on before. */
static void test_waits(void **state)
{
	unsigned resumes;

	(void)state;
	harness_ask(&h, "?");
	harness_ask(&h, "Z0,1003,1");
	resumes = h.f.resumes;
	assert_string_equal(asks("vCont;c:1"), "");
	assert_int_equal(h.f.resumes, resumes);
	assert_false(debug_observer_due(h.s, &o)); /* it stood before */
	assert_string_equal(told(), "");
	starts(harness_ask(&h, "vCont;c:1"), "T05");
	assert_true(debug_observer_due(h.s, &o));
	starts(told(), "$T05");
	assert_false(debug_observer_due(h.s, &o));
	starts(asks("p10"), "$0310");
	/* not asked: not told */
	starts(harness_ask(&h, "vCont;s:1"), "T05");
	assert_string_equal(told(), "");
	/* the stop is over when there is time to tell */
	assert_string_equal(asks("c"), "");
	starts(harness_ask(&h, "vCont;s:1"), "T05");
	harness_ask(&h, "z0,1003,1");
	harness_send(&h, "vCont;c", 7);
	assert_true(fake_runs(&h.f));
	assert_string_equal(told(), "");
	harness_feed(&h, "\3", 1);
	harness_run(&h, 50);
	starts(told(), "$T02");
}

/* A ctrl-C ends the waiting, and nothing else. */
static void test_waits_no_more(void **state)
{
	(void)state;
	harness_ask(&h, "?");
	harness_send(&h, "vCont;c", 7);
	assert_string_equal(asks("vCont;c"), "");
	rsp_engine_feed(&engine, "\3", 1);
	debug_observer_serve(h.s, &o);
	starts(told(), "$T02thread:");
	assert_true(fake_runs(&h.f));
	starts(asks("g"), "$E");
	rsp_engine_feed(&engine, "\3", 1);
	debug_observer_serve(h.s, &o);
	assert_string_equal(told(), "");
}

static void test_waits_for_the_end(void **state)
{
	static const uint8_t code[] = { 0xb0, 42, 0xe6, 0xf4, 0x90 };

	(void)state;
	harness_ask(&h, "?");
	fake_code(&h.f, 0, code, sizeof(code));
	harness_ask(&h, "P10=0010000000000000");
	assert_string_equal(asks("vCont;c"), "");
	starts(harness_ask(&h, "vCont;c:1"), "W2a");
	starts(told(), "$W2a");
	starts(asks("vCont;c"), "$O");
}

static void test_waits_in_non_stop(void **state)
{
	(void)state;
	starts(harness_ask(&h, "QNonStop:1"), "OK");
	assert_string_equal(asks("vCont;c"), "");
	starts(harness_ask(&h, "vCont;c"), "OK");
	assert_string_equal(told(), "");
	starts(harness_ask(&h, "Z0,1011,1"), "OK");
	harness_run(&h, 50);
	starts(told(), "$T05");
	starts(asks("p10"), "$1110");
}

static void test_leaves(void **state)
{
	(void)state;
	harness_ask(&h, "?");
	starts(asks("D"), "$OK");
	assert_true(o.leaves);
	assert_true(h.connected && !h.closed && !fake_runs(&h.f));
	debug_observer_init(&o, &engine);
	asks("k");
	assert_true(o.leaves && !h.f.killed && !h.closed);
}

static void test_while_it_runs(void **state)
{
	(void)state;
	harness_ask(&h, "?");
	harness_send(&h, "vCont;c", 7);
	assert_true(fake_runs(&h.f));
	starts(asks("?"), "$E");
	starts(asks("g"), "$E.the guest is running");
	starts(asks("m1000,1"), "$E");
	assert_true(fake_runs(&h.f) && h.f.stops == 1); /* the first "?" of the other's */
	starts(asks("qC"), "$QC1");
}

static void test_beside_non_stop(void **state)
{
	(void)state;
	starts(harness_ask(&h, "QNonStop:1"), "OK");
	starts(harness_ask(&h, "vCont;c:2"), "OK");
	assert_true(fake_runs(&h.f));
	starts(asks("Hg1"), "$OK");
	starts(asks("p10"), "$0010");
	starts(asks("m1000,1"), "$48#");
	starts(asks("Hg2"), "$OK");
	starts(asks("p10"), "$E.the guest is running");
	starts(asks("?"), "$E");
	starts(asks("vStopped"), "$#00");
}

/* The one who controls goes: the other one still only looks on. */
static void test_stays_one(void **state)
{
	(void)state;
	harness_ask(&h, "?");
	starts(harness_ask(&h, "D"), "OK");
	assert_true(fake_runs(&h.f));
	starts(asks("g"), "$E");
	starts(asks("vCont;c"), "");
	harness_connect(&h);
	starts(harness_ask(&h, "?"), "T05");
	starts(told(), "$T05");
	starts(asks("?"), "$T05");
	starts(asks("P0=0100000000000000"), "$E");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_looks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_beside_trace_frame, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waits_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waits_for_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waits_in_non_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_leaves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_while_it_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_beside_non_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stays_one, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
