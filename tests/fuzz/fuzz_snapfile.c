/*
 * The reader of snapshots on any bytes: what it takes keeps within the file and within memory. The checksum
 * and the size are put right first, else nothing would get past them.
 */
#include "base/bytes.h"
#include "base/crc32.h"
#include "base/record.h"
#include "mem/snapfile.h"

#include <stdlib.h>
#include <string.h>

#define MAX (64u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void check_state(const struct snapfile *s, const uint8_t *end)
{
	struct record rec;
	size_t at = 0;

	while (records_next(s->state, s->state_len, &at, &rec) == 1)
		must(rec.bytes <= end && rec.len <= (size_t)(end - rec.bytes) && rec.name[0]);
	must(at == s->state_len);
}

static void check_runs(const struct snapfile *s, const uint8_t *end)
{
	struct snapfile_run run;
	uint64_t pages = 0;
	size_t at = 0;

	while (snapfile_next(s, &at, &run)) {
		must(run.bytes <= end && run.pages <= (size_t)(end - run.bytes) / PAGE_STORE_PAGE);
		pages += run.pages;
	}
	must(pages == s->pages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[MAX];
	static struct guest_mem mem;
	struct snapfile s, before;
	struct error err = {0};

	size = size < MAX ? size : MAX;
	memcpy(bytes, data, size);
	if (size >= 192) {
		bytes_put_le64(bytes + 16, size);
		bytes_put_le32(bytes + size - 8, crc32_add(0, bytes, size - 8));
	}
	if (mem.count == 0)
		must(guest_mem_add(&mem, 0, 1u << 20, NULL) == 0);
	memset(&s, 0x5a, sizeof(s));
	before = s;
	if (snapfile_open(bytes, size, &s, &err) < 0) {
		must(err.text[0] && memcmp(&s, &before, sizeof(s)) == 0);
		return 0;
	}
	check_state(&s, bytes + size);
	check_runs(&s, bytes + size);
	must(snapfile_load(&s, &mem, &err) == 0 || err.text[0]);
	return 0;
}
