/*
 * rsp ADDRESS [LOOP]: a debugger without opinions. Connects, lets the guest run to LOOP (hexadecimal, by an
 * execute breakpoint), and then measures what the driver orders (serve.h). Any stub is served alike.
 */
#include "client.h"
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SCRIPT 256
#define MAX_SAMPLES 1000
#define CTRL_C_RUN_US 500 /* how long a guest runs before it is interrupted */

struct rsp {
	struct client c;
	const char *address;
	char tid[32];
	size_t packet_size;
	uint64_t loop;
	bool range;             /* vCont;r */
	bool conditions;        /* decided in the stub */
	uint8_t *data;          /* what memory rows move */
	char *script[MAX_SCRIPT];
	size_t script_len[MAX_SCRIPT], script_count;
	char script_path[256];
};

static bool ok(struct client *c, const char *request)
{
	return client_ask(c, request) == 0 && client_is(c, "OK");
}

static void note_thread(struct rsp *r)
{
	if (client_ask(&r->c, "qC") == 0 && client_begins(&r->c, "QC") && r->c.len - 2 < sizeof(r->tid))
		snprintf(r->tid, sizeof(r->tid), "%.*s", (int)r->c.len - 2, (const char *)r->c.body + 2);
	else
		snprintf(r->tid, sizeof(r->tid), "1");
}

static size_t packet_size(const struct client *c)
{
	static const char key[] = "PacketSize=";
	char text[4096] = "";
	const char *at;

	client_decode(c, (uint8_t *)text, sizeof(text) - 1);
	at = strstr(text, key);
	return at != NULL ? client_number(at + sizeof(key) - 1) : 400;
}

/* What every debugger says first. */
static int hello(struct rsp *r)
{
	struct client *c = &r->c;

	if (client_ask(c, "qSupported:swbreak+;hwbreak+;vContSupported+;binary-upload+") < 0)
		return -1;
	r->packet_size = packet_size(c);
	r->conditions = memmem(c->body, c->len, "ConditionalBreakpoints+", 23) != NULL;
	if (r->packet_size > CLIENT_BUFFER / 4)
		r->packet_size = CLIENT_BUFFER / 4;
	if (ok(c, "QStartNoAckMode"))
		c->no_ack = true;
	if (client_ask(c, "?") < 0)
		return -1;
	note_thread(r);
	if (client_ask(c, "vCont?") < 0)
		return -1;
	r->range = memmem(c->body, c->len, ";r", 2) != NULL;
	snprintf(r->script_path, sizeof(r->script_path), "Hg%s", r->tid);
	return client_ask(c, r->script_path);
}

static int point(struct rsp *r, char set, char type, uint64_t addr)
{
	char request[64];

	snprintf(request, sizeof(request), "%c%c,%llx,1", set, type, (unsigned long long)addr);
	return ok(&r->c, request) ? 0 : -1;
}

static void resume_text(const struct rsp *r, char action, char *buf, size_t size)
{
	snprintf(buf, size, "vCont;%c:%s", action, r->tid);
}

static int run_to_loop(struct rsp *r)
{
	char go[64];
	int rc;

	resume_text(r, 'c', go, sizeof(go));
	if (point(r, 'Z', '1', r->loop) < 0)
		return -1;
	rc = client_resume(&r->c, go);
	return point(r, 'z', '1', r->loop) < 0 ? -1 : rc;
}

static enum bench_outcome lost(struct bench_result *ret)
{
	return bench_say(ret, BENCH_ERROR, "the stub is gone or does not answer");
}

/* ---- requests over and over ---- */

typedef int round_fn(struct rsp *r, const char *text);

static enum bench_outcome repeat(struct rsp *r, double seconds, round_fn *one, const char *text,
                                 struct bench_result *ret)
{
	double start = bench_now(), end = start + seconds * 1e6;

	do {
		for (int i = 0; i < 8; i++)
			if (one(r, text) < 0)
				return lost(ret);
		ret->count += 8;
		ret->us = bench_now();
	} while (ret->us < end);
	ret->us -= start;
	return BENCH_OK;
}

