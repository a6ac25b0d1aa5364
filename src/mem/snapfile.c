#include "mem/snapfile.h"

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/record.h"

#include <errno.h>
#include <string.h>

#define PAGE PAGE_STORE_PAGE
#define HEAD 184u
#define TAIL 8u
#define RUN_HEAD 16u

static const char magic[8] = {'T', 'R', 'A', 'P', 'S', 'N', 'A', 'P'};

void snapfile_describe(const struct guest_mem *mem, struct snapfile *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->regions = mem->count;
	for (unsigned i = 0; i < mem->count; i++)
		ret->region[i] = (struct snapfile_region){mem->region[i].gpa, mem->region[i].size};
}

/* ---- writing ---- */

struct output {
	const struct snapfile_sink *sink;
	uint32_t crc;
	int rc;
};

static void put(struct output *o, const void *bytes, size_t len)
{
	if (o->rc < 0)
		return;
	o->crc = crc32_add(o->crc, bytes, len);
	o->rc = o->sink->write(o->sink->ctx, bytes, len);
}

/* Pages that follow one another in guest memory as well; guest_mem_page_address() knows the gaps. */
struct walk {
	const struct guest_mem *mem;
	const struct page_store *store;
	const struct page_image *image;
	uint64_t bit, bits;
};

/* The next run: *ret_first is the bit of its first page. */
static bool next_run(struct walk *w, uint64_t *ret_first, uint64_t *ret_pages)
{
	uint64_t gpa;

	while (w->bit < w->bits && !page_store_page(w->store, w->image, w->bit))
		w->bit++;
	if (w->bit == w->bits)
		return false;
	*ret_first = w->bit;
	gpa = guest_mem_page_address(w->mem, w->bit);
	do
		w->bit++;
	while (w->bit < w->bits && page_store_page(w->store, w->image, w->bit) &&
	       guest_mem_page_address(w->mem, w->bit) == gpa + (w->bit - *ret_first) * PAGE);
	*ret_pages = w->bit - *ret_first;
	return true;
}

static struct walk walk_image(const struct page_store *store, const struct page_image *image)
{
	const struct guest_mem *mem = page_store_memory(store);

	return (struct walk){.mem = mem, .store = store, .image = image, .bits = guest_mem_bits(mem)};
}

static uint64_t runs_size(const struct page_store *store, const struct page_image *image)
{
	struct walk w = walk_image(store, image);
	uint64_t first, pages, size = 0;

	while (next_run(&w, &first, &pages))
		size += RUN_HEAD + pages * PAGE;
	return size;
}

static void put_head(struct output *o, const struct snapfile *f, uint64_t pages, uint64_t size)
{
	uint8_t head[HEAD] = {0};

	memcpy(head, magic, sizeof(magic));
	bytes_put_le32(head + 8, SNAPFILE_VERSION);
	bytes_put_le32(head + 12, f->vcpus);
	bytes_put_le64(head + 16, size);
	bytes_put_le64(head + 24, f->bias);
	bytes_put_le64(head + 32, f->state_len);
	bytes_put_le64(head + 40, pages);
	bytes_put_le32(head + 48, f->regions);
	for (unsigned i = 0; i < f->regions && i < GUEST_MEM_MAX_REGIONS; i++) {
		bytes_put_le64(head + 56 + 16 * i, f->region[i].gpa);
		bytes_put_le64(head + 64 + 16 * i, f->region[i].size);
	}
	put(o, head, sizeof(head));
}

int snapfile_write(const struct snapfile *head, const struct page_store *store,
                   const struct page_image *image, const struct snapfile_sink *sink)
{
	struct output o = {.sink = sink};
	struct walk w = walk_image(store, image);
	uint8_t number[RUN_HEAD] = {0};
	uint64_t first, pages;

	put_head(&o, head, page_image_pages(image),
	         HEAD + head->state_len + runs_size(store, image) + TAIL);
	put(&o, head->state, head->state_len);
	while (o.rc == 0 && next_run(&w, &first, &pages)) {
		bytes_put_le64(number, guest_mem_page_address(w.mem, first));
		bytes_put_le64(number + 8, pages);
		put(&o, number, RUN_HEAD);
		for (uint64_t i = 0; i < pages; i++)
			put(&o, page_store_page(store, image, first + i), PAGE);
	}
	memset(number, 0, sizeof(number));
	bytes_put_le32(number, o.crc);
	put(&o, number, TAIL);
	return o.rc;
}

/* ---- reading ---- */

