/*
 * Runs protocol transcripts. A transcript is a text of lines:
 *
 *     !What it shows                   the title; "# ..." and empty lines are comments
 *     features noack swbreak ...       what the engine is set up with; the default is all
 *     packet-size N                    default 4096
 *     -> +$?#??                        bytes that arrive: \xNN, "#??" is the right checksum
 *     event query-halt                 what rsp_engine_next() gives, in order: a request, interrupt, broken
 *     reply stop signal=5              one rsp_reply_*() (replies.c), also "reply console TEXT"
 *     general N                        rsp_engine_set_general(N)
 *     reset                            rsp_engine_reset()
 *     misuse N                         the caller's faults that were counted so far
 *     <- +$T05#??                      all that was sent since the last such line, runs written out
 *     <= +$0* 00#??                    the same, the bytes as they were
 *
 * Each transcript runs three ways: every "->" line in one piece, byte by byte, and cut at random. All must
 * behave alike. "run --rows FILE" prints the names of the table's rows that the transcript exercises, "run
 * --table" prints the table.
 */
#include "rsp/decode.h"
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum split { WHOLE, BYTES, RANDOM };
static const char *const split_names[] = {"whole", "byte by byte", "random cuts"};

#define MAX_ROWS 128
#define QUEUE 64
#define LINE_MAX_BYTES 8192

struct run {
	struct rsp_engine engine;
	struct rsp_config config;
	uint8_t *in, *out;
	enum split split;
	unsigned seed;
	bool started;
	uint8_t waiting[TEXT_MAX]; /* bytes not taken yet */
	size_t waiting_len;
	uint8_t sent[TEXT_MAX];    /* output not compared yet */
	size_t sent_len;
	char events[QUEUE][4096];
	size_t event_count;
	const char *file;
	unsigned line;
	bool failed;
};

static bool rows_hit[MAX_ROWS];

static const struct { const char *name; uint32_t bit; } feature_names[] = {
	{"noack", RSP_F_NOACK}, {"xml-features", RSP_F_XML_FEATURES}, {"xml-threads", RSP_F_XML_THREADS},
	{"swbreak", RSP_F_SWBREAK}, {"hwbreak", RSP_F_HWBREAK}, {"watch", RSP_F_WATCH},
	{"step", RSP_F_STEP}, {"range-step", RSP_F_RANGE_STEP}, {"binary-read", RSP_F_BINARY_READ},
	{"monitor", RSP_F_MONITOR}, {"extended", RSP_F_EXTENDED}, {"offsets", RSP_F_OFFSETS},
	{"exec-file", RSP_F_EXEC_FILE}, {"vfile", RSP_F_VFILE}, {"memory-map", RSP_F_MEMORY_MAP},
	{"search", RSP_F_SEARCH}, {"crc", RSP_F_CRC}, {"phys-mode", RSP_F_PHYS_MODE}, {"lldb", RSP_F_LLDB},
	{"console", RSP_F_CONSOLE}, {"cond-break", RSP_F_COND_BREAK}, {"break-cmds", RSP_F_BREAK_CMDS},
	{"libraries", RSP_F_LIBRARIES}, {"multi-read", RSP_F_MULTI_READ}, {"non-stop", RSP_F_NON_STOP},
	{"trace", RSP_F_TRACE}, {"syscalls", RSP_F_CATCH_SYSCALLS},
	{"none", 0},
};

static void fail(struct run *r, const char *what, const char *want, const char *got)
{
	if (!r->failed)
		fprintf(stderr, "%s:%u (%s): %s\n  want %s\n  got  %s\n", r->file, r->line,
		        split_names[r->split], what, want, got);
	r->failed = true;
}

static void fail_bytes(struct run *r, const char *what, const uint8_t *want, size_t want_len)
{
	static char a[4 * TEXT_MAX], b[4 * TEXT_MAX];

	fail(r, what, script_show(want, want_len, a, sizeof(a)),
	     script_show(r->sent, r->sent_len, b, sizeof(b)));
}

/* Notes which row of the table a packet that arrived belongs to. */
static void note_row(void *ctx, bool to_client, const char *text, size_t len)
{
	struct run *r = ctx;
	const struct rsp_packet_info *info, *all;
	size_t count;

	(void)text;
	(void)len;
	all = rsp_packet_table(&count);
	if (to_client || rsp_packet_find(&r->engine.frame, &info) == NULL)
		return;
	if ((info->feature & ~r->config.features) == 0)
		rows_hit[info - all] = true;
}