static int one_ask(struct rsp *r, const char *text)
{
	return client_ask(&r->c, text);
}

static int one_resume(struct rsp *r, const char *text)
{
	return client_resume(&r->c, text);
}

/* argument: the request itself, g for example. */
static enum bench_outcome run_ask(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct rsp *r = ctx;

	if (client_ask(&r->c, argument) < 0)
		return lost(ret);
	if (r->c.len == 0 || r->c.body[0] == 'E')
		return bench_say(ret, BENCH_NONE, "%s is not answered", argument);
	return repeat(r, seconds, one_ask, argument, ret);
}

static enum bench_outcome run_step(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct rsp *r = ctx;
	char text[64];

	(void)argument;
	resume_text(r, 's', text, sizeof(text));
	return repeat(r, seconds, one_resume, text, ret);
}

/* The pc in a g packet: register 16 of 8 bytes. */
static uint64_t pc_of(const struct client *c)
{
	uint8_t pc[8] = {0};
	uint64_t value = 0;

	if (c->len >= 17 * 16 && memchr(c->body, '*', 17 * 16) == NULL) {
		client_unhex(c->body + 256, 16, pc, sizeof(pc));
	} else {
		uint8_t text[17 * 16 + 64];

		client_decode(c, text, sizeof(text));
		client_unhex(text + 256, 16, pc, sizeof(pc));
	}
	for (int i = 7; i >= 0; i--)
		value = value << 8 | pc[i];
	return value;
}

/* What GDB makes of a stepi at worst: step, stop reply, all registers, memory at pc. */
static int one_stepi(struct rsp *r, const char *text)
{
	char request[64];

	if (client_resume(&r->c, text) < 0 || client_ask(&r->c, "g") < 0)
		return -1;
	snprintf(request, sizeof(request), "m%llx,40", (unsigned long long)pc_of(&r->c));
	return client_ask(&r->c, request);
}

static enum bench_outcome run_stepi(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct rsp *r = ctx;
	char text[64];

	(void)argument;
	resume_text(r, 's', text, sizeof(text));
	return repeat(r, seconds, one_stepi, text, ret);
}

/* ---- breakpoints ---- */

/* argument: the type, 0 or 1. The stub steps over its own breakpoint. */
static enum bench_outcome run_hit(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct rsp *r = ctx;
	enum bench_outcome outcome;
	char text[64];

	resume_text(r, 'c', text, sizeof(text));
	if (point(r, 'Z', *argument, r->loop) < 0)
		return bench_say(ret, BENCH_NONE, "Z%c is refused", *argument);
	outcome = client_resume(&r->c, text) < 0 ? lost(ret) : repeat(r, seconds, one_resume, text, ret);
	if (point(r, 'z', *argument, r->loop) < 0)
		return lost(ret);
	return outcome;
}

/* As GDB does it where the stub cannot be trusted to: take it out, step, put it back, go on. */
static int one_hit_by_client(struct rsp *r, const char *type)
{
	char step[64], go[64];

	resume_text(r, 's', step, sizeof(step));
	resume_text(r, 'c', go, sizeof(go));
	if (point(r, 'z', *type, r->loop) < 0 || client_resume(&r->c, step) < 0)
		return -1;
	return point(r, 'Z', *type, r->loop) < 0 ? -1 : client_resume(&r->c, go);
}

/* To the breakpoint, and then one round after the other. */
static enum bench_outcome by_client(struct rsp *r, double seconds, const char *type, round_fn *one,
                                    struct bench_result *ret)
{
	enum bench_outcome outcome;
	char go[64];

	resume_text(r, 'c', go, sizeof(go));
	if (point(r, 'Z', *type, r->loop) < 0)
		return bench_say(ret, BENCH_NONE, "Z%c is refused", *type);
	outcome = client_resume(&r->c, go) < 0 ? lost(ret) : repeat(r, seconds, one, type, ret);
	if (point(r, 'z', *type, r->loop) < 0)
		return lost(ret);
	return outcome;
}

