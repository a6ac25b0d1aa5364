/* What the ELF loader takes, where it puts it, and how it refuses the rest. */
#include "../cmocka_all.h"
#include "boot/elf.h"
#include "elf_image.h"
#include <errno.h>
#include <stdio.h>

#define MIB (1ull << 20)

struct rig { struct elf_image elf; struct guest_mem mem; struct boot_entry entry; struct error err; };

static int setup(void **state)
{
	static struct rig g;

	memset(&g, 0, sizeof(g));
	elf_image_init(&g.elf);
	guest_mem_init(&g.mem);
	*state = &g;
	return guest_mem_add(&g.mem, 0, 64 * MIB, NULL);
}

static int teardown(void **state)
{
	guest_mem_fini(&((struct rig *)*state)->mem);
	return 0;
}

static int load(struct rig *g)
{
	g->err.text[0] = '\0';
	return boot_load(&g->elf.image, NULL, &g->mem, &g->entry, &g->err);
}

static uint64_t word_at(struct rig *g, uint64_t gpa)
{
	uint64_t v = 0;
	assert_int_equal(guest_mem_read(&g->mem, gpa, &v, 8), 0);
	return v;
}

static void test_exec(void **state)
{
	struct rig *g = *state;
	uint8_t b[0x1000];

	/* What an earlier boot left behind must not be seen by the next. */
	assert_int_equal(guest_mem_fill(&g->mem, 0x101000, 0xee, 0x3000), 0);
	assert_int_equal(load(g), 0);
	assert_string_equal(g->entry.format, "ELF64 executable");
	assert_true(g->entry.entry == 0x100010 && g->entry.bias == 0);
	assert_int_equal(g->entry.segment_count, 2);
	assert_true(g->entry.segment[1].gva == 0x101000 && g->entry.segment[1].mem_size == 0x3000);
	assert_int_equal(g->entry.segment[1].flags, PF_R | PF_W);
	assert_int_equal(guest_mem_read(&g->mem, 0x100000, b, 0x801), 0);
	assert_true(b[0] == 0xc1 && b[0x7ff] == 0xc1 && b[0x800] == 0);
	assert_int_equal(guest_mem_read(&g->mem, 0x101000, b, 0x1000), 0);
	assert_true(b[0] == 0xd1 && b[0xff] == 0xd1 && b[0x100] == 0 && b[0xfff] == 0);
}

struct bad_row {
	const char *what;
	void (*spoil)(struct elf_image *e);
	int rc;
	const char *text;  /* the message holds this */
};

#define SPOIL(name, ...) static void spoil_##name(struct elf_image *e) { __VA_ARGS__; }
#define EH e->head.eh
#define PH e->head.ph