static void start(struct run *r)
{
	size_t packet = r->config.packet_size;

	if (r->started)
		return;
	r->started = true;
	r->config.in_size = packet + 4;
	r->config.out_size = 2 * packet + 64;
	r->config.in = r->in = malloc(r->config.in_size);
	r->config.out = r->out = malloc(r->config.out_size);
	r->config.trace = note_row;
	r->config.trace_ctx = r;
	if (rsp_engine_init(&r->engine, &r->config) != 0)
		fail(r, "rsp_engine_init", "0", "-1");
}

static void collect_events(struct run *r)
{
	const struct rsp_request *req;
	enum rsp_event event;

	while ((event = rsp_engine_next(&r->engine, &req)) != RSP_EVENT_NONE && r->event_count < QUEUE) {
		char *text = r->events[r->event_count++];

		if (event == RSP_EVENT_REQUEST)
			script_dump(req, text, sizeof(r->events[0]));
		else
			strcpy(text, event == RSP_EVENT_INTERRUPT ? "interrupt" : "broken");
	}
}

/* Takes the output in pieces of the same kind as the input. */
static void collect_output(struct run *r)
{
	size_t len;
	const uint8_t *bytes = rsp_engine_output(&r->engine, &len);

	while (len > 0) {
		size_t n = r->split == BYTES && len < 2000 ? 1 : len;

		memcpy(r->sent + r->sent_len, bytes, n);
		r->sent_len += n;
		rsp_engine_sent(&r->engine, n);
		bytes = rsp_engine_output(&r->engine, &len);
	}
}

static size_t piece(struct run *r)
{
	if (r->split == WHOLE)
		return r->waiting_len;
	if (r->split == BYTES)
		return 1;
	r->seed = r->seed * 1103515245u + 12345u;
	return 1 + (r->seed >> 16) % 7;
}

/* Feeds until the engine takes no more. */
static void pump(struct run *r)
{
	size_t taken = 1;

	collect_events(r);
	collect_output(r);
	while (taken > 0 && r->waiting_len > 0) {
		size_t n = piece(r);

		n = n < r->waiting_len ? n : r->waiting_len;
		taken = rsp_engine_feed(&r->engine, r->waiting, n);
		if (taken > n)
			fail(r, "rsp_engine_feed", "at most what was given", "more");
		memmove(r->waiting, r->waiting + taken, r->waiting_len - taken);
		r->waiting_len -= taken;
		collect_events(r);
		collect_output(r);
	}
}

/* Nothing may be left over when the next step begins. */
static void expect_quiet(struct run *r)
{
	if (r->event_count > 0)
		fail(r, "event", "none", r->events[0]);
	if (r->sent_len > 0)
		fail_bytes(r, "output", (const uint8_t *)"", 0);
}

static void do_features(struct run *r, const char *text)
{
	char word[32];
	int used;

	r->config.features = 0;
	for (; sscanf(text, "%31s%n", word, &used) == 1; text += used) {
		size_t i = 0;

		while (i < sizeof(feature_names) / sizeof(feature_names[0]) &&
		       strcmp(feature_names[i].name, word) != 0)
			i++;
		if (i == sizeof(feature_names) / sizeof(feature_names[0]))
			fail(r, "features", "a known name", word);
		else
			r->config.features |= feature_names[i].bit;
	}
}

static void do_packet_size(struct run *r, const char *text)
{
	r->config.packet_size = strtoul(text, NULL, 10);
}

/* "BYTES" or "BYTES*N": N times. */
static void do_input(struct run *r, const char *text)
{
	static uint8_t bytes[TEXT_MAX];
	size_t len = script_bytes(text, bytes, sizeof(bytes));

	start(r);
	expect_quiet(r);
	memcpy(r->waiting + r->waiting_len, bytes, len);
	r->waiting_len += len;
	pump(r);
}

/* "times N BYTES" */
static void do_times(struct run *r, const char *text)
{
	char *bytes;
	unsigned long times = strtoul(text, &bytes, 10);

	start(r);
	expect_quiet(r);
	for (; times > 0 && r->waiting_len + LINE_MAX_BYTES < TEXT_MAX; times--)
		r->waiting_len += script_bytes(bytes + 1, r->waiting + r->waiting_len, LINE_MAX_BYTES);
	pump(r);
}

static void do_event(struct run *r, const char *text)
{
	if (r->event_count == 0) {
		fail(r, "event", text, "none");
		return;
	}
	if (strcmp(r->events[0], text) != 0)
		fail(r, "event", text, r->events[0]);
	r->event_count--;
	memmove(r->events[0], r->events[1], r->event_count * sizeof(r->events[0]));
}

