/* Events that come late, twice, from nowhere or against the rules; what the session asks of the target. */
#include "../cmocka_all.h"

#include "harness.h"
#include <errno.h>
#include <string.h>

static struct harness h;
/* 1000: inc rax; nop; nop; jmp 1000 */
static const uint8_t loop[] = { 0x48, 0xff, 0xc0, 0x90, 0x90, 0xeb, 0xf9 };

static int setup(void **state)
{
	(void)state;
	harness_init(&h, 2);
	fake_code(&h.f, 0, loop, sizeof(loop));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	harness_fini(&h);
	return 0;
}

static void hello(bool running)
{
	harness_open(&h, running);
	harness_connect(&h);
	harness_ask(&h, "qSupported:swbreak+;hwbreak+;vContSupported+");
}

static void event(enum debug_event_kind kind, unsigned vcpu, uint64_t pc, uint64_t dr6)
{
	struct debug_event ev = { .kind = kind, .vcpu = vcpu, .pc = pc, .dr6 = dr6 };

	fake_event(&h.f, &ev);
}

static void assert_stop(const char *reply, const char *start)
{
	if (strncmp(reply, start, strlen(start)) != 0)
		print_error("%s\n", reply);
	assert_int_equal(strncmp(reply, start, strlen(start)), 0);
}

/* The client has gone while a vcpu was on its way out with our int3: it just runs on. */
static void test_late_int3(void **state)
{
	(void)state;
	hello(true);
	harness_ask(&h, "Z0,1003,1");
	h.turns = 0;
	harness_ask(&h, "vCont;c");
	harness_disconnect(&h);
	h.f.vcpu[0].st.rip = 0x1003;
	event(DEBUG_EVENT_INT3, 0, 0x1003, 0);
	assert_false(h.f.vcpu[0].inject);
	assert_true(h.f.vcpu[0].running);
	/* One that nobody knows is the guest's. */
	event(DEBUG_EVENT_INT3, 0, 0x1004, 0);
	assert_true(h.f.vcpu[0].inject);
}

static void test_events_without_client(void **state)
{
	(void)state;
	harness_open(&h, true);
	event(DEBUG_EVENT_STEPPED, 0, 0x1000, X86_DR6_FIXED | X86_DR6_BS);
	assert_true(h.f.vcpu[0].running);
	event(DEBUG_EVENT_DB, 0, 0x1000, X86_DR6_FIXED | X86_DR6_BS);
	assert_true(h.f.vcpu[0].inject);
	event(DEBUG_EVENT_INT3, 77, 0x1000, 0);
	event((enum debug_event_kind)77, 0, 0x1000, 0);
	assert_null(debug_session_death(h.s));
	event(DEBUG_EVENT_SHUTDOWN, 0, 0x1000, 0);
	harness_run(&h, 10);
	assert_int_equal(debug_session_death(h.s)->kind, DEBUG_EVENT_SHUTDOWN);
	assert_false(fake_runs(&h.f));
}

/* Bits of registers that are not ours, or off, or stale, are not hits. */
static void test_db_bits(void **state)
{
	(void)state;
	hello(false);
	harness_ask(&h, "Z1,1003,1");
	h.turns = 0;
	harness_ask(&h, "vCont;c");
	event(DEBUG_EVENT_DB, 0, 0x1004, X86_DR6_FIXED | 1);
	assert_false(h.f.vcpu[0].inject);
	assert_true(h.f.vcpu[0].running);
	event(DEBUG_EVENT_DB, 0, 0x1004, X86_DR6_FIXED | 4);
	assert_true(h.f.vcpu[0].inject);
	assert_int_equal(h.f.vcpu[0].inject_dr6, X86_DR6_FIXED | 4);
	/* icebp: no bit at all */
	h.f.vcpu[0].inject = false;
	event(DEBUG_EVENT_DB, 0, 0x1004, X86_DR6_FIXED);
	assert_true(h.f.vcpu[0].inject);
	/* Ours and the guest's step in one: the guest's first, without our bit. */
	h.f.vcpu[0].inject = false;
	event(DEBUG_EVENT_DB, 0, 0x1003, X86_DR6_FIXED | X86_DR6_BS | 1);
	assert_true(h.f.vcpu[0].inject);
	assert_int_equal(h.f.vcpu[0].inject_dr6, X86_DR6_FIXED | X86_DR6_BS);
	assert_true(h.f.vcpu[0].running);
	harness_run(&h, 100);
	assert_stop(harness_ask(&h, "qC"), "T05hwbreak:;");
}