SPOIL(empty, e->image.size = 0)
SPOIL(short_magic, e->image.size = 3)
SPOIL(magic, e->bytes[0] = 'M')
SPOIL(magic_only, e->image.size = 4)
SPOIL(short_header, e->image.size = 63)
SPOIL(class32, EH.e_ident[EI_CLASS] = ELFCLASS32)
SPOIL(class9, EH.e_ident[EI_CLASS] = 9)
SPOIL(big_endian, EH.e_ident[EI_DATA] = ELFDATA2MSB)
SPOIL(version, EH.e_ident[EI_VERSION] = 7)
SPOIL(machine, EH.e_machine = EM_AARCH64)
SPOIL(object, EH.e_type = ET_REL)
SPOIL(core, EH.e_type = ET_CORE)
SPOIL(type, EH.e_type = 0x1234)
SPOIL(no_phdrs, EH.e_phnum = 0)
SPOIL(xnum, EH.e_phnum = PN_XNUM)
SPOIL(phentsize, EH.e_phentsize = 32)
SPOIL(phoff, EH.e_phoff = ELF_IMAGE_BYTES - 8)
SPOIL(phoff_wraps, EH.e_phoff = UINT64_MAX - 8)
SPOIL(phdrs_cut, e->image.size = 64 + 100)
SPOIL(segment_cut, e->image.size = 0x17ff)
SPOIL(offset_wraps, PH[1].p_offset = UINT64_MAX - 0x10)
SPOIL(filesz_wraps, PH[1].p_filesz = UINT64_MAX)
SPOIL(filesz, PH[1].p_filesz = 0x2000; PH[1].p_memsz = 0x1000)
SPOIL(paddr_wraps, PH[1].p_paddr = UINT64_MAX - 0x100)
SPOIL(vaddr_wraps, PH[1].p_vaddr = UINT64_MAX - 0x100)
SPOIL(non_canonical, PH[1].p_vaddr = 0x800000000000)
SPOIL(align, PH[1].p_align = 3)
SPOIL(too_big, PH[1].p_memsz = 0x9000000)
SPOIL(beyond, PH[1].p_paddr = 0x4000000 - 0x1000)
SPOIL(high_paddr, PH[1].p_vaddr = PH[1].p_paddr = 0xffffffff80001000)
SPOIL(overlap, PH[1].p_paddr = 0x1007ff)
SPOIL(contained, PH[1].p_paddr = 0x100100; PH[1].p_memsz = 0x100)
SPOIL(interp, PH[1].p_type = PT_INTERP; strcpy((char *)e->bytes + 0x2000, "/lib64/ld.so");
      PH[1].p_filesz = 13)
SPOIL(interp_broken, PH[1].p_type = PT_INTERP; PH[1].p_filesz = UINT64_MAX)
SPOIL(no_load, PH[0].p_type = PT_NOTE; PH[1].p_type = PT_NULL)
SPOIL(entry, EH.e_entry = 0x200000)
SPOIL(entry_zero, EH.e_entry = 0)
SPOIL(moved_low, PH[0].p_vaddr = 0x500000; EH.e_entry = 0x500000)
SPOIL(odd_delta, PH[0].p_vaddr = 0xffffffff80100010; EH.e_entry = 0x100010)

static const struct bad_row bad[] = {
	{"empty", spoil_empty, -ENOEXEC, "empty"},
	{"three bytes", spoil_short_magic, -ENOEXEC, "not an ELF"},
	{"magic", spoil_magic, -ENOEXEC, "not an ELF"},
	{"magic only", spoil_magic_only, -EINVAL, "cut short"},
	{"short header", spoil_short_header, -EINVAL, "cut short"},
	{"32-bit header, 64-bit machine", spoil_class32, -EINVAL, "a 32-bit ELF for machine 62"},
	{"class", spoil_class9, -EINVAL, "class 9"},
	{"big endian", spoil_big_endian, -EINVAL, "little-endian"},
	{"version", spoil_version, -EINVAL, "version 7"},
	{"machine", spoil_machine, -EINVAL, "machine 183"},
	{"object", spoil_object, -EINVAL, "link it"},
	{"core", spoil_core, -EINVAL, "core file"},
	{"type", spoil_type, -EINVAL, "type 4660"},
	{"no program headers", spoil_no_phdrs, -EINVAL, "no program headers"},
	{"PN_XNUM", spoil_xnum, -EINVAL, "more than"},
	{"phentsize", spoil_phentsize, -EINVAL, "32 bytes"},
	{"phoff", spoil_phoff, -EINVAL, "program headers end"},
	{"phoff wraps", spoil_phoff_wraps, -EINVAL, "program headers end"},
	{"headers cut", spoil_phdrs_cut, -EINVAL, "program headers end"},
	{"segment cut", spoil_segment_cut, -EINVAL, "segment 0 ends behind"},
	{"offset wraps", spoil_offset_wraps, -EINVAL, "segment 1 ends behind"},
	{"filesz wraps", spoil_filesz_wraps, -EINVAL, "segment 1 ends behind"},
	{"filesz > memsz", spoil_filesz, -EINVAL, "more bytes in the file"},
	{"paddr wraps", spoil_paddr_wraps, -EINVAL, "wraps"},
	{"vaddr wraps", spoil_vaddr_wraps, -EINVAL, "wraps"},
	{"not canonical", spoil_non_canonical, -EINVAL, "canonical"},
	{"alignment", spoil_align, -EINVAL, "power of two"},
	{"too big", spoil_too_big, -ENOMEM,
	 "kernel.elf: segment 1 (0x101000..0x9101000) does not fit 64 MiB of memory: run with -m 160M"},
	{"past the end", spoil_beyond, -ENOMEM, "run with -m 80M"},
	{"high physical address", spoil_high_paddr, -ENOMEM, "AT()"},
	{"overlap", spoil_overlap, -EINVAL, "segment 1 (0x1007ff..0x1037ff) overlaps segment 0"},
	{"contained", spoil_contained, -EINVAL, "overlaps segment 0"},
	{"interpreter", spoil_interp, -EINVAL, "interpreter /lib64/ld.so: link with -static"},
	{"broken interpreter", spoil_interp_broken, -EINVAL, "interpreter"},
	{"nothing to load", spoil_no_load, -EINVAL, "no segment to load"},
	{"entry", spoil_entry, -EINVAL, "ENTRY()"},
	{"entry 0", spoil_entry_zero, -EINVAL, "ENTRY()"},
	{"moved below 4 GiB", spoil_moved_low, -EINVAL, "something else is mapped"},
	{"moved by 16 bytes", spoil_odd_delta, -EINVAL, "differs below 4 KiB"},
};

