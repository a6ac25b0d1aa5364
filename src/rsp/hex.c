#include "rsp/hex.h"

#include <string.h>

#define ROW(h) h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"

/* The two digits of byte b stand at 2 * b. */
static const char pairs[] = ROW("0") ROW("1") ROW("2") ROW("3") ROW("4") ROW("5") ROW("6") ROW("7")
	ROW("8") ROW("9") ROW("a") ROW("b") ROW("c") ROW("d") ROW("e") ROW("f");

/* Bit 7 marks a digit, bits 0-3 are its value. */
#define DIGIT 0x80
static const uint8_t digits[256] = {
	['0'] = 0x80, ['1'] = 0x81, ['2'] = 0x82, ['3'] = 0x83, ['4'] = 0x84, ['5'] = 0x85, ['6'] = 0x86,
	['7'] = 0x87, ['8'] = 0x88, ['9'] = 0x89, ['a'] = 0x8a, ['b'] = 0x8b, ['c'] = 0x8c, ['d'] = 0x8d,
	['e'] = 0x8e, ['f'] = 0x8f, ['A'] = 0x8a, ['B'] = 0x8b, ['C'] = 0x8c, ['D'] = 0x8d, ['E'] = 0x8e,
	['F'] = 0x8f,
};

void rsp_hex_encode(uint8_t *dst, const uint8_t *src, size_t len)
{
	static const uint8_t nothing[8];
	size_t i = 0;

	/* Registers and memory are full of zeros. */
	for (; len - i >= 8; i += 8) {
		if (memcmp(src + i, nothing, 8) == 0) {
			memset(dst + 2 * i, '0', 16);
			continue;
		}
		for (size_t j = i; j < i + 8; j++)
			memcpy(dst + 2 * j, pairs + 2 * src[j], 2);
	}
	for (; i < len; i++)
		memcpy(dst + 2 * i, pairs + 2 * src[i], 2);
}

bool rsp_hex_decode(uint8_t *dst, const uint8_t *src, size_t len)
{
	uint8_t all = DIGIT;

	for (size_t i = 0; i < len; i++) {
		uint8_t high = digits[src[2 * i]], low = digits[src[2 * i + 1]];

		all &= high & low;
		dst[i] = (uint8_t)(high << 4 | (low & 0x0f));
	}
	return (all & DIGIT) != 0;
}

int rsp_hex_digit(uint8_t c)
{
	return digits[c] ? digits[c] & 0x0f : -1;
}
