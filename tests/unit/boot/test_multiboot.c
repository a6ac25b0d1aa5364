/* Multiboot 1: the header in ELF files and in others, the information, plain 32-bit ELF. */
#include "boot_rig.h"
#include "boot/elf.h"
#include "boot/multiboot.h"

#define HEADER_AT 0x1000u /* file offset; loaded at 0x100000 */

static void put32(struct rig *g, uint32_t offset, uint32_t v)
{
	bytes_put_le32(g->elf.bytes + offset, v);
}

static void add_header(struct rig *g, uint32_t offset, uint32_t flags)
{
	put32(g, offset, BOOT_MULTIBOOT_HEADER_MAGIC);
	put32(g, offset + 4, flags);
	put32(g, offset + 8, -(BOOT_MULTIBOOT_HEADER_MAGIC + flags));
}

/* The same image as ELF32: its headers are written over the old ones. */
static void narrow(struct rig *g)
{
	const Elf64_Ehdr eh = g->elf.head.eh;
	Elf32_Ehdr to = {.e_type = eh.e_type, .e_machine = EM_386, .e_version = 1, .e_entry = 0x100010,
	                 .e_phoff = sizeof(to), .e_ehsize = sizeof(to), .e_phentsize = sizeof(Elf32_Phdr),
	                 .e_phnum = 2};
	Elf32_Phdr ph[2];

	for (unsigned i = 0; i < 2; i++) {
		const Elf64_Phdr *p = &g->elf.head.ph[i];

		ph[i] = (Elf32_Phdr){.p_type = p->p_type, .p_flags = p->p_flags, .p_offset = p->p_offset,
		                     .p_vaddr = p->p_vaddr, .p_paddr = p->p_paddr, .p_filesz = p->p_filesz,
		                     .p_memsz = p->p_memsz, .p_align = p->p_align};
	}
	memcpy(to.e_ident, eh.e_ident, EI_NIDENT);
	to.e_ident[EI_CLASS] = ELFCLASS32;
	memset(g->elf.bytes, 0, sizeof(Elf64_Ehdr) + 4 * sizeof(Elf64_Phdr));
	memcpy(g->elf.bytes, &to, sizeof(to));
	memcpy(g->elf.bytes + sizeof(to), ph, sizeof(ph));
}

static void check_info(struct rig *g)
{
	uint64_t info = g->entry.state.gpr[X86_RBX], map = rig_get32(g, info + 48);

	assert_string_equal(g->entry.protocol, "Multiboot 1");
	assert_true(g->entry.state.gpr[X86_RAX] == BOOT_MULTIBOOT_MAGIC);
	assert_true(rig_get32(g, info) == 0x24d);
	assert_true(rig_get32(g, info + 4) == 636 && rig_get32(g, info + 8) == 63 * 1024);
	rig_text_is(g, rig_get32(g, info + 16), "kernel.elf x y");
	rig_text_is(g, rig_get32(g, info + 64), "trapline");
	assert_true(rig_get32(g, info + 44) == 3 * 24 && rig_get32(g, map) == 20);
	assert_true(rig_get64(g, map + 4) == 0 && rig_get64(g, map + 12) == 0x9f000);
	assert_true(rig_get32(g, map + 20) == 1);
	assert_true(rig_get64(g, map + 52) == MIB && rig_get64(g, map + 60) == 63 * MIB);
}

static void test_elf(void **state)
{
	struct rig *g = *state;

	g->opt.cmdline = "x y";
	g->elf.image.name = "some/where/kernel.elf";
	add_header(g, HEADER_AT, 3);
	rig_load(g);
	rig_is_state32(g, 0x100010);
	check_info(g);
	narrow(g);
	rig_load(g);
	assert_string_equal(g->entry.format, "ELF32 executable");
	rig_is_state32(g, 0x100010);
	check_info(g);
	/* A kernel in the higher half: its entry point, virtual in the file, is physical at entry. */
	elf_image_init(&g->elf);
	add_header(g, HEADER_AT, 7);
	g->elf.head.ph[0].p_vaddr = 0xffffffff80100000;
	g->elf.head.eh.e_entry = 0xffffffff80100010;
	rig_load(g);
	rig_is_state32(g, 0x100010);
}