static void test_bad(void **state)
{
	struct rig *g = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct boot_entry before;
		int rc;

		elf_image_init(&g->elf);
		bad[i].spoil(&g->elf);
		memset(&g->entry, 0x5a, sizeof(g->entry));
		before = g->entry;
		rc = load(g);
		if (rc != bad[i].rc || !strstr(g->err.text, bad[i].text))
			fail_msg("%s: rc %d, text \"%s\"", bad[i].what, rc, g->err.text);
		if (strncmp(g->err.text, "kernel.elf: ", 12) != 0 || strchr(g->err.text, '\n'))
			fail_msg("%s: text \"%s\"", bad[i].what, g->err.text);
		assert_memory_equal(&g->entry, &before, sizeof(before));
		assert_int_equal(boot_load(&g->elf.image, NULL, &g->mem, &g->entry, NULL), rc);
	}
}

static void test_too_many_segments(void **state)
{
	struct rig *g = *state;
	struct elf_image *e = &g->elf;

	EH.e_phoff = 0x3000;
	EH.e_phnum = BOOT_SEGMENTS_MAX + 1;
	for (unsigned i = 0; i < EH.e_phnum; i++) {
		Elf64_Phdr ph =
			elf_image_load(0x1000, 0x100000 + i * 0x1000, 0x100000 + i * 0x1000, 1, 1, PF_X);
		memcpy(e->bytes + EH.e_phoff + i * sizeof(ph), &ph, sizeof(ph));
	}
	EH.e_entry = 0x100000;
	assert_int_equal(load(g), -EINVAL);
	assert_non_null(strstr(g->err.text, "more than 64 segments"));
	EH.e_phnum--;
	assert_int_equal(load(g), 0);
	assert_int_equal(g->entry.segment_count, BOOT_SEGMENTS_MAX);
}

static void test_no_memory(void **state)
{
	struct rig *g = *state;

	guest_mem_fini(&g->mem);
	assert_int_equal(load(g), -ENOMEM);
	assert_non_null(strstr(g->err.text, "no memory"));
	/* A hole where the segment goes. */
	assert_int_equal(guest_mem_add(&g->mem, 0, MIB, NULL), 0);
	assert_int_equal(guest_mem_add(&g->mem, 2 * MIB, MIB, NULL), 0);
	assert_int_equal(load(g), -ENOMEM);
	assert_non_null(strstr(g->err.text, "no memory: link it elsewhere"));
}

