/*
 * Runs *.session files: whole conversations of a client with a session over the fake machine, each fed
 * whole, byte by byte and in random pieces. usage: run_sessions FILE...
 *
 *   # comment
 *   vcpus N | caps NAME,NAME... | code OFFSET HEX... | stay | readonly  before the first packet
 *   together            steps of several vcpus in one turn end only when all have executed
 *   start [running]     makes the session (stopped unless "running") and connects
 *   > PACKET            sends it, gives the machine its turns
 *   < PACKET            must come next; "*" stands for anything. Every packet that comes must be named.
 *   ^C                  sends the interrupt byte, gives turns
 *   run N | turns N     gives turns now | as many after each packet from here on
 *   wake VCPU RIP       that vcpu leaves HLT or wait-for-SIPI
 *   poke ADDR HEX       the guest's memory (physical) changes
 *   mem ADDR HEX        must stand in the guest's memory
 *   clean | dirty       the code page is | is not the image
 *   disconnect | connect
 *   machine running|parked|killed|dead
 *   guest VCPU int3|db N   so many were delivered to the guest
 *   arms N              ops->arm() calls so far
 *   printed TEXT        printed with no client since it was asked last; '|' is the end of a line
 * "\xNN" in a packet is a byte, "\e" nothing (for the empty packet).
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define LINE 8192

struct run {
	struct harness h;
	const char *file;
	unsigned line, mode, failures;
	bool open;
};

static void fail(struct run *r, const char *what, const char *got)
{
	fprintf(stderr, "%s:%u (feed %u): %s: %s\n", r->file, r->line, r->mode, what, got);
	r->failures++;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static size_t unescape(const char *text, char *buf)
{
	size_t n = 0;

	while (*text) {
		if (text[0] == '\\' && text[1] == 'x' && hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0) {
			buf[n++] = (char)(hex_digit(text[2]) * 16 + hex_digit(text[3]));
			text += 4;
		} else if (text[0] == '\\' && text[1] == 'e') {
			text += 2;
		} else {
			buf[n++] = *text++;
		}
	}
	buf[n] = '\0';
	return n;
}

/* Pairs of digits, blanks between them allowed. */
static size_t hex_bytes(const char *text, uint8_t *buf, size_t size)
{
	size_t n = 0;

	for (; *text && n < size; text++)
		if (hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0) {
			buf[n++] = (uint8_t)(hex_digit(text[0]) * 16 + hex_digit(text[1]));
			text++;
		}
	return n;
}

static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL, *back = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			back = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* What came must have been named before anything else happens. */
static void no_more(struct run *r)
{
	static char reply[4 * DEBUG_PACKET_SIZE];
	size_t len;

	while (r->open && harness_receive(&r->h, reply, sizeof(reply), &len))
		fail(r, "not expected", reply);
}

static void expect(struct run *r, const char *pattern)
{
	static char reply[4 * DEBUG_PACKET_SIZE], want[LINE];
	size_t len;

	unescape(pattern, want);
	if (!harness_receive(&r->h, reply, sizeof(reply), &len))
		fail(r, "nothing came for", want);
	else if (!matches(want, reply))
		fail(r, "came", reply);
}

static void set_caps(struct run *r, const char *list)
{
	struct debug_caps *c = &r->h.f.caps;
	const struct { const char *name; bool *cap; } caps[] = {
		{ "step", &c->step }, { "block_irq", &c->block_irq }, { "int3", &c->int3 },
		{ "exec_dr", &c->exec_dr }, { "data_dr", &c->data_dr }, { "protect", &c->protect },
		{ "msr_exit", &c->msr_exit },
	};

	for (unsigned i = 0; i < 7; i++)
		*caps[i].cap = strstr(list, caps[i].name) != NULL;
	c->int3_real = c->int3 && strstr(list, "real-lost") == NULL;
	c->int3_user = c->exec_user = c->step_user = strstr(list, "user-lost") == NULL;
}

static void cmd_vcpus(struct run *r, char *arg)
{
	fake_fini(&r->h.f);
	fake_init(&r->h.f, (unsigned)atoi(arg));
}

static void cmd_code(struct run *r, char *arg)
{
	char *rest;
	unsigned offset = (unsigned)strtoul(arg, &rest, 16);
	uint8_t bytes[1024];

	fake_code(&r->h.f, offset, bytes, (unsigned)hex_bytes(rest, bytes, sizeof(bytes)));
}

static void cmd_start(struct run *r, char *arg)
{
	r->open = true;
	harness_open(&r->h, strcmp(arg, "running") == 0);
	harness_connect(&r->h);
}

static void cmd_stay(struct run *r, char *arg)
{
	(void)arg;
	r->h.stay_stopped = true;
}

static void cmd_together(struct run *r, char *arg)
{
	(void)arg;
	r->h.f.together = true;
}

static void cmd_readonly(struct run *r, char *arg)
{
	(void)arg;
	r->h.read_only = true;
}

static void cmd_send(struct run *r, char *arg)
{
	char packet[LINE];
	size_t len = unescape(arg, packet);

	harness_send(&r->h, packet, len);
}

static void cmd_interrupt(struct run *r, char *arg)
{
	(void)arg;
	harness_feed(&r->h, "\3", 1);
	harness_run(&r->h, r->h.turns);
}

static void cmd_run(struct run *r, char *arg)
{
	harness_run(&r->h, (unsigned)atoi(arg));
}

static void cmd_turns(struct run *r, char *arg)
{
	r->h.turns = (unsigned)atoi(arg);
}

static void cmd_wake(struct run *r, char *arg)
{
	char *rest;
	unsigned vcpu = (unsigned)strtoul(arg, &rest, 10);

	fake_wake(&r->h.f, vcpu, strtoull(rest, NULL, 16));
}