static void test_modules(void **state)
{
	static const struct boot_module modules[] = {
		{(const uint8_t *)"one", 3, "a 1"}, {(const uint8_t *)"three", 5, NULL},
	};
	struct rig *g = *state;
	uint64_t list;

	g->opt.module = modules;
	g->opt.module_count = 2;
	add_header(g, HEADER_AT, 3);
	rig_load(g);
	assert_true(rig_get32(g, g->entry.state.gpr[X86_RBX] + 20) == 2);
	list = rig_get32(g, g->entry.state.gpr[X86_RBX] + 24);
	assert_true(rig_get32(g, list) == 0x104000 && rig_get32(g, list + 4) == 0x104003);
	assert_memory_equal(guest_mem_window(&g->mem, 0x104000, 3), "one", 3);
	rig_text_is(g, rig_get32(g, list + 8), "a 1");
	assert_true(rig_get32(g, list + 16) == 0x105000 && rig_get32(g, list + 20) == 0x105005);
}

struct flat_row {
	const char *what;
	uint32_t header, load, load_end, bss_end, entry;
	int rc;
	const char *text;
};

static void put_addresses(struct rig *g, const struct flat_row *r)
{
	add_header(g, HEADER_AT, 0x10003);
	put32(g, HEADER_AT + 12, r->header);
	put32(g, HEADER_AT + 16, r->load);
	put32(g, HEADER_AT + 20, r->load_end);
	put32(g, HEADER_AT + 24, r->bss_end);
	put32(g, HEADER_AT + 28, r->entry);
}

static void test_addresses(void **state)
{
	static const struct flat_row bad[] = {
		{"header below load", 0x1fffff, 0x200000, 0, 0, 0x200000, -EINVAL, "load address"},
		{"before the file", 0x201001, 0x200000, 0, 0, 0x200000, -EINVAL, "load address"},
		{"end before start", 0x200000, 0x200000, 0x200000, 0, 0x200000, -EINVAL, "load end"},
		{"end behind the file", 0x200000, 0x200000, 0x203001, 0, 0x200000, -EINVAL, "cut short"},
		{"entry below", 0x200000, 0x200000, 0, 0, 0x1fffff, -EINVAL, "outside the image"},
		{"entry above", 0x200000, 0x200000, 0x200100, 0x200200, 0x200200, -EINVAL, "outside"},
		{"no memory", 0x4000000, 0x4000000, 0, 0, 0x4000000, -ENOMEM, "does not fit 64 MiB"},
		{"no memory for bss", 0x200000, 0x200000, 0, 0x4000001, 0x200000, -ENOMEM, "does not fit"},
		{"wraps", 0xfffffff0, 0xfffffff0, 0, 0, 0xfffffff0, -ENOMEM, "does not fit"},
		{"bss wraps", 0x200000, 0x200000, 0, 0xffffffff, 0x200000, -ENOMEM, "does not fit"},
	};
	static const struct flat_row good = {"", 0x200100, 0x200000, 0x201100, 0x202000, 0x200010, 0, ""};
	struct rig *g = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put_addresses(g, &bad[i]);
		rig_refused(g, bad[i].what, bad[i].rc, bad[i].text);
	}
	put_addresses(g, &good);
	rig_load(g);
	rig_is_state32(g, 0x200010);
	assert_true(g->entry.segment_count == 1 && g->entry.segment[0].gpa == 0x200000);
	assert_true(g->entry.segment[0].file_offset == 0xf00 && g->entry.segment[0].mem_size == 0x2000);
	assert_true(rig_get32(g, 0x200100) == BOOT_MULTIBOOT_HEADER_MAGIC && rig_get(g, 0x200124, 1) == 0xc1);
	/* The same in a file that is no ELF. */
	g->elf.bytes[0] = 0;
	rig_load(g);
	assert_string_equal(g->entry.format, "Multiboot image with load addresses");
}

