/* Relocation of static position-independent executables (gABI chapter 5; psABI x86-64 4.4). */
#include "boot/elf.h"
#include "base/bytes.h"

#include <errno.h>
#include <string.h>

/* Newer than some <elf.h>. */
#define TAG_RELRSZ 35
#define TAG_RELR 36
#define TAG_RELRENT 37

typedef unsigned long long ull;

struct dynamic {
	uint64_t rela, rela_size, rela_entry;
	uint64_t relr, relr_size, relr_entry;
	uint64_t symbols;            /* DT_SYMTAB; 0: none */
	bool has_rel, needs_library;
	uint64_t plt_size;
};

struct reloc_job {
	const struct boot_image *image;
	const struct boot_entry *entry;
	struct guest_mem *mem;
	struct error *err;
};

/* len file bytes behind an address of the image (bias not yet added); NULL when no segment holds them. */
static const uint8_t *file_at(const struct reloc_job *job, uint64_t addr, uint64_t len)
{
	addr += job->entry->bias;
	for (unsigned i = 0; i < job->entry->segment_count; i++) {
		const struct boot_segment *s = &job->entry->segment[i];
		uint64_t at = addr - s->gva;

		if (at < s->file_size && len <= s->file_size - at)
			return job->image->bytes + s->file_offset + at;
	}
	return NULL;
}

/* Guest-physical address of the 8 bytes at an address of the image. 0, or -EINVAL with text. */
static int place_of(const struct reloc_job *job, uint64_t addr, uint64_t *ret)
{
	uint64_t gva = addr + job->entry->bias;

	for (unsigned i = 0; i < job->entry->segment_count; i++) {
		const struct boot_segment *s = &job->entry->segment[i];
		uint64_t at = gva - s->gva;

		if (at < s->mem_size && s->mem_size - at >= 8) {
			*ret = s->gpa + at;
			return 0;
		}
	}
	return error_set(job->err, EINVAL, "a relocation of 0x%llx lies in no segment", (ull)addr);
}

static int put_word(const struct reloc_job *job, uint64_t addr, uint64_t value)
{
	uint8_t word[8];
	uint64_t gpa;
	int rc = place_of(job, addr, &gpa);

	if (rc < 0)
		return rc;
	bytes_put_le64(word, value);
	return guest_mem_write(job->mem, gpa, word, sizeof(word));
}

static int bias_word(const struct reloc_job *job, uint64_t addr)
{
	uint8_t word[8];
	uint64_t gpa;
	int rc = place_of(job, addr, &gpa);

	if (rc < 0)
		return rc;
	rc = guest_mem_read(job->mem, gpa, word, sizeof(word));
	if (rc < 0)
		return rc;
	bytes_put_le64(word, bytes_get_le64(word) + job->entry->bias);
	return guest_mem_write(job->mem, gpa, word, sizeof(word));
}

static int refuse_type(const struct reloc_job *job, const Elf64_Rela *r)
{
	return error_set(job->err, EINVAL,
	                 "relocation type %u of 0x%llx needs a dynamic linker: link with -static-pie",
	                 (unsigned)ELF64_R_TYPE(r->r_info), (ull)r->r_offset);
}

/* The address of a symbol that the image itself defines; 0 of a weak one that nobody does. */
static int symbol_value(const struct reloc_job *job, const struct dynamic *dyn, const Elf64_Rela *r,
                        uint64_t *ret)
{
	const uint8_t *at = NULL;
	Elf64_Sym sym;

	if (dyn->symbols)
		at = file_at(job, dyn->symbols + ELF64_R_SYM(r->r_info) * sizeof(sym), sizeof(sym));
	if (!at)
		return refuse_type(job, r);
	memcpy(&sym, at, sizeof(sym));
	if (sym.st_shndx == SHN_UNDEF && ELF64_ST_BIND(sym.st_info) != STB_WEAK)
		return refuse_type(job, r);
	*ret = sym.st_shndx == SHN_UNDEF ? 0 : sym.st_value + job->entry->bias;
	return 0;
}

/* psABI table 4.9: S + A for R_X86_64_64, S for R_X86_64_GLOB_DAT; an undefined weak symbol gives 0. */
static int put_symbol(const struct reloc_job *job, const struct dynamic *dyn, const Elf64_Rela *r)
{
	uint64_t value = 0;
	int rc = symbol_value(job, dyn, r, &value);

	if (rc < 0)
		return rc;
	if (value && ELF64_R_TYPE(r->r_info) == R_X86_64_64)
		value += (uint64_t)r->r_addend;
	return put_word(job, r->r_offset, value);
}

static int apply_one(const struct reloc_job *job, const struct dynamic *dyn, const Elf64_Rela *r)
{
	switch (ELF64_R_TYPE(r->r_info)) {
	case R_X86_64_NONE: return 0;
	case R_X86_64_RELATIVE: return put_word(job, r->r_offset, (uint64_t)r->r_addend + job->entry->bias);
	case R_X86_64_64:
	case R_X86_64_GLOB_DAT: return put_symbol(job, dyn, r);
	default: return refuse_type(job, r);
	}
}

