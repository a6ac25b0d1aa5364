#include "harness.h"

#include <stdlib.h>
#include <string.h>

void harness_init(struct harness *h, unsigned vcpus)
{
	memset(h, 0, offsetof(struct harness, in));
	fake_init(&h->f, vcpus);
	h->seed = 1;
	h->turns = 2000;
}

static void print(void *ctx, const char *text, size_t len)
{
	struct harness *h = ctx;
	size_t used = strlen(h->printed);

	for (size_t i = 0; i < len && used + 1 < sizeof(h->printed); i++)
		h->printed[used++] = text[i] == '\n' ? '|' : text[i];
	h->printed[used] = '\0';
}

void harness_open(struct harness *h, bool running)
{
	struct debug_config cfg = {
		.ops = fake_ops(), .target = &h->f, .caps = &h->f.caps, .layout = &h->f.layout,
		.mem = &h->f.mem, .image_path = "/kernel", .stay_stopped = h->stay_stopped,
		.ctx = h, .print = print, .read_only = h->read_only, .starts_running = running,
	};

	h->s = debug_session_new(&cfg);
	debug_session_sink(h->s, &h->f.sink);
	if (running)
		fake_start(&h->f);
}

void harness_fini(struct harness *h)
{
	debug_session_free(h->s);
	fake_fini(&h->f);
}

static void collect(struct harness *h)
{
	size_t len;
	const uint8_t *p = rsp_engine_output(&h->e, &len);

	if (len > sizeof(h->wire) - h->wire_len)
		len = sizeof(h->wire) - h->wire_len;
	memcpy(h->wire + h->wire_len, p, len);
	h->wire_len += len;
	rsp_engine_sent(&h->e, len);
	if (debug_session_wish(h->s) == DEBUG_WISH_CLOSE)
		h->closed = true;
}

void harness_connect(struct harness *h)
{
	struct rsp_config cfg = {
		.features = debug_session_features(h->s), .in = h->in, .in_size = sizeof(h->in),
		.out = h->out, .out_size = sizeof(h->out), .packet_size = DEBUG_PACKET_SIZE,
	};
	char reply[8];
	size_t len;

	rsp_engine_init(&h->e, &cfg);
	h->wire_len = 0;
	h->connected = true;
	h->closed = false;
	debug_session_connect(h->s, &h->e);
	harness_feed(h, "$QStartNoAckMode#b0+", 20);
	harness_receive(h, reply, sizeof(reply), &len);
}

void harness_disconnect(struct harness *h)
{
	if (!h->connected)
		return;
	h->connected = false;
	debug_session_disconnect(h->s);
}

static unsigned random_below(struct harness *h, unsigned n)
{
	h->seed = h->seed * 1664525u + 1013904223u;
	return (h->seed >> 8) % n;
}

static size_t piece(struct harness *h, size_t left)
{
	size_t n = h->split == 0 ? left : h->split == 1 ? 1 : 1 + random_below(h, 7);

	return n < left ? n : left;
}

void harness_feed(struct harness *h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	unsigned patience = 3000;

	while (len > 0 && h->connected) {
		size_t taken = rsp_engine_feed(&h->e, p, piece(h, len));

		debug_session_serve(h->s);
		collect(h);
		if (taken == 0 && debug_session_running(h->s)) {
			/* The engine owes a reply that only the machine can give. */
			fake_run(&h->f, 1);
			collect(h);
			if (--patience == 0 || (!fake_runs(&h->f) && !h->f.stopping))
				return;
		}
		p += taken;
		len -= taken;
		if (h->closed)
			harness_disconnect(h);
	}
}

static bool needs_escape(char c)
{
	return c == '$' || c == '#' || c == '}' || c == '*';
}

void harness_send(struct harness *h, const char *payload, size_t len)
{
	char *frame = malloc(2 * len + 8);
	size_t n = 1;
	uint8_t sum = 0;

	if (!frame)
		return;
	frame[0] = '$';
	for (size_t i = 0; i < len; i++) {
		if (needs_escape(payload[i]))
			frame[n++] = '}';
		frame[n++] = needs_escape(payload[i]) ? (char)(payload[i] ^ 0x20) : payload[i];
	}
	for (size_t i = 1; i < n; i++)
		sum = (uint8_t)(sum + (uint8_t)frame[i]);
	snprintf(frame + n, 4, "#%02x", sum);
	harness_feed(h, frame, n + 3);
	free(frame);
	harness_run(h, h->turns);
}

void harness_run(struct harness *h, unsigned turns)
{
	for (unsigned i = 0; i < turns; i++) {
		if (!fake_runs(&h->f) && !h->f.stopping)
			break;
		fake_run(&h->f, 1);
	}
	for (unsigned i = 0; i < turns && h->connected && debug_session_busy(h->s); i++)
		debug_session_serve(h->s);
	if (h->connected)
		collect(h);
	if (h->closed)
		harness_disconnect(h);
}

/* Expands run lengths ("0* " is four zeros: GDB manual, "Overview"). */
static size_t expand(const uint8_t *from, size_t len, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		if (from[i] == '*' && n > 0 && i + 1 < len) {
			int count = from[++i] - 29;

			while (count-- > 0 && n + 1 < size) {
				buf[n] = buf[n - 1];
				n++;
			}
		} else {
			buf[n++] = (char)from[i];
		}
	}
	buf[n] = '\0';
	return n;
}

bool harness_receive(struct harness *h, char *buf, size_t size, size_t *ret_len)
{
	uint8_t *start = h->wire, *end;
	bool notice;

	while (start < h->wire + h->wire_len && *start != '$' && *start != '%')
		start++;
	if (start == h->wire + h->wire_len)
		return false;
	notice = *start == '%';
	end = memchr(start, '#', h->wire_len - (size_t)(start - h->wire));
	if (!end || end + 3 > h->wire + h->wire_len)
		return false;
	*ret_len = expand(start + 1, (size_t)(end - start - 1), buf + notice, size - notice) + notice;
	if (notice)
		buf[0] = '%';
	h->wire_len -= (size_t)(end + 3 - h->wire);
	memmove(h->wire, end + 3, h->wire_len);
	return true;
}

const char *harness_ask(struct harness *h, const char *payload)
{
	static char reply[4 * DEBUG_PACKET_SIZE];
	size_t len;

	harness_send(h, payload, strlen(payload));
	return harness_receive(h, reply, sizeof(reply), &len) ? reply : "";
}

bool harness_clean(const struct harness *h)
{
	const uint8_t *code = guest_mem_window(&h->f.mem, FAKE_ENTRY, sizeof(h->f.image));

	return memcmp(code, h->f.image, sizeof(h->f.image)) == 0;
}
