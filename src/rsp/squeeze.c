/* Sending: run-length encoding (GDB manual, "Overview") and the frame around a body. */
#include "rsp/frame.h"

#include "rsp/hex.h"
#include <string.h>

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* "c*N" stands for c and N - 29 more of it. Three more is the least that saves a byte. */
#define REPEAT_BIAS 29
#define REPEAT_MIN 3
#define REPEAT_MAX ('~' - REPEAT_BIAS)

static uint64_t load(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static bool all_four(const uint8_t *p)
{
	return p[0] == p[1] && p[0] == p[2] && p[0] == p[3];
}

/* First index from i on where four equal bytes begin; len when there is none. */
static size_t find_four(const uint8_t *p, size_t i, size_t len)
{
	while (len - i >= 8 + 3) {
		uint64_t w0 = load(p + i), w1 = load(p + i + 1), w2 = load(p + i + 2), w3 = load(p + i + 3);
		uint64_t differ = (w0 ^ w1) | (w1 ^ w2) | (w2 ^ w3);

		if ((differ - ONES) & ~differ & HIGHS)
			break;
		i += 8;
	}
	for (; len - i >= 4; i++)
		if (all_four(p + i))
			return i;
	return len;
}

/*
 * A run must not begin with an escaped byte: GDB repeats what stood on the wire, LLDB what it meant. Every
 * '}' in a body is an escape.
 */
static size_t find_run(const uint8_t *p, size_t i, size_t len)
{
	i = find_four(p, i, len);
	while (i < len && i > 0 && p[i - 1] == '}')
		i = find_four(p, i + 1, len);
	return i;
}

static size_t run_length(const uint8_t *p, size_t i, size_t len)
{
	uint64_t same = ONES * p[i];
	size_t end = i;

	while (len - end >= 8 && load(p + end) == same)
		end += 8;
	while (end < len && p[end] == p[i])
		end++;
	return end - i;
}

/* The largest count not above n whose character is none of '#' '$' '+' '-'. */
static size_t allowed_count(size_t n)
{
	if (n > REPEAT_MAX)
		n = REPEAT_MAX;
	while (n + REPEAT_BIAS == '#' || n + REPEAT_BIAS == '$' || n + REPEAT_BIAS == '+' ||
	       n + REPEAT_BIAS == '-')
		n--;
	return n;
}

static size_t write_run(uint8_t *dst, uint8_t c, size_t n)
{
	size_t w = 0;

	while (n > 0) {
		dst[w++] = c;
		n--;
		if (n >= REPEAT_MIN) {
			size_t count = allowed_count(n);

			dst[w++] = '*';
			dst[w++] = (uint8_t)(count + REPEAT_BIAS);
			n -= count;
		}
	}
	return w;
}

size_t rsp_frame_squeeze(uint8_t *body, size_t len)
{
	size_t from = 0, to = 0;

	while (from < len) {
		size_t run = find_run(body, from, len);
		size_t n;

		if (to != from)
			memmove(body + to, body + from, run - from);
		to += run - from;
		if (run == len)
			break;
		n = run_length(body, run, len);
		to += write_run(body + to, body[run], n);
		from = run + n;
	}
	return to;
}

size_t rsp_frame_close(uint8_t *frame, size_t len)
{
	uint8_t sum;

	len = rsp_frame_squeeze(frame + 1, len);
	sum = rsp_frame_sum(frame + 1, len);
	frame[0] = '$';
	frame[len + 1] = '#';
	rsp_hex_encode(frame + len + 2, &sum, 1);
	return len + 4;
}
