#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Digits of one base from *text on; advances it past them. */
static int parse_digits(const char **text, unsigned base, uint64_t *ret)
{
	const char *p = *text;
	uint64_t n = 0;

	if ((unsigned)digit_value(*p) >= base)
		return -EINVAL;
	for (; (unsigned)digit_value(*p) < base; p++) {
		if (__builtin_mul_overflow(n, (uint64_t)base, &n) ||
		    __builtin_add_overflow(n, (uint64_t)digit_value(*p), &n))
			return -ERANGE;
	}
	*text = p;
	*ret = n;
	return 0;
}

static bool skip_0x(const char **text)
{
	if ((*text)[0] != '0' || ((*text)[1] | 0x20) != 'x')
		return false;
	*text += 2;
	return true;
}

static int parse_number(const char **text, uint64_t *ret)
{
	unsigned base = skip_0x(text) ? 16 : 10;

	return parse_digits(text, base, ret);
}

static int check_range(uint64_t n, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (n < min || n > max)
		return -ERANGE;
	*ret = n;
	return 0;
}

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t n;
	int rc = parse_number(&text, &n);

	if (rc < 0)
		return rc;
	if (*text != '\0')
		return -EINVAL;
	return check_range(n, min, max, ret);
}

/* K, KB, KiB ... ; the shift, or -1 when text is no suffix. */
static int suffix_shift(const char *text)
{
	static const char units[] = "kmgt";
	int shift = 0;

	if (*text == '\0')
		return 0;
	for (size_t i = 0; i < sizeof(units) - 1; i++)
		if ((*text | 0x20) == units[i])
			shift = 10 * (int)(i + 1);
	if (shift == 0)
		return -1;
	text++;
	if (*text == 'i' && (text[1] == 'B' || text[1] == 'b'))
		text++;
	if (*text == 'B' || *text == 'b')
		text++;
	return *text == '\0' ? shift : -1;
}

int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t n;
	int shift, rc = parse_number(&text, &n);

	if (rc < 0)
		return rc;
	shift = suffix_shift(text);
	if (shift < 0)
		return -EINVAL;
	if (shift > 0 && n > (UINT64_MAX >> shift))
		return -ERANGE;
	return check_range(n << shift, min, max, ret);
}

int parse_address(const char *text, uint64_t *ret)
{
	uint64_t n;
	int rc;

	skip_0x(&text);
	rc = parse_digits(&text, 16, &n);
	if (rc < 0)
		return rc;
	if (*text != '\0')
		return -EINVAL;
	*ret = n;
	return 0;
}
