/* Multiboot 2: header tags that are met, passed over and refused; the information. */
#include "boot_rig.h"
#include "boot/multiboot2.h"

#define HEADER_AT 0x1000u /* file offset; loaded at 0x100000 */

struct tag { uint16_t type, flags; uint32_t size; uint32_t word[4]; };

/* A header with these tags and, unless cut, an end tag. */
static void add_header(struct rig *g, const struct tag *tags, unsigned count, uint32_t at)
{
	uint32_t end = at + 16, size;

	for (unsigned i = 0; i < count; i++) {
		memcpy(g->elf.bytes + end, &tags[i], sizeof(tags[i]));
		end += (tags[i].size + 7) & ~7u;
	}
	bytes_put_le64(g->elf.bytes + end, 8ull << 32);
	size = end + 8 - at;
	bytes_put_le32(g->elf.bytes + at, BOOT_MULTIBOOT2_HEADER_MAGIC);
	bytes_put_le32(g->elf.bytes + at + 4, 0);
	bytes_put_le32(g->elf.bytes + at + 8, size);
	bytes_put_le32(g->elf.bytes + at + 12, -(BOOT_MULTIBOOT2_HEADER_MAGIC + size));
}

/* The address of the first tag of a type in the information; 0: none. */
static uint64_t find_tag(struct rig *g, uint32_t type)
{
	uint64_t info = g->entry.state.gpr[X86_RBX], at = info + 8, end = info + rig_get32(g, info);

	while (at < end && rig_get32(g, at) != type)
		at += (rig_get32(g, at + 4) + 7) & ~7u;
	return at < end ? at : 0;
}

static void test_info(void **state)
{
	static const struct boot_module modules[] = {
		{(const uint8_t *)"one", 3, "a 1"}, {(const uint8_t *)"three", 5, NULL},
	};
	struct rig *g = *state;
	uint64_t at;

	add_header(g, NULL, 0, HEADER_AT);
	g->opt = (struct boot_options){.cmdline = "x", .module = modules, .module_count = 2};
	rig_load(g);
	assert_string_equal(g->entry.protocol, "Multiboot 2");
	rig_is_state32(g, 0x100010);
	assert_true(g->entry.state.gpr[X86_RAX] == BOOT_MULTIBOOT2_MAGIC);
	assert_true(g->entry.state.gpr[X86_RBX] % 8 == 0);
	rig_text_is(g, find_tag(g, 1) + 8, "kernel.elf x");
	rig_text_is(g, find_tag(g, 2) + 8, "trapline");
	at = find_tag(g, 3);
	assert_true(rig_get32(g, at + 8) == 0x104000 && rig_get32(g, at + 12) == 0x104003);
	rig_text_is(g, at + 16, "a 1");
	at = find_tag(g, 4);
	assert_true(rig_get32(g, at + 8) == 636 && rig_get32(g, at + 12) == 63 * 1024);
	at = find_tag(g, 6);
	assert_true(rig_get32(g, at + 4) == 16 + 3 * 24 && rig_get32(g, at + 8) == 24);
	assert_true(rig_get64(g, at + 16) == 0 && rig_get64(g, at + 24) == 0x9f000);
	assert_true(rig_get64(g, at + 64) == MIB && rig_get32(g, at + 80) == 1);
	assert_memory_equal(guest_mem_window(&g->mem, find_tag(g, 15) + 8, 8), "RSD PTR ", 8);
	at = find_tag(g, 0);
	assert_true(rig_get32(g, at + 4) == 8 &&
	            at + 8 == g->entry.state.gpr[X86_RBX] + rig_get32(g, g->entry.state.gpr[X86_RBX]));
}

struct row { const char *what; struct tag tag; int rc; const char *text; };