static int read_head(const uint8_t *bytes, size_t size, struct snapfile *f, struct error *err)
{
	uint32_t version;

	if (size < sizeof(magic) || memcmp(bytes, magic, sizeof(magic)) != 0)
		return error_set(err, EINVAL, "not a snapshot of trapline");
	if (size < HEAD + TAIL)
		return error_set(err, EINVAL, "the snapshot is truncated");
	version = bytes_get_le32(bytes + 8);
	if (version != SNAPFILE_VERSION)
		return error_set(err, EINVAL, "a snapshot of version %u; this trapline reads version %u",
		                 version, SNAPFILE_VERSION);
	if (bytes_get_le64(bytes + 16) != size)
		return error_set(err, EINVAL, "the snapshot is truncated: %llu bytes of %llu",
		                 (unsigned long long)size, (unsigned long long)bytes_get_le64(bytes + 16));
	f->vcpus = bytes_get_le32(bytes + 12);
	f->bias = bytes_get_le64(bytes + 24);
	f->pages = bytes_get_le64(bytes + 40);
	f->regions = bytes_get_le32(bytes + 48);
	f->state = bytes + HEAD;
	if (bytes_get_le64(bytes + 32) > size - HEAD - TAIL || bytes_get_le64(bytes + 32) > RECORDS_MAX)
		return error_set(err, EINVAL, "the snapshot's state is longer than the file");
	f->state_len = (size_t)bytes_get_le64(bytes + 32);
	f->runs = f->state + f->state_len;
	f->runs_len = size - HEAD - TAIL - f->state_len;
	return 0;
}

static bool region_is_sane(const struct snapfile *f, unsigned i)
{
	const struct snapfile_region *r = &f->region[i];
	uint64_t end;

	if (r->size == 0 || r->gpa % PAGE || r->size % PAGE || bytes_add_overflows(r->gpa, r->size, &end))
		return false;
	return i == 0 || f->region[i - 1].gpa + f->region[i - 1].size <= r->gpa;
}

static int read_regions(const uint8_t *bytes, struct snapfile *f, struct error *err)
{
	if (f->regions < 1 || f->regions > GUEST_MEM_MAX_REGIONS)
		return error_set(err, EINVAL, "the snapshot has %u memory regions", f->regions);
	for (unsigned i = 0; i < f->regions; i++) {
		f->region[i].gpa = bytes_get_le64(bytes + 56 + 16 * i);
		f->region[i].size = bytes_get_le64(bytes + 64 + 16 * i);
		if (!region_is_sane(f, i))
			return error_set(err, EINVAL, "the snapshot's memory regions are damaged");
	}
	return 0;
}

static bool in_memory(const struct snapfile *f, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < f->regions; i++)
		if (gpa - f->region[i].gpa < f->region[i].size &&
		    len <= f->region[i].size - (gpa - f->region[i].gpa))
			return true;
	return false;
}

bool snapfile_next(const struct snapfile *f, size_t *at, struct snapfile_run *ret)
{
	size_t left = f->runs_len - *at;

	if (left < RUN_HEAD)
		return false;
	ret->gpa = bytes_get_le64(f->runs + *at);
	ret->pages = bytes_get_le64(f->runs + *at + 8);
	ret->bytes = f->runs + *at + RUN_HEAD;
	if (ret->pages == 0 || ret->pages > (left - RUN_HEAD) / PAGE)
		return false;
	*at += RUN_HEAD + (size_t)ret->pages * PAGE;
	return true;
}

static int check_runs(const struct snapfile *f, struct error *err)
{
	struct snapfile_run run;
	uint64_t pages = 0, end = 0;
	size_t at = 0;

	while (snapfile_next(f, &at, &run)) {
		if (run.gpa % PAGE || run.gpa < end || !in_memory(f, run.gpa, run.pages * PAGE))
			return error_set(err, EINVAL, "the snapshot has pages where there is no memory");
		end = run.gpa + run.pages * PAGE;
		pages += run.pages;
	}
	if (at != f->runs_len || pages != f->pages)
		return error_set(err, EINVAL, "the snapshot's pages are damaged");
	return 0;
}

static int check_records(const struct snapfile *f, struct error *err)
{
	struct record record;
	size_t at = 0;
	int rc;

	do
		rc = records_next(f->state, f->state_len, &at, &record);
	while (rc == 1);
	return rc < 0 ? error_set(err, EINVAL, "the snapshot's records are damaged") : 0;
}

int snapfile_open(const uint8_t *bytes, size_t size, struct snapfile *ret, struct error *err)
{
	struct snapfile f = {0};
	int rc = read_head(bytes, size, &f, err);

	if (rc == 0 && crc32_add(0, bytes, size - TAIL) != bytes_get_le32(bytes + size - TAIL))
		rc = error_set(err, EINVAL, "the snapshot is damaged: its checksum is wrong");
	if (rc == 0)
		rc = read_regions(bytes, &f, err);
	if (rc == 0)
		rc = check_records(&f, err);
	if (rc == 0)
		rc = check_runs(&f, err);
	if (rc == 0)
		*ret = f;
	return rc;
}

int snapfile_load(const struct snapfile *f, struct guest_mem *mem, struct error *err)
{
	struct snapfile own;
	struct snapfile_run run;
	size_t at = 0;
	int rc = 0;

	snapfile_describe(mem, &own);
	if (own.regions != f->regions || memcmp(own.region, f->region, sizeof(own.region)) != 0)
		return error_set(err, EINVAL, "the snapshot is of a machine with other memory");
	guest_mem_clear(mem);
	while (rc == 0 && snapfile_next(f, &at, &run))
		rc = guest_mem_write(mem, run.gpa, run.bytes, (size_t)run.pages * PAGE);
	return rc < 0 ? error_set(err, -rc, "the snapshot's pages do not fit memory") : 0;
}
