/*
 * A whole debug session over the fake machine of tests/unit/debug: packets and events in any order.
 *
 * The input is lines, so that a kept input can be read:
 *   first line: vcpus (digit), capabilities (5 bits in one character), 'r' when running, 's' when staying,
 *     'o' when the client may only look
 *   >PACKET    framed and sent          ^ ctrl-C             rC  C turns of the machine (its code)
 *   eKVPD      an event of a running vcpu: kind, vcpu, pc, dr6, one character each
 *   pAB        the guest's code byte at A becomes B          wV  vcpu V wakes at the entry
 *   d c        the client vanishes, comes
 *
 * Held against a model: every request has one reply and every resume one stop; what the debugger sees of
 * memory is what the guest has when the debugger is gone; the bytes in memory are those of the list of
 * breakpoints; a disconnect leaves nothing armed and nobody stepping, unless commands persist; a client can
 * always get an answer after a ctrl-C.
 */
#include "debug/internal.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define SEEN 0x10000u     /* bytes of memory compared */
#define MAX_LINES 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct harness h;
static uint8_t before[SEEN], after[SEEN];
static char reply[4 * DEBUG_PACKET_SIZE];
static unsigned owed;     /* requests sent whose reply has not come */
static bool telling;      /* non-stop: a stop was told, and its vStopped not yet answered by OK */
static bool nonstop;      /* as far as the client knows */
static enum { ASKS_OTHER, ASKS_ALL, ASKS_STOPS, ASKS_RUN, ASKS_KILL, ASKS_ON, ASKS_OFF } asks; /* now */
static bool told[DEBUG_MAX_VCPUS]; /* stopped, as far as the client has been told */
static bool touched;      /* something was written by the client or poked */

#define must(truth) must_at(truth, __LINE__)

static void must_at(bool truth, int at)
{
	if (truth)
		return;
	fprintf(stderr, "fuzz_session.c:%d does not hold\n", at);
	abort();
}

/* 1000: inc rax; mov [8000],rax; push rax; nop; call 1020; pop rax; pushf; popf; jmp 1000 / 1020: mov
 * al,[8004]; int3; ret / 1040: mov al,fe; out 64 / 1050: out f4 / 1060: ud2 / 1070: hlt; jmp 1070 */
static void load_code(void)
{
	static const uint8_t main_code[] = { 0x48, 0xff, 0xc0, 0x48, 0x89, 0x04, 0x25, 0x00, 0x80, 0x00, 0x00,
	                                     0x50, 0x90, 0xe8, 0x0e, 0x00, 0x00, 0x00, 0x58, 0x9c, 0x9d,
	                                     0xeb, 0xe9 };
	static const uint8_t sub[] = { 0x8a, 0x04, 0x25, 0x04, 0x80, 0x00, 0x00, 0xcc, 0xc3 };
	static const uint8_t ends[][4] = { { 0xb0, 0xfe, 0xe6, 0x64 }, { 0xe6, 0xf4, 0x90, 0x90 },
	                                   { 0x0f, 0x0b, 0x90, 0x90 }, { 0xf4, 0xeb, 0xfd, 0x90 } };

	fake_code(&h.f, 0, main_code, sizeof(main_code));
	fake_code(&h.f, 0x20, sub, sizeof(sub));
	for (unsigned i = 0; i < 4; i++)
		fake_code(&h.f, 0x40 + 0x10 * i, ends[i], 4);
}

/* Non-stop: OK, or a stop of a vcpu that the client does not take for stopped. */
static void take_stop(const char *text)
{
	const char *thread = strstr(text, "thread:");
	unsigned tid;

	telling = text[0] != 'O';
	if (text[0] != 'T')
		return;
	must(thread != NULL);
	thread += strlen("thread:");
	tid = (unsigned)strtoul(*thread == 'p' ? strchr(thread, '.') + 1 : thread, NULL, 16);
	must(tid >= 1 && tid <= h.f.count && !told[tid - 1]);
	told[tid - 1] = true;
}

/* What the answer to the request under way means for what is told of stops. */
static void take_answer(const char *text)
{
	bool anew = (asks == ASKS_RUN && text[0] == 'T') || (asks == ASKS_KILL && text[0] == 'O');

	if (asks == ASKS_ALL || anew)
		memset(told, 0, sizeof(told));
	if ((asks == ASKS_ALL || asks == ASKS_STOPS) && nonstop)
		take_stop(text);
	else if (anew)
		telling = false;
	if (text[0] != 'O' || (asks != ASKS_ON && asks != ASKS_OFF) || nonstop == (asks == ASKS_ON))
		return;
	nonstop = asks == ASKS_ON;
	telling = false;
	memset(told, 0, sizeof(told));
}