static enum bench_outcome run_hit_by_client(void *ctx, double seconds, const char *argument,
                                            struct bench_result *ret)
{
	return by_client(ctx, seconds, argument, one_hit_by_client, ret);
}

/* argument: Z or z, how many software breakpoints, their first address, how far they are apart. */
static enum bench_outcome run_points(void *ctx, double seconds, const char *argument,
                                     struct bench_result *ret)
{
	struct rsp *r = ctx;
	unsigned count = 0, apart = 0;
	unsigned long long addr = 0;
	char set = 0;

	(void)seconds;
	if (sscanf(argument, "%c %u %llx %u", &set, &count, &addr, &apart) != 4)
		return bench_say(ret, BENCH_ERROR, "points: Z|z COUNT ADDRESS APART");
	ret->us = bench_now();
	for (unsigned i = 0; i < count; i++) {
		if (point(r, set, '0', addr + (uint64_t)apart * i) == 0)
			continue;
		while (set == 'Z' && i > 0)
			point(r, 'z', '0', addr + (uint64_t)apart * --i);
		return bench_say(ret, BENCH_NONE, "refused before the %uth", count);
	}
	ret->us = bench_now() - ret->us;
	ret->count = count;
	return BENCH_OK;
}

/* ---- running and interrupting ---- */

static uint64_t turns(struct rsp *r)
{
	uint8_t text[64], rax[8] = {0};
	uint64_t value = 0;

	if (client_ask(&r->c, "g") < 0)
		return 0;
	client_decode(&r->c, text, sizeof(text));
	client_unhex(text, 16, rax, sizeof(rax));
	for (int i = 7; i >= 0; i--)
		value = value << 8 | rax[i];
	return value;
}

/* Lets the guest do what text says until the time is over; counts instructions of the loop. */
static enum bench_outcome run_freely(struct rsp *r, double seconds, const char *text,
                                     struct bench_result *ret)
{
	uint64_t before = turns(r);
	double start = bench_now();

	if (client_send(&r->c, text, strlen(text)) < 0)
		return lost(ret);
	usleep((useconds_t)(seconds * 1e6));
	if (client_break(&r->c) < 0 || client_wait_stop(&r->c) < 0)
		return lost(ret);
	ret->us = bench_now() - start;
	ret->count = 4.0 * (double)(turns(r) - before);
	return BENCH_OK;
}

static enum bench_outcome run_range(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct rsp *r = ctx;
	char text[96];

	(void)argument;
	if (!r->range)
		return bench_say(ret, BENCH_NONE, "no vCont;r");
	snprintf(text, sizeof(text), "vCont;r%llx,%llx:%s", (unsigned long long)r->loop,
	         (unsigned long long)r->loop + 13, r->tid);
	return run_freely(r, seconds, text, ret);
}

/* All vcpus run for a while; from the 0x03 to the stop reply. */
static enum bench_outcome run_ctrl_c(void *ctx, double seconds, const char *argument,
                                     struct bench_result *ret)
{
	struct rsp *r = ctx;
	double end = bench_now() + seconds * 1e6, us[MAX_SAMPLES];
	unsigned n;

	(void)argument;
	for (n = 0; n < MAX_SAMPLES && bench_now() < end; n++) {
		double start;

		if (client_send(&r->c, "vCont;c", 7) < 0)
			return lost(ret);
		usleep(CTRL_C_RUN_US);
		start = bench_now();
		if (client_break(&r->c) < 0 || client_wait_stop(&r->c) < 0)
			return lost(ret);
		us[n] = bench_now() - start;
	}
	return bench_median(us, n, ret);
}

/* ---- conditions ---- */

/* rax == 0, in GDB's agent expressions: reg 0; const8 0; equal; end. The loop counts it up from 1. */
#define NEVER "X7,26000022001327"

/* argument: the type of breakpoint. The stub decides; every turn of the loop is a hit that does not stop. */
static enum bench_outcome run_condition(void *ctx, double seconds, const char *argument,
                                        struct bench_result *ret)
{
	struct rsp *r = ctx;
	enum bench_outcome outcome;
	char text[96];

