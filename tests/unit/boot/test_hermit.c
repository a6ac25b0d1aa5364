/* Hermit: notes, where memory goes, BootInfo, page tables, device tree, relocation. */
#include "boot_rig.h"
#include "boot/elf.h"
#include "boot/fdt.h"
#include "boot/hermit.h"
#include "x86/paging.h"

#include <libfdt.h>

#define NOTES_AT 0x3000u
#define PH(g) ((g)->elf.head.ph)

/* Appends a note; returns where its description is. */
static uint32_t add_note(struct rig *g, const char *name, uint32_t type, const void *desc, uint32_t len)
{
	Elf64_Phdr *ph = &PH(g)[2];
	uint32_t at = NOTES_AT + (uint32_t)ph->p_filesz, named = (uint32_t)strlen(name) + 1;
	uint8_t *b = g->elf.bytes;

	bytes_put_le32(b + at, named);
	bytes_put_le32(b + at + 4, len);
	bytes_put_le32(b + at + 8, type);
	memcpy(b + at + 12, name, named);
	at += 12 + (named + 3) / 4 * 4;
	memcpy(b + at, desc, len);
	ph->p_filesz = at + (len + 3) / 4 * 4 - NOTES_AT;
	return at;
}

/* An ET_EXEC at 8 MiB, entry version 4, with a TLS template. */
static void make(struct rig *g, unsigned interface, bool tag)
{
	static const uint8_t version = 4;
	uint8_t word[16] = {0, 0, 0, (uint8_t)interface};

	g->elf.head.eh.e_phnum = 4;
	g->elf.head.eh.e_entry = 0x800010;
	PH(g)[0] = elf_image_load(0x1000, 0x800000, 0x800000, 0x800, 0x800, PF_R | PF_X);
	PH(g)[1] = elf_image_load(0x2000, 0x801000, 0x801000, 0x100, 0x3000, PF_R | PF_W);
	PH(g)[2] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = NOTES_AT, .p_align = 4};
	PH(g)
	[3] = (Elf64_Phdr){
		.p_type = PT_TLS, .p_vaddr = 0x801000, .p_filesz = 8, .p_memsz = 24, .p_align = 16};
	add_note(g, "HERMIT", 0x5a00, &version, 1);
	if (interface > 1)
		add_note(g, "UHYVEIF", 0x5b00, word, 4);
	memset(word, 0, sizeof(word));
	word[0] = 6;
	word[8] = 12;
	if (tag)
		add_note(g, "GNU", 1, word, 16);
}

static void make_movable(struct rig *g)
{
	g->elf.head.eh.e_type = ET_DYN;
	g->elf.head.eh.e_entry = 0x10;
	PH(g)[0].p_vaddr = PH(g)[0].p_paddr = 0;
	PH(g)[1].p_vaddr = PH(g)[1].p_paddr = 0x1000;
	PH(g)[3].p_vaddr = 0x1000;
}

static int read_phys(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	return guest_mem_read(ctx, gpa, buf, len);
}

static enum x86_walk_result walk(struct rig *g, uint64_t gva, uint64_t *ret)
{
	const struct x86_layout layout = {.phys_bits = 46, .linear_bits = 48, .has_nx = true};
	const struct x86_phys_reader reader = {.read = read_phys, .ctx = &g->mem};
	struct x86_paging pg;
	struct x86_walk w;

	x86_paging_from_state(&g->entry.state, &layout, &pg);
	x86_paging_walk(&pg, gva, &reader, &w);
	*ret = w.gpa;
	return w.result;
}

static void test_entry_state(void **state)
{
	struct rig *g = *state;
	const struct x86_state *st = &g->entry.state;

	make(g, 1, false);
	rig_load(g);
	assert_string_equal(g->entry.protocol, "Hermit, uhyve interface 1");
	assert_true(g->entry.all_cpus && g->entry.bias == 0);
	assert_true(st->rip == 0x800010 && st->gpr[X86_RDI] == 0x5000 && st->gpr[X86_RSP] == 0x7f8000);
	assert_true(st->gpr[X86_RSI] == 0 && st->gpr[X86_RAX] == 0 && st->rflags == 2);
	assert_true(st->cr0 == 0x80000031 && st->cr3 == 0x10000 && st->cr4 == 0x20 && st->efer == 0xd00);
	assert_true(st->seg[X86_CS].selector == 8 && st->seg[X86_CS].l && st->seg[X86_SS].selector == 0x10);
	assert_true(st->seg[X86_GS].base == 0 && st->gdt.base == 0 && st->gdt.limit == 23);
	assert_true(rig_get64(g, 0) == 0 && rig_get64(g, 8) == 0x00af9b000000ffff);
	assert_true(rig_get64(g, 16) == 0x00cf93000000ffff);
}