static int apply_rela(const struct reloc_job *job, const struct dynamic *dyn)
{
	const uint8_t *table = file_at(job, dyn->rela, dyn->rela_size);

	if (dyn->rela_size == 0)
		return 0;
	if (!table || dyn->rela_entry != sizeof(Elf64_Rela))
		return error_set(job->err, EINVAL, "broken relocation table (DT_RELA)");
	for (uint64_t at = 0; at + sizeof(Elf64_Rela) <= dyn->rela_size; at += sizeof(Elf64_Rela)) {
		Elf64_Rela r;
		int rc;

		memcpy(&r, table + at, sizeof(r));
		rc = apply_one(job, dyn, &r);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Bits 1..63 of an odd entry stand for the 63 words from `where` on. */
static int apply_bitmap(const struct reloc_job *job, uint64_t bits, uint64_t where)
{
	for (bits >>= 1; bits; bits >>= 1, where += 8) {
		int rc = bits & 1 ? bias_word(job, where) : 0;

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* gABI "Relative relocations": an even entry is an address, odd ones are bitmaps of the words after it. */
static int apply_relr(const struct reloc_job *job, const struct dynamic *dyn)
{
	const uint8_t *table = file_at(job, dyn->relr, dyn->relr_size);
	uint64_t where = 0;
	bool started = false;

	if (dyn->relr_size == 0)
		return 0;
	if (!table || dyn->relr_entry != 8)
		return error_set(job->err, EINVAL, "broken relocation table (DT_RELR)");
	for (uint64_t at = 0; at + 8 <= dyn->relr_size; at += 8) {
		uint64_t e = bytes_get_le64(table + at);
		int rc;

		if (!(e & 1)) {
			rc = bias_word(job, e);
			where = e + 8;
			started = true;
		} else if (started) {
			rc = apply_bitmap(job, e, where);
			where += 63 * 8;
		} else {
			rc = error_set(job->err, EINVAL, "broken relocation table (DT_RELR)");
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void take_tag(struct dynamic *dyn, const Elf64_Dyn *d)
{
	switch (d->d_tag) {
	case DT_RELA: dyn->rela = d->d_un.d_ptr; break;
	case DT_RELASZ: dyn->rela_size = d->d_un.d_val; break;
	case DT_RELAENT: dyn->rela_entry = d->d_un.d_val; break;
	case TAG_RELR: dyn->relr = d->d_un.d_ptr; break;
	case TAG_RELRSZ: dyn->relr_size = d->d_un.d_val; break;
	case TAG_RELRENT: dyn->relr_entry = d->d_un.d_val; break;
	case DT_SYMTAB: dyn->symbols = d->d_un.d_ptr; break;
	case DT_PLTRELSZ: dyn->plt_size = d->d_un.d_val; break;
	case DT_REL: dyn->has_rel = true; break;
	case DT_NEEDED: dyn->needs_library = true; break;
	default: break;
	}
}

/* Reads PT_DYNAMIC up to DT_NULL or its end. Images without one have nothing to relocate. */
static int read_dynamic(const struct reloc_job *job, const Elf64_Ehdr *eh, struct dynamic *dyn)
{
	const uint8_t *phdrs = job->image->bytes + eh->e_phoff;
	const uint8_t *bytes;
	Elf64_Phdr ph = {0};
	Elf64_Dyn d;

	for (unsigned i = 0; i < eh->e_phnum && ph.p_type != PT_DYNAMIC; i++)
		memcpy(&ph, phdrs + i * sizeof(ph), sizeof(ph));
	if (ph.p_type != PT_DYNAMIC)
		return 0;
	bytes = boot_elf_bytes(job->image, ph.p_offset, ph.p_filesz);
	if (!bytes)
		return error_set(job->err, EINVAL, "cut short: the dynamic section ends behind the file");
	for (uint64_t at = 0; at + sizeof(d) <= ph.p_filesz; at += sizeof(d)) {
		memcpy(&d, bytes + at, sizeof(d));
		if (d.d_tag == DT_NULL)
			break;
		take_tag(dyn, &d);
	}
	return 0;
}

int boot_elf_relocate(const struct boot_image *image, const Elf64_Ehdr *eh, const struct boot_entry *entry,
                      struct guest_mem *mem, struct error *err)
{
	struct reloc_job job = {.image = image, .entry = entry, .mem = mem, .err = err};
	struct dynamic dyn = {0};
	int rc = read_dynamic(&job, eh, &dyn);

	if (rc < 0)
		return rc;
	if (dyn.needs_library)
		return error_set(err, EINVAL, "needs shared libraries: link with -static-pie");
	if (dyn.has_rel || dyn.plt_size)
		return error_set(err, EINVAL,
				 "has relocations (DT_REL or a PLT) that need a dynamic linker: link with "
				 "-static-pie");
	rc = apply_rela(&job, &dyn);
	return rc < 0 ? rc : apply_relr(&job, &dyn);
}
