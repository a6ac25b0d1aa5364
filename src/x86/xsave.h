/*
 * Registers inside an XSAVE area in standard format (SDM 1 13.4), as struct x86_state holds it.
 * A component whose XSTATE_BV bit is 0 reads as its initial state, whatever its bytes are. Pure.
 */
#ifndef X86_XSAVE_H
#define X86_XSAVE_H

#include "x86/state.h"

/* State components by number (SDM 1 13.1). */
enum {
	X86_XSAVE_X87 = 0, X86_XSAVE_SSE = 1, X86_XSAVE_AVX = 2, X86_XSAVE_OPMASK = 5,
	X86_XSAVE_ZMM_HI = 6, X86_XSAVE_ZMM16 = 7, X86_XSAVE_PKRU = 9
};

#define X86_XSAVE_BV 512        /* offset of XSTATE_BV */
#define X86_XSAVE_EXTENDED 576  /* first byte behind legacy region and header */

#define X86_MXCSR_INIT 0x1f80u
#define X86_FCW_INIT 0x37fu

/*
 * Registers as GDB cuts them. ftag is the full 16-bit word; fiseg and foseg are bits 32-47 of the
 * instruction and data pointers, fioff and fooff their low halves (gdbserver's reading of FXSAVE64).
 */
enum x86_xsave_reg {
	X86_XSAVE_ST,      /* st(0)-st(7), 10 bytes */
	X86_XSAVE_FCTRL, X86_XSAVE_FSTAT, X86_XSAVE_FTAG, X86_XSAVE_FISEG, X86_XSAVE_FIOFF,
	X86_XSAVE_FOSEG, X86_XSAVE_FOOFF, X86_XSAVE_FOP,  /* 4 bytes each */
	X86_XSAVE_XMM,     /* 0-31, 16 bytes */
	X86_XSAVE_MXCSR,   /* 4 bytes */
	X86_XSAVE_YMMH,    /* 0-31, bits 128-255, 16 bytes */
	X86_XSAVE_K,       /* 0-7, 8 bytes */
	X86_XSAVE_ZMMH,    /* 0-31, bits 256-511, 32 bytes */
	X86_XSAVE_PKRU_REG, /* 4 bytes */
	X86_XSAVE_REG_COUNT
};

/* x87 and SSE in their initial state, present; every other component initial by XSTATE_BV. */
void x86_xsave_reset(uint8_t *area);

/* Bytes of one register of this kind. */
unsigned x86_xsave_reg_size(enum x86_xsave_reg reg);

/* Little-endian value into buf. False when the layout lacks the component or index is out of range. */
bool x86_xsave_get(const struct x86_layout *layout, const uint8_t *area,
                   enum x86_xsave_reg reg, unsigned index, uint8_t *buf);

/* False: the component is in its initial state, whatever the area's bytes are. */
bool x86_xsave_present(const uint8_t *area, unsigned component);

/*
 * True for a register whose value is bytes of the area as they stand, from *ret_offset on, when
 * *ret_component is present, and all zeros when not.
 */
bool x86_xsave_plain(const struct x86_layout *layout, enum x86_xsave_reg reg, unsigned index,
                     unsigned *ret_component, uint32_t *ret_offset);

/*
 * Writes x86_xsave_reg_size(reg) bytes. A component that was initial is filled with its initial values
 * first and its bit set. -EINVAL, area unchanged: bits that the register does not have (x87 words wider
 * than their field, mxcsr bits outside MXCSR_MASK). -ENOENT: no such register in this layout.
 */
int x86_xsave_set(const struct x86_layout *layout, uint8_t *area, enum x86_xsave_reg reg,
                  unsigned index, const uint8_t *buf);

/* The tag word of FSAVE from fsw, the abridged tags and the registers; and back (SDM 1 8.1.7, 10.5.1). */
uint16_t x86_xsave_full_tag(const uint8_t *area);
uint8_t x86_xsave_abridged_tag(uint16_t full);

#endif
