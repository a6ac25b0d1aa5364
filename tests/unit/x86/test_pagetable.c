#include "../cmocka_all.h"
#include "x86/pagetable.h"
#include "x86/paging.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BASE 0x10000ull
#define MIB (1ull << 20)

struct ram { uint8_t *bytes; uint64_t size; };

static int ram_write(void *ctx, uint64_t gpa, const void *buf, size_t len)
{
	struct ram *ram = ctx;

	if (gpa < BASE || gpa + len > BASE + ram->size)
		return -EFAULT;
	memcpy(ram->bytes + (gpa - BASE), buf, len);
	return 0;
}

static int ram_read(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	const struct ram *ram = ctx;

	if (gpa < BASE || gpa + len > BASE + ram->size)
		return -EFAULT;
	memcpy(buf, ram->bytes + (gpa - BASE), len);
	return 0;
}

static struct error last;

static int identity(struct ram *ram, int (*write)(void *, uint64_t, const void *, size_t), uint64_t gpa,
                    uint64_t size, uint64_t bytes, uint64_t *ret_cr3)
{
	const struct x86_phys_writer writer = { write, ram };

	memset(&last, 0, sizeof(last));
	return x86_pagetable_identity(&writer, gpa, size, bytes, ret_cr3, &last);
}

static void check_address(struct ram *ram, uint64_t cr3, uint64_t gva, bool mapped)
{
	const struct x86_paging pg = { .mode = X86_PAGING_4LEVEL, .cr3 = cr3, .nx = true, .phys_bits = 46 };
	const struct x86_phys_reader reader = { ram_read, ram };
	struct x86_walk w;

	x86_paging_walk(&pg, gva, &reader, &w);
	if (w.result != (mapped ? X86_WALK_OK : X86_WALK_NOT_PRESENT))
		fail_msg("%#llx: %s", (unsigned long long)gva, x86_walk_result_name(w.result));
	if (mapped) {
		assert_true(w.gpa == gva);
		assert_int_equal(w.page_size, 2 * MIB);
		assert_true(w.writable && w.executable && !w.user);
	}
}

static void test_maps(void **state)
{
	static const struct { uint64_t bytes, size; } rows[] = {
		{ 1, 0x3000 }, { 2 * MIB, 0x3000 }, { 64 * MIB, 0x3000 }, { 1024 * MIB, 0x3000 },
		{ 1024 * MIB + 1, 0x4000 }, { 5ull << 30, 0x7000 }, { 512ull << 30, 0x202000 },
		{ (512ull << 30) + 1, 0x204000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t end = (rows[i].bytes + 2 * MIB - 1) / (2 * MIB) * (2 * MIB), cr3 = 0;
		struct ram ram = { malloc(rows[i].size), rows[i].size };

		assert_non_null(ram.bytes);
		memset(ram.bytes, 0xff, ram.size);
		assert_int_equal(x86_pagetable_identity_size(rows[i].bytes), rows[i].size);
		assert_int_equal(identity(&ram, ram_write, BASE, ram.size, rows[i].bytes, &cr3), 0);
		assert_int_equal(cr3, BASE);
		check_address(&ram, cr3, 0, true);
		check_address(&ram, cr3, end / 2, true);
		check_address(&ram, cr3, end - 1, true);
		check_address(&ram, cr3, end, false);
		check_address(&ram, cr3, 0x00007fffffffffff, false);
		check_address(&ram, cr3, 0xffff800000000000, false);
		free(ram.bytes);
	}
}

static int write_nothing(void *ctx, uint64_t gpa, const void *buf, size_t len)
{
	(void)ctx;
	(void)gpa;
	(void)buf;
	(void)len;
	return -EFAULT;
}

static void test_refused(void **state)
{
	static const struct { uint64_t gpa, size, bytes; int rc; } rows[] = {
		{ BASE, 0x3000, 0, -EINVAL }, { BASE, ~0ull - BASE, X86_PAGETABLE_MAX_MAP + 1, -EINVAL },
		{ BASE + 8, 0x3000, 1, -EINVAL }, { ~0xfffull, 0x3000, 1, -EINVAL },
		{ BASE, 0x2fff, 1, -ENOSPC }, { BASE, 0x3000, 1, -EFAULT },
	};
	uint64_t cr3 = 0x77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc = identity(NULL, write_nothing, rows[i].gpa, rows[i].size, rows[i].bytes, &cr3);

		assert_int_equal(rc, rows[i].rc);
		assert_int_equal(cr3, 0x77);
		assert_true(last.text[0] != 0);
	}
	assert_int_equal(identity(NULL, write_nothing, BASE, 0x2fff, 1, &cr3), -ENOSPC);
	assert_string_equal(last.text, "page tables need 0x3000 bytes, there are 0x2fff");
	assert_int_equal(x86_pagetable_identity_size(0), 0);
	assert_int_equal(x86_pagetable_identity_size(~0ull), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_maps), cmocka_unit_test(test_refused) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
