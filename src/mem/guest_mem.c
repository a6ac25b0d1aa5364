#include "mem/guest_mem.h"
#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static uint64_t region_end(const struct guest_mem_region *r)
{
	return r->gpa + r->size;
}

void guest_mem_init(struct guest_mem *gm)
{
	memset(gm, 0, sizeof(*gm));
}

void guest_mem_fini(struct guest_mem *gm)
{
	if (!gm)
		return;
	for (unsigned i = 0; i < gm->count; i++)
		munmap(gm->region[i].host, gm->region[i].size);
	gm->count = 0;
	guest_mem_untrack(gm);
}

/*
 * Pages are committed by the guest's own touches, 4 KiB at a time: a huge page would commit 2 MiB for one
 * byte. Guest memory is kept out of host core files (an ELF core of the guest is written by itself).
 */
static uint8_t *map_pages(uint64_t size)
{
	uint8_t *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	/* Advice only: kernels without these options still give correct memory. */
	madvise(p, size, MADV_DONTDUMP);
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

/* Where a region goes in the sorted table; -EEXIST when it would overlap a neighbour. */
static int find_slot(const struct guest_mem *gm, uint64_t gpa, uint64_t end)
{
	unsigned i = 0;

	while (i < gm->count && gm->region[i].gpa < gpa)
		i++;
	if (i > 0 && region_end(&gm->region[i - 1]) > gpa)
		return -EEXIST;
	if (i < gm->count && gm->region[i].gpa < end)
		return -EEXIST;
	return (int)i;
}

static void number_pages(struct guest_mem *gm)
{
	uint64_t bit = 0;

	for (unsigned i = 0; i < gm->count; i++) {
		gm->region[i].bit = bit;
		bit += bytes_align_up(gm->region[i].size / PAGE, 64);
	}
}

int guest_mem_add(struct guest_mem *gm, uint64_t gpa, uint64_t size, struct error *err)
{
	uint64_t end;
	uint8_t *host;
	int slot;

	if (size == 0 || gpa % PAGE || size % PAGE || bytes_add_overflows(gpa, size, &end))
		return error_set(err, EINVAL,
				 "memory of 0x%llx bytes at 0x%llx: both must be multiples of 4096",
				 (unsigned long long)size, (unsigned long long)gpa);
	slot = find_slot(gm, gpa, end);
	if (slot < 0)
		return error_set(err, -slot, "memory at 0x%llx overlaps memory that is already there",
		                 (unsigned long long)gpa);
	if (gm->count == GUEST_MEM_MAX_REGIONS)
		return error_set(err, ENOSPC, "more than %d memory regions", GUEST_MEM_MAX_REGIONS);
	host = map_pages(size);
	if (!host)
		return error_set(err, ENOMEM, "the host cannot map %llu MiB of guest memory: ask for less",
		                 (unsigned long long)(size >> 20));
	memmove(&gm->region[slot + 1], &gm->region[slot],
		(gm->count - (unsigned)slot) * sizeof(gm->region[0]));
	gm->region[slot] = (struct guest_mem_region){.gpa = gpa, .size = size, .host = host};
	gm->count++;
	number_pages(gm);
	return 0;
}

uint64_t guest_mem_size(const struct guest_mem *gm)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < gm->count; i++)
		sum += gm->region[i].size;
	return sum;
}

uint64_t guest_mem_end(const struct guest_mem *gm)
{
	return gm->count ? region_end(&gm->region[gm->count - 1]) : 0;
}

/* Host address of gpa and how many bytes of RAM follow it in the same region; NULL when gpa is not RAM. */
static uint8_t *find_host(const struct guest_mem *gm, uint64_t gpa, uint64_t *ret_room)
{
	for (unsigned i = 0; i < gm->count; i++) {
		const struct guest_mem_region *r = &gm->region[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size) {
			*ret_room = r->size - (gpa - r->gpa);
			return r->host + (gpa - r->gpa);
		}
	}
	return NULL;
}

bool guest_mem_contains(const struct guest_mem *gm, uint64_t gpa, uint64_t len)
{
	uint64_t room;

	while (len > 0) {
		if (!find_host(gm, gpa, &room))
			return false;
		if (room >= len)
			return true;
		gpa += room;
		len -= room;
	}
	return true;
}