	if (!r->conditions)
		return bench_say(ret, BENCH_NONE, "no conditions in the stub");
	snprintf(text, sizeof(text), "Z%c,%llx,1;" NEVER, *argument, (unsigned long long)r->loop);
	if (!ok(&r->c, text))
		return bench_say(ret, BENCH_NONE, "the condition is refused");
	outcome = run_freely(r, seconds, "vCont;c", ret);
	ret->count /= 4;
	if (point(r, 'z', *argument, r->loop) < 0)
		return lost(ret);
	return outcome;
}

/* The same decided by the client: stop, registers, over the breakpoint, on. */
static int one_client_condition(struct rsp *r, const char *type)
{
	return client_ask(&r->c, "g") < 0 ? -1 : one_hit_by_client(r, type);
}

static enum bench_outcome run_client_condition(void *ctx, double seconds, const char *argument,
                                               struct bench_result *ret)
{
	return by_client(ctx, seconds, argument, one_client_condition, ret);
}

/* ---- searching ---- */

/* argument: ADDRESS,LENGTH in hexadecimal: for what is not there. */
static enum bench_outcome run_search(void *ctx, double seconds, const char *argument,
                                     struct bench_result *ret)
{
	struct rsp *r = ctx;
	const char *comma = strchr(argument, ',');
	char text[96];

	(void)seconds;
	if (comma == NULL)
		return bench_say(ret, BENCH_ERROR, "search: ADDRESS,LENGTH");
	snprintf(text, sizeof(text), "qSearch:memory:%.*s;%s;trapline", (int)(comma - argument), argument,
	         comma + 1);
	ret->us = bench_now();
	if (client_ask(&r->c, text) < 0)
		return lost(ret);
	ret->us = bench_now() - ret->us;
	if (!client_is(&r->c, "0"))
		return bench_say(ret, BENCH_NONE, "no search in the stub");
	ret->count = (double)client_number(comma + 1);
	return BENCH_OK;
}

/* ---- memory ---- */

static bool must_escape(uint8_t c)
{
	return c == '$' || c == '#' || c == '}' || c == '*';
}

/* The body of an M or X packet that fills a packet; *ret_len: how many bytes of memory it writes. */
static size_t build_write(struct rsp *r, char kind, uint64_t addr, size_t *ret_len)
{
	size_t room = r->packet_size - 64, len = room / 2, used;
	char head[64];

	if (kind == 'X')
		for (len = used = 0; used + 2 < room; len++)
			used += must_escape(r->data[len]) ? 2 : 1;
	used = (size_t)snprintf(head, sizeof(head), "%c%llx,%zx:", kind, (unsigned long long)addr, len);
	uint8_t *to = r->c.out + 1 + used;

	memcpy(r->c.out + 1, head, used);
	for (size_t i = 0; i < len; i++) {
		if (kind == 'M') {
			*to++ = (uint8_t)"0123456789abcdef"[r->data[i] >> 4];
			*to++ = (uint8_t)"0123456789abcdef"[r->data[i] & 15];
		} else if (must_escape(r->data[i])) {
			*to++ = '}';
			*to++ = r->data[i] ^ 0x20;
		} else {
			*to++ = r->data[i];
		}
	}
	*ret_len = len;
	return (size_t)(to - r->c.out - 1);
}

/* argument: M or X, and the address. The same packet again and again. */
static enum bench_outcome run_write(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct rsp *r = ctx;
	size_t len, size = build_write(r, *argument, client_number(argument + 2), &len);
	double start = bench_now();

	do {
		if (client_send(&r->c, r->c.out + 1, size) < 0 || client_receive(&r->c) < 0)
			return lost(ret);
		if (!client_is(&r->c, "OK"))
			return bench_say(ret, BENCH_NONE, "%c is refused", *argument);
		ret->count += (double)len;
		ret->us = bench_now() - start;
	} while (ret->us < seconds * 1e6);
	return BENCH_OK;
}