static void cmd_poke(struct run *r, char *arg)
{
	char *rest;
	uint64_t addr = strtoull(arg, &rest, 16);
	uint8_t bytes[256];

	guest_mem_write(&r->h.f.mem, addr, bytes, hex_bytes(rest, bytes, sizeof(bytes)));
}

static void cmd_mem(struct run *r, char *arg)
{
	char *rest, got[520] = "";
	uint64_t addr = strtoull(arg, &rest, 16);
	uint8_t want[256], is[256];
	size_t n = hex_bytes(rest, want, sizeof(want));

	guest_mem_read(&r->h.f.mem, addr, is, n);
	for (size_t i = 0; i < n; i++)
		snprintf(got + 2 * i, 3, "%02x", is[i]);
	if (memcmp(want, is, n) != 0)
		fail(r, "memory holds", got);
}

static void cmd_clean(struct run *r, char *arg)
{
	(void)arg;
	if (!harness_clean(&r->h))
		fail(r, "clean", "the code page is not the image");
}

static void cmd_dirty(struct run *r, char *arg)
{
	(void)arg;
	if (harness_clean(&r->h))
		fail(r, "dirty", "the code page is the image");
}

static void cmd_connect(struct run *r, char *arg)
{
	(void)arg;
	harness_connect(&r->h);
}

static void cmd_disconnect(struct run *r, char *arg)
{
	(void)arg;
	harness_disconnect(&r->h);
	r->h.wire_len = 0;
	harness_run(&r->h, r->h.turns);
}

static void cmd_machine(struct run *r, char *arg)
{
	const char *is = r->h.f.killed ? "killed"
	                 : debug_session_death(r->h.s) ? "dead" : fake_runs(&r->h.f) ? "running" : "parked";

	if (strcmp(is, arg) != 0)
		fail(r, "the machine is", is);
}

static void cmd_guest(struct run *r, char *arg)
{
	char what[16] = "", got[32];
	unsigned vcpu = 0, n = 0, is;

	if (sscanf(arg, "%u %15s %u", &vcpu, what, &n) != 3)
		fail(r, "bad line", arg);
	is = what[0] == 'i' ? r->h.f.vcpu[vcpu].guest_int3 : r->h.f.vcpu[vcpu].guest_db;
	snprintf(got, sizeof(got), "%u", is);
	if (is != n)
		fail(r, "delivered to the guest", got);
}

static void cmd_arms(struct run *r, char *arg)
{
	char got[16];

	snprintf(got, sizeof(got), "%u", r->h.f.arms);
	if (strcmp(got, arg) != 0)
		fail(r, "arm calls", got);
}

static void cmd_printed(struct run *r, char *arg)
{
	if (!matches(arg, r->h.printed))
		fail(r, "printed", r->h.printed);
	r->h.printed[0] = '\0';
}

static void cmd_caps(struct run *r, char *arg)
{
	set_caps(r, arg);
}

static void cmd_expect(struct run *r, char *arg)
{
	expect(r, arg);
}

static const struct { const char *name; void (*fn)(struct run *, char *); bool keeps_output; } commands[] = {
	{ "vcpus", cmd_vcpus, false }, { "caps", cmd_caps, false }, { "code", cmd_code, false },
	{ "together", cmd_together, false }, { "stay", cmd_stay, false },
	{ "readonly", cmd_readonly, false },
	{ "start", cmd_start, false }, { ">", cmd_send, false },
	{ "<", cmd_expect, true }, { "^C", cmd_interrupt, false }, { "run", cmd_run, false },
	{ "turns", cmd_turns, false }, { "wake", cmd_wake, false }, { "poke", cmd_poke, false },
	{ "mem", cmd_mem, true }, { "clean", cmd_clean, true }, { "dirty", cmd_dirty, true },
	{ "connect", cmd_connect, false }, { "disconnect", cmd_disconnect, false },
	{ "machine", cmd_machine, true }, { "guest", cmd_guest, true }, { "arms", cmd_arms, true },
	{ "printed", cmd_printed, true },
};

static void command(struct run *r, char *line)
{
	char *arg = line + strcspn(line, " ");

	if (*arg)
		*arg++ = '\0';
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, line) != 0)
			continue;
		if (!commands[i].keeps_output)
			no_more(r);
		commands[i].fn(r, arg);
		return;
	}
	fail(r, "unknown command", line);
}

/* Feeds: whole, byte by byte, and a number of random divisions. */
static unsigned run_file(const char *file, unsigned mode)
{
	static struct run r;
	char line[LINE];
	FILE *in = fopen(file, "r");

	r.file = file;
	r.mode = mode;
	r.line = r.failures = 0;
	r.open = false;
	if (!in) {
		perror(file);
		return 1;
	}
	harness_init(&r.h, 1);
	r.h.split = mode;
	r.h.seed = mode;
	while (fgets(line, sizeof(line), in)) {
		r.line++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[0] != '#')
			command(&r, line);
	}
	no_more(&r);
	if (r.h.e.misuse)
		fail(&r, "replies without a request", "");
	if (r.h.f.violations)
		fail(&r, "resumed while a stop was under way", "");
	fclose(in);
	harness_fini(&r.h);
	return r.failures;
}

int main(int argc, char **argv)
{
	unsigned failures = 0, files = 0;

	for (int i = 1; i < argc; i++) {
		unsigned before = failures;

		for (unsigned mode = 0; mode < 12 && failures == before; mode++)
			failures += run_file(argv[i], mode);
		files += failures == before;
	}
	printf("%u of %d sessions passed\n", files, argc - 1);
	return failures > 0 || argc < 2;
}
