#include "x86/xsave.h"
#include "base/bytes.h"
#include <errno.h>

/*
 * Legacy region (SDM 1, figure 13-1): 0 fcw, 2 fsw, 4 ftw (abridged), 6 fop, 8 fip, 16 fdp, 24 mxcsr,
 * 28 mxcsr_mask, 32 st0-7 (16 apart), 160 xmm0-15.
 */
enum {
	FCW = 0, FSW = 2, FTW = 4, FOP = 6, FIP = 8, FDP = 16, MXCSR = 24, MXCSR_MASK = 28, ST = 32, XMM = 160
};

#define MXCSR_MASK_DEFAULT 0xffbfu  /* where the CPU stores 0 (SDM 1 11.6.6) */

/* Where registers of one kind stand: in `component`, at offset + index * stride, `stored` bytes there. */
struct place {
	uint8_t component;
	uint8_t first, count;  /* indices this row serves */
	uint16_t offset;       /* in the component; in the area for x87 and SSE */
	uint8_t stride, stored;
	uint16_t valid;        /* bits of a 2-byte field; 0 = all */
};

/* Two rows per kind: registers 16-31 of the vector files live elsewhere. */
static const struct place places[X86_XSAVE_REG_COUNT][2] = {
	[X86_XSAVE_ST]    = {{ X86_XSAVE_X87, 0, 8, ST, 16, 10, 0 }},
	[X86_XSAVE_FCTRL] = {{ X86_XSAVE_X87, 0, 1, FCW, 0, 2, 0 }},
	[X86_XSAVE_FSTAT] = {{ X86_XSAVE_X87, 0, 1, FSW, 0, 2, 0 }},
	[X86_XSAVE_FTAG]  = {{ X86_XSAVE_X87, 0, 1, FTW, 0, 1, 0 }},
	[X86_XSAVE_FISEG] = {{ X86_XSAVE_X87, 0, 1, FIP + 4, 0, 2, 0 }},
	[X86_XSAVE_FIOFF] = {{ X86_XSAVE_X87, 0, 1, FIP, 0, 4, 0 }},
	[X86_XSAVE_FOSEG] = {{ X86_XSAVE_X87, 0, 1, FDP + 4, 0, 2, 0 }},
	[X86_XSAVE_FOOFF] = {{ X86_XSAVE_X87, 0, 1, FDP, 0, 4, 0 }},
	[X86_XSAVE_FOP]   = {{ X86_XSAVE_X87, 0, 1, FOP, 0, 2, 0x7ff }},
	[X86_XSAVE_XMM]   = {{ X86_XSAVE_SSE, 0, 16, XMM, 16, 16, 0 },
	                     { X86_XSAVE_ZMM16, 16, 16, 0, 64, 16, 0 }},
	[X86_XSAVE_MXCSR] = {{ X86_XSAVE_SSE, 0, 1, MXCSR, 0, 4, 0 }},
	[X86_XSAVE_YMMH]  = {{ X86_XSAVE_AVX, 0, 16, 0, 16, 16, 0 },
	                     { X86_XSAVE_ZMM16, 16, 16, 16, 64, 16, 0 }},
	[X86_XSAVE_K]     = {{ X86_XSAVE_OPMASK, 0, 8, 0, 8, 8, 0 }},
	[X86_XSAVE_ZMMH]  = {{ X86_XSAVE_ZMM_HI, 0, 16, 0, 32, 32, 0 },
	                     { X86_XSAVE_ZMM16, 16, 16, 32, 64, 32, 0 }},
	[X86_XSAVE_PKRU_REG] = {{ X86_XSAVE_PKRU, 0, 1, 0, 0, 4, 0 }},
};

static bool is_word(enum x86_xsave_reg reg)
{
	return reg >= X86_XSAVE_FCTRL && reg <= X86_XSAVE_FOP;
}

unsigned x86_xsave_reg_size(enum x86_xsave_reg reg)
{
	return is_word(reg) ? 4 : places[reg][0].stored;
}

static const struct place *find_place(const struct x86_layout *layout, enum x86_xsave_reg reg,
                                      unsigned index, uint32_t *ret_offset)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct place *p = &places[reg][i];
		unsigned n = index - p->first;
		uint32_t base = 0;

		if (index < p->first || n >= p->count)
			continue;
		if (p->component > X86_XSAVE_SSE) {
			if (layout->xsave[p->component].size < p->offset + (n * p->stride) + p->stored)
				return NULL;
			base = layout->xsave[p->component].offset;
		}
		*ret_offset = base + p->offset + n * p->stride;
		return p;
	}
	return NULL;
}

bool x86_xsave_present(const uint8_t *area, unsigned component)
{
	return bytes_get_le64(area + X86_XSAVE_BV) >> component & 1;
}

/* MXCSR is loaded and saved with SSE or AVX state (SDM 1 13.5.2, 13.5.3). */
static bool mxcsr_present(const uint8_t *area)
{
	return x86_xsave_present(area, X86_XSAVE_SSE) || x86_xsave_present(area, X86_XSAVE_AVX);
}

static bool present(const uint8_t *area, enum x86_xsave_reg reg, const struct place *p)
{
	return reg == X86_XSAVE_MXCSR ? mxcsr_present(area) : x86_xsave_present(area, p->component);
}

