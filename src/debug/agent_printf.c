#include "debug/agent_printf.h"

#include <errno.h>
#include <string.h>

/* One piece of a format: literal text, or a conversion. */
struct piece {
	bool literal;
	char text;               /* literal: one character, escapes resolved */
	bool left, zero, plus, blank, alt;
	unsigned width;
	int precision;           /* -1: none */
	unsigned bits;           /* of an integer: 8 16 32 64 */
	char conv;
};

/* As GDB's format parser resolves them; GDB sends the format as the user typed it. */
static bool escape(char c, char *ret)
{
	static const char from[] = "abefnrtv\\\"", to[] = "\a\b\033\f\n\r\t\v\\\"";
	const char *p = c ? strchr(from, c) : NULL;

	if (p)
		*ret = to[p - from];
	return p != NULL;
}

static bool take_flag(char c, struct piece *p)
{
	p->left |= c == '-';
	p->zero |= c == '0';
	p->plus |= c == '+';
	p->blank |= c == ' ';
	p->alt |= c == '#';
	return c && strchr("-0+ #", c);
}

static const char *number(const char *at, unsigned *ret)
{
	for (*ret = 0; *at >= '0' && *at <= '9' && *ret <= DEBUG_AGENT_WIDTH; at++)
		*ret = *ret * 10 + (unsigned)(*at - '0');
	return at;
}

/* int is 32 bits wide, long and the rest 64. */
static const char *length(const char *at, struct piece *p)
{
	p->bits = 32;
	if (at[0] == 'h')
		p->bits = at[1] == 'h' ? 8 : 16;
	else if (*at && strchr("ljzt", *at))
		p->bits = 64;
	else
		return at;
	return at + ((at[0] == 'h' || at[0] == 'l') && at[1] == at[0] ? 2 : 1);
}

/* What stands behind a '%'; NULL when it is not to be had. */
static const char *conversion(const char *at, struct piece *p)
{
	const char *before;
	unsigned digits;

	while (take_flag(*at, p))
		at++;
	at = number(at, &p->width);
	if (*at == '.') {
		at = number(at + 1, &digits);
		p->precision = (int)digits;
	}
	before = at;
	at = length(at, p);
	p->conv = *at;
	if (p->width > DEBUG_AGENT_WIDTH || p->precision > DEBUG_AGENT_WIDTH)
		return NULL;
	if (*at == '\0' || !strchr(before == at ? "diouxXcsp" : "diouxX", *at))
		return NULL;
	if (*at == 'p') {
		p->bits = 64;
		p->alt = true;
	}
	return at + 1;
}

/* The next piece of a format that is not at its end; where the one after it starts. NULL: bad. */
static const char *next_piece(const char *at, struct piece *p)
{
	*p = (struct piece){ .precision = -1 };
	if (at[0] == '%' && at[1] != '%')
		return conversion(at + 1, p);
	p->literal = true;
	p->text = *at;
	if (*at == '\\')
		return escape(at[1], &p->text) ? at + 2 : NULL;
	return at + (*at == '%' ? 2 : 1);
}

int debug_agent_printf_check(const char *fmt, size_t len, unsigned args, struct error *err)
{
	unsigned found = 0;
	struct piece p;

	if (len == 0 || memchr(fmt, '\0', len) != fmt + len - 1)
		return error_set(err, EINVAL, "the format does not end where it should");
	while (*fmt) {
		const char *next = next_piece(fmt, &p);

		if (!next)
			return error_set(err, EINVAL, "the format cannot be printed here from '%.20s'", fmt);
		found += !p.literal;
		fmt = next;
	}
	if (found != args || args > DEBUG_AGENT_ARGS)
		return error_set(err, EINVAL, "%u conversions, %u arguments (at most %d)", found, args,
		                 DEBUG_AGENT_ARGS);
	return 0;
}

/* ---- printing ---- */

struct out {
	const struct debug_agent_io *io;
	size_t *room;
	struct error *err;
};

static int put(const struct out *o, const char *text, size_t len)
{
	if (len > *o->room)
		return error_set(o->err, EFBIG, "more than %d bytes are printed", DEBUG_AGENT_OUTPUT);
	*o->room -= len;
	if (o->io->print && len > 0)
		o->io->print(o->io->ctx, text, len);
	return 0;
}

