/*
 * x86_paging_walk() against a second walk that was written from the manual's tables alone (SDM 3A 4.3 to
 * 4.5), bit by bit and without regard to speed, over page tables made of the input.
 */
#include "fuzz_paging.h"
#include "base/bytes.h"
#include "x86/paging.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

unsigned fuzz_paging_seen[5][5];

#define RAM_PAGES 8

/* ---- memory made of the input ---- */

struct input { const uint8_t *data; size_t size; };

/*
 * The 8 bytes at a multiple of 8 in RAM: mostly present entries that point into RAM or just behind it,
 * now and then with bits that some mode reserves.
 */
static uint64_t word_at(const struct input *in, uint64_t gpa)
{
	size_t i = (size_t)(gpa / 8 * 3) % in->size;
	uint8_t flags = in->data[i], frame = in->data[(i + 1) % in->size],
		extra = in->data[(i + 2) % in->size];
	uint64_t low = flags & 0xe7, page = frame % (RAM_PAGES + 1);
	uint64_t e;

	if (flags & 8)
		low |= 1;
	e = low | page << 12;
	if (extra < 64)
		e |= 1ull << extra;
	else if (extra < 96)
		e = low | (uint64_t)(frame & 3) << 30 | (uint64_t)(frame >> 2 & 1) << 21;
	else if (extra < 112)
		e |= 1ull << 63;
	else if (extra < 160)
		e = 1 | page << 12; /* as plain as a PAE level 3 entry must be */
	return extra & 1 ? e | e << 32 : e; /* 4-byte tables use both halves */
}

static int read_ram(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	uint64_t word;

	if (gpa >= RAM_PAGES * 4096ull || gpa + len > RAM_PAGES * 4096ull)
		return -EFAULT;
	word = word_at(ctx, gpa & ~7ull);
	bytes_put_le(buf, gpa & 4 ? word >> 32 : word, (unsigned)len);
	return 0;
}

/* ---- the second walk ---- */

struct level { unsigned number, low, high; };  /* bits of the address that index this level */

static const struct level levels_long[] = {
	{ 5, 48, 56 }, { 4, 39, 47 }, { 3, 30, 38 }, { 2, 21, 29 }, { 1, 12, 20 }
};
static const struct level levels_pae[] = { { 3, 30, 31 }, { 2, 21, 29 }, { 1, 12, 20 } };
static const struct level levels_32[] = { { 2, 22, 31 }, { 1, 12, 21 } };

static const struct level *levels_of(enum x86_paging_mode mode, unsigned *ret_count)
{
	switch (mode) {
	case X86_PAGING_32: *ret_count = 2; return levels_32;
	case X86_PAGING_PAE: *ret_count = 3; return levels_pae;
	case X86_PAGING_4LEVEL: *ret_count = 4; return levels_long + 1;
	default: *ret_count = 5; return levels_long;
	}
}

static bool bit(uint64_t v, unsigned n)
{
	return v >> n & 1;
}

static uint64_t cut(uint64_t v, unsigned low, unsigned high)
{
	uint64_t r = 0;

	for (unsigned n = low; n <= high; n++)
		r |= (uint64_t)bit(v, n) << (n - low);
	return r;
}

static bool maps_page(const struct x86_paging *pg, unsigned level, uint64_t entry)
{
	if (level == 1)
		return true;
	if (!bit(entry, 7))
		return false;
	switch (pg->mode) {
	case X86_PAGING_32: return pg->pse;
	case X86_PAGING_PAE: return level == 2;
	default: return level == 2 || (level == 3 && !pg->no_1g);
	}
}

/* One bit of a present entry, by the rows of tables 4-4 to 4-6, 4-8 to 4-11 and 4-14 to 4-20. */
static bool is_reserved(const struct x86_paging *pg, const struct level *l, bool page, unsigned n)
{
	bool pae = pg->mode == X86_PAGING_PAE;

	if (pg->mode == X86_PAGING_32) {
		if (l->number != 2 || !page)
			return false;
		/* bits 13-20 are address bits 32-39; what the CPU does not have of them, and bit 21 */
		return n == 21 || (n >= 13 && n <= 20 && n + 19 >= pg->phys_bits);
	}
	if (n >= 12 && n < 52 && n >= pg->phys_bits)
		return true;
	if (pae && l->number == 3)
		return n == 1 || n == 2 || (n >= 5 && n <= 8) || n >= 52;
	if (n == 63)
		return !pg->nx;
	if (pae && n >= 52)
		return true;
	if (n == 7)
		return l->number >= 4 || (l->number == 3 && !page);
	return page && l->number > 1 && n >= 13 && n < l->low;
}

static bool has_reserved(const struct x86_paging *pg, const struct level *l, bool page, uint64_t entry)
{
	for (unsigned n = 0; n < 64; n++)
		if (bit(entry, n) && is_reserved(pg, l, page, n))
			return true;
	return false;
}

static uint64_t frame_of(const struct x86_paging *pg, const struct level *l, uint64_t entry)
{
	if (pg->mode == X86_PAGING_32 && l->number == 2)
		return cut(entry, 22, 31) << 22 | cut(entry, 13, 20) << 32;
	if (pg->mode == X86_PAGING_32)
		return cut(entry, 12, 31) << 12;
	return cut(entry, l->low, 51) << l->low;
}

static uint64_t root_of(const struct x86_paging *pg)
{
	if (pg->mode == X86_PAGING_32)
		return cut(pg->cr3, 12, 31) << 12;
	if (pg->mode == X86_PAGING_PAE)
		return cut(pg->cr3, 5, 31) << 5;
	return cut(pg->cr3, 12, 51) << 12;
}

