#include "mem/page_store.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE PAGE_STORE_PAGE
#define LEAF 512u          /* pages of one leaf: its dirty bits are whole words */
#define CHUNK 256u         /* pages that are got from the host at a time */

/* Pages are named by number: 0 is the page of zeros, n is page (n - 1) % CHUNK of chunk (n - 1) / CHUNK. */
struct leaf { uint32_t page[LEAF]; };

struct page_image {
	unsigned holders;
	uint64_t pages;           /* that are not zeros */
	struct leaf *leaf[];      /* NULL: zeros */
};

struct chunk {
	uint8_t *bytes;
	uint32_t holders[CHUNK];  /* images that hold the page */
};

struct page_store {
	struct guest_mem *mem;
	uint64_t max_pages, used;
	uint64_t leaves;
	struct chunk **chunk;
	uint32_t chunks, chunk_room;
	uint32_t *free;           /* numbers of pages that nobody holds; room for all there are */
	uint32_t free_count;
	struct page_image *zeros; /* what a NULL image means */
};

int page_store_new(struct guest_mem *mem, uint64_t max_pages, struct page_store **ret, struct error *err)
{
	struct page_store *s = calloc(1, sizeof(*s));
	uint64_t leaves = bytes_align_up(guest_mem_bits(mem), LEAF) / LEAF;

	if (s)
		s->zeros = calloc(1, sizeof(*s->zeros) + leaves * sizeof(s->zeros->leaf[0]));
	if (!s || !s->zeros) {
		free(s);
		return error_set(err, ENOMEM, "no memory for snapshots");
	}
	s->mem = mem;
	s->max_pages = max_pages < UINT32_MAX - CHUNK ? max_pages : UINT32_MAX - CHUNK;
	s->leaves = leaves;
	*ret = s;
	return 0;
}

static void free_chunks(struct page_store *s)
{
	for (uint32_t i = 0; i < s->chunks; i++) {
		munmap(s->chunk[i]->bytes, CHUNK * PAGE);
		free(s->chunk[i]);
	}
	s->chunks = s->free_count = 0;
}

void page_store_free(struct page_store *s)
{
	if (!s)
		return;
	free_chunks(s);
	free(s->chunk);
	free(s->free);
	free(s->zeros);
	free(s);
}

/* ---- pages ---- */

static struct chunk *chunk_of(const struct page_store *s, uint32_t page)
{
	return s->chunk[(page - 1) / CHUNK];
}

static uint8_t *bytes_of(const struct page_store *s, uint32_t page)
{
	return chunk_of(s, page)->bytes + (size_t)((page - 1) % CHUNK) * PAGE;
}

static uint32_t *holders_of(const struct page_store *s, uint32_t page)
{
	return &chunk_of(s, page)->holders[(page - 1) % CHUNK];
}

/* Tables for one chunk more. */
static int grow_tables(struct page_store *s)
{
	uint32_t room = s->chunk_room ? 2 * s->chunk_room : 16;
	struct chunk **chunk;
	uint32_t *numbers;

	if (s->chunks < s->chunk_room)
		return 0;
	chunk = realloc(s->chunk, room * sizeof(struct chunk *));
	if (!chunk)
		return -ENOMEM;
	s->chunk = chunk;
	numbers = realloc(s->free, (size_t)room * CHUNK * sizeof(uint32_t));
	if (!numbers)
		return -ENOMEM;
	s->free = numbers;
	s->chunk_room = room;
	return 0;
}

static int add_chunk(struct page_store *s)
{
	struct chunk *c;
	int rc = grow_tables(s);

	if (rc < 0)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->bytes = mmap(NULL, CHUNK * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c->bytes == MAP_FAILED) {
		free(c);
		return -ENOMEM;
	}
	/* A guest's memory stays out of the host's core files (guest_mem.c). */
	madvise(c->bytes, CHUNK * PAGE, MADV_DONTDUMP);
	s->chunk[s->chunks++] = c;
	for (uint32_t i = CHUNK; i > 0; i--)
		s->free[s->free_count++] = (s->chunks - 1) * CHUNK + i;
	return 0;
}

/* A page with one holder. */
static int new_page(struct page_store *s, const uint8_t *bytes, uint32_t *ret)
{
	int rc = 0;

	if (s->used >= s->max_pages)
		return -ENOSPC;
	if (s->free_count == 0)
		rc = add_chunk(s);
	if (rc < 0)
		return rc;
	*ret = s->free[--s->free_count];
	*holders_of(s, *ret) = 1;
	memcpy(bytes_of(s, *ret), bytes, PAGE);
	s->used++;
	return 0;
}

static void let_go(struct page_store *s, uint32_t page)
{
	if (page == 0 || --*holders_of(s, page) > 0)
		return;
	s->free[s->free_count++] = page;
	s->used--;
}

/* ---- images ---- */

static void free_image(struct page_store *s, struct page_image *image)
{
	for (uint64_t i = 0; i < s->leaves; i++) {
		if (!image->leaf[i])
			continue;
		for (unsigned k = 0; k < LEAF; k++)
			let_go(s, image->leaf[i]->page[k]);
		free(image->leaf[i]);
	}
	free(image);
	if (s->used == 0)
		free_chunks(s);
}

static struct page_image *copy_image(struct page_store *s, const struct page_image *base)
{
	struct page_image *image = calloc(1, sizeof(*image) + s->leaves * sizeof(image->leaf[0]));

