/* DR0-3, DR6, DR7 (SDM 3B 17.2): allocation of ranges to slots, packing, reading DR6. Pure. */
#ifndef X86_DEBUGREG_H
#define X86_DEBUGREG_H

#include <stdbool.h>
#include <stdint.h>

#define X86_DR_SLOTS 4
#define X86_DR6_FIXED 0xffff0ff0ull
#define X86_DR6_BD (1ull << 13)
#define X86_DR6_BS (1ull << 14)
#define X86_DR6_BT (1ull << 15)
#define X86_DR7_BASE 0x400ull
#define X86_DR7_LE (1ull << 8)
#define X86_DR7_GD (1ull << 13)

enum x86_dr_type { X86_DR_EXEC = 0, X86_DR_WRITE = 1, X86_DR_IO = 2, X86_DR_ACCESS = 3 };

struct x86_dr { bool used; enum x86_dr_type type; uint8_t len; uint64_t addr; }; /* len 1 2 4 8 */

/*
 * Splits [addr, addr+len) into naturally aligned pieces of 1, 2, 4 or 8 bytes, fewest first, at most max.
 * Returns how many pieces are needed (even when that is more than max; then pieces[] holds the first
 * max), 0 for len 0, -EINVAL when the range wraps. The pieces are used; their type is the caller's to set.
 */
int x86_dr_split(uint64_t addr, uint64_t len, struct x86_dr *pieces, unsigned max);

/* DR7 for four slots: local enables, LE, bit 10. */
uint64_t x86_dr7_pack(const struct x86_dr slot[X86_DR_SLOTS]);

/* The slots that a guest's dr7 and dr0-3 describe. */
void x86_dr7_unpack(uint64_t dr7, const uint64_t dr[X86_DR_SLOTS], struct x86_dr slot[X86_DR_SLOTS]);

/* Bits 0-3 of dr6 that belong to used slots: hardware may set the others too (SDM 3B 17.2.3). */
unsigned x86_dr6_hits(uint64_t dr6, const struct x86_dr slot[X86_DR_SLOTS]);

#endif