static bool in_reach(const struct x86_paging *pg, uint64_t gva)
{
	unsigned top = pg->mode == X86_PAGING_5LEVEL ? 56 : pg->mode == X86_PAGING_4LEVEL ? 47 : 0;

	if (top == 0)
		return gva <= UINT32_MAX;
	for (unsigned n = top; n < 64; n++)
		if (bit(gva, n) != bit(gva, 63))
			return false;
	return true;
}

static void slow_walk(const struct x86_paging *pg, uint64_t gva, struct input *in, struct x86_walk *w)
{
	unsigned count, width = pg->mode == X86_PAGING_32 ? 4 : 8;
	const struct level *l = levels_of(pg->mode, &count);
	uint64_t table = root_of(pg);

	*w = (struct x86_walk){ .result = X86_WALK_NOT_CANONICAL, .writable = true, .user = true,
	                        .executable = true };
	if (!in_reach(pg, gva))
		return;
	w->result = X86_WALK_OK;
	w->gpa = gva;
	for (unsigned i = 0; pg->mode != X86_PAGING_NONE && i < count; i++, l++) {
		uint64_t at = table + cut(gva, l->low, l->high) * width, entry = 0;
		bool page;

		w->page_size = 1ull << l->low;
		w->result = X86_WALK_TABLE_OUTSIDE_RAM;
		if (read_ram(in, at, &entry, width) != 0)
			return;
		w->level[w->depth++] = (struct x86_walk_level){ (uint8_t)l->number, at, entry };
		w->result = X86_WALK_NOT_PRESENT;
		if (!bit(entry, 0))
			return;
		w->result = X86_WALK_RESERVED_BIT;
		page = maps_page(pg, l->number, entry);
		if (has_reserved(pg, l, page, entry))
			return;
		if (pg->mode != X86_PAGING_PAE || l->number != 3) {
			w->writable = w->writable && bit(entry, 1);
			w->user = w->user && bit(entry, 2);
			w->executable = w->executable && !bit(entry, 63);
		}
		w->result = X86_WALK_OK;
		w->gpa = frame_of(pg, l, entry) + cut(gva, 0, l->low - 1);
		if (page)
			return;
		table = pg->mode == X86_PAGING_32 ? cut(entry, 12, 31) << 12 : cut(entry, 12, 51) << 12;
	}
}

/* ---- comparison ---- */

static void show(const char *whose, const struct x86_walk *w)
{
	fprintf(stderr, "%s: %s, gpa %#llx size %#llx depth %u\n", whose, x86_walk_result_name(w->result),
	        (unsigned long long)w->gpa, (unsigned long long)w->page_size, w->depth);
}

static bool same_level(const struct x86_walk_level *a, const struct x86_walk_level *b)
{
	return a->level == b->level && a->entry_gpa == b->entry_gpa && a->entry == b->entry;
}

static void differ(const struct x86_paging *pg, uint64_t gva, const struct x86_walk *fast,
                   const struct x86_walk *slow, const char *what)
{
	fprintf(stderr, "%s, address %#llx: %s differs\n", x86_paging_mode_name(pg->mode),
	        (unsigned long long)gva, what);
	show("walk", fast);
	show("by the tables", slow);
	abort();
}

static void compare(const struct x86_paging *pg, uint64_t gva, struct input *in)
{
	const struct x86_phys_reader reader = { read_ram, in };
	struct x86_walk fast, slow;
	bool ok;

	x86_paging_walk(pg, gva, &reader, &fast);
	slow_walk(pg, gva, in, &slow);
	ok = slow.result == X86_WALK_OK;
	if (fast.result != slow.result)
		differ(pg, gva, &fast, &slow, "result");
	if (fast.depth != slow.depth)
		differ(pg, gva, &fast, &slow, "depth");
	for (unsigned i = 0; i < fast.depth; i++)
		if (!same_level(&fast.level[i], &slow.level[i]))
			differ(pg, gva, &fast, &slow, "a level");
	if (slow.page_size != 0 && fast.page_size != slow.page_size)
		differ(pg, gva, &fast, &slow, "page size");
	if (ok && fast.gpa != slow.gpa)
		differ(pg, gva, &fast, &slow, "address");
	if (ok && (fast.writable != slow.writable || fast.user != slow.user ||
	           fast.executable != slow.executable))
		differ(pg, gva, &fast, &slow, "rights");
	fuzz_paging_seen[pg->mode][fast.result]++;
}

#define HEAD 12 /* mode and switches, width, cr3 (2), address (8) */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	struct x86_paging pg;
	uint64_t gva;

	if (size < HEAD + 3)
		return 0;
	in = (struct input){ data + HEAD, size - HEAD };
	pg.mode = (enum x86_paging_mode)(data[0] % 5);
	pg.pse = data[0] & 0x20;
	pg.nx = data[0] & 0x40;
	pg.no_1g = data[0] & 0x80;
	pg.phys_bits = (uint8_t)(32 + data[1] % 21);
	pg.cr3 = bytes_get_le16(data + 2) % (RAM_PAGES * 4096u + 64) | (uint64_t)(data[1] >> 7) << 63;
	gva = bytes_get_le64(data + 4);
	compare(&pg, gva, &in);
	/* The same bits as an address that the mode can have. */
	if (pg.mode == X86_PAGING_4LEVEL || pg.mode == X86_PAGING_5LEVEL)
		gva = (uint64_t)((int64_t)(gva << 16) >> 16);
	else
		gva = (uint32_t)gva;
	compare(&pg, gva, &in);
	return 0;
}
