/* Linux bzImages: the setup header, where the kernel goes, the zero page, the initrd. */
#include "boot_rig.h"
#include "boot/bzimage.h"

#define PREFERRED 0x1000000u

static void put(struct rig *g, uint32_t offset, uint64_t v, unsigned size)
{
	bytes_put_le(g->elf.bytes + offset, v, size);
}

/* Two sectors of setup, then 0x1000 bytes of 0x90. */
static int setup(void **state)
{
	int rc = rig_setup(state);
	struct rig *g = *state;

	memset(g->elf.bytes, 0, sizeof(g->elf.bytes));
	memset(g->elf.bytes + 0x400, 0x90, 0x1000);
	g->elf.image.size = 0x1400;
	g->elf.image.name = "bzImage";
	put(g, 0x1f1, 1, 1);
	put(g, 0x1f4, 0x100, 4);
	put(g, 0x1fe, 0xaa55, 2);
	put(g, 0x201, 0x66, 1);
	put(g, 0x202, 0x53726448, 4);
	put(g, 0x206, 0x20f, 2);
	put(g, 0x22c, 0x7fffffff, 4);
	put(g, 0x230, 0x200000, 4);
	put(g, 0x234, 1, 1);
	put(g, 0x236, 1, 2);
	put(g, 0x238, 100, 4);
	put(g, 0x258, PREFERRED, 8);
	put(g, 0x260, 0x100000, 4);
	put(g, 0x264, 0x11223344, 4);
	put(g, 0x268, 0x55667788, 4);
	return rc;
}

static void test_zero_page(void **state)
{
	struct rig *g = *state;
	const struct x86_state *st = &g->entry.state;
	uint64_t zero;

	g->opt.cmdline = "console=ttyS0 x";
	rig_load(g);
	assert_string_equal(g->entry.format, "Linux bzImage");
	assert_string_equal(g->entry.protocol, "Linux 64-bit boot protocol");
	assert_true(st->rip == PREFERRED + 0x200 && g->entry.entry == st->rip);
	assert_true(rig_get(g, PREFERRED, 1) == 0x90 && rig_get(g, PREFERRED + 0xfff, 1) == 0x90);
	assert_true(g->entry.segment[0].mem_size == 0x100000);
	zero = st->gpr[X86_RSI];
	rig_text_is(g, rig_get32(g, zero + 0x228), "console=ttyS0 x");
	assert_true(rig_get32(g, zero + 0x202) == 0x53726448 && rig_get(g, zero + 0x210, 1) == 0xff);
	assert_true(rig_get32(g, zero + 0x264) == 0x11223344 && rig_get32(g, zero + 0x268) == 0);
	assert_true(rig_get32(g, zero + 0x214) == PREFERRED && rig_get32(g, zero + 0x218) == 0);
	assert_true(rig_get64(g, zero + 0x70) == 0xe0000 && rig_get(g, zero + 0x1e8, 1) == 3);
	assert_true(rig_get64(g, zero + 0x2d0 + 40) == MIB && rig_get64(g, zero + 0x2d8 + 40) == 63 * MIB);
	assert_true(rig_get32(g, zero + 0x2e0 + 20) == 2);
}

static void test_state(void **state)
{
	struct rig *g = *state;
	const struct x86_state *st = &g->entry.state;

	rig_load(g);
	assert_true(st->efer == 0x500 && (st->cr0 & X86_CR0_PG) && st->rflags == 2);
	for (unsigned i = X86_CS; i <= X86_GS; i++)
		assert_int_equal(st->seg[i].selector, i == X86_CS ? 0x10 : 0x18);
	assert_true(st->seg[X86_CS].l && rig_get64(g, st->gdt.base + 0x10) == 0x00af9b000000ffff);
	assert_true(rig_get64(g, st->gdt.base + 0x18) == 0x00cf93000000ffff && st->gdt.limit == 0x2f);
}