/* A watch hit along with the guest's own trap: told, and the guest gets its part. */
static void test_watch_and_guest_step(void **state)
{
	(void)state;
	hello(false);
	harness_ask(&h, "Z2,8000,8");
	h.turns = 0;
	harness_ask(&h, "vCont;c");
	event(DEBUG_EVENT_DB, 0, 0x1004, X86_DR6_FIXED | X86_DR6_BS | 1);
	harness_run(&h, 10);
	assert_stop(harness_ask(&h, "qC"), "T05watch:8000;");
	assert_true(h.f.vcpu[0].inject);
	assert_int_equal(h.f.vcpu[0].inject_dr6, X86_DR6_FIXED | X86_DR6_BS);
}

static int refuse(void *t, unsigned vcpu, unsigned vector, uint64_t dr6)
{
	(void)t;
	(void)vcpu;
	(void)vector;
	(void)dr6;
	return -EBUSY;
}

/* A trap that cannot be given to the guest is shown: else the vcpu would meet it for ever. */
static void test_inject_refused(void **state)
{
	struct debug_target_ops ops = *fake_ops();
	struct debug_config cfg;

	(void)state;
	ops.inject = refuse;
	cfg = (struct debug_config){ .ops = &ops, .target = &h.f, .caps = &h.f.caps, .layout = &h.f.layout,
	                             .mem = &h.f.mem };
	h.s = debug_session_new(&cfg);
	debug_session_sink(h.s, &h.f.sink);
	harness_connect(&h);
	h.turns = 0;
	harness_ask(&h, "vCont;c");
	harness_run(&h, 2);
	event(DEBUG_EVENT_INT3, 0, 0x1004, 0);
	harness_run(&h, 10);
	assert_stop(harness_ask(&h, "qC"), "O7472"); /* what came before qC's own answer */
	assert_stop(harness_ask(&h, "qC"), "T06");
}

/* An interrupt during a step-over: the byte is back, and the next resume passes it over again. */
static void test_interrupt_in_step_over(void **state)
{
	(void)state;
	hello(false);
	harness_ask(&h, "Z0,1003,1");
	assert_stop(harness_ask(&h, "vCont;c"), "T05swbreak:;");
	h.turns = 0;
	harness_ask(&h, "vCont;c");
	assert_true(harness_clean(&h));
	assert_int_equal(h.f.vcpu[0].now.move, DEBUG_STEP);
	assert_int_equal(h.f.vcpu[1].now.move, DEBUG_HOLD);
	assert_true(h.f.vcpu[0].now.block_irq);
	h.f.vcpu[0].halted = false;
	h.f.vcpu[0].wait_sipi = true; /* the step takes its time */
	harness_feed(&h, "\3", 1);
	h.f.vcpu[0].running = false;
	harness_run(&h, 10);
	assert_false(harness_clean(&h));
	h.f.vcpu[0].wait_sipi = false;
	h.turns = 100;
	assert_stop(harness_ask(&h, "qC"), "T02");
	harness_ask(&h, "qC"); /* the answer to the first one */
	assert_stop(harness_ask(&h, "vCont;c"), "QC1");
	assert_stop(harness_ask(&h, "p0"), "T05swbreak:;");
	assert_stop(harness_ask(&h, "qC"), "0200000000000000");
}

/* A ctrl-C meets the end of a step-over: the stop under way goes on, the plan is not given out. */
static void test_interrupt_meets_step_over(void **state)
{
	(void)state;
	hello(false);
	harness_ask(&h, "Z0,1003,1");
	assert_stop(harness_ask(&h, "vCont;c"), "T05swbreak:;");
	h.turns = 0;
	harness_ask(&h, "vCont;c");
	harness_feed(&h, "\3", 1);
	harness_run(&h, 10);
	assert_int_equal(h.f.violations, 0);
	assert_int_equal(h.f.vcpu[0].st.rip, 0x1004);
	assert_false(harness_clean(&h));
	assert_stop(harness_ask(&h, "qC"), "T02");
}

