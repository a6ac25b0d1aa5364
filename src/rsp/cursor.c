#include "rsp/cursor.h"

#include "rsp/hex.h"
#include <string.h>

bool rsp_cursor_char(struct rsp_cursor *c, char want)
{
	if (c->at == c->end || *c->at != (uint8_t)want)
		return false;
	c->at++;
	return true;
}

bool rsp_cursor_text(struct rsp_cursor *c, const char *want)
{
	size_t len = strlen(want);

	if (rsp_cursor_left(c) < len || memcmp(c->at, want, len) != 0)
		return false;
	c->at += len;
	return true;
}

static bool hex_up_to(struct rsp_cursor *c, uint64_t max, uint64_t *ret)
{
	uint8_t *p = c->at;
	uint64_t n = 0;
	int digit;

	for (; p < c->end && (digit = rsp_hex_digit(*p)) >= 0; p++) {
		if (n > UINT64_MAX >> 4)
			return false;
		n = n << 4 | (unsigned)digit;
	}
	if (p == c->at || n > max)
		return false;
	c->at = p;
	*ret = n;
	return true;
}

bool rsp_cursor_hex(struct rsp_cursor *c, uint64_t *ret)
{
	return hex_up_to(c, UINT64_MAX, ret);
}

bool rsp_cursor_hex32(struct rsp_cursor *c, uint32_t *ret)
{
	uint64_t n;

	if (!hex_up_to(c, UINT32_MAX, &n))
		return false;
	*ret = (uint32_t)n;
	return true;
}

bool rsp_cursor_hex8(struct rsp_cursor *c, uint8_t *ret)
{
	uint64_t n;

	if (!hex_up_to(c, UINT8_MAX, &n))
		return false;
	*ret = (uint8_t)n;
	return true;
}

bool rsp_cursor_decimal(struct rsp_cursor *c, uint32_t *ret)
{
	uint8_t *p = c->at;
	uint64_t n = 0;

	for (; p < c->end && *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (*p - '0');
		if (n > UINT32_MAX)
			return false;
	}
	if (p == c->at)
		return false;
	c->at = p;
	*ret = (uint32_t)n;
	return true;
}

bool rsp_cursor_range(struct rsp_cursor *c, uint64_t *ret_addr, uint64_t *ret_len)
{
	struct rsp_cursor try = *c;
	uint64_t addr, len;

	if (!rsp_cursor_hex(&try, &addr) || !rsp_cursor_char(&try, ',') || !rsp_cursor_hex(&try, &len))
		return false;
	*c = try;
	*ret_addr = addr;
	*ret_len = len;
	return true;
}

/* -1 or a number that an int64_t holds. */
static bool id_number(struct rsp_cursor *c, int64_t *ret)
{
	uint64_t n;

	if (rsp_cursor_text(c, "-1")) {
		*ret = RSP_TID_ALL;
		return true;
	}
	if (!hex_up_to(c, INT64_MAX, &n))
		return false;
	*ret = (int64_t)n;
	return true;
}

bool rsp_cursor_tid(struct rsp_cursor *c, struct rsp_tid *ret)
{
	struct rsp_cursor try = *c;
	struct rsp_tid id = {1, RSP_TID_ALL};

	if (!rsp_cursor_char(&try, 'p')) {
		if (!id_number(&try, &id.tid))
			return false;
	} else {
		if (!id_number(&try, &id.pid))
			return false;
		if (rsp_cursor_char(&try, '.') && !id_number(&try, &id.tid))
			return false;
	}
	if (id.pid == RSP_TID_ANY)
		id.pid = 1; /* any process: the one there is */
	*c = try;
	*ret = id;
	return true;
}

bool rsp_cursor_string(struct rsp_cursor *c, char stop, char **ret)
{
	uint8_t *found = memchr(c->at, stop, rsp_cursor_left(c));

	if (found == NULL)
		return false;
	*ret = (char *)c->at;
	*found = '\0';
	c->at = found + 1;
	return true;
}

bool rsp_cursor_hex_bytes(struct rsp_cursor *c, uint8_t **ret, size_t *ret_len)
{
	size_t left = rsp_cursor_left(c);

	if (left % 2 != 0 || !rsp_hex_decode(c->at, c->at, left / 2))
		return false;
	*ret = c->at;
	*ret_len = left / 2;
	if (left > 0)
		c->at[left / 2] = '\0';
	c->at = c->end;
	return true;
}