static void test_initrd(void **state)
{
	static const struct boot_module modules[] = {
		{(const uint8_t *)"abcde", 5, NULL}, {(const uint8_t *)"fg", 2, "text"},
	};
	static uint8_t large[40 << 20];
	const struct boot_module too_large = {large, sizeof(large), NULL};
	struct rig *g = *state;
	uint64_t zero, at;

	g->opt.module = modules;
	g->opt.module_count = 2;
	rig_load(g);
	zero = g->entry.state.gpr[X86_RSI];
	at = rig_get32(g, zero + 0x218);
	assert_true(at == 64 * MIB - 0x1000 && rig_get32(g, zero + 0x21c) == 12);
	assert_memory_equal(guest_mem_window(&g->mem, at, 12), "abcde\0\0\0fg\0\0", 12);
	/* Below the last address that the kernel takes, and clear of the kernel. */
	put(g, 0x22c, PREFERRED + 0xfffff, 4);
	rig_load(g);
	assert_true(rig_get32(g, g->entry.state.gpr[X86_RSI] + 0x218) == PREFERRED - 0x1000);
	put(g, 0x22c, 0x1fffff, 4);
	g->opt.module = &too_large;
	g->opt.module_count = 1;
	rig_refused(g, "initrd", -ENOMEM, "the initrd (40960 KiB) does not fit beside the kernel");
}

struct place_row { const char *what; uint64_t memory, preferred, init, at; };

static void test_places(void **state)
{
	static const struct place_row rows[] = {
		{"preferred", 64 * MIB, 0x1000000, 0x100000, 0x1000000},
		{"preferred ends with memory", 17 * MIB, 0x1000000, 0x100000, 0x1000000},
		{"too little for the preferred", 16 * MIB, 0x1000000, 0x100000, 0x200000},
		{"preferred below 1 MiB", 64 * MIB, 0x1000, 0x1000, 0x200000},
		{"preferred far away", 64 * MIB, UINT64_MAX, 0x1000, 0x200000},
		{"fits exactly", 4 * MIB, 0x1000000, 0x200000, 0x200000},
		{"too large", 4 * MIB, 0x1000000, 0x200001, 0},
		{"larger than 4 GiB can be", 4 * MIB, 0x1000000, 0xffffffff, 0},
	};
	struct rig *g = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(rig_memory(g, rows[i].memory), 0);
		put(g, 0x258, rows[i].preferred, 8);
		put(g, 0x260, rows[i].init, 4);
		if (!rows[i].at)
			rig_refused(g, rows[i].what, -ENOMEM, "MiB of memory to unpack itself");
		else if (rig_try(g) < 0 || g->entry.segment[0].gpa != rows[i].at)
			fail_msg("%s: 0x%llx %s", rows[i].what,
			         (unsigned long long)g->entry.segment[0].gpa, g->err.text);
	}
}

