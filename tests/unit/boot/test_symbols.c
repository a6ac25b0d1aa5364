#include "../cmocka_all.h"
#include "boot/symbols.h"
#include "elf_image.h"
#include <errno.h>

/* Sections at 0x3000, symbols at 0x3200, names at 0x3800; .text is 0x100000..0x100800. */
#define SECTIONS 0x3000u
#define SYMBOLS 0x3200u
#define NAMES 0x3800u

struct symbol_row { const char *name; unsigned char info; uint16_t section; uint64_t value, size; };

#define FUNC(bind) ELF64_ST_INFO(bind, STT_FUNC)
#define LABEL(bind) ELF64_ST_INFO(bind, STT_NOTYPE)
#define OBJECT ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT)
#define FILE_NAME ELF64_ST_INFO(STB_LOCAL, STT_FILE)

static const struct symbol_row symbols[] = {
	{"", 0, 0, 0, 0},
	{"file.c", FILE_NAME, SHN_ABS, 0, 0},
	{"start", LABEL(STB_GLOBAL), 1, 0x100000, 0},
	{"local_alias", FUNC(STB_LOCAL), 1, 0x100100, 0x40},
	{"main", FUNC(STB_GLOBAL), 1, 0x100100, 0x40},
	{"main_label", LABEL(STB_GLOBAL), 1, 0x100100, 0},
	{"asm_label", LABEL(STB_GLOBAL), 1, 0x100200, 0},
	{"asm_function", FUNC(STB_LOCAL), 1, 0x100200, 0},
	{"inner", FUNC(STB_LOCAL), 1, 0x100110, 0x10},
	{"variable", OBJECT, 2, 0x101000, 8},
	{"data_label", LABEL(STB_GLOBAL), 2, 0x101010, 0},
	{"undefined", FUNC(STB_GLOBAL), SHN_UNDEF, 0x100700, 0x40},
	{"absolute", LABEL(STB_GLOBAL), SHN_ABS, 0x1234, 0},
};

static void put_section(struct elf_image *e, unsigned i, Elf64_Shdr sh)
{
	memcpy(e->bytes + SECTIONS + i * sizeof(sh), &sh, sizeof(sh));
}

static void make(struct elf_image *e)
{
	uint32_t at = 1;

	elf_image_init(e);
	e->head.eh.e_shoff = SECTIONS;
	e->head.eh.e_shentsize = sizeof(Elf64_Shdr);
	e->head.eh.e_shnum = 5;
	put_section(e, 1, (Elf64_Shdr){.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
	                               .sh_addr = 0x100000, .sh_size = 0x800, .sh_offset = 0x1000});
	put_section(e, 2, (Elf64_Shdr){.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_WRITE,
	                               .sh_addr = 0x101000, .sh_size = 0x100, .sh_offset = 0x2000});
	put_section(e, 3, (Elf64_Shdr){.sh_type = SHT_SYMTAB, .sh_offset = SYMBOLS, .sh_link = 4,
	                               .sh_size = ARRAY_LEN(symbols) * sizeof(Elf64_Sym)});
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		const struct symbol_row *r = &symbols[i];
		Elf64_Sym sym = {.st_name = r->name[0] ? at : 0, .st_info = r->info, .st_shndx = r->section,
		                 .st_value = r->value, .st_size = r->size};
		memcpy(e->bytes + SYMBOLS + i * sizeof(sym), &sym, sizeof(sym));
		memcpy(e->bytes + NAMES + at, r->name, strlen(r->name) + 1);
		at += r->name[0] ? (uint32_t)strlen(r->name) + 1 : 0;
	}
	put_section(e, 4, (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = NAMES, .sh_size = at});
}

struct at_row { uint64_t addr; const char *name; uint64_t offset; };

static void test_at(void **state)
{
	static const struct at_row rows[] = {
		{0x0fffff, NULL, 0},       {0x100000, "start", 0},    {0x1000ff, "start", 0xff},
		{0x100100, "main", 0},     {0x10010f, "main", 0xf},   {0x100110, "inner", 0},
		{0x10011f, "inner", 0xf},  {0x100120, "main", 0x20},  {0x10013f, "main", 0x3f},
		{0x100140, "main_label", 0x40}, {0x1007ff, "asm_function", 0x5ff}, {0x100800, NULL, 0},
		{0x101000, NULL, 0},       {0x101011, NULL, 0},       {0x1234, NULL, 0},
		{UINT64_MAX, NULL, 0},
	};
	static struct elf_image e;

	(void)state;
	make(&e);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t offset = 0;
		const char *name = boot_symbol_at(&e.image, rows[i].addr, &offset);

		if (!name != !rows[i].name || (name && strcmp(name, rows[i].name)) ||
		    offset != rows[i].offset)
			fail_msg("0x%llx: %s+0x%llx", (unsigned long long)rows[i].addr, name ? name : "-",
			         (unsigned long long)offset);
	}
}

static void test_find(void **state)
{
	static const struct at_row rows[] = {
		{0x100100, "main", 0},
		{0x101000, "variable", 0},
		{0x100000, "start", 0},
		{0x1234, "absolute", 0},
		{0, "undefined", 0},
		{0, "file.c", 0},
		{0, "", 0},
		{0, "mai", 0},
		{0, "main2", 0},
	};
	static struct elf_image e;

	(void)state;
	make(&e);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t addr = 0;
		int rc = boot_symbol_find(&e.image, rows[i].name, &addr);

		if (rc != (rows[i].addr ? 0 : -ENOENT) || addr != rows[i].addr)
			fail_msg("%s: rc %d, 0x%llx", rows[i].name, rc, (unsigned long long)addr);
	}
}

/* Lying tables give no symbols; the sizes are exact so that a sanitizer sees one byte too many. */
static void test_broken(void **state)
{
	static struct elf_image e;
	uint64_t v = 77;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		Elf64_Shdr symtab = {.sh_type = SHT_SYMTAB, .sh_offset = SYMBOLS, .sh_link = 4,
		                     .sh_size = ARRAY_LEN(symbols) * sizeof(Elf64_Sym)};
		Elf64_Shdr strtab = {.sh_type = SHT_STRTAB, .sh_offset = NAMES, .sh_size = 0x100};

		make(&e);
		switch (i) {
		case 0: symtab.sh_offset = UINT64_MAX; break;
		case 1: symtab.sh_size = UINT64_MAX - 7; break;
		case 2: symtab.sh_link = 5; break;
		case 3: strtab.sh_offset = ELF_IMAGE_BYTES; break;
		case 4: strtab.sh_type = SHT_PROGBITS; break;
		case 5: e.head.eh.e_shoff = ELF_IMAGE_BYTES - 10; break;
		default: e.head.eh.e_shentsize = 1; break;
		}
		put_section(&e, 3, symtab);
		put_section(&e, 4, strtab);
		assert_null(boot_symbol_at(&e.image, 0x100100, &v));
		assert_int_equal(boot_symbol_find(&e.image, "main", &v), -ENOENT);
		assert_true(v == 77);
	}
	/* A name that does not end is no name. */
	make(&e);
	put_section(&e, 4, (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = NAMES, .sh_size = 10});
	assert_null(boot_symbol_at(&e.image, 0x100000, &v));
}

static void test_not_elf(void **state)
{
	struct boot_image image = {.bytes = (const uint8_t *)"MZ", .size = 2, .name = "x"};
	uint64_t v;

	(void)state;
	assert_null(boot_symbol_at(&image, 0, &v));
	assert_int_equal(boot_symbol_find(&image, "main", &v), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at), cmocka_unit_test(test_find), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_not_elf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