static void do_reply(struct run *r, const char *text)
{
	start(r);
	if (!script_reply(&r->engine, text))
		fail(r, "reply", "a known one", text);
	pump(r);
}

static void do_general(struct run *r, const char *text)
{
	start(r);
	rsp_engine_set_general(&r->engine, strtoll(text, NULL, 10));
}

static void do_reset(struct run *r, const char *text)
{
	(void)text;
	expect_quiet(r);
	rsp_engine_reset(&r->engine);
}

static void do_misuse(struct run *r, const char *text)
{
	char got[16];

	snprintf(got, sizeof(got), "%u", r->engine.misuse);
	if (strcmp(got, text) != 0)
		fail(r, "misuse", text, got);
}

static void do_output_raw(struct run *r, const char *text)
{
	static uint8_t want[TEXT_MAX];
	size_t len = script_bytes(text, want, sizeof(want));

	if (len != r->sent_len || memcmp(want, r->sent, len) != 0)
		fail_bytes(r, "output", want, len);
	r->sent_len = 0;
}

static void do_output(struct run *r, const char *text)
{
	static uint8_t plain[TEXT_MAX];
	size_t len = script_expand(r->sent, r->sent_len, plain);

	if (len == SIZE_MAX)
		fail_bytes(r, "checksum", (const uint8_t *)"a good one", 10);
	else
		memcpy(r->sent, plain, r->sent_len = len);
	do_output_raw(r, text);
}

static const struct { const char *name; void (*run)(struct run *, const char *); } commands[] = {
	{"features", do_features}, {"packet-size", do_packet_size}, {"->", do_input}, {"times", do_times},
	{"event", do_event}, {"reply", do_reply}, {"general", do_general}, {"reset", do_reset},
	{"misuse", do_misuse}, {"<-", do_output},
	{"<=", do_output_raw},
};

static void run_line(struct run *r, char *line)
{
	size_t len;

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '\0' || line[0] == '#' || line[0] == '!')
		return;
	len = strcspn(line, " ");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strlen(commands[i].name) == len && strncmp(commands[i].name, line, len) == 0) {
			commands[i].run(r, line[len] ? line + len + 1 : line + len);
			return;
		}
	}
	fail(r, "command", "a known one", line);
}

static bool run_file(const char *file, enum split split, unsigned seed)
{
	static struct run run;
	struct run *r = &run;
	char line[LINE_MAX_BYTES];
	FILE *f = fopen(file, "r");

	if (f == NULL) {
		perror(file);
		return false;
	}
	*r = (struct run){.file = file, .split = split, .seed = seed};
	r->config.packet_size = 4096;
	r->config.features = ~0u;
	while (!r->failed && fgets(line, sizeof(line), f) != NULL) {
		r->line++;
		if (r->line == 1 && line[0] != '!')
			fail(r, "first line", "!Title", line);
		run_line(r, line);
	}
	fclose(f);
	expect_quiet(r);
	free(r->in);
	free(r->out);
	return !r->failed;
}

static void print_rows(void)
{
	size_t count;
	const struct rsp_packet_info *info = rsp_packet_table(&count);

	for (size_t i = 0; i < count; i++)
		if (rows_hit[i])
			puts(info[i].name);
}

static const char *feature_name(uint32_t feature)
{
	for (size_t i = 0; i < sizeof(feature_names) / sizeof(feature_names[0]); i++)
		if (feature != 0 && feature_names[i].bit == feature)
			return feature_names[i].name;
	return "-";
}

static int print_table(void)
{
	size_t count;
	const struct rsp_packet_info *info = rsp_packet_table(&count);

	for (size_t i = 0; i < count; i++)
		printf("%s\t%s\t%d\n", info[i].name, feature_name(info[i].feature), info[i].internal);
	return 0;
}

int main(int argc, char **argv)
{
	bool rows = argc > 2 && strcmp(argv[1], "--rows") == 0;
	bool good = argc > 1;

	if (good && strcmp(argv[1], "--table") == 0)
		return print_table();
	for (int i = rows ? 2 : 1; i < argc; i++) {
		bool ok = run_file(argv[i], WHOLE, 0) && run_file(argv[i], BYTES, 0);

		for (unsigned seed = 1; ok && seed <= 20; seed++)
			ok = run_file(argv[i], RANDOM, seed);
		good &= ok;
	}
	if (rows)
		print_rows();
	return good ? 0 : 1;
}
