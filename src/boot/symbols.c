#include "boot/symbols.h"
#include "boot/elf.h"
#include "base/bytes.h"

#include <errno.h>
#include <string.h>

#define NAME_MAX_SIZE 4096u /* with the NUL; C++ names reach a few hundred */

/* A symbol table with its names; all inside the file. */
struct table {
	const struct boot_image *image;
	Elf64_Ehdr eh;
	const uint8_t *symbols;
	const char *names;
	uint64_t symbol_count, names_size;
};

static uint64_t symbol_size(const Elf64_Ehdr *eh)
{
	return boot_elf_is32(eh) ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym);
}

static Elf64_Sym get_symbol(const struct table *t, uint64_t i)
{
	const uint8_t *at = t->symbols + i * symbol_size(&t->eh);
	Elf32_Sym narrow;
	Elf64_Sym sym;

	if (!boot_elf_is32(&t->eh)) {
		memcpy(&sym, at, sizeof(sym));
		return sym;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return (Elf64_Sym){
		.st_name = narrow.st_name, .st_info = narrow.st_info, .st_other = narrow.st_other,
		.st_shndx = narrow.st_shndx, .st_value = narrow.st_value, .st_size = narrow.st_size
	};
}

static bool open_section(struct table *t, const Elf64_Shdr *sh)
{
	Elf64_Shdr strings;

	if (sh->sh_link >= t->eh.e_shnum)
		return false;
	strings = boot_elf_section(t->image, &t->eh, sh->sh_link);
	t->symbols = boot_elf_bytes(t->image, sh->sh_offset, sh->sh_size);
	t->names = boot_elf_bytes(t->image, strings.sh_offset, strings.sh_size);
	t->symbol_count = sh->sh_size / symbol_size(&t->eh);
	t->names_size = strings.sh_size;
	return t->symbols && t->names && strings.sh_type == SHT_STRTAB;
}

/* The full symbol table, or the dynamic one of a stripped image. */
static bool open_table(const struct boot_image *image, struct table *t)
{
	static const uint32_t types[] = {SHT_SYMTAB, SHT_DYNSYM};

	t->image = image;
	if (boot_elf_header(image, &t->eh, NULL) < 0 || !boot_elf_has_sections(image, &t->eh))
		return false;
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; i < t->eh.e_shnum; i++) {
			Elf64_Shdr sh = boot_elf_section(image, &t->eh, i);

			if (sh.sh_type == types[k] && open_section(t, &sh))
				return true;
		}
	}
	return false;
}

/* NULL when the name is empty, or does not end inside the string table or soon enough. */
static const char *symbol_name(const struct table *t, const Elf64_Sym *sym)
{
	const char *name;
	uint64_t room;

	if (sym->st_name >= t->names_size)
		return NULL;
	name = t->names + sym->st_name;
	room = t->names_size - sym->st_name;
	if (*name == '\0' || !memchr(name, '\0', room < NAME_MAX_SIZE ? room : NAME_MAX_SIZE))
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

	if (sym->st_shndx >= t->eh.e_shnum)
		return false;
	sh = boot_elf_section(t->image, &t->eh, sym->st_shndx);
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
	return (ELF64_ST_TYPE(sym->st_info) == STT_FUNC ? 4u : 0) + (sym->st_size ? 2u : 0) +
	       (ELF64_ST_BIND(sym->st_info) != STB_LOCAL ? 1u : 0);
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

uint64_t boot_symbol_count(const struct boot_image *image)
{
	uint64_t count = 0;
	struct table t;

	if (!open_table(image, &t))
		return 0;
	for (uint64_t i = 0; i < t.symbol_count; i++) {
		Elf64_Sym sym = get_symbol(&t, i);

		count += is_named_place(&sym) && symbol_name(&t, &sym);
	}
	return count;
}