/* The step path reads no more than CORE of one vcpu, arms nothing and resumes once. */
static void test_step_is_cheap(void **state)
{
	unsigned gets, arms, resumes;

	(void)state;
	hello(false);
	harness_ask(&h, "?");
	harness_ask(&h, "vCont;s:1");
	gets = h.f.gets;
	arms = h.f.arms;
	resumes = h.f.resumes;
	assert_stop(harness_ask(&h, "vCont;s:1"), "T05");
	assert_int_equal(h.f.gets - gets, 1);
	assert_int_equal(h.f.arms - arms, 0);
	assert_int_equal(h.f.resumes - resumes, 1);
	/* A range: one resume however long. */
	resumes = h.f.resumes;
	gets = h.f.gets;
	h.turns = 50;
	harness_ask(&h, "vCont;r1000,1010:1");
	assert_int_equal(h.f.resumes - resumes, 1);
	assert_int_equal(h.f.gets - gets, 0);
}

static void test_step_interrupts(void **state)
{
	(void)state;
	hello(false);
	harness_ask(&h, "?");
	h.turns = 0;
	harness_ask(&h, "vCont;s:1");
	assert_true(h.f.vcpu[0].now.block_irq);
	h.turns = 10;
	harness_run(&h, 10);
	harness_ask(&h, "qRcmd,737465702d696e7465727275707473206f6e");
	h.turns = 0;
	harness_ask(&h, "vCont;s:1");
	assert_false(h.f.vcpu[0].now.block_irq);
}

/* A reset that fails leaves a word, not a wreck; the machine that cannot is honest. */
static void test_reset_fails(void **state)
{
	(void)state;
	hello(false);
	harness_ask(&h, "?");
	h.f.no_reset = true;
	assert_stop(harness_ask(&h, "qRcmd,7265736574"), "7265736574206661696c65643a");
	assert_stop(harness_ask(&h, "vRun;"), "E");
	h.f.no_reset = false;
	assert_stop(harness_ask(&h, "vRun;"), "T05");
}

/* The client reads its exit once more instead of a machine that has ended being resumed. */
static void test_exit_stays(void **state)
{
	struct debug_event ev = { .kind = DEBUG_EVENT_EXITED, .status = 0x103 };

	(void)state;
	hello(false);
	harness_ask(&h, "!");
	harness_ask(&h, "?");
	h.turns = 0;
	harness_ask(&h, "vCont;c");
	fake_event(&h.f, &ev);
	h.turns = 10;
	harness_run(&h, 10);
	assert_stop(harness_ask(&h, "?"), "W03");
	assert_stop(harness_ask(&h, "qC"), "W03");
	harness_disconnect(&h);
	assert_int_equal(debug_session_death(h.s)->status, 0x103);
}

/* An image that stands where it was linked must not be moved by its client. */
static void test_offsets(void **state)
{
	struct debug_config cfg = { .ops = fake_ops(), .target = &h.f, .caps = &h.f.caps,
	                            .layout = &h.f.layout, .mem = &h.f.mem };

	(void)state;
	h.s = debug_session_new(&cfg);
	assert_int_equal(debug_session_features(h.s) & RSP_F_OFFSETS, 0);
	debug_session_free(h.s);
	cfg.image_bias = 0x200000;
	h.s = debug_session_new(&cfg);
	debug_session_sink(h.s, &h.f.sink);
	harness_connect(&h);
	assert_string_equal(harness_ask(&h, "qOffsets"), "TextSeg=200000");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_late_int3), T(test_events_without_client), T(test_db_bits),
		T(test_watch_and_guest_step), T(test_inject_refused), T(test_interrupt_in_step_over),
		T(test_interrupt_meets_step_over), T(test_step_is_cheap),
		T(test_step_interrupts), T(test_reset_fails), T(test_exit_stays), T(test_offsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