/* The piece of [gpa, gpa+len) that lies in one region. Only for ranges that guest_mem_contains() took. */
static uint8_t *next_piece(const struct guest_mem *gm, uint64_t gpa, size_t len, size_t *ret_piece)
{
	uint64_t room = 0;
	uint8_t *host = find_host(gm, gpa, &room);

	*ret_piece = room < len ? (size_t)room : len;
	return host;
}

/*
 * Guests run beside us, and a processor's aligned loads and stores are never seen by halves (SDM 3A,
 * "Guaranteed Atomic Operations"): ours, which may stand for one of a guest's, are not either.
 */
static bool is_whole(const void *host, size_t len)
{
	return (len == 1 || len == 2 || len == 4 || len == 8) && (uintptr_t)host % len == 0;
}

static void load(void *dst, const void *host, size_t len)
{
	uint64_t value;

	if (!is_whole(host, len)) {
		memcpy(dst, host, len);
		return;
	}
	if (len == 1)
		value = __atomic_load_n((const uint8_t *)host, __ATOMIC_RELAXED);
	else if (len == 2)
		value = __atomic_load_n((const uint16_t *)host, __ATOMIC_RELAXED);
	else if (len == 4)
		value = __atomic_load_n((const uint32_t *)host, __ATOMIC_RELAXED);
	else
		value = __atomic_load_n((const uint64_t *)host, __ATOMIC_RELAXED);
	memcpy(dst, &value, len); /* little-endian: the low bytes come first */
}

static void store(void *host, const void *src, size_t len)
{
	uint64_t value = 0;

	if (!is_whole(host, len)) {
		memcpy(host, src, len);
		return;
	}
	memcpy(&value, src, len);
	if (len == 1)
		__atomic_store_n((uint8_t *)host, (uint8_t)value, __ATOMIC_RELAXED);
	else if (len == 2)
		__atomic_store_n((uint16_t *)host, (uint16_t)value, __ATOMIC_RELAXED);
	else if (len == 4)
		__atomic_store_n((uint32_t *)host, (uint32_t)value, __ATOMIC_RELAXED);
	else
		__atomic_store_n((uint64_t *)host, value, __ATOMIC_RELAXED);
}

int guest_mem_read(const struct guest_mem *gm, uint64_t gpa, void *buf, size_t len)
{
	uint8_t *dst = buf;
	size_t piece;

	if (!guest_mem_contains(gm, gpa, len))
		return -EFAULT;
	for (; len > 0; gpa += piece, dst += piece, len -= piece) {
		const uint8_t *host = next_piece(gm, gpa, len, &piece);

		if (host == NULL)
			return -EFAULT;
		load(dst, host, piece);
	}
	return 0;
}

int guest_mem_write(struct guest_mem *gm, uint64_t gpa, const void *buf, size_t len)
{
	const uint8_t *src = buf;
	size_t piece;

	if (!guest_mem_contains(gm, gpa, len))
		return -EFAULT;
	for (; len > 0; gpa += piece, src += piece, len -= piece) {
		uint8_t *host = next_piece(gm, gpa, len, &piece);

		if (host == NULL)
			return -EFAULT;
		store(host, src, piece);
		guest_mem_mark(gm, gpa, piece);
	}
	return 0;
}

int guest_mem_fill(struct guest_mem *gm, uint64_t gpa, uint8_t byte, size_t len)
{
	size_t piece;

	if (!guest_mem_contains(gm, gpa, len))
		return -EFAULT;
	for (; len > 0; gpa += piece, len -= piece) {
		uint8_t *host = next_piece(gm, gpa, len, &piece);

		memset(host, byte, piece);
		guest_mem_mark(gm, gpa, piece);
	}
	return 0;
}

void *guest_mem_window(const struct guest_mem *gm, uint64_t gpa, uint64_t len)
{
	uint64_t room;
	uint8_t *host = find_host(gm, gpa, &room);

	return host && len <= room ? host : NULL;
}

void guest_mem_clear(struct guest_mem *gm)
{
	for (unsigned i = 0; i < gm->count; i++) {
		struct guest_mem_region *r = &gm->region[i];

		/* Private anonymous pages read zero after MADV_DONTNEED (madvise(2)); locked ones refuse it.
		 */
		if (madvise(r->host, r->size, MADV_DONTNEED) != 0)
			memset(r->host, 0, r->size);
	}
	if (!gm->written)
		return;
	memset(gm->written, 0, guest_mem_bits(gm) / 8);
	gm->cleared = true;
}

