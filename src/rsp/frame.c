#include "rsp/frame.h"

#include "rsp/hex.h"
#include <string.h>

/*
 * States of the receiver. IDLE -> '$' -> BODY -> '#' -> SUM_HIGH -> SUM_LOW -> IDLE.
 * A '$' in BODY starts over: the rest of the packet before was lost on the way. '#' and '$' never stand for
 * themselves in a body, so BODY is scanned with memchr and copied in runs.
 */
enum { IDLE, BODY, SUM_HIGH, SUM_LOW };

#define INTERRUPT 0x03
#define ESCAPE '}'

void rsp_frame_init(struct rsp_frame *f, uint8_t *buf, size_t size)
{
	*f = (struct rsp_frame){.buf = buf, .size = size, .check = true};
}

bool rsp_frame_idle(const struct rsp_frame *f)
{
	return f->state == IDLE;
}

/* Sixteen-bit lanes hold 128 times two bytes; then they are folded. */
uint8_t rsp_frame_sum(const uint8_t *bytes, size_t len)
{
	const uint64_t mask = 0x00ff00ff00ff00ff;
	uint64_t word, lanes, total = 0;

	while (len >= sizeof(word)) {
		size_t words = len / sizeof(word) < 128 ? len / sizeof(word) : 128;

		len -= words * sizeof(word);
		for (lanes = 0; words > 0; words--, bytes += sizeof(word)) {
			memcpy(&word, bytes, sizeof(word));
			lanes += (word & mask) + (word >> 8 & mask);
		}
		total += (lanes & 0xffff) + (lanes >> 16 & 0xffff) + (lanes >> 32 & 0xffff) + (lanes >> 48);
	}
	for (; len > 0; len--)
		total += *bytes++;
	return (uint8_t)total;
}

static void begin(struct rsp_frame *f)
{
	f->state = BODY;
	f->len = 0;
	f->excess = 0;
	f->sum = 0;
	f->escaped = false;
}

static void keep(struct rsp_frame *f, const uint8_t *bytes, size_t len)
{
	size_t fits = f->size - f->len < len ? f->size - f->len : len;

	memcpy(f->buf + f->len, bytes, fits);
	f->len += fits;
	f->excess += len - fits;
}

/* A stretch of body without '#' and '$': undoes the escapes. */
static void take_run(struct rsp_frame *f, const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;

	if (f->check)
		f->sum += rsp_frame_sum(p, len);
	while (p < end) {
		const uint8_t *escape;

		if (f->escaped) {
			keep(f, &(uint8_t){*p++ ^ 0x20}, 1);
			f->escaped = false;
			continue;
		}
		escape = memchr(p, ESCAPE, (size_t)(end - p));
		keep(f, p, (size_t)((escape ? escape : end) - p));
		f->escaped = escape != NULL;
		p = escape ? escape + 1 : end;
	}
}

/* Starts over after the last '$' of the stretch; each one was a packet cut short. */
static size_t restart(struct rsp_frame *f, const uint8_t *p, size_t len)
{
	size_t past_last = 0;

	for (size_t i = 0; i < len; i++) {
		if (p[i] != '$')
			continue;
		past_last = i + 1;
		if (f->restarts < UINT8_MAX)
			f->restarts++;
	}
	begin(f);
	return past_last;
}

static size_t take_body(struct rsp_frame *f, const uint8_t *p, size_t len)
{
	const uint8_t *end = memchr(p, '#', len);
	size_t run = end ? (size_t)(end - p) : len;
	size_t lost = memchr(p, '$', run) ? restart(f, p, run) : 0;

	take_run(f, p + lost, run - lost);
	if (end == NULL)
		return len;
	f->state = SUM_HIGH;
	return run + 1;
}

static enum rsp_frame_event complete(struct rsp_frame *f, bool good)
{
	f->state = IDLE;
	if (!good)
		return RSP_FRAME_BAD;
	f->buf[f->len] = '\0';
	return f->excess > 0 ? RSP_FRAME_LONG : RSP_FRAME_PACKET;
}

/* Without acknowledgements a wrong sum cannot be reported: "Packet Acknowledgment" says to ignore it. */
static size_t take_sum(struct rsp_frame *f, uint8_t c, enum rsp_frame_event *ret_event)
{
	int digit = rsp_hex_digit(c);

	if (digit < 0) {
		*ret_event = complete(f, false);
		return c != '$'; /* that one begins the next packet */
	}
	f->given = (uint8_t)(f->given << 4 | digit);
	if (f->state == SUM_HIGH)
		f->state = SUM_LOW;
	else
		*ret_event = complete(f, !f->check || f->given == f->sum);
	return 1;
}

static bool is_junk(uint8_t c)
{
	return c != '$' && c != '+' && c != '-' && c != INTERRUPT;
}

static size_t take_idle(struct rsp_frame *f, const uint8_t *p, size_t len, enum rsp_frame_event *ret_event)
{
	size_t n = 1;

	switch (*p) {
	case '$':
		begin(f);
		break;
	case '+':
		*ret_event = RSP_FRAME_ACK;
		break;
	case '-':
		*ret_event = RSP_FRAME_NAK;
		break;
	case INTERRUPT:
		*ret_event = RSP_FRAME_INTERRUPT;
		break;
	default:
		while (n < len && is_junk(p[n]))
			n++;
		*ret_event = RSP_FRAME_JUNK;
	}
	return n;
}

size_t rsp_frame_feed(struct rsp_frame *f, const uint8_t *bytes, size_t len, enum rsp_frame_event *ret_event)
{
	size_t n = 0;

	*ret_event = RSP_FRAME_NONE;
	while (n < len && *ret_event == RSP_FRAME_NONE) {
		if (f->state == IDLE)
			n += take_idle(f, bytes + n, len - n, ret_event);
		else if (f->state == BODY)
			n += take_body(f, bytes + n, len - n);
		else
			n += take_sum(f, bytes[n], ret_event);
	}
	return n;
}
