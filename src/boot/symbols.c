#include "boot/symbols.h"
#include "boot/elf.h"
#include "base/bytes.h"

#include <errno.h>
#include <string.h>

/* A symbol table with its names and the image's section headers; all inside the file. */
struct table {
	const uint8_t *symbols, *sections;
	const char *names;
	uint64_t symbol_count, names_size;
	unsigned section_count;
};

static Elf64_Shdr get_section(const struct table *t, unsigned i)
{
	Elf64_Shdr sh;

	memcpy(&sh, t->sections + i * sizeof(sh), sizeof(sh));
	return sh;
}

static Elf64_Sym get_symbol(const struct table *t, uint64_t i)
{
	Elf64_Sym sym;

	memcpy(&sym, t->symbols + i * sizeof(sym), sizeof(sym));
	return sym;
}

static bool open_section(const struct boot_image *image, struct table *t, const Elf64_Shdr *sh)
{
	Elf64_Shdr strings;

	if (sh->sh_link >= t->section_count)
		return false;
	strings = get_section(t, sh->sh_link);
	t->symbols = boot_elf_bytes(image, sh->sh_offset, sh->sh_size);
	t->names = boot_elf_bytes(image, strings.sh_offset, strings.sh_size);
	t->symbol_count = sh->sh_size / sizeof(Elf64_Sym);
	t->names_size = strings.sh_size;
	return t->symbols && t->names && strings.sh_type == SHT_STRTAB;
}

/* The full symbol table, or the dynamic one of a stripped image. */
static bool open_table(const struct boot_image *image, struct table *t)
{
	static const uint32_t types[] = {SHT_SYMTAB, SHT_DYNSYM};
	Elf64_Ehdr eh;

	if (boot_elf_header(image, &eh, NULL) < 0 || eh.e_shentsize != sizeof(Elf64_Shdr))
		return false;
	t->section_count = eh.e_shnum;
	t->sections = boot_elf_bytes(image, eh.e_shoff, (uint64_t)eh.e_shnum * sizeof(Elf64_Shdr));
	if (!t->sections)
		return false;
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; i < t->section_count; i++) {
			Elf64_Shdr sh = get_section(t, i);

			if (sh.sh_type == types[k] && open_section(image, t, &sh))
				return true;
		}
	}
	return false;
}

/* NULL when the name is empty or does not end inside the string table. */
static const char *symbol_name(const struct table *t, const Elf64_Sym *sym)
{
	const char *name;

	if (sym->st_name >= t->names_size)
		return NULL;
	name = t->names + sym->st_name;
	if (*name == '\0' || !memchr(name, '\0', t->names_size - sym->st_name))
		return NULL;
	return name;
}

static bool is_named_place(const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	return sym->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_NOTYPE || type == STT_OBJECT);
}

/* Labels of assembly code have no size: they reach to the end of their section of code. */
static bool label_reaches(const struct table *t, const Elf64_Sym *sym, uint64_t addr)
{
	Elf64_Shdr sh;

	if (sym->st_shndx >= t->section_count)
		return false;
	sh = get_section(t, sym->st_shndx);
	return (sh.sh_flags & SHF_EXECINSTR) && addr - sh.sh_addr < sh.sh_size;
}

static bool covers(const struct table *t, const Elf64_Sym *sym, uint64_t addr)
{
	if (!is_named_place(sym) || ELF64_ST_TYPE(sym->st_info) == STT_OBJECT || sym->st_value > addr)
		return false;
	if (sym->st_size)
		return addr - sym->st_value < sym->st_size;
	return label_reaches(t, sym, addr);
}

/* Of several at one address: functions before labels, symbols with a size, global ones. */
static unsigned rank(const Elf64_Sym *sym)
{
	return (ELF64_ST_TYPE(sym->st_info) == STT_FUNC ? 4 : 0) + (sym->st_size ? 2 : 0) +
	       (ELF64_ST_BIND(sym->st_info) != STB_LOCAL ? 1 : 0);
}

static bool is_better(const Elf64_Sym *a, const Elf64_Sym *b)
{
	return a->st_value != b->st_value ? a->st_value > b->st_value : rank(a) > rank(b);
}

const char *boot_symbol_at(const struct boot_image *image, uint64_t addr, uint64_t *ret_offset)
{
	const char *best_name = NULL;
	Elf64_Sym best = {0};
	struct table t;

	if (!open_table(image, &t))
		return NULL;
	for (uint64_t i = 0; i < t.symbol_count; i++) {
		Elf64_Sym sym = get_symbol(&t, i);
		const char *name;

		if (!covers(&t, &sym, addr) || (best_name && !is_better(&sym, &best)))
			continue;
		name = symbol_name(&t, &sym);
		if (!name)
			continue;
		best = sym;
		best_name = name;
	}
	if (best_name)
		*ret_offset = addr - best.st_value;
	return best_name;
}

int boot_symbol_find(const struct boot_image *image, const char *name, uint64_t *ret_addr)
{
	struct table t;

	if (!open_table(image, &t))
		return -ENOENT;
	for (uint64_t i = 0; i < t.symbol_count; i++) {
		Elf64_Sym sym = get_symbol(&t, i);
		const char *there = is_named_place(&sym) ? symbol_name(&t, &sym) : NULL;

		if (there && strcmp(there, name) == 0) {
			*ret_addr = sym.st_value;
			return 0;
		}
	}
	return -ENOENT;
}
