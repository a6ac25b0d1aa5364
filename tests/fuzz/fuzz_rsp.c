/*
 * Arbitrary bytes in arbitrary pieces against the engine, answered arbitrarily. Checked: what the engine
 * takes and gives keeps within its bounds, every request gets one reply and only well-formed packets leave.
 *
 * Input: two bytes of settings, then records: a byte n < 0x80 feeds the next n bytes, one of 0x80 or more
 * chooses what is done about a reply that is owed, or how much of the output leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trapline/rsp.h>

#define PACKET_SIZE RSP_MIN_PACKET

struct fuzz {
	struct rsp_engine engine;
	uint8_t in[PACKET_SIZE + 4], out[2 * PACKET_SIZE + 64];
	const struct rsp_request *request; /* NULL: none waits for its reply */
	unsigned requests, replies;        /* replies: packets in the output that are no console text */
	uint8_t sent[8 * PACKET_SIZE];     /* the output of the last few packets, not parsed yet */
	size_t sent_len;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fuzz_rsp: %s\n", what);
	abort();
}

/* One packet or acknowledgement from the front of what was sent; 0: not complete. */
static size_t parse_sent(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;
	char digits[3];
	size_t i = 1;

	if (len == 0 || p[0] == '+' || p[0] == '-')
		return len > 0;
	require(p[0] == '$', "output between packets");
	for (; i < len && p[i] != '#'; i++) {
		require(p[i] != '$', "'$' inside a packet");
		sum += p[i];
	}
	if (i + 2 >= len)
		return 0;
	snprintf(digits, sizeof(digits), "%02x", sum);
	require(memcmp(p + i + 1, digits, 2) == 0, "checksum");
	return i + 3;
}

static void send_some(struct fuzz *f, size_t most)
{
	size_t len, n, used = 0;
	const uint8_t *bytes = rsp_engine_output(&f->engine, &len);

	require(bytes >= f->out && bytes + len <= f->out + sizeof(f->out), "output outside its buffer");
	n = len < most ? len : most;
	require(f->sent_len + n <= sizeof(f->sent), "more output than requests");
	memcpy(f->sent + f->sent_len, bytes, n);
	f->sent_len += n;
	rsp_engine_sent(&f->engine, n);
	while ((n = parse_sent(f->sent + used, f->sent_len - used)) > 0)
		used += n;
	memmove(f->sent, f->sent + used, f->sent_len - used);
	f->sent_len -= used;
}

/* Reads all that a request points to: the sanitizer sees what is not there. */
static void read_all(const void *bytes, size_t len)
{
	static volatile uint8_t sink;

	for (size_t i = 0; i < len; i++)
		sink = ((const uint8_t *)bytes)[i];
	(void)sink;
}

static void read_request(const struct rsp_request *r)
{
	require(r->kind < RSP_KIND_COUNT, "kind");
	switch (r->kind) {
	case RSP_WRITE_REGS:
		read_all(r->u.regs.data, r->u.regs.len);
		break;
	case RSP_WRITE_REG:
		read_all(r->u.reg.value, r->u.reg.len);
		break;
	case RSP_WRITE_MEM:
		read_all(r->u.mem.data, (size_t)r->u.mem.len);
		break;
	case RSP_INSERT_POINT:
	case RSP_REMOVE_POINT:
		require(r->u.point.condition_count <= RSP_MAX_CODES, "conditions");
		require(r->u.point.command_count <= RSP_MAX_CODES, "commands");
		for (size_t i = 0; i < r->u.point.condition_count; i++)
			read_all(r->u.point.conditions[i].bytes, r->u.point.conditions[i].len);
		for (size_t i = 0; i < r->u.point.command_count; i++)
			read_all(r->u.point.commands[i].bytes, r->u.point.commands[i].len);
		break;
	case RSP_RESUME:
		require(r->u.resume.count > 0 && r->u.resume.count <= RSP_MAX_VCONT, "actions");
		read_all(r->u.resume.actions, r->u.resume.count * sizeof(r->u.resume.actions[0]));
		break;
	case RSP_READ_RANGES:
		require(r->u.ranges.count > 0 && r->u.ranges.count <= RSP_MAX_RANGES, "ranges");
		read_all(r->u.ranges.range, r->u.ranges.count * sizeof(r->u.ranges.range[0]));
		break;
	case RSP_XFER_READ:
		read_all(r->u.xfer.object, strlen(r->u.xfer.object));
		read_all(r->u.xfer.annex, strlen(r->u.xfer.annex));
		break;
	case RSP_MONITOR:
		require(strlen(r->u.text.bytes) <= r->u.text.len, "text is not terminated");
		break;
	case RSP_SEARCH_MEM:
		read_all(r->u.search.pattern, r->u.search.pattern_len);
		break;
	case RSP_RUN:
		read_all(r->u.run.file, strlen(r->u.run.file));
		for (size_t i = 0; i < r->u.run.argc; i++)
			read_all(r->u.run.argv[i], strlen(r->u.run.argv[i]));
		break;
	case RSP_VFILE:
		read_all(r->u.file.op, strlen(r->u.file.op));
		read_all(r->u.file.args, r->u.file.args_len);
		break;
	default:
		break;
	}
}

