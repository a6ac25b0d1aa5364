#include "x86/paging.h"
#include "x86/cpumode.h"
#include <endian.h>

#define ENTRY_P 0x1ull
#define ENTRY_RW 0x2ull
#define ENTRY_US 0x4ull
#define ENTRY_PS 0x80ull
#define ENTRY_NX (1ull << 63)
#define ENTRY_ADDR 0x000ffffffffff000ull

static uint64_t bits(unsigned low, unsigned high) /* inclusive; none when low > high */
{
	return low > high ? 0 : (~0ull >> (63 - high)) & (~0ull << low);
}

void x86_paging_from_state(const struct x86_state *st, const struct x86_layout *layout,
                           struct x86_paging *ret)
{
	if (!(st->cr0 & X86_CR0_PG))
		ret->mode = X86_PAGING_NONE;
	else if (st->efer & X86_EFER_LMA)
		ret->mode = st->cr4 & X86_CR4_LA57 ? X86_PAGING_5LEVEL : X86_PAGING_4LEVEL;
	else
		ret->mode = st->cr4 & X86_CR4_PAE ? X86_PAGING_PAE : X86_PAGING_32;
	ret->cr3 = st->cr3;
	ret->pse = st->cr4 & X86_CR4_PSE;
	ret->nx = st->efer & X86_EFER_NX;
	ret->no_1g = !layout->has_1g;
	ret->phys_bits = layout->phys_bits;
}

static void walk_begin(struct x86_walk *w)
{
	w->result = X86_WALK_OK;
	w->gpa = 0;
	w->page_size = 4096;
	w->writable = w->user = w->executable = true;
	w->depth = 0;
}

static bool walk_end(struct x86_walk *w, enum x86_walk_result result, uint64_t covered)
{
	w->result = result;
	w->page_size = covered;
	return false;
}

/* Reads the entry of `size` bytes at gpa into the next row. False ends the walk. */
static bool read_entry(struct x86_walk *w, const struct x86_phys_reader *mem, unsigned level, uint64_t gpa,
                       unsigned size, uint64_t covered)
{
	uint64_t raw = 0; /* 4 bytes leave the upper half 0 in memory order */
	struct x86_walk_level *row = &w->level[w->depth];

	if (mem->read(mem->ctx, gpa, &raw, size) != 0)
		return walk_end(w, X86_WALK_TABLE_OUTSIDE_RAM, covered);
	row->level = (uint8_t)level;
	row->entry_gpa = gpa;
	row->entry = le64toh(raw);
	w->depth++;
	if (!(row->entry & ENTRY_P))
		return walk_end(w, X86_WALK_NOT_PRESENT, covered);
	return true;
}

static void walk_leaf(struct x86_walk *w, uint64_t frame, uint64_t size, uint64_t gva)
{
	w->page_size = size;
	w->gpa = frame | (gva & (size - 1));
}

/* Bits that must be 0 in a present 8-byte entry (SDM 3A tables 4-8 to 4-20), at every level ... */
static uint64_t reserved_everywhere(const struct x86_paging *pg)
{
	return bits(pg->phys_bits, 51) | (pg->nx ? 0 : ENTRY_NX) |
	       (pg->mode == X86_PAGING_PAE ? bits(52, 62) : 0);
}

/* ... and at this one. size: what the entry covers. */
static uint64_t reserved_at(const struct x86_paging *pg, unsigned level, bool leaf, uint64_t size)
{
	if (pg->mode == X86_PAGING_PAE && level == 3)
		return ENTRY_NX | 0x1e6; /* R/W, U/S and bits 5-8 */
	if (level >= 4 || (level == 3 && pg->no_1g))
		return ENTRY_PS;
	return leaf && level > 1 ? (size - 1) & ~0x1fffull : 0;
}

/*
 * PAE, 4- and 5-level: 9 bits of the address per level from bit 12 up (only 2 at a PAE level 3).
 *   56..48 level 5 | 47..39 level 4 | 38..30 level 3 | 29..21 level 2 | 20..12 level 1 | 11..0 offset
 */
static void walk_long(const struct x86_paging *pg, uint64_t gva, const struct x86_phys_reader *mem,
                      struct x86_walk *w)
{
	bool pae = pg->mode == X86_PAGING_PAE;
	unsigned top = pae ? 3 : pg->mode == X86_PAGING_5LEVEL ? 5 : 4;
	uint64_t table = pg->cr3 & (pae ? 0xffffffe0ull : ENTRY_ADDR), reserved = reserved_everywhere(pg);