/* Non-stop: who is stopped is parked, who is not is not forgotten, and what is to be told is under way. */
static void must_keep_stops(void)
{
	const struct debug_session *s = h.s;

	if (!s->nonstop || !h.connected)
		return;
	must(s->stop_count <= h.f.count + 1);
	must(s->stop_told == (s->stop_count > 0) && telling == s->stop_told);
	for (unsigned i = 0; i < h.f.count; i++) {
		bool holds = s->vcpu[i].ask == DEBUG_ASK_HOLD;

		must(!holds || !h.f.vcpu[i].running);
		if (s->run == DEBUG_RUN_FREE && s->over < 0 && s->turn < 0 && !h.f.stopping)
			must(holds == (h.f.vcpu[i].plan.move == DEBUG_HOLD));
	}
	for (unsigned i = 0; i < s->stop_count; i++)
		for (unsigned k = 0; k < i; k++)
			must(s->stop_queue[i] != s->stop_queue[k]);
}

/* Points of the list that want an int3 byte at this place. */
static unsigned wanted_at(uint64_t gpa)
{
	const struct debug_points *p = &h.s->points;
	unsigned n = 0;

	for (unsigned i = 0; i < p->count; i++)
		n += p->point[i].wished && p->point[i].means == DEBUG_MEANS_INT3 && p->point[i].gpa == gpa;
	return n;
}

/*
 * The bytes in memory are those of the list: each is wanted as often as the list says, and while a vcpu runs,
 * and nothing is being passed, all of them stand there.
 */
static void must_agree(void)
{
	const struct debug_session *s = h.s;
	const struct debug_int3 *t = &s->points.int3;
	unsigned planted = 0, lifted = 0, listed = 0;
	bool runs = false;

	for (unsigned i = 0; i < h.f.count; i++)
		runs |= h.f.vcpu[i].running;
	runs &= s->run == DEBUG_RUN_FREE && s->over < 0 && s->turn < 0 && !h.f.stopping && !touched;
	for (unsigned i = 0; i < t->count; i++) {
		uint8_t byte = 0;

		must(t->byte[i].refs == wanted_at(t->byte[i].gpa));
		must(i == 0 || t->byte[i - 1].gpa < t->byte[i].gpa);
		planted += t->byte[i].state == DEBUG_INT3_PLANTED;
		lifted += t->byte[i].state == DEBUG_INT3_LIFTED;
		listed += t->byte[i].refs;
		must(guest_mem_read(&h.f.mem, t->byte[i].gpa, &byte, 1) == 0);
		must(!runs || t->byte[i].refs == 0 ||
		     (t->byte[i].state == DEBUG_INT3_PLANTED && byte == DEBUG_INT3_OPCODE));
	}
	must(planted == t->planted && lifted == t->lifted);
	for (unsigned i = 0; i < s->points.count; i++)
		listed -= s->points.point[i].wished && s->points.point[i].means == DEBUG_MEANS_INT3;
	must(listed == 0);
}

static void read_replies(void)
{
	size_t len;

	while (harness_receive(&h, reply, sizeof(reply), &len)) {
		if (len > 1 && reply[0] == 'O' && reply[1] != 'K')
			continue;
		if (reply[0] == '%') {
			must(!telling);
			take_stop(reply + strlen("%Stop:"));
			continue;
		}
		must(owed > 0);
		owed--;
		take_answer(reply);
		asks = ASKS_OTHER;
	}
	must(h.e.misuse == 0 && h.f.violations == 0);
	must(!h.read_only || h.s->points.int3.planted == 0);
	must_keep_stops();
	must_agree();
}

static void must_be_gone(void)
{
	const struct debug_points *p = &h.s->points;

	if (p->kept > 0)
		return; /* commands that persist stay on purpose */
	guest_mem_read(&h.f.mem, 0, after, SEEN);
	must(memcmp(before, after, SEEN) == 0);
	must(touched || harness_clean(&h));
	must(p->count == 0 && p->int3.planted == 0 && h.s->over < 0 && !h.f.arm.int3);
	for (unsigned i = 0; i < X86_DR_SLOTS; i++)
		must(!h.f.arm.slot[i].used && p->slots.refs[i] == 0);
}

static void disconnect(void)
{
	if (!h.connected)
		return;
	must(debug_int3_read(&h.s->points.int3, 0, before, SEEN) == 0);
	harness_disconnect(&h);
	must_be_gone();
	owed = 0;
	harness_run(&h, 20);
	if (debug_session_death(h.s) || h.f.killed)
		return;
	/* Alone it runs without a step, or stands. */
	for (unsigned i = 0; i < h.f.count; i++)
		must(!h.f.vcpu[i].running || h.f.vcpu[i].now.move == DEBUG_RUN);
}

static void connect(void)
{
	if (h.connected || debug_session_death(h.s) || h.f.killed)
		return;
	owed = 0;
	telling = nonstop = false;
	asks = ASKS_OTHER;
	memset(told, 0, sizeof(told));
	harness_connect(&h);
}

