#include "base/crc32.h"

#include "base/bytes.h"

#define POLYNOMIAL 0xedb88320u /* reflected */
#define SLICES 8

/* Eight bytes a turn: table[n][b] is byte b followed by n zero bytes. */
static uint32_t table[SLICES][256];

__attribute__((constructor)) static void fill(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][b] = crc;
	}
	for (int n = 1; n < SLICES; n++)
		for (uint32_t b = 0; b < 256; b++)
			table[n][b] = table[n - 1][b] >> 8 ^ table[0][table[n - 1][b] & 0xff];
}

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	crc = ~crc;
	for (; len >= SLICES; p += SLICES, len -= SLICES) {
		uint32_t lo = bytes_get_le32(p) ^ crc, hi = bytes_get_le32(p + 4);

		crc = table[7][lo & 0xff] ^ table[6][lo >> 8 & 0xff] ^ table[5][lo >> 16 & 0xff] ^
		      table[4][lo >> 24] ^ table[3][hi & 0xff] ^ table[2][hi >> 8 & 0xff] ^
		      table[1][hi >> 16 & 0xff] ^ table[0][hi >> 24];
	}
	for (; len > 0; p++, len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return ~crc;
}