/* A version in the setup, a payload and the unpacker's words behind it. */
static void test_description(void **state)
{
	static const struct { const char *magic, *name; } packings[] = {
		{"\x1f\x8b", "gzip"}, {"BZh", "bzip2"}, {"\x5d\0\0", "LZMA"}, {"\xfd" "7zXZ", "XZ"},
		{"\x89LZO", "LZO"}, {"\x02\x21\x4c\x18", "LZ4"}, {"\x28\xb5\x2f\xfd", "Zstandard"},
		{"\x7f" "ELF", "not compressed"}, {"what", "unknown"},
	};
	struct rig *g = *state;
	struct boot_bzimage_info i;

	assert_true(boot_bzimage_describe(&g->elf.image, &i));
	assert_string_equal(i.version, "");
	assert_string_equal(i.compression, "unknown");
	assert_true(i.protocol == 0x20f && i.relocatable && !i.kaslr && i.payload_size == 0);
	put(g, 0x20e, 0x100, 2);
	memcpy(g->elf.bytes + 0x300, "6.1.0 (a@b)", 12);
	put(g, 0x248, 0x40, 4);
	put(g, 0x24c, 0x80, 4);
	put(g, 0x400 + 0x40 + 0x7c, 0x12345, 4);
	memcpy(g->elf.bytes + 0x1000, "nokaslr", 8);
	for (size_t k = 0; k < ARRAY_LEN(packings); k++) {
		memset(g->elf.bytes + 0x440, 0, 8);
		memcpy(g->elf.bytes + 0x440, packings[k].magic, k == 2 ? 3 : strlen(packings[k].magic));
		assert_true(boot_bzimage_describe(&g->elf.image, &i));
		assert_string_equal(i.compression, packings[k].name);
	}
	assert_string_equal(i.version, "6.1.0 (a@b)");
	assert_true(i.kaslr && i.payload_size == 0x80 && i.unpacked_size == 0x12345);
	assert_true(i.preferred == PREFERRED && i.align == 0x200000);
	/* What cannot move itself does not, whatever words it knows. */
	put(g, 0x234, 0, 1);
	assert_true(boot_bzimage_describe(&g->elf.image, &i) && !i.kaslr);
	/* Lies: a version and a payload outside the file, a version without an end. */
	put(g, 0x20e, 0xffff, 2);
	put(g, 0x24c, 0xffffffff, 4);
	assert_true(boot_bzimage_describe(&g->elf.image, &i));
	assert_true(i.version[0] == '\0' && i.payload_size == 0);
	put(g, 0x20e, 0x1200 - 0x60, 2);
	memset(g->elf.bytes + 0x1300, 'v', 0x100);
	assert_true(boot_bzimage_describe(&g->elf.image, &i));
	assert_true(strlen(i.version) == 0x60);
	g->elf.image.size = 0x210;
	assert_false(boot_bzimage_describe(&g->elf.image, &i));
}

struct bad_row { const char *what; unsigned offset; uint64_t v; unsigned size; int rc; const char *text; };

static void test_bad(void **state)
{
	static const struct bad_row rows[] = {
		{"old", 0x206, 0x20b, 2, -EINVAL, "boot protocol 2.11"},
		{"32-bit", 0x236, 0xfffe, 2, -EINVAL, "without a 64-bit entry"},
		{"setup behind the file", 0x1f1, 9, 1, -EINVAL, "begins behind"},
		{"default setup behind the file", 0x1f1, 4, 1, 0, NULL},
		{"no kernel", 0x1f4, 0, 4, -EINVAL, "0 bytes"},
		{"cut", 0x1f4, 0x101, 4, -EINVAL, "the kernel has 4112 bytes, the file 4096"},
		{"wraps", 0x1f4, 0xffffffff, 4, -EINVAL, "cut short"},
		{"not aligned", 0x230, 0x3000, 4, -EINVAL, "aligned to 0x3000"},
		{"alignment 0", 0x230, 0, 4, -EINVAL, "aligned to 0x0"},
		{"not relocatable", 0x234, 0, 1, -ENOMEM, "MiB of memory"},
		{"command line", 0x238, 3, 4, -E2BIG, "longer than the 3 bytes"},
		{"no magic", 0x202, 0, 4, -ENOEXEC, "not an ELF file"},
		{"no boot flag", 0x1fe, 0, 2, -ENOEXEC, "not an ELF file"},
	};
	struct rig *g = *state;

	g->opt.cmdline = "four";
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rig_teardown(state);
		setup(state);
		g->opt.cmdline = "four";
		if (strstr(rows[i].what, "relocatable") || strstr(rows[i].what, "align"))
			put(g, 0x258, 0, 8);
		put(g, rows[i].offset, rows[i].v, rows[i].size);
		if (rows[i].rc)
			rig_refused(g, rows[i].what, rows[i].rc, rows[i].text);
	}
	setup(state);
	g->elf.image.size = 0x206;
	rig_refused(g, "header", -EINVAL, "cut short: 518 bytes");
	g->elf.image.size = 0x205;
	rig_refused(g, "magic", -ENOEXEC, "not an ELF");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_zero_page), TEST(test_state), TEST(test_initrd), TEST(test_places),
		TEST(test_description), TEST(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
