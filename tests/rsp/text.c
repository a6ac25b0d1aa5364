#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int nibble(char c)
{
	const char *digits = "0123456789abcdef";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* A packet, or the only notification there is. */
static bool begins(const uint8_t *bytes, size_t at, size_t len)
{
	static const char notice[] = "%Stop:";

	return bytes[at] == '$' || (len - at >= sizeof(notice) - 1 &&
	                            memcmp(bytes + at, notice, sizeof(notice) - 1) == 0);
}

/* "#??" becomes the sum of what stands between the last '$' or '%' and it. */
static bool fill_checksum(const char *text, const uint8_t *bytes, size_t n, uint8_t *ret)
{
	unsigned sum = 0;
	char digits[3];

	if (strncmp(text, "#??", 3) != 0)
		return false;
	for (size_t i = n; i > 0 && !begins(bytes, i - 1, n); i--)
		sum += bytes[i - 1];
	snprintf(digits, sizeof(digits), "%02x", sum & 0xff);
	memcpy(ret, "#", 1);
	memcpy(ret + 1, digits, 2);
	return true;
}

size_t script_bytes(const char *text, uint8_t *ret, size_t size)
{
	size_t n = 0;

	while (*text != '\0' && n + 3 < size) {
		if (fill_checksum(text, ret, n, ret + n)) {
			text += 3;
			n += 3;
		} else if (text[0] == '\\' && text[1] == 'x') {
			ret[n++] = (uint8_t)(nibble(text[2]) << 4 | nibble(text[3]));
			text += 4;
		} else if (text[0] == '\\') {
			ret[n++] = text[1] == 'n' ? '\n' : (uint8_t)text[1];
			text += 2;
		} else {
			ret[n++] = (uint8_t)*text++;
		}
	}
	return n;
}

char *script_show(const uint8_t *bytes, size_t len, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 5 < size; i++) {
		if (bytes[i] < 0x20 || bytes[i] >= 0x7f || bytes[i] == '\\')
			n += (size_t)snprintf(ret + n, size - n, "\\x%02x", bytes[i]);
		else
			ret[n++] = (char)bytes[i];
	}
	ret[n] = '\0';
	return ret;
}

size_t script_hex(const char *text, uint8_t *ret, size_t size)
{
	size_t n = 0;

	while (nibble(text[0]) >= 0 && nibble(text[1]) >= 0 && n < size) {
		ret[n++] = (uint8_t)(nibble(text[0]) << 4 | nibble(text[1]));
		text += 2;
		if (*text == '*') {
			size_t times = strtoul(text + 1, NULL, 10);

			for (; times > 1 && n < size; times--, n++)
				ret[n] = ret[n - 1];
			break;
		}
	}
	return n;
}

/* Puts "#xx" for the body that begins at start. */
static size_t end_packet(uint8_t *bytes, size_t start, size_t n)
{
	unsigned sum = 0;
	char digits[4];

	for (size_t i = start; i < n; i++)
		sum += bytes[i];
	snprintf(digits, sizeof(digits), "#%02x", sum & 0xff);
	memcpy(bytes + n, digits, 3);
	return n + 3;
}

size_t script_expand(const uint8_t *bytes, size_t len, uint8_t *ret)
{
	size_t n = 0, start = 0;
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '#') {
			if (nibble((char)bytes[i + 1]) != sum >> 4 ||
			    nibble((char)bytes[i + 2]) != (sum & 15))
				return SIZE_MAX;
			n = end_packet(ret, start, n);
			i += 2;
			continue;
		}
		sum += bytes[i];
		if (bytes[i] == '*') {
			sum += bytes[++i];
			memset(ret + n, ret[n - 1], bytes[i] - 29u);
			n += bytes[i] - 29u;
			continue;
		}
		ret[n++] = bytes[i];
		if (begins(bytes, i, len)) {
			start = n;
			sum = 0;
		}
	}
	return n;
}