/* Writes the pattern by M, as much as a packet takes at a time. */
static bool prepare_memory(struct rsp *r, uint64_t addr, size_t want)
{
	uint8_t *all = r->data;
	size_t done = 0, len;

	while (done < want) {
		size_t size = build_write(r, 'M', addr + done, &len);

		if (client_send(&r->c, r->c.out + 1, size) < 0 || client_receive(&r->c) < 0)
			break;
		done += len;
		r->data += len;
	}
	r->data = all;
	return done >= want && client_is(&r->c, "OK");
}

/* How many bytes of the pattern the last reply holds; 0: it is something else. */
static size_t verify(struct rsp *r, bool binary)
{
	uint8_t *text = malloc(CLIENT_BUFFER), *bytes = text;
	size_t len;

	if (text == NULL)
		return 0;
	len = client_decode(&r->c, text, CLIENT_BUFFER);
	if (binary && len > 0 && *text == 'b') {
		bytes = text + 1;
		len--;
	} else if (!binary) {
		len = client_unhex(text, len, text, CLIENT_BUFFER);
	}
	if (len == 0 || memcmp(bytes, r->data, len) != 0)
		len = 0;
	free(text);
	return len;
}

/* argument: m or x, and the address. */
static enum bench_outcome run_read(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct rsp *r = ctx;
	bool binary = *argument == 'x';
	uint64_t addr = client_number(argument + 2);
	size_t want = binary ? r->packet_size - 64 : (r->packet_size - 64) / 2, len;
	char text[64];
	double start;

	if (!prepare_memory(r, addr, want))
		return bench_say(ret, BENCH_ERROR, "cannot write memory");
	snprintf(text, sizeof(text), "%c%llx,%zx", *argument, (unsigned long long)addr, want);
	if (client_ask(&r->c, text) < 0)
		return lost(ret);
	len = verify(r, binary);
	if (len == 0)
		return bench_say(ret, BENCH_NONE, "%c is not answered with what is there", *argument);
	start = bench_now();
	do {
		if (client_ask(&r->c, text) < 0)
			return lost(ret);
		ret->count += (double)len;
		ret->us = bench_now() - start;
	} while (ret->us < seconds * 1e6);
	return BENCH_OK;
}

/* ---- snapshots ---- */

static bool monitor(struct rsp *r, const char *command, const char *says)
{
	char text[256] = "qRcmd,", reply[512];
	size_t len = strlen(text);
	uint8_t *raw = (uint8_t *)reply;

	for (; *command && len < sizeof(text) - 3; command++, len += 2)
		snprintf(text + len, 3, "%02x", (unsigned char)*command);
	if (client_ask(&r->c, text) < 0)
		return false;
	len = client_decode(&r->c, raw, sizeof(reply));
	len = client_unhex(raw, len, raw, sizeof(reply) - 1);
	reply[len] = '\0';
	return strstr(reply, says) != NULL;
}

/* Writes one byte of each of so many pages. */
static bool touch(struct rsp *r, uint64_t addr, unsigned pages, unsigned turn)
{
	char text[64];

	for (unsigned i = 0; i < pages; i++) {
		snprintf(text, sizeof(text), "M%llx,1:%02x", (unsigned long long)addr + 4096ull * i,
		         (turn & 0x7f) + 1);
		if (client_ask(&r->c, text) < 0 || !client_is(&r->c, "OK"))
			return false;
	}
	return true;
}

/* argument: PAGES ADDRESS (hexadecimal). Measures "monitor snapshot restore" after touching them. */
static enum bench_outcome run_restore(void *ctx, double seconds, const char *argument,
                                      struct bench_result *ret)
{
	struct rsp *r = ctx;
	unsigned pages = (unsigned)atoi(argument), n = 0;
	const char *blank = strchr(argument, ' ');
	double end, us[100];

	if (blank == NULL || !touch(r, client_number(blank + 1), pages, 0x55))
		return bench_say(ret, BENCH_ERROR, "cannot write memory");
	if (!monitor(r, "snapshot save bench", "saved"))
		return bench_say(ret, BENCH_NONE, "no snapshots");
	end = bench_now() + seconds * 1e6;
	do {
		double start;

		if (!touch(r, client_number(blank + 1), pages, n))
			return lost(ret);
		start = bench_now();
		if (!monitor(r, "snapshot restore bench", "restored"))
			return bench_say(ret, BENCH_ERROR, "not restored");
		us[n++] = bench_now() - start;
	} while (n < 100 && bench_now() < end);
	if (!monitor(r, "snapshot delete bench", "deleted"))
		return lost(ret);
	return bench_median(us, n, ret);
}

