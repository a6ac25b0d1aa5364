/* PVH: the note, the start info and what it points to. */
#include "boot_rig.h"
#include "boot/elf.h"
#include "boot/pvh.h"

#define NOTE_AT 0x3000u

static void put32(struct rig *g, uint32_t offset, uint32_t v)
{
	bytes_put_le32(g->elf.bytes + offset, v);
}

/* A note segment with a foreign note and Xen's: its description is at NOTE_AT + 32 + 16. */
static void add_note(struct rig *g, uint32_t entry)
{
	g->elf.head.eh.e_phnum = 3;
	g->elf.head.ph[2] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = NOTE_AT, .p_filesz = 52, .p_align = 4
	};
	put32(g, NOTE_AT, 5);
	put32(g, NOTE_AT + 4, 9);
	put32(g, NOTE_AT + 8, 18);
	memcpy(g->elf.bytes + NOTE_AT + 12, "NotX", 5);
	put32(g, NOTE_AT + 32, 4);
	put32(g, NOTE_AT + 36, 4);
	put32(g, NOTE_AT + 40, 18);
	memcpy(g->elf.bytes + NOTE_AT + 44, "Xen", 4);
	put32(g, NOTE_AT + 48, entry);
}

static void test_start_info(void **state)
{
	struct rig *g = *state;
	uint64_t info, map;

	add_note(g, 0x100040);
	g->opt.cmdline = "one two";
	assert_int_equal(guest_mem_add(&g->mem, 1ull << 32, MIB, NULL), 0);
	rig_load(g);
	assert_string_equal(g->entry.protocol, "PVH");
	rig_is_state32(g, 0x100040);
	info = g->entry.state.gpr[X86_RBX];
	assert_true(rig_get32(g, info) == BOOT_PVH_MAGIC && rig_get32(g, info + 4) == 1);
	assert_true(rig_get32(g, info + 8) == 0 && rig_get32(g, info + 12) == 0);
	assert_true(rig_get64(g, info + 16) == 0);
	rig_text_is(g, rig_get64(g, info + 24), "one two");
	assert_true(rig_get64(g, rig_get64(g, info + 32)) == 0x2052545020445352); /* "RSD PTR " */
	assert_true(rig_get32(g, info + 48) == 4);
	map = rig_get64(g, info + 40);
	assert_true(rig_get64(g, map) == 0 && rig_get64(g, map + 8) == 0x9f000);
	assert_true(rig_get32(g, map + 16) == 1);
	assert_true(rig_get64(g, map + 24) == 0x9f000 && rig_get32(g, map + 40) == 2);
	assert_true(rig_get64(g, map + 48) == MIB && rig_get64(g, map + 56) == 63 * MIB);
	assert_true(rig_get64(g, map + 72) == 1ull << 32 && rig_get64(g, map + 80) == MIB);
}

static void test_modules(void **state)
{
	static const struct boot_module modules[] = {
		{(const uint8_t *)"first", 5, "first one"}, {(const uint8_t *)"", 0, NULL},
	};
	struct rig *g = *state;
	uint64_t list, at;

	add_note(g, 0x100000);
	g->opt.module = modules;
	g->opt.module_count = 2;
	rig_load(g);
	assert_true(rig_get32(g, g->entry.state.gpr[X86_RBX] + 12) == 2);
	list = rig_get64(g, g->entry.state.gpr[X86_RBX] + 16);
	at = rig_get64(g, list);
	assert_true(at == 64 * MIB - 0x1000 && rig_get64(g, list + 8) == 5);
	assert_memory_equal(guest_mem_window(&g->mem, at, 5), "first", 5);
	rig_text_is(g, rig_get64(g, list + 16), "first one");
	assert_true(rig_get64(g, list + 32) == at - 0x1000 && rig_get64(g, list + 40) == 0);
	rig_text_is(g, rig_get64(g, list + 48), "");
}

static void test_bad_options(void **state)
{
	static char text[BOOT_CMDLINE_MAX + 1];
	static uint8_t bytes[3 << 20];
	struct boot_module module = {bytes, sizeof(bytes), text};
	struct rig *g = *state;

	add_note(g, 0x100000);
	g->opt.module = &module;
	g->opt.module_count = 1;
	memset(text, 'x', BOOT_CMDLINE_MAX);
	rig_refused(g, "text", -E2BIG, "module 1 is longer than 4095");
	text[BOOT_CMDLINE_MAX - 1] = '\0';
	rig_load(g);
	assert_int_equal(rig_memory(g, 4 * MIB), 0);
	rig_refused(g, "size", -ENOMEM, "module 1 (3072 KiB) does not fit");
	g->opt.module_count = BOOT_MODULES_MAX + 1;
	rig_refused(g, "count", -E2BIG, "more than 32");
	g->opt.module_count = 0;
	rig_load(g);
	memset(text, 'x', BOOT_CMDLINE_MAX);
	g->opt.cmdline = text;
	rig_refused(g, "command line", -E2BIG, "4095");
}

/* Every broken note means another protocol, or one line. */
static void test_bad_notes(void **state)
{
	struct rig *g = *state;

	add_note(g, 0x200000);
	rig_refused(g, "entry", -EINVAL, "PVH entry point 0x200000 lies in no segment");
	add_note(g, 0x100000);
	put32(g, NOTE_AT + 36, 0);
	rig_refused(g, "size", -EINVAL, "0 bytes instead of 4");
	put32(g, NOTE_AT + 36, 0xfffffff0);
	rig_load(g);
	assert_string_equal(g->entry.protocol, "64-bit ELF entry");
	add_note(g, 0x100000);
	g->elf.head.ph[2].p_filesz = 51;
	rig_load(g);
	assert_string_equal(g->entry.protocol, "64-bit ELF entry");
	add_note(g, 0x100000);
	g->elf.head.ph[2].p_offset = UINT64_MAX - 4;
	rig_load(g);
	assert_string_equal(g->entry.protocol, "64-bit ELF entry");
	add_note(g, 0x100000);
	put32(g, NOTE_AT + 4, 0xffffffff);
	rig_load(g);
	assert_string_equal(g->entry.protocol, "64-bit ELF entry");
	/* The entry point of the header does not count. */
	add_note(g, 0x100000);
	g->elf.head.eh.e_entry = 0;
	rig_load(g);
	rig_is_state32(g, 0x100000);
}

/* Without memory where the tables belong there are none; an image there is left alone. */
static void test_no_acpi(void **state)
{
	struct rig *g = *state;

	add_note(g, 0xe3ff0);
	g->elf.head.ph[0].p_vaddr = g->elf.head.ph[0].p_paddr = 0xe3ff0;
	rig_load(g);
	assert_true(rig_get64(g, g->entry.state.gpr[X86_RBX] + 32) == 0 && rig_get(g, 0xe3ff0, 1) == 0xc1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_start_info), RIG_TEST(test_modules), RIG_TEST(test_bad_options),
		RIG_TEST(test_bad_notes), RIG_TEST(test_no_acpi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
