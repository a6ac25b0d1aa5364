#include "x86/debugreg.h"
#include <errno.h>
#include <limits.h>

/* The longest natural piece at addr that does not pass len. */
static uint8_t piece_len(uint64_t addr, uint64_t len)
{
	uint8_t n = 8;

	while (n > 1 && (n > len || (addr & (n - 1))))
		n /= 2;
	return n;
}

/*
 * Greedy is minimal here: natural pieces nest, so the longest one at the lowest uncovered byte covers
 * what any other choice would. Pieces past max are counted, not walked: len may be anything.
 */
int x86_dr_split(uint64_t addr, uint64_t len, struct x86_dr *pieces, unsigned max)
{
	uint64_t count = 0;

	if (len > 0 && addr + (len - 1) < addr)
		return -EINVAL;
	while (len > 0) {
		uint8_t n = piece_len(addr, len);

		if (count < max) {
			pieces[count] = (struct x86_dr){ .used = true, .len = n, .addr = addr };
		} else if (n == 8) {
			count += len / 8;
			addr += len & ~7ull;
			len &= 7;
			continue;
		}
		count++;
		addr += n;
		len -= n;
	}
	return count > INT_MAX ? INT_MAX : (int)count;
}

/*
 * DR7 (SDM 3B 17.2.4):
 *   31..16  LEN3 RW3 LEN2 RW2 LEN1 RW1 LEN0 RW0, two bits each
 *   13 GD   10 always 1   9 GE   8 LE   7..0 G3 L3 G2 L2 G1 L1 G0 L0
 */
static const uint8_t len_of_bits[4] = { 1, 2, 8, 4 };

static uint64_t len_bits(uint8_t len)
{
	for (unsigned i = 0; i < 4; i++)
		if (len_of_bits[i] == len)
			return i;
	return 0;
}

uint64_t x86_dr7_pack(const struct x86_dr slot[X86_DR_SLOTS])
{
	uint64_t dr7 = X86_DR7_BASE;

	for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
		uint64_t len = slot[i].type == X86_DR_EXEC ? 0 : len_bits(slot[i].len);

		if (!slot[i].used)
			continue;
		dr7 |= 1ull << (2 * i) | X86_DR7_LE;
		dr7 |= ((uint64_t)slot[i].type | len << 2) << (16 + 4 * i);
	}
	return dr7;
}

void x86_dr7_unpack(uint64_t dr7, const uint64_t dr[X86_DR_SLOTS], struct x86_dr slot[X86_DR_SLOTS])
{
	for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
		unsigned field = (unsigned)(dr7 >> (16 + 4 * i)) & 15;

		slot[i].used = dr7 >> (2 * i) & 3;
		slot[i].type = (enum x86_dr_type)(field & 3);
		slot[i].len = len_of_bits[field >> 2];
		slot[i].addr = dr[i];
	}
}

unsigned x86_dr6_hits(uint64_t dr6, const struct x86_dr slot[X86_DR_SLOTS])
{
	unsigned hits = 0;

	for (unsigned i = 0; i < X86_DR_SLOTS; i++)
		if (slot[i].used)
			hits |= (unsigned)dr6 & 1u << i;
	return hits;
}