/* ---- bitmaps of pages ---- */

uint64_t guest_mem_bits(const struct guest_mem *gm)
{
	const struct guest_mem_region *last = &gm->region[gm->count ? gm->count - 1 : 0];

	return gm->count ? last->bit + bytes_align_up(last->size / PAGE, 64) : 0;
}

static const struct guest_mem_region *region_of_bit(const struct guest_mem *gm, uint64_t bit)
{
	for (unsigned i = 0; i < gm->count; i++)
		if (bit - gm->region[i].bit < gm->region[i].size / PAGE)
			return &gm->region[i];
	return NULL;
}

uint8_t *guest_mem_page(const struct guest_mem *gm, uint64_t bit)
{
	const struct guest_mem_region *r = region_of_bit(gm, bit);

	return r ? r->host + (bit - r->bit) * PAGE : NULL;
}

uint64_t guest_mem_page_address(const struct guest_mem *gm, uint64_t bit)
{
	const struct guest_mem_region *r = region_of_bit(gm, bit);

	return r ? r->gpa + (bit - r->bit) * PAGE : 0;
}

int guest_mem_track(struct guest_mem *gm)
{
	if (!gm->written)
		gm->written = calloc(guest_mem_bits(gm) / 64, sizeof(uint64_t));
	return gm->written ? 0 : -ENOMEM;
}

void guest_mem_untrack(struct guest_mem *gm)
{
	free(gm->written);
	gm->written = NULL;
	gm->cleared = false;
}

static void mark_bits(uint64_t *bits, uint64_t from, uint64_t to)
{
	for (uint64_t b = from; b <= to; b++)
		__atomic_fetch_or(&bits[b / 64], 1ull << b % 64, __ATOMIC_RELAXED);
}

void guest_mem_mark(struct guest_mem *gm, uint64_t gpa, uint64_t len)
{
	if (!gm->written || len == 0)
		return;
	for (unsigned i = 0; i < gm->count; i++) {
		const struct guest_mem_region *r = &gm->region[i];
		uint64_t from = gpa > r->gpa ? gpa - r->gpa : 0;
		uint64_t last = gpa + len - 1;

		if (last < r->gpa || from >= r->size)
			continue;
		last = last - r->gpa < r->size ? last - r->gpa : r->size - 1;
		mark_bits(gm->written, r->bit + from / PAGE, r->bit + last / PAGE);
	}
}

bool guest_mem_take_written(struct guest_mem *gm, uint64_t *bits)
{
	bool cleared = gm->cleared;

	for (uint64_t i = 0; gm->written && i < guest_mem_bits(gm) / 64; i++)
		bits[i] |= __atomic_exchange_n(&gm->written[i], 0, __ATOMIC_RELAXED);
	gm->cleared = false;
	return cleared;
}

/* ---- pages that were ever touched ---- */

#define PAGEMAP_BATCH 512
#define PAGEMAP_THERE (3ull << 62) /* Documentation/admin-guide/mm/pagemap.rst: present, or swapped out */

/* What the host's own page tables say of one region. False: they cannot be read. */
static bool ask_pagemap(int fd, const struct guest_mem_region *r, uint64_t *bits)
{
	uint64_t entry[PAGEMAP_BATCH], pages = r->size / PAGE;

	if (lseek(fd, (off_t)((uintptr_t)r->host / PAGE * 8), SEEK_SET) < 0)
		return false;
	for (uint64_t i = 0; i < pages; i += PAGEMAP_BATCH) {
		uint64_t n = pages - i < PAGEMAP_BATCH ? pages - i : PAGEMAP_BATCH;

		if (read(fd, entry, n * 8) != (ssize_t)(n * 8))
			return false;
		for (uint64_t k = 0; k < n; k++)
			if (entry[k] & PAGEMAP_THERE)
				bits[(r->bit + i + k) / 64] |= 1ull << (r->bit + i + k) % 64;
	}
	return true;
}

void guest_mem_touched(const struct guest_mem *gm, int pagemap, uint64_t *bits)
{
	for (unsigned i = 0; i < gm->count; i++) {
		const struct guest_mem_region *r = &gm->region[i];

		/* Without an answer every page may have been. */
		if (pagemap < 0 || !ask_pagemap(pagemap, r, bits))
			mark_bits(bits, r->bit, r->bit + r->size / PAGE - 1);
	}
}