/* ---- attaching ---- */

/* A file of requests in hexadecimal, one a line. */
static void load_script(struct rsp *r, const char *path)
{
	static char line[8192];
	FILE *f = fopen(path, "r");

	if (f == NULL)
		bench_die("cannot read %s", path);
	while (fgets(line, sizeof(line), f) != NULL && r->script_count < MAX_SCRIPT) {
		size_t i = r->script_count++;

		r->script[i] = malloc(sizeof(line) / 2);
		if (r->script[i] == NULL)
			bench_die("no memory");
		r->script_len[i] = client_unhex((uint8_t *)line, strlen(line), (uint8_t *)r->script[i],
		                                sizeof(line) / 2);
	}
	fclose(f);
}

/* 0: done, 1: turned away (the stub has not seen yet that the last client left), -1: failed. */
static int attach_once(struct rsp *r)
{
	static const char noack[] = "QStartNoAckMode";

	if (client_open(&r->c, r->address, 1) < 0)
		return -1;
	for (size_t i = 0; i < r->script_count; i++) {
		if (client_send(&r->c, r->script[i], r->script_len[i]) < 0 || client_receive(&r->c) < 0) {
			client_close(&r->c);
			return i == 0 ? 1 : -1;
		}
		if (r->script_len[i] == strlen(noack) && memcmp(r->script[i], noack, strlen(noack)) == 0)
			r->c.no_ack = true;
	}
	return 0;
}

static enum bench_outcome run_attach(void *ctx, double seconds, const char *argument,
                                     struct bench_result *ret)
{
	struct rsp *r = ctx;
	double end = bench_now() + seconds * 1e6, us[MAX_SAMPLES];
	unsigned refused = 0, n = 0;

	if (r->script_count == 0)
		load_script(r, argument);
	client_close(&r->c);
	while (n < MAX_SAMPLES && (bench_now() < end || n == 0)) {
		double start = bench_now();
		int rc = attach_once(r);

		if (rc < 0 || refused > 1000)
			return lost(ret);
		if (rc > 0) {
			refused++;
			usleep(200);
			continue;
		}
		us[n++] = bench_now() - start;
		client_close(&r->c);
		usleep(2000);
	}
	if (client_open(&r->c, r->address, 1) < 0 || hello(r) < 0)
		return lost(ret);
	return bench_median(us, n, ret);
}

int main(int argc, char **argv)
{
	static const struct bench_order orders[] = {
		{"ask", run_ask},       {"step", run_step},     {"stepi", run_stepi},
		{"hit", run_hit},       {"hit-by-client", run_hit_by_client}, {"points", run_points},
		{"range", run_range},   {"ctrl-c", run_ctrl_c}, {"read", run_read},
		{"write", run_write},   {"attach", run_attach},
		{"restore", run_restore}, {"condition", run_condition},
		{"client-condition", run_client_condition}, {"search", run_search}, {NULL, NULL},
	};
	static struct rsp r;

	if (argc < 2)
		bench_die("usage: rsp ADDRESS [LOOP]");
	r.address = argv[1];
	r.data = malloc(CLIENT_BUFFER);
	if (r.data == NULL)
		bench_die("no memory");
	bench_fill(r.data, CLIENT_BUFFER);
	if (client_open(&r.c, r.address, 10) < 0)
		bench_die("cannot connect to %s", r.address);
	if (hello(&r) < 0)
		bench_die("%s does not answer", r.address);
	if (argc > 2) {
		r.loop = client_number(argv[2]);
		if (run_to_loop(&r) < 0)
			bench_die("cannot run to 0x%s", argv[2]);
	}
	printf("ok 0 0\n");
	fflush(stdout);
	bench_serve(orders, &r);
	return 0;
}