static void test_boot_info(void **state)
{
	struct rig *g = *state;
	const struct boot_hermit h = {.tsc_khz = 2500000, .time_ns = 0x1234567812345678};
	const uint64_t words[16] = {0,  64 * MIB, 0x800, 0x1000, 0x800000, 0x804000, 0x801000,           8,
				    24, 16,       1,     0,      3,        2500000,  0x1234567812345678, 0};

	make(g, 1, false);
	g->opt.cpus = 3;
	g->opt.hermit = &h;
	rig_load(g);
	for (unsigned i = 0; i < 16; i++)
		assert_true(rig_get64(g, 0x5000 + 8 * i) == words[i]);
}

/* The whole 1 GiB for kernels without ABI tag; what is needed for the others; entry 511 in both. */
static void test_page_tables(void **state)
{
	struct rig *g = *state;
	uint64_t gpa;

	for (int tag = 0; tag < 2; tag++) {
		PH(g)[2].p_filesz = 0;
		make(g, 1, tag);
		rig_load(g);
		assert_true(rig_get64(g, 0x10000 + 511 * 8) == 0x10003);
		assert_true(walk(g, 0, &gpa) == X86_WALK_OK && gpa == 0);
		assert_true(walk(g, 0x803fff, &gpa) == X86_WALK_OK && gpa == 0x803fff);
		assert_true(walk(g, 0xfffffffffffff008, &gpa) == X86_WALK_OK && gpa == 0x10008);
		assert_int_equal(walk(g, 0x3fffffff, &gpa), tag ? X86_WALK_NOT_PRESENT : X86_WALK_OK);
		assert_int_equal(walk(g, 0x40000000, &gpa), X86_WALK_NOT_PRESENT);
	}
}

static void put_rela(struct rig *g, unsigned n, uint64_t offset, uint64_t info, uint64_t addend)
{
	elf_image_put64(&g->elf, 0x2000 + 24 * n, offset);
	elf_image_put64(&g->elf, 0x2008 + 24 * n, info);
	elf_image_put64(&g->elf, 0x2010 + 24 * n, addend);
}

/* A table in the second segment: RELATIVE, 64 and GLOB_DAT of a symbol, GLOB_DAT of a weak one. */
static void test_relocation(void **state)
{
	static const uint64_t dynamic[] = {DT_RELA, 0x1000,    DT_RELASZ, 96,     DT_RELAENT,
					   24,      DT_SYMTAB, 0x1060,    DT_NULL};
	struct rig *g = *state;
	uint64_t base = 0x40000;
	Elf64_Sym sym[2] = {{.st_info = ELF64_ST_INFO(STB_WEAK, STT_NOTYPE)},
			    {.st_shndx = 1, .st_value = 0x123}};

	make(g, 1, false);
	make_movable(g);
	PH(g)[1].p_filesz = 0x200;
	memset(g->elf.bytes + 0x2000, 0, 0x200);
	put_rela(g, 0, 0x1180, R_X86_64_RELATIVE, 0x55);
	put_rela(g, 1, 0x1188, 1ull << 32 | R_X86_64_64, 7);
	put_rela(g, 2, 0x1190, 1ull << 32 | R_X86_64_GLOB_DAT, 0);
	put_rela(g, 3, 0x1198, 0ull << 32 | R_X86_64_64, 9);
	memcpy(g->elf.bytes + 0x2060, sym, sizeof(sym));
	memcpy(g->elf.bytes + 0x20a0, dynamic, sizeof(dynamic));
	PH(g)
	[3] = (Elf64_Phdr){
		.p_type = PT_DYNAMIC, .p_offset = 0x20a0, .p_vaddr = 0x10a0, .p_filesz = sizeof(dynamic)};
	rig_load(g);
	assert_true(g->entry.bias == base && g->entry.state.rip == base + 0x10);
	assert_true(rig_get64(g, base + 0x1180) == base + 0x55 &&
		    rig_get64(g, base + 0x1188) == base + 0x12a);
	assert_true(rig_get64(g, base + 0x1190) == base + 0x123 && rig_get64(g, base + 0x1198) == 0);
	sym[1].st_shndx = SHN_UNDEF;
	memcpy(g->elf.bytes + 0x2060, sym, sizeof(sym));
	rig_refused(g, "undefined", -EINVAL, "needs a dynamic linker");
	put_rela(g, 1, 0x1188, 0xffffffffull << 32 | R_X86_64_64, 7);
	rig_refused(g, "no such symbol", -EINVAL, "needs a dynamic linker");
	put_rela(g, 1, 0x9000, R_X86_64_RELATIVE, 7);
	rig_refused(g, "outside", -EINVAL, "lies in no segment");
}