/* 0 valid, 1 zero, 2 special for one st(j) (SDM 1 8.1.7). */
static unsigned tag_of(const uint8_t *st)
{
	uint64_t mantissa = bytes_get_le64(st);
	unsigned exponent = bytes_get_le16(st + 8) & 0x7fff;

	if (exponent == 0 && mantissa == 0)
		return 1;
	return exponent == 0 || exponent == 0x7fff || !(mantissa >> 63) ? 2 : 0;
}

/* The abridged byte and the full word go by physical register; the area holds st(0) first. */
uint16_t x86_xsave_full_tag(const uint8_t *area)
{
	unsigned top = bytes_get_le16(area + FSW) >> 11 & 7;
	unsigned full = 0;

	for (unsigned phys = 0; phys < 8; phys++) {
		unsigned j = (phys - top) & 7;
		unsigned tag = area[FTW] >> phys & 1 ? tag_of(area + ST + 16 * j) : 3;

		full |= tag << (2 * phys);
	}
	return (uint16_t)full;
}

uint8_t x86_xsave_abridged_tag(uint16_t full)
{
	unsigned tags = 0;

	for (unsigned i = 0; i < 8; i++)
		if ((full >> (2 * i) & 3) != 3)
			tags |= 1u << i;
	return (uint8_t)tags;
}

static void get_initial(enum x86_xsave_reg reg, uint8_t *buf)
{
	memset(buf, 0, x86_xsave_reg_size(reg));
	if (reg == X86_XSAVE_FCTRL)
		bytes_put_le32(buf, X86_FCW_INIT);
	else if (reg == X86_XSAVE_FTAG)
		bytes_put_le32(buf, 0xffff);
	else if (reg == X86_XSAVE_MXCSR)
		bytes_put_le32(buf, X86_MXCSR_INIT);
}

bool x86_xsave_get(const struct x86_layout *layout, const uint8_t *area, enum x86_xsave_reg reg,
                   unsigned index, uint8_t *buf)
{
	uint32_t at = 0;
	const struct place *p = find_place(layout, reg, index, &at);

	if (p == NULL)
		return false;
	if (!present(area, reg, p))
		get_initial(reg, buf);
	else if (reg == X86_XSAVE_FTAG)
		bytes_put_le32(buf, x86_xsave_full_tag(area));
	else if (is_word(reg))
		bytes_put_le32(buf, (uint32_t)bytes_get_le(area + at, p->stored));
	else
		memcpy(buf, area + at, p->stored);
	return true;
}

bool x86_xsave_plain(const struct x86_layout *layout, enum x86_xsave_reg reg, unsigned index,
                     unsigned *ret_component, uint32_t *ret_offset)
{
	const struct place *p = find_place(layout, reg, index, ret_offset);

	if (p == NULL || is_word(reg) || reg == X86_XSAVE_MXCSR)
		return false;
	*ret_component = p->component;
	return true;
}

static bool value_fits(const uint8_t *area, enum x86_xsave_reg reg, const struct place *p, uint32_t value)
{
	uint32_t mask = bytes_get_le32(area + MXCSR_MASK);

	if (reg == X86_XSAVE_MXCSR)
		return !(value & ~(mask ? mask : MXCSR_MASK_DEFAULT));
	if (!is_word(reg) || p->stored == 4)
		return true;
	return !(value & ~(p->valid ? (uint32_t)p->valid : 0xffffu));
}

/* Gives an initial component its bytes and its bit, so that one register of it can be written. */
static void make_present(const struct x86_layout *layout, uint8_t *area, unsigned component)
{
	uint64_t bv = bytes_get_le64(area + X86_XSAVE_BV);

	if (bv >> component & 1)
		return;
	if (component == X86_XSAVE_X87) {
		memset(area, 0, MXCSR);
		memset(area + ST, 0, XMM - ST);
		bytes_put_le16(area + FCW, X86_FCW_INIT);
	} else {
		memset(area + layout->xsave[component].offset, 0, layout->xsave[component].size);
	}
	if ((component == X86_XSAVE_SSE || component == X86_XSAVE_AVX) && !mxcsr_present(area))
		bytes_put_le32(area + MXCSR, X86_MXCSR_INIT);
	bytes_put_le64(area + X86_XSAVE_BV, bv | 1ull << component);
}

int x86_xsave_set(const struct x86_layout *layout, uint8_t *area, enum x86_xsave_reg reg, unsigned index,
                  const uint8_t *buf)
{
	uint32_t at = 0, value = bytes_get_le32(buf);
	const struct place *p = find_place(layout, reg, index, &at);

	if (p == NULL)
		return -ENOENT;
	if (!value_fits(area, reg, p, value))
		return -EINVAL;
	make_present(layout, area, p->component);
	if (reg == X86_XSAVE_FTAG)
		area[at] = x86_xsave_abridged_tag((uint16_t)value);
	else
		memcpy(area + at, buf, p->stored);
	return 0;
}

void x86_xsave_reset(uint8_t *area)
{
	memset(area, 0, X86_XSAVE_SIZE);
	bytes_put_le16(area + FCW, X86_FCW_INIT);
	bytes_put_le32(area + MXCSR, X86_MXCSR_INIT);
	bytes_put_le64(area + X86_XSAVE_BV, 1u << X86_XSAVE_X87 | 1u << X86_XSAVE_SSE);
}