	if (!image)
		return NULL;
	image->holders = 1;
	image->pages = base->pages;
	for (uint64_t i = 0; i < s->leaves; i++) {
		if (!base->leaf[i])
			continue;
		image->leaf[i] = malloc(sizeof(struct leaf));
		if (!image->leaf[i]) {
			free_image(s, image);
			return NULL;
		}
		*image->leaf[i] = *base->leaf[i];
		for (unsigned k = 0; k < LEAF; k++)
			if (image->leaf[i]->page[k])
				++*holders_of(s, image->leaf[i]->page[k]);
	}
	return image;
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

/* The page of that bit anew: shared with what stood there if it has not changed after all. */
static int capture_page(struct page_store *s, struct page_image *image, uint64_t bit)
{
	struct leaf *leaf = image->leaf[bit / LEAF];
	const uint8_t *bytes = guest_mem_page(s->mem, bit);
	uint32_t was = leaf ? leaf->page[bit % LEAF] : 0, page = 0;
	int rc;

	if (!bytes)
		return 0;
	if (was ? memcmp(bytes_of(s, was), bytes, PAGE) == 0 : is_zero(bytes))
		return 0;
	if (!leaf) {
		leaf = image->leaf[bit / LEAF] = calloc(1, sizeof(*leaf));
		if (!leaf)
			return -ENOMEM;
	}
	if (!was || !is_zero(bytes)) {
		rc = new_page(s, bytes, &page);
		if (rc < 0)
			return rc;
	}
	leaf->page[bit % LEAF] = page;
	image->pages += (uint64_t)(page != 0) - (uint64_t)(was != 0);
	let_go(s, was);
	return 0;
}

int page_store_capture(struct page_store *s, const struct page_image *base, const uint64_t *dirty,
                       struct page_image **ret, struct error *err)
{
	struct page_image *image = copy_image(s, base ? base : s->zeros);
	uint64_t words = guest_mem_bits(s->mem) / 64;
	int rc = image ? 0 : -ENOMEM;

	for (uint64_t i = 0; rc == 0 && i < words; i++)
		for (uint64_t left = dirty[i]; rc == 0 && left; left &= left - 1)
			rc = capture_page(s, image, 64 * i + (unsigned)__builtin_ctzll(left));
	if (rc < 0 && image)
		free_image(s, image);
	if (rc == -ENOSPC)
		return error_set(err, ENOSPC, "snapshots may keep %llu MiB together: delete one",
		                 (unsigned long long)(s->max_pages * PAGE >> 20));
	if (rc < 0)
		return error_set(err, -rc, "no memory for another snapshot");
	*ret = image;
	return 0;
}

/* Zeros over a page that was never touched would commit it. */
static void put_page(const struct page_store *s, uint64_t bit, uint32_t page)
{
	uint8_t *bytes = guest_mem_page(s->mem, bit);

	if (!bytes)
		return;
	if (page)
		memcpy(bytes, bytes_of(s, page), PAGE);
	else if (!is_zero(bytes))
		memset(bytes, 0, PAGE);
}

static uint64_t apply_leaf(struct page_store *s, const struct leaf *from, const struct leaf *to, uint64_t bit,
                           const uint64_t *dirty, uint64_t words)
{
	static const struct leaf none;
	uint64_t count = 0;

	from = from ? from : &none;
	to = to ? to : &none;
	for (uint64_t w = 0; w < words; w++) {
		uint64_t todo = dirty[w];

		for (unsigned k = 0; from != to && k < 64; k++)
			todo |= (uint64_t)(from->page[64 * w + k] != to->page[64 * w + k]) << k;
		for (; todo; todo &= todo - 1, count++) {
			unsigned k = (unsigned)__builtin_ctzll(todo);

			put_page(s, bit + 64 * w + k, to->page[64 * w + k]);
		}
	}
	return count;
}

uint64_t page_store_apply(struct page_store *s, const struct page_image *from, const struct page_image *to,
                          const uint64_t *dirty)
{
	uint64_t words = guest_mem_bits(s->mem) / 64, count = 0;

	from = from ? from : s->zeros;
	to = to ? to : s->zeros;
	for (uint64_t i = 0; i < s->leaves; i++) {
		uint64_t first = i * (LEAF / 64), n = words - first < LEAF / 64 ? words - first : LEAF / 64;
		const struct leaf *a = from->leaf[i], *b = from == to ? a : to->leaf[i];

		count += apply_leaf(s, a, b, i * LEAF, dirty + first, n);
	}
	return count;
}

struct page_image *page_image_hold(struct page_image *image)
{
	if (image)
		image->holders++;
	return image;
}

void page_store_drop(struct page_store *s, struct page_image *image)
{
	if (image && --image->holders == 0)
		free_image(s, image);
}

const uint8_t *page_store_page(const struct page_store *s, const struct page_image *image, uint64_t bit)
{
	const struct leaf *leaf = image->leaf[bit / LEAF];
	uint32_t page = leaf ? leaf->page[bit % LEAF] : 0;

	return page ? bytes_of(s, page) : NULL;
}

uint64_t page_image_pages(const struct page_image *image)
{
	return image->pages;
}

uint64_t page_store_pages(const struct page_store *s)
{
	return s->used;
}

const struct guest_mem *page_store_memory(const struct page_store *s)
{
	return s->mem;
}