	for (unsigned level = top; level >= 1; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t entry, slot = gva >> shift & 511, size = 1ull << shift;
		bool leaf;

		if (!read_entry(w, mem, level, table + slot * 8, 8, size))
			return;
		entry = w->level[w->depth - 1].entry;
		leaf = level == 1 || (level <= 3 && (entry & ENTRY_PS) && !(pae && level == 3));
		if (entry & (reserved | reserved_at(pg, level, leaf, size))) {
			walk_end(w, X86_WALK_RESERVED_BIT, size);
			return;
		}
		if (!(pae && level == 3)) {
			w->writable &= !!(entry & ENTRY_RW);
			w->user &= !!(entry & ENTRY_US);
			w->executable &= !(entry & ENTRY_NX);
		}
		table = entry & ENTRY_ADDR;
		if (leaf) {
			walk_leaf(w, table & ~(size - 1), size, gva);
			return;
		}
	}
}

/* A 4 MiB entry: bits 31..22 of the frame in place, 39..32 in bits 20..13 (PSE-36, SDM 3A table 4-4). */
static void walk_4m(const struct x86_paging *pg, uint64_t gva, uint64_t entry, struct x86_walk *w)
{
	unsigned width = pg->phys_bits < 40 ? pg->phys_bits : 40;

	if (entry & bits(width < 32 ? 13 : width - 19, 21))
		walk_end(w, X86_WALK_RESERVED_BIT, 1ull << 22);
	else
		walk_leaf(w, (entry & bits(22, 31)) | (entry >> 13 & 0xff) << 32, 1ull << 22, gva);
}

static void walk_32(const struct x86_paging *pg, uint64_t gva, const struct x86_phys_reader *mem,
                    struct x86_walk *w)
{
	uint64_t table = pg->cr3 & 0xfffff000ull;

	for (unsigned level = 2; level >= 1; level--) {
		unsigned shift = 12 + 10 * (level - 1);
		uint64_t entry;

		if (!read_entry(w, mem, level, table + (gva >> shift & 1023) * 4, 4, 1ull << shift))
			return;
		entry = w->level[w->depth - 1].entry;
		w->writable &= !!(entry & ENTRY_RW);
		w->user &= !!(entry & ENTRY_US);
		if (level == 2 && pg->pse && (entry & ENTRY_PS)) {
			walk_4m(pg, gva, entry, w);
			return;
		}
		table = entry & 0xfffff000ull;
	}
	walk_leaf(w, table, 4096, gva);
}

void x86_paging_walk(const struct x86_paging *pg, uint64_t gva, const struct x86_phys_reader *mem,
                     struct x86_walk *ret)
{
	bool wide = pg->mode == X86_PAGING_4LEVEL || pg->mode == X86_PAGING_5LEVEL;
	unsigned width = pg->mode == X86_PAGING_5LEVEL ? 57 : 48;

	walk_begin(ret);
	if (wide ? !x86_is_canonical(gva, width) : gva >> 32 != 0)
		walk_end(ret, X86_WALK_NOT_CANONICAL, 1ull << (wide ? width - 1 : 32));
	else if (pg->mode == X86_PAGING_NONE)
		ret->gpa = gva;
	else if (pg->mode == X86_PAGING_32)
		walk_32(pg, gva, mem, ret);
	else
		walk_long(pg, gva, mem, ret);
}

const char *x86_paging_mode_name(enum x86_paging_mode mode)
{
	static const char *const names[] = {
		[X86_PAGING_NONE] = "no paging", [X86_PAGING_32] = "32-bit", [X86_PAGING_PAE] = "PAE",
		[X86_PAGING_4LEVEL] = "4-level", [X86_PAGING_5LEVEL] = "5-level",
	};

	return (unsigned)mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

const char *x86_walk_result_name(enum x86_walk_result result)
{
	static const char *const names[] = {
		[X86_WALK_OK] = "mapped", [X86_WALK_NOT_PRESENT] = "page not present",
		[X86_WALK_NOT_CANONICAL] = "address not canonical",
		[X86_WALK_RESERVED_BIT] = "reserved bit set in page table",
		[X86_WALK_TABLE_OUTSIDE_RAM] = "page table outside RAM",
	};

	return (unsigned)result < sizeof(names) / sizeof(names[0]) ? names[result] : "unknown";
}