static int put_padded(const struct out *o, const struct piece *p, const char *text, size_t len)
{
	char blanks[DEBUG_AGENT_WIDTH];
	size_t pad = p->width > len ? p->width - len : 0;
	int rc;

	memset(blanks, ' ', sizeof(blanks));
	rc = p->left ? 0 : put(o, blanks, pad);
	if (rc == 0)
		rc = put(o, text, len);
	return rc == 0 && p->left ? put(o, blanks, pad) : rc;
}

static uint64_t narrow(uint64_t value, unsigned bits, bool is_signed)
{
	uint64_t sign = UINT64_C(1) << (bits - 1);

	if (bits < 64)
		value &= (sign << 1) - 1;
	return is_signed ? (value ^ sign) - sign : value;
}

/* Digits from the end of buf; where they begin. */
static char *digits(char *end, uint64_t value, unsigned base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (; value > 0; value /= base)
		*--end = set[value % base];
	return end;
}

static char *prefix(char *at, const struct piece *p, bool is_signed, bool negative, bool zero)
{
	if (is_signed && (negative || p->plus || p->blank))
		*--at = negative ? '-' : p->plus ? '+' : ' ';
	if (p->alt && !zero && strchr("xXp", p->conv)) {
		*--at = p->conv == 'X' ? 'X' : 'x';
		*--at = '0';
	}
	return at;
}

static int put_integer(const struct out *o, const struct piece *p, uint64_t value)
{
	bool is_signed = p->conv == 'd' || p->conv == 'i';
	unsigned base = p->conv == 'o' ? 8 : strchr("xXp", p->conv) ? 16 : 10;
	char buf[DEBUG_AGENT_WIDTH + 32], *end = buf + sizeof(buf), *at;
	size_t least = p->precision < 0 ? 1 : (size_t)p->precision, taken;
	bool negative;

	value = narrow(value, p->bits, is_signed);
	negative = is_signed && (int64_t)value < 0;
	at = digits(end, negative ? 0 - value : value, base, p->conv == 'X');
	taken = negative || (is_signed && (p->plus || p->blank));
	taken += p->alt && base == 16 && value ? 2 : 0;
	if (p->zero && !p->left && p->precision < 0 && p->width > taken)
		least = p->width - taken > least ? p->width - taken : least;
	while ((size_t)(end - at) < least)
		*--at = '0';
	if (p->alt && base == 8 && (at == end || *at != '0'))
		*--at = '0';
	at = prefix(at, p, is_signed, negative, value == 0);
	return put_padded(o, p, at, (size_t)(end - at));
}

/* Byte by byte, since nothing behind the NUL need be there. */
static int put_string(const struct out *o, const struct piece *p, uint64_t addr)
{
	size_t most = p->precision < 0 ? DEBUG_AGENT_STRING_MAX : (size_t)p->precision, len = 0;
	char text[DEBUG_AGENT_STRING_MAX];

	for (; len < most; len++) {
		int rc = o->io->read_mem(o->io->ctx, addr + len, &text[len], 1, o->err);

		if (rc < 0)
			return rc;
		if (text[len] == '\0')
			break;
	}
	return put_padded(o, p, text, len);
}

static int put_piece(const struct out *o, const struct piece *p, uint64_t value)
{
	char c = (char)value;

	if (p->conv == 's')
		return put_string(o, p, value);
	if (p->conv == 'c')
		return put_padded(o, p, &c, 1);
	return put_integer(o, p, value);
}

int debug_agent_printf(const char *fmt, const uint64_t *args, const struct debug_agent_io *io, size_t *room,
                       struct error *err)
{
	struct out o = { .io = io, .room = room, .err = err };
	struct piece p;
	int rc = 0;

	while (rc == 0 && *fmt) {
		fmt = next_piece(fmt, &p);
		if (!fmt)
			return error_set(err, EINVAL, "a format that was not checked");
		rc = p.literal ? put(&o, &p.text, 1) : put_piece(&o, &p, *args++);
	}
	return rc;
}