/* ---- where memory goes ---- */

static uint64_t start_of(struct rig *g, uint64_t size, uint64_t random, int want)
{
	struct guest_mem mem;
	uint64_t start;
	int rc;

	guest_mem_init(&mem);
	rc = boot_hermit_memory(&g->elf.image, size, random, &mem, &g->err);
	assert_int_equal(rc, want);
	start = rc == 0 ? mem.region[0].gpa : UINT64_MAX;
	assert_true(rc < 0 || (mem.count == 1 && mem.region[0].size == size));
	guest_mem_fini(&mem);
	return start;
}

static void test_memory(void **state)
{
	struct rig *g = *state;

	make(g, 1, false);
	assert_true(start_of(g, 64 * MIB, 0, 0) == 0 && start_of(g, 64 * MIB, 12345, 0) == 0);
	make_movable(g);
	assert_true(start_of(g, 64 * MIB, 0, 0) == 0 && start_of(g, 64 * MIB, 3, 0) == 6 * MIB);
	for (uint64_t r = 1; r; r = r * 5 << 3) {
		uint64_t at = start_of(g, 64 * MIB, r, 0);

		assert_true(at % (2 * MIB) == 0 && at + 64 * MIB <= BOOT_HERMIT_V1_END);
	}
	assert_true(start_of(g, 3072 * MIB, 77, 0) == 0);
	start_of(g, 3074 * MIB, 0, -ENOMEM);
	start_of(g, 8 * MIB, 0, -ENOMEM);
	elf_image_init(&g->elf);
	make(g, 3, true);
	assert_true(start_of(g, 64 * MIB, 5, 0) == 0); /* fixed, and linked low */
	make_movable(g);
	assert_true(start_of(g, 64 * MIB, 0, 0) == BOOT_4G);
	assert_true(start_of(g, 64 * MIB, 1ull << 63, 0) + 64 * MIB <= BOOT_HERMIT_V2_END);
}

static void test_moved_memory(void **state)
{
	struct rig *g = *state;
	uint64_t base = BOOT_4G + 6 * MIB, gpa;

	make(g, 2, true);
	make_movable(g);
	guest_mem_fini(&g->mem);
	assert_int_equal(guest_mem_add(&g->mem, base, 64 * MIB, NULL), 0);
	rig_load(g);
	assert_true(g->entry.bias == base + 0x40000 && g->entry.state.gpr[X86_RDI] == base + 0x5000);
	assert_true(walk(g, base + 0x40010, &gpa) == X86_WALK_OK && gpa == base + 0x40010);
	assert_true(rig_get64(g, base + 0x5000) == base && rig_get64(g, base + 0x5010) == 0x1030);
}

/* ---- notes and images that lie ---- */

static void bad_version(struct rig *g)
{
	g->elf.bytes[NOTES_AT + 20] = 2;
}
static void bad_version_size(struct rig *g)
{
	bytes_put_le32(g->elf.bytes + NOTES_AT + 4, 2);
}
static void bad_interface(struct rig *g)
{
	g->elf.bytes[NOTES_AT + 24 + 12 + 8 + 3] = 4;
}
static void little_endian_interface(struct rig *g)
{
	g->elf.bytes[NOTES_AT + 24 + 12 + 8] = 2;
}
static void bad_interface_size(struct rig *g)
{
	bytes_put_le32(g->elf.bytes + NOTES_AT + 24 + 4, 3);
}
static void low_link(struct rig *g)
{
	PH(g)[0].p_vaddr = PH(g)[0].p_paddr = 0x3f000;
}
static void other_paddr(struct rig *g)
{
	PH(g)[0].p_paddr = 0x900000;
}
static void bad_entry(struct rig *g)
{
	g->elf.head.eh.e_entry = 0x900000;
}
static void behind_memory(struct rig *g)
{
	PH(g)[1].p_memsz = 1ull << 40;
}