static void test_bad_headers(void **state)
{
	struct rig *g = *state;

	add_header(g, HEADER_AT, 0x8);
	rig_refused(g, "unknown demand", -EINVAL, "flags 0x8");
	add_header(g, HEADER_AT, 0x20003);
	rig_load(g);
	assert_string_equal(g->entry.protocol, "Multiboot 1");
	put32(g, HEADER_AT + 8, 0);
	rig_load(g);
	assert_string_equal(g->entry.protocol, "64-bit ELF entry");
	/* Not on a multiple of four; behind the first 8 KiB. */
	add_header(g, HEADER_AT + 2, 3);
	rig_load(g);
	assert_string_equal(g->entry.protocol, "64-bit ELF entry");
	elf_image_init(&g->elf);
	add_header(g, 8192 - 8, 3);
	rig_load(g);
	assert_string_equal(g->entry.protocol, "64-bit ELF entry");
	elf_image_init(&g->elf);
	add_header(g, 8192 - 12, 3);
	rig_load(g);
	assert_string_equal(g->entry.protocol, "Multiboot 1");
	/* Without load addresses a file that is no ELF stays unknown; with them, the header must be whole. */
	g->elf.bytes[0] = 0;
	rig_refused(g, "no ELF", -ENOEXEC, "not an ELF file");
	add_header(g, 0, 0x10003);
	g->elf.image.size = 31;
	rig_refused(g, "cut", -EINVAL, "cut short");
	g->elf.image.size = 11;
	rig_refused(g, "cut more", -ENOEXEC, "not an ELF file");
}

static void test_entry(void **state)
{
	struct rig *g = *state;

	add_header(g, HEADER_AT, 3);
	g->elf.head.eh.e_entry = 0x300000;
	rig_refused(g, "entry", -EINVAL, "entry point 0x300000 lies in no segment below 4 GiB");
	narrow(g);
	put32(g, 24, 0);
	rig_refused(g, "entry 0", -EINVAL, "no segment");
}

/* ELF32 without any header: arguments as of a C function. */
static void test_plain32(void **state)
{
	struct rig *g = *state;
	uint64_t esp, info;

	narrow(g);
	g->opt.cmdline = "hello";
	rig_load(g);
	assert_string_equal(g->entry.protocol, "32-bit ELF entry");
	rig_is_state32(g, 0x100010);
	esp = g->entry.state.gpr[X86_RSP];
	assert_true(esp % 16 == 12 && rig_get32(g, esp) == 0);
	rig_text_is(g, rig_get32(g, esp + 4), "hello");
	info = rig_get32(g, esp + 8);
	assert_true(rig_get64(g, info) == 0x746f6f4270617254);
	assert_true(rig_get64(g, info + 16) == rig_get32(g, esp + 4));
	assert_true(g->entry.state.gpr[X86_RSI] == info && rig_get64(g, info + 40) == 0x100000);
	/* Broken ELF32 headers. */
	g->elf.image.size = 51;
	rig_refused(g, "short", -EINVAL, "cut short: 51");
	g->elf.image.size = sizeof(g->elf.bytes);
	g->elf.bytes[42] = 56;
	rig_refused(g, "phentsize", -EINVAL, "56 bytes instead of 32");
	g->elf.bytes[42] = 32;
	g->elf.bytes[16] = ET_DYN;
	rig_refused(g, "pie", -EINVAL, "-no-pie");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_elf), RIG_TEST(test_modules), RIG_TEST(test_addresses),
		RIG_TEST(test_bad_headers), RIG_TEST(test_entry), RIG_TEST(test_plain32),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