/* The machine must come to a stop, and then every request to its answer. */
static void must_answer(void)
{
	unsigned tries = 20;

	while (h.connected && owed > 0 && tries-- > 0) {
		harness_feed(&h, "\3", 1);
		harness_run(&h, 50);
		read_replies();
	}
	must(!h.connected || owed == 0 || h.f.killed);
}

static int kind_of(const char *packet, size_t len)
{
	static const struct { const char *text; bool whole; int kind; } kinds[] = {
		{ "?", true, ASKS_ALL }, { "vStopped", true, ASKS_STOPS },
		{ "vRun", false, ASKS_RUN }, { "vKill", false, ASKS_KILL },
		{ "QNonStop:1", true, ASKS_ON }, { "QNonStop:0", true, ASKS_OFF },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].text);

		if (len >= n && memcmp(packet, kinds[i].text, n) == 0 && (!kinds[i].whole || len == n))
			return kinds[i].kind;
	}
	return ASKS_OTHER;
}

static void send(const char *packet, size_t len)
{
	if (!h.connected || h.f.killed)
		return;
	must_answer();
	if (!h.connected)
		return;
	touched |= len > 0 && !h.read_only && strchr("MXGP", packet[0]);
	touched |= len > 0 && !h.read_only && packet[0] == 'Q'; /* restored registers move the stack about */
	if (len > 0 && (packet[0] == 'k' || packet[0] == 'R'))
		return; /* may owe nothing: sessions have them */
	/* What may resume, or starts the telling anew; a stop that comes before its answer counts as new. */
	if (len > 0 && strchr("vcsCS?QqR", packet[0]) && !(len == 8 && memcmp(packet, "vStopped", 8) == 0))
		memset(told, 0, sizeof(told));
	asks = (unsigned)kind_of(packet, len);
	owed++;
	harness_send(&h, packet, len);
	read_replies();
}

static void event(const uint8_t *p, size_t len)
{
	static const uint64_t pcs[] = { 0x1000, 0x1003, 0x100b, 0x1027, 0x50000, 0x40000, 0x8000, ~0ull };
	struct debug_event ev;

	if (len < 4)
		return;
	ev = (struct debug_event){ .kind = (enum debug_event_kind)(p[0] % 9), .vcpu = p[1] % h.f.count,
	                           .pc = pcs[p[2] % 8],
	                           .dr6 = X86_DR6_FIXED | (p[3] & 15) | (p[3] & 0x70u) << 9 };
	if (h.f.vcpu[ev.vcpu].running && ev.kind != DEBUG_EVENT_RESET)
		fake_event(&h.f, &ev);
}

static void line(const uint8_t *p, size_t len)
{
	if (len == 0)
		return;
	switch (p[0]) {
	case '>':
		send((const char *)p + 1, len - 1);
		break;
	case '^':
		if (h.connected)
			harness_feed(&h, "\3", 1);
		break;
	case 'r':
		harness_run(&h, len > 1 ? p[1] : 1);
		break;
	case 'e':
		event(p + 1, len - 1);
		break;
	case 'p':
		touched = true;
		if (len > 2)
			guest_mem_write(&h.f.mem, FAKE_ENTRY + p[1], p + 2, 1);
		break;
	case 'w':
		if (len > 1 && h.f.vcpu[p[1] % h.f.count].running)
			fake_wake(&h.f, p[1] % h.f.count, FAKE_ENTRY);
		break;
	case 'd':
		disconnect();
		break;
	case 'c':
		connect();
		break;
	}
	if (h.connected)
		read_replies();
	else
		owed = 0;
}

static size_t line_length(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;

	return end ? (size_t)(end - data) : size;
}

static void configure(const uint8_t *p, size_t len)
{
	unsigned bits = len > 1 ? p[1] : 63;

	harness_init(&h, len > 0 ? 1 + p[0] % 4 : 1);
	h.f.caps = (struct debug_caps){ .step = bits & 1, .block_irq = bits & 2, .int3 = bits & 4,
	                                .exec_dr = bits & 8, .data_dr = bits & 16, .protect = bits & 32 };
	h.stay_stopped = len > 0 && memchr(p, 's', len);
	h.read_only = len > 0 && memchr(p, 'o', len);
	h.turns = 20;
	load_code();
	harness_open(&h, len > 0 && memchr(p, 'r', len));
	harness_connect(&h);
	owed = 0;
	touched = telling = nonstop = false;
	asks = ASKS_OTHER;
	memset(told, 0, sizeof(told));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = line_length(data, size);

	configure(data, len);
	for (unsigned i = 0; i < MAX_LINES && len < size; i++) {
		data += len + 1;
		size -= len + 1;
		len = line_length(data, size);
		line(data, len);
	}
	must_answer();
	disconnect();
	harness_fini(&h);
	return 0;
}