/* A position-independent image: text at 0, data at 0x1000, dynamic section at its start. */
static void make_pie(struct elf_image *e)
{
	static const uint64_t dynamic[] = {
		DT_RELA, 0x1100, DT_RELASZ, 2 * sizeof(Elf64_Rela), DT_RELAENT, sizeof(Elf64_Rela),
		36 /* DT_RELR */, 0x1180, 35 /* DT_RELRSZ */, 3 * 8, 37 /* DT_RELRENT */, 8, DT_NULL, 0
	};
	static const Elf64_Rela rela[] = {
		{.r_offset = 0x1200, .r_info = R_X86_64_RELATIVE, .r_addend = 0x20},
		{.r_offset = 0x2ff8, .r_info = R_X86_64_RELATIVE, .r_addend = 0x30},
	};
	/* Words at 0x1300, and of the next 63 the first and the last; then the second of the 63 after. */
	static const uint64_t relr[] = {0x1300, 1ull << 63 | 1 << 1 | 1, 1 << 2 | 1};

	elf_image_init(e);
	EH.e_type = ET_DYN;
	EH.e_entry = 0x10;
	EH.e_phnum = 3;
	PH[0] = elf_image_load(0x1000, 0, 0, 0x800, 0x800, PF_R | PF_X);
	PH[1] = elf_image_load(0x2000, 0x1000, 0x1000, 0x1000, 0x2000, PF_R | PF_W);
	PH[2] = elf_image_load(0x2000, 0x1000, 0x1000, sizeof(dynamic), sizeof(dynamic), PF_R);
	PH[2].p_type = PT_DYNAMIC;
	memset(e->bytes + 0x2000, 0, 0x1000);
	memcpy(e->bytes + 0x2000, dynamic, sizeof(dynamic));
	memcpy(e->bytes + 0x2100, rela, sizeof(rela));
	memcpy(e->bytes + 0x2180, relr, sizeof(relr));
	for (unsigned i = 0; i < 127; i++)
		elf_image_put64(e, 0x2300 + 8 * i, i + 1);
}

static void test_pie(void **state)
{
	struct rig *g = *state;
	const uint64_t base = BOOT_ELF_PIE_BASE;

	make_pie(&g->elf);
	assert_int_equal(load(g), 0);
	assert_string_equal(g->entry.format, "ELF64 position-independent executable");
	assert_true(g->entry.bias == base && g->entry.entry == base + 0x10);
	assert_true(g->entry.segment[0].gpa == base && g->entry.segment[0].gva == base);
	assert_true(word_at(g, base + 0x1200) == base + 0x20);
	assert_true(word_at(g, base + 0x2ff8) == base + 0x30);
	for (unsigned i = 0; i < 127; i++) {
		bool moved = i == 0 || i == 1 || i == 63 || i == 65;
		if (word_at(g, base + 0x1300 + 8 * i) != i + 1 + (moved ? base : 0))
			fail_msg("DT_RELR word %u", i);
	}
}

static void test_pie_places(void **state)
{
	struct rig *g = *state;
	struct elf_image *e = &g->elf;

	make_pie(e);
	PH[1].p_align = 16 * MIB;
	assert_int_equal(load(g), 0);
	assert_true(g->entry.bias == 16 * MIB);
	/* Linked high already: stays. */
	elf_image_init(e);
	EH.e_type = ET_DYN;
	assert_int_equal(load(g), 0);
	assert_true(g->entry.bias == 0 && g->entry.entry == 0x100010);
}

#define RELA(n) ((Elf64_Rela *)(void *)(e->bytes + 0x2100))[n]
#define DYN(n) ((uint64_t *)(void *)(e->bytes + 0x2000))[n]