static void test_lies(void **state)
{
	static const struct {
		void (*spoil)(struct rig *g);
		int rc;
		const char *text;
	} rows[] = {
		{bad_version, -EINVAL, "entry version 2"},
		{bad_version_size, -EINVAL, "2 bytes instead of 1"},
		{bad_interface, -EINVAL, "interface version 4"},
		{little_endian_interface, -EINVAL, "interface version 33554434"},
		{bad_interface_size, -EINVAL, "3 bytes instead of 4"},
		{low_link, -EINVAL, "belong to the boot structures"},
		{other_paddr, -EINVAL, "the same for both"},
		{bad_entry, -EINVAL, "lies in no segment"},
		{behind_memory, -ENOMEM, "segment 1"},
	};
	struct rig *g = *state;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		elf_image_init(&g->elf);
		make(g, 2, false);
		rows[i].spoil(g);
		rig_refused(g, rows[i].text, rows[i].rc, rows[i].text);
	}
}

static void test_versions(void **state)
{
	struct rig *g = *state;
	struct boot_hermit_notes n = {0};

	make(g, 3, true);
	g->elf.bytes[NOTES_AT + 20] = 3;
	assert_int_equal(boot_hermit_notes(&g->elf.image, &n, &g->err), 0);
	assert_true(n.entry == 3 && n.interface == 3 && n.has_kernel);
	assert_true(n.kernel[0] == 0 && n.kernel[1] == 12 && n.kernel[2] == 0);
}

static void test_modules_are_refused(void **state)
{
	static const struct boot_module module = {(const uint8_t *)"x", 1, NULL};
	struct rig *g = *state;

	make(g, 1, false);
	g->opt.module = &module;
	g->opt.module_count = 1;
	rig_refused(g, "module", -EINVAL, "no initrd");
}

/* ---- device tree ---- */

#define WORDS(...)                                                                                           \
	{                                                                                                    \
		(const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)   \
	}

static const void *property(const void *tree, const char *path, const char *name, int *len)
{
	int node = fdt_path_offset(tree, path);

	assert_true(node >= 0);
	return fdt_getprop(tree, node, name, len);
}

static void test_device_tree(void **state)
{
	const struct boot_hermit h = {.args = WORDS("one", "two three", "it's", ""),
				      .env = WORDS("A=1", "B=x y"),
				      .mounts = WORDS("/a", "/b/c"),
				      .tsc_khz = 0x01020304};
	struct rig *g = *state;
	const void *tree, *p;
	int len;

	make(g, 2, true);
	g->opt.hermit = &h;
	g->opt.cpus = 2;
	g->opt.cmdline = "-ip 1";
	rig_load(g);
	tree = guest_mem_window(&g->mem, 0x1000, 0x4000);
	assert_int_equal(fdt_check_full(tree, 0x4000), 0);
	assert_string_equal(property(tree, "/", "compatible", &len), "hermit,uhyve");
	assert_string_equal(property(tree, "/chosen", "bootargs", &len),
			    "-ip 1 env=A=1 env=B='x y' -- one 'two three' 'it'\\''s' ''");
	p = property(tree, "/memory@0", "reg", &len);
	assert_true(len == 16 && fdt64_ld(p) == 0 && fdt64_ld((const fdt64_t *)p + 1) == 64 * MIB);
	p = property(tree, "/hermit,tsc", "khz", &len);
	assert_true(len == 4 && fdt32_ld(p) == 0x01020304);
	p = property(tree, "/uhyve,mounts", "mounts", &len);
	assert_true(len == 8 && memcmp(p, "/a\0/b/c", 8) == 0);
	assert_string_equal(property(tree, "/cpus/cpu@1", "device_type", &len), "cpu");
	assert_true(fdt_path_offset(tree, "/cpus/cpu@2") < 0);
}

static void test_tree_that_does_not_fit(void **state)
{
	static char text[BOOT_FDT_ARGS_MAX + 8], mount[3000];
	const char *const env[] = {text}, *const mounts[] = {mount, mount};
	struct boot_hermit h = {.env = {env, 1}};
	struct rig *g = *state;

	make(g, 1, false);
	g->opt.hermit = &h;
	memset(text, 'x', sizeof(text) - 1);
	rig_refused(g, "environment", -E2BIG, "longer than the");
	memset(mount, 'm', sizeof(mount) - 1);
	h = (struct boot_hermit){.mounts = {mounts, 2}};
	rig_refused(g, "mounts", -E2BIG, "does not fit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_entry_state, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_boot_info, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_page_tables, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_relocation, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_memory, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_moved_memory, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_lies, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_versions, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_modules_are_refused, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_device_tree, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_tree_that_does_not_fit, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