static void test_tags(void **state)
{
	static const struct row rows[] = {
		{"requests", {1, 0, 20, {1, 6, 15, 0}}, 0, NULL},
		{"a request that cannot be met", {1, 0, 12, {9, 0, 0, 0}}, -EINVAL, "of type 9"},
		{"a wild request", {1, 0, 12, {0xffffffff, 0, 0, 0}}, -EINVAL, "of type 4294967295"},
		{"an optional one", {1, 1, 12, {9, 0, 0, 0}}, 0, NULL},
		{"console", {4, 0, 12, {0, 0, 0, 0}}, 0, NULL},
		{"frame buffer", {5, 0, 20, {0, 0, 0, 0}}, 0, NULL},
		{"module alignment", {6, 0, 8, {0, 0, 0, 0}}, 0, NULL},
		{"EFI boot services", {7, 0, 8, {0, 0, 0, 0}}, -EINVAL, "type 7"},
		{"EFI boot services, optional", {7, 1, 8, {0, 0, 0, 0}}, 0, NULL},
		{"unknown", {99, 0, 8, {0, 0, 0, 0}}, -EINVAL, "type 99"},
		{"address tag cut short", {2, 0, 20, {0, 0, 0, 0}}, -EINVAL, "type 2 and 20 bytes"},
		{"address without entry", {2, 0, 24, {0x100000, 0x100000, 0, 0}}, -EINVAL, "no entry point"},
		{"entry elsewhere", {3, 0, 12, {0x100020, 0, 0, 0}}, 0, NULL},
		{"entry in no segment", {3, 0, 12, {0x500000, 0, 0, 0}}, -EINVAL, "in no segment"},
		{"size 0", {6, 0, 0, {0, 0, 0, 0}}, -EINVAL, "end behind it"},
		{"size beyond", {6, 0, 4000, {0, 0, 0, 0}}, -EINVAL, "end behind it"},
		{"size wraps", {6, 0, 0xfffffff9, {0, 0, 0, 0}}, -EINVAL, "end behind it"},
	};
	struct rig *g = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		elf_image_init(&g->elf);
		if (rows[i].text && strstr(rows[i].text, "end behind")) {
			add_header(g, NULL, 0, HEADER_AT);
			memcpy(g->elf.bytes + HEADER_AT + 16, &rows[i].tag, 8);
		} else {
			add_header(g, &rows[i].tag, 1, HEADER_AT);
		}
		if (rows[i].rc)
			rig_refused(g, rows[i].what, rows[i].rc, rows[i].text);
		else if (rig_try(g) < 0)
			fail_msg("%s: %s", rows[i].what, g->err.text);
		if (strcmp(rows[i].what, "entry elsewhere") == 0)
			rig_is_state32(g, 0x100020);
	}
}

static void test_addresses(void **state)
{
	static const struct tag given[] = {{2, 0, 24, {0x201000, 0x201000, 0x201100, 0x203000}},
	                                   {3, 0, 12, {0x201040, 0, 0, 0}}};
	static const struct tag whole_file[] = {{2, 0, 24, {0x201000, 0xffffffff, 0, 0}},
	                                        {3, 0, 12, {0x201040, 0, 0, 0}}};
	struct rig *g = *state;

	add_header(g, given, 2, HEADER_AT);
	rig_load(g);
	rig_is_state32(g, 0x201040);
	assert_true(g->entry.segment[0].gpa == 0x201000 && g->entry.segment[0].file_offset == HEADER_AT);
	assert_true(g->entry.segment[0].file_size == 0x100 && g->entry.segment[0].mem_size == 0x2000);
	g->elf.bytes[0] = 0;
	rig_load(g);
	add_header(g, whole_file, 2, HEADER_AT);
	rig_load(g);
	assert_true(g->entry.segment[0].gpa == 0x200000 && g->entry.segment[0].file_offset == 0);
	/* No ELF and no addresses: nothing that is known. */
	add_header(g, NULL, 0, HEADER_AT);
	rig_refused(g, "no ELF", -ENOEXEC, "not an ELF file");
}

static void test_search(void **state)
{
	struct rig *g = *state;

	add_header(g, NULL, 0, HEADER_AT + 4); /* not on a multiple of eight */
	rig_load(g);
	assert_string_equal(g->entry.protocol, "64-bit ELF entry");
	elf_image_init(&g->elf);
	add_header(g, NULL, 0, HEADER_AT);
	g->elf.bytes[HEADER_AT + 12]++;
	rig_load(g);
	assert_string_equal(g->entry.protocol, "64-bit ELF entry");
	elf_image_init(&g->elf);
	add_header(g, NULL, 0, ELF_IMAGE_BYTES - 24);
	bytes_put_le32(g->elf.bytes + ELF_IMAGE_BYTES - 16, 32);
	bytes_put_le32(g->elf.bytes + ELF_IMAGE_BYTES - 12, -(BOOT_MULTIBOOT2_HEADER_MAGIC + 32));
	rig_refused(g, "behind the file", -EINVAL, "end behind it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_info), RIG_TEST(test_tags), RIG_TEST(test_addresses), RIG_TEST(test_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
