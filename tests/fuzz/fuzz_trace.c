/*
 * Packets about tracepoints against a session over the fake machine, in any order, with turns of the machine.
 *
 * The input is lines: ">PACKET" is sent; "r" gives turns; "c" changes the client. Held: every packet has one
 * reply; the ring's frames lie inside it and add up; a frame's blocks end where it ends; when the client has
 * gone for good, memory is the guest's.
 */
#include "debug/internal.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LINES 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct harness h;
static char reply[4 * DEBUG_PACKET_SIZE];

static void must(bool truth)
{
	if (!truth)
		abort();
}

static unsigned replies(void)
{
	unsigned n = 0;
	size_t len;

	while (harness_receive(&h, reply, sizeof(reply), &len))
		n += len < 2 || reply[0] != 'O' || reply[1] == 'K';
	must(h.e.misuse == 0 && h.f.violations == 0);
	return n;
}

static void check_ring(void)
{
	const struct debug_trace_ring *r = &h.s->trace.ring;
	const struct debug_trace_frame *f;
	uint32_t used = 0;

	for (uint32_t i = 0; (f = debug_trace_ring_frame(r, i)); i++) {
		uint8_t size[4];

		must(f->at < r->size && f->len >= 6 && f->len <= r->size);
		must(debug_trace_ring_read(r, f, 2, size, 4) == 4);
		must((size[0] | size[1] << 8 | size[2] << 16 | (uint32_t)size[3] << 24) + 6 == f->len);
		used += f->len;
	}
	must(used == r->used && used <= r->size && r->count <= r->created);
}

/* A resume's reply may be long in coming: it is asked for. */
static void ask(const char *packet, size_t len)
{
	unsigned n;

	if (!h.connected || (len > 0 && (packet[0] == 'k' || packet[0] == 'R' || packet[0] == 'D')))
		return;
	harness_send(&h, packet, len);
	n = replies();
	for (unsigned i = 0; n == 0 && i < 50; i++) {
		harness_feed(&h, "\3", 1);
		harness_run(&h, 50);
		n = replies();
	}
	must(n == 1);
}

static void line(const uint8_t *p, size_t len)
{
	if (len == 0 || h.f.killed || debug_session_death(h.s))
		return;
	if (p[0] == '>') {
		ask((const char *)p + 1, len - 1);
	} else if (p[0] == 'r') {
		harness_run(&h, 20);
	} else if (p[0] == 'c') {
		harness_disconnect(&h);
		harness_run(&h, 20);
		harness_connect(&h);
	}
	check_ring();
}

static size_t line_length(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;

	return end ? (size_t)(end - data) : size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* 1000: inc rax; push rax; pop rbx; nop; jmp 1000 */
	static const uint8_t code[] = { 0x48, 0xff, 0xc0, 0x50, 0x5b, 0x90, 0xeb, 0xf8 };
	size_t len = 0;

	harness_init(&h, 1 + size % 2);
	h.turns = 20;
	fake_code(&h.f, 0, code, sizeof(code));
	harness_open(&h, false);
	harness_connect(&h);
	for (unsigned i = 0; i < MAX_LINES && size > 0; i++) {
		len = line_length(data, size);
		line(data, len);
		len += len < size;
		data += len;
		size -= len;
	}
	if (h.connected && !h.f.killed) {
		ask("QTDisconnected:0", 16);
		harness_disconnect(&h);
		must(h.s->points.count == 0 && h.s->points.int3.planted == 0);
	}
	harness_fini(&h);
	return 0;
}
