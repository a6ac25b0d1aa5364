#include "rsp/writer.h"

#include "rsp/hex.h"
#include <string.h>

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

static uint8_t *reserve(struct rsp_writer *w, size_t len)
{
	uint8_t *at = w->buf + w->len;

	if (len > rsp_writer_room(w)) {
		w->overflow = true;
		return NULL;
	}
	w->len += len;
	return at;
}

static void put(struct rsp_writer *w, const void *bytes, size_t len)
{
	uint8_t *at = reserve(w, len);

	if (at != NULL)
		memcpy(at, bytes, len);
}

void rsp_writer_char(struct rsp_writer *w, char c)
{
	put(w, &c, 1);
}

void rsp_writer_text(struct rsp_writer *w, const char *text)
{
	put(w, text, strlen(text));
}

/* 1 where a byte needs an escape. */
static const uint8_t special[256] = {['#'] = 1, ['$'] = 1, ['}'] = 1, ['*'] = 1};

void rsp_writer_clean(struct rsp_writer *w, const char *text)
{
	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)*text;

		rsp_writer_char(w, special[c] || c < 0x20 || c >= 0x7f ? '?' : (char)c);
	}
}

void rsp_writer_hex(struct rsp_writer *w, const void *bytes, size_t len)
{
	uint8_t *at;

	if (len > SIZE_MAX / 2) {
		w->overflow = true;
		return;
	}
	at = reserve(w, 2 * len);
	if (at != NULL)
		rsp_hex_encode(at, bytes, len);
}

void rsp_writer_hex8(struct rsp_writer *w, uint8_t value)
{
	rsp_writer_hex(w, &value, 1);
}

static void put_number(struct rsp_writer *w, uint64_t value, unsigned base)
{
	char text[20]; /* 2^64 has 20 decimal digits */
	size_t at = sizeof(text);

	do {
		text[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	put(w, text + at, sizeof(text) - at);
}

void rsp_writer_number(struct rsp_writer *w, uint64_t value)
{
	put_number(w, value, 16);
}

void rsp_writer_decimal(struct rsp_writer *w, uint64_t value)
{
	put_number(w, value, 10);
}

void rsp_writer_tid(struct rsp_writer *w, int64_t tid)
{
	if (w->multiprocess)
		rsp_writer_text(w, "p1.");
	if (tid < 0)
		rsp_writer_text(w, "-1");
	else
		rsp_writer_number(w, (uint64_t)tid);
}

/* Non-zero when one of the word's bytes is c; which one does not matter here. */
static uint64_t has_byte(uint64_t word, char c)
{
	uint64_t x = word ^ (ONES * (uint8_t)c);

	return (x - ONES) & ~x & HIGHS;
}

/* Copies words while neither an escape is needed nor room runs out; returns how many bytes. */
static size_t copy_plain(uint8_t *dst, const uint8_t *src, size_t len)
{
	size_t i = 0;
	uint64_t word;

	for (; len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, src + i, sizeof(word));
		if (has_byte(word, '#') | has_byte(word, '$') | has_byte(word, '}') | has_byte(word, '*'))
			break;
		memcpy(dst + i, &word, sizeof(word));
	}
	return i;
}

/* Writes the escape always and steps over it only where it is needed: no branch to guess wrong. */
static size_t escape_word(uint8_t *dst, const uint8_t *src)
{
	size_t n = 0;

	for (size_t i = 0; i < 8; i++) {
		dst[n] = '}';
		n += special[src[i]];
		dst[n++] = (uint8_t)(src[i] ^ special[src[i]] << 5);
	}
	return n;
}

/* One byte; false when it does not fit. */
static bool escape_byte(struct rsp_writer *w, uint8_t c)
{
	if (rsp_writer_room(w) < 1u + special[c])
		return false;
	if (special[c])
		w->buf[w->len++] = '}';
	w->buf[w->len++] = (uint8_t)(c ^ special[c] << 5);
	return true;
}

size_t rsp_writer_escaped_fit(const void *bytes, size_t len, size_t room)
{
	const uint8_t *src = bytes;
	size_t i = 0, used = 0;

	while (i < len) {
		used += 1u + special[src[i]];
		if (used > room)
			break;
		i++;
	}
	return i;
}

size_t rsp_writer_escaped(struct rsp_writer *w, const void *bytes, size_t len)
{
	const uint8_t *src = bytes;
	size_t i = 0;

	while (i < len) {
		size_t room = rsp_writer_room(w), left = len - i;
		size_t plain = copy_plain(w->buf + w->len, src + i, left < room ? left : room);

		w->len += plain;
		i += plain;
		if (len - i >= 8 && rsp_writer_room(w) >= 16) {
			w->len += escape_word(w->buf + w->len, src + i);
			i += 8;
		} else if (i < len && escape_byte(w, src[i])) {
			i++;
		} else if (i < len) {
			w->overflow = true;
			break;
		}
	}
	return i;
}