SPOIL(rela_type, RELA(1).r_info = R_X86_64_GLOB_DAT)
SPOIL(rela_none, RELA(1).r_info = R_X86_64_NONE)
SPOIL(rela_place, RELA(1).r_offset = 0x2ff9)
SPOIL(rela_far, RELA(1).r_offset = UINT64_MAX)
SPOIL(rela_outside, DYN(1) = 0x1ff0)
SPOIL(rela_size, DYN(3) = UINT64_MAX - 0x1100)
SPOIL(rela_entry, DYN(5) = 16)
SPOIL(relr_outside, DYN(7) = 0x9000)
SPOIL(relr_entry, DYN(11) = 4)
SPOIL(relr_place, elf_image_put64(e, 0x2180, 0x3000))
SPOIL(relr_first_odd, elf_image_put64(e, 0x2180, 3))
SPOIL(needed, DYN(0) = DT_NEEDED)
SPOIL(rel, DYN(0) = DT_REL)
SPOIL(plt, DYN(0) = DT_PLTRELSZ)
SPOIL(dynamic_cut, PH[2].p_filesz = ELF_IMAGE_BYTES)
SPOIL(pie_align, PH[1].p_align = 1ull << 50)
SPOIL(pie_odd_align, PH[1].p_align = 0x3000)

static const struct bad_row bad_pie[] = {
	{"type", spoil_rela_type, -EINVAL, "needs a dynamic linker"},
	{"R_X86_64_NONE", spoil_rela_none, 0, ""},
	{"place", spoil_rela_place, -EINVAL, "0x2ff9 lies in no segment"},
	{"far", spoil_rela_far, -EINVAL, "lies in no segment"},
	{"table outside", spoil_rela_outside, -EINVAL, "DT_RELA"},
	{"table size", spoil_rela_size, -EINVAL, "DT_RELA"},
	{"entry size", spoil_rela_entry, -EINVAL, "DT_RELA"},
	{"RELR outside", spoil_relr_outside, -EINVAL, "DT_RELR"},
	{"RELR entry size", spoil_relr_entry, -EINVAL, "DT_RELR"},
	{"RELR place", spoil_relr_place, -EINVAL, "0x3000 lies in no segment"},
	{"RELR starts odd", spoil_relr_first_odd, -EINVAL, "DT_RELR"},
	{"shared library", spoil_needed, -EINVAL, "shared libraries"},
	{"DT_REL", spoil_rel, -EINVAL, "DT_REL"},
	{"PLT", spoil_plt, -EINVAL, "PLT"},
	{"dynamic cut", spoil_dynamic_cut, -EINVAL, "dynamic section"},
	{"huge alignment", spoil_pie_align, -EINVAL, "aligned to"},
	{"odd alignment", spoil_pie_odd_align, -EINVAL, ""},
};

static void test_bad_pie(void **state)
{
	struct rig *g = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad_pie); i++) {
		int rc;

		make_pie(&g->elf);
		bad_pie[i].spoil(&g->elf);
		rc = load(g);
		if (rc != bad_pie[i].rc || !strstr(g->err.text, bad_pie[i].text))
			fail_msg("%s: rc %d, text \"%s\"", bad_pie[i].what, rc, g->err.text);
	}
}

/* Every prefix of a good file is refused or loads (cut behind the last segment); none crashes. */
static void test_prefixes(void **state)
{
	struct rig *g = *state;

	for (int pie = 0; pie < 2; pie++) {
		if (pie)
			make_pie(&g->elf);
		else
			elf_image_init(&g->elf);
		for (size_t size = 0; size < ELF_IMAGE_BYTES; size += size < 512 ? 1 : 61) {
			bool whole = size >= (pie ? 0x3000 : 0x2100);
			g->elf.image.size = size;
			assert_int_equal(load(g) == 0, whole);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exec, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pie, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pie_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_pie, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prefixes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