static void take_events(struct fuzz *f)
{
	const struct rsp_request *r = NULL;
	enum rsp_event event;

	while ((event = rsp_engine_next(&f->engine, &r)) != RSP_EVENT_NONE) {
		require(event != RSP_EVENT_BROKEN || rsp_engine_broken(&f->engine), "broken");
		if (event != RSP_EVENT_REQUEST)
			continue;
		require(f->request == NULL, "a second request before the reply");
		read_request(r);
		if (rsp_engine_owed(&f->engine))
			f->request = r;
	}
}

static void reply_stop(struct rsp_engine *e, uint8_t choice)
{
	static const uint8_t value[64] = {1, 2, 3};
	static const struct rsp_expedited regs[] = {{16, 8, value}, {6, 64, value}, {7, 8, NULL}};
	static const int64_t ids[] = {1, 2, 3};
	static const uint64_t pcs[] = {0x1000, 0x2000, UINT64_MAX};
	struct rsp_stop stop = {
		.kind = (enum rsp_stop_kind)(choice % 3), .signal = 5, .status = choice, .tid = choice % 4,
		.core = choice % 3 - 1, .name = choice & 1 ? "a#b" : "cpu", .description = "why",
		.reason = (enum rsp_stop_reason)(choice % 8), .addr = UINT64_MAX,
		.regs = regs, .reg_count = 3,
		.thread_ids = ids, .thread_pcs = pcs, .thread_count = choice % 4,
	};

	rsp_reply_stop(e, &stop);
}

/* A reply of any kind to a request of any kind: the caller may be wrong, the engine may not. */
static void reply_any(struct rsp_engine *e, uint8_t choice)
{
	static uint8_t bytes[3 * PACKET_SIZE];
	static const int64_t ids[200] = {1, 2, INT64_MAX, RSP_TID_ALL};
	static bool map[sizeof(bytes)];
	size_t len = (size_t)choice * 12;

	memset(bytes, choice & 1 ? '}' : choice, sizeof(bytes) - 1);
	bytes[choice] = '#';
	switch (choice % 19) {
	case 0: rsp_reply_ok(e); break;
	case 1: rsp_reply_empty(e); break;
	case 2: rsp_reply_error(e, choice, choice & 2 ? "why$not#" : NULL); break;
	case 3: rsp_reply_text(e, "plain;text:1;"); break;
	case 4: rsp_reply_hex(e, bytes, len); break;
	case 5: rsp_reply_regs(e, bytes, choice & 2 ? map : NULL, len); break;
	case 6: rsp_reply_memory(e, bytes, len); break;
	case 7: rsp_reply_binary(e, bytes, len); break;
	case 8: rsp_reply_number(e, UINT64_MAX); break;
	case 9: rsp_reply_current_thread(e, choice); break;
	case 10: rsp_reply_threads(e, ids, choice % 200); break;
	case 11: rsp_reply_xfer(e, bytes, len); break;
	case 12: rsp_reply_offsets(e, choice); break;
	case 13: rsp_reply_search(e, choice & 2, choice); break;
	case 14: rsp_reply_crc(e, choice); break;
	case 15: rsp_reply_file(e, choice - 100, choice, bytes, len); break;
	case 16: rsp_reply_region(e, choice, choice, choice & 2 ? "rw" : "", "name"); break;
	case 17: rsp_engine_console(e, (const char *)bytes, len); break;
	default: reply_stop(e, choice); break;
	}
}

/* Exactly one packet leaves for the request that was owed; none when none was. */
static void reply(struct fuzz *f, uint8_t choice)
{
	uint32_t misuse = f->engine.misuse;
	bool owed = rsp_engine_owed(&f->engine);
	size_t before, after;

	require(owed == (f->request != NULL), "owed");
	rsp_engine_output(&f->engine, &before);
	reply_any(&f->engine, choice);
	rsp_engine_output(&f->engine, &after);
	if (choice % 19 == 17)
		return; /* console text is no reply */
	if (owed)
		require(after >= before + 4 && after - before <= PACKET_SIZE + 4, "one reply");
	else
		require(after == before && f->engine.misuse - misuse <= 1, "a reply to nothing");
	require(!rsp_engine_owed(&f->engine), "still owed");
	f->request = NULL;
}

static void run(struct fuzz *f, const uint8_t *data, size_t size)
{
	while (size > 0) {
		uint8_t op = *data++;
		size_t n = op, taken;

		size--;
		if (op >= 0xf0) {
			send_some(f, (size_t)(op & 0x0f) * 200);
			continue;
		}
		if (op >= 0x80) {
			reply(f, op & 0x7f);
			take_events(f);
			continue;
		}
		n = n < size ? n : size;
		taken = rsp_engine_feed(&f->engine, data, n);
		require(taken <= n, "took more than there was");
		take_events(f);
		/* What was not taken is dropped: a client may do that, too. */
		data += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;
	struct rsp_config cfg = {
		.features = ~0u, .in = f.in, .in_size = sizeof(f.in), .out = f.out, .out_size = sizeof(f.out),
		.packet_size = PACKET_SIZE,
	};

	if (size < 2)
		return 0;
	cfg.features = data[0] & 1 ? ~0u : (uint32_t)data[0] * 0x9e3779b1u;
	f.request = NULL;
	f.sent_len = 0;
	require(rsp_engine_init(&f.engine, &cfg) == 0, "init");
	f.engine.client = data[1]; /* as if all that had been asked for */
	run(&f, data + 2, size - 2);
	send_some(&f, SIZE_MAX);
	return 0;
}
