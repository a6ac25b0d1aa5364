/* Checked access to an ELF file: both classes are read as ELF64, whose fields are as wide or wider. */
#include "boot/elf.h"

#include <errno.h>
#include <string.h>

const void *boot_elf_bytes(const struct boot_image *image, uint64_t offset, uint64_t len)
{
	if (offset > image->size || len > image->size - offset)
		return NULL;
	return image->bytes + offset;
}

bool boot_elf_probe(const struct boot_image *image)
{
	return image->size >= SELFMAG && memcmp(image->bytes, ELFMAG, SELFMAG) == 0;
}

bool boot_elf_is32(const Elf64_Ehdr *eh)
{
	return eh->e_ident[EI_CLASS] == ELFCLASS32;
}

static int check_ident(const unsigned char *ident, struct error *err)
{
	if (ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32)
		return error_set(err, EINVAL, "ELF class %u is none that exists", ident[EI_CLASS]);
	if (ident[EI_DATA] != ELFDATA2LSB)
		return error_set(err, EINVAL, "not a little-endian ELF: build it for x86");
	if (ident[EI_VERSION] != EV_CURRENT)
		return error_set(err, EINVAL, "ELF version %u is unknown", ident[EI_VERSION]);
	return 0;
}

static Elf64_Ehdr widen_header(const Elf32_Ehdr *from)
{
	Elf64_Ehdr to = {
		.e_type = from->e_type, .e_machine = from->e_machine, .e_version = from->e_version,
		.e_entry = from->e_entry, .e_phoff = from->e_phoff, .e_shoff = from->e_shoff,
		.e_flags = from->e_flags, .e_ehsize = from->e_ehsize, .e_phentsize = from->e_phentsize,
		.e_phnum = from->e_phnum, .e_shentsize = from->e_shentsize, .e_shnum = from->e_shnum,
		.e_shstrndx = from->e_shstrndx
	};

	memcpy(to.e_ident, from->e_ident, EI_NIDENT);
	return to;
}

static int check_machine(const Elf64_Ehdr *eh, struct error *err)
{
	if (boot_elf_is32(eh) && eh->e_machine != EM_386)
		return error_set(err, EINVAL,
				 "a 32-bit ELF for machine %u: build it for x86-64 (%d, -m64) or 32-bit "
				 "x86 (%d, -m32)",
				 eh->e_machine, EM_X86_64, EM_386);
	if (!boot_elf_is32(eh) && eh->e_machine != EM_X86_64)
		return error_set(err, EINVAL, "built for machine %u, not for x86-64 (%d)", eh->e_machine,
		                 EM_X86_64);
	return 0;
}

int boot_elf_header(const struct boot_image *image, Elf64_Ehdr *ret, struct error *err)
{
	Elf32_Ehdr narrow;
	Elf64_Ehdr eh;
	size_t need;
	int rc;

	if (!boot_elf_probe(image))
		return error_set(err, ENOEXEC, "not an ELF file");
	if (image->size < EI_NIDENT)
		return error_set(err, EINVAL, "cut short: %zu bytes are no ELF header", image->size);
	rc = check_ident(image->bytes, err);
	if (rc < 0)
		return rc;
	need = image->bytes[EI_CLASS] == ELFCLASS32 ? sizeof(narrow) : sizeof(eh);
	if (image->size < need)
		return error_set(err, EINVAL, "cut short: %zu bytes are no ELF header", image->size);
	if (need == sizeof(narrow)) {
		memcpy(&narrow, image->bytes, sizeof(narrow));
		eh = widen_header(&narrow);
	} else {
		memcpy(&eh, image->bytes, sizeof(eh));
	}
	rc = check_machine(&eh, err);
	if (rc == 0)
		*ret = eh;
	return rc;
}

static size_t phdr_size(const Elf64_Ehdr *eh)
{
	return boot_elf_is32(eh) ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
}

int boot_elf_check_phdrs(const struct boot_image *image, const Elf64_Ehdr *eh, struct error *err)
{
	if (eh->e_phnum == 0)
		return error_set(err, EINVAL, "no program headers: nothing to load");
	if (eh->e_phnum == PN_XNUM)
		return error_set(err, EINVAL, "more than %d program headers", PN_XNUM - 1);
	if (eh->e_phentsize != phdr_size(eh))
		return error_set(err, EINVAL, "program headers of %u bytes instead of %zu", eh->e_phentsize,
		                 phdr_size(eh));
	if (!boot_elf_bytes(image, eh->e_phoff, eh->e_phnum * phdr_size(eh)))
		return error_set(err, EINVAL, "cut short: program headers end behind the file's %zu bytes",
		                 image->size);
	return 0;
}

Elf64_Phdr boot_elf_phdr(const struct boot_image *image, const Elf64_Ehdr *eh, unsigned i)
{
	const uint8_t *at = image->bytes + eh->e_phoff + i * phdr_size(eh);
	Elf32_Phdr narrow;
	Elf64_Phdr ph;

	if (!boot_elf_is32(eh)) {
		memcpy(&ph, at, sizeof(ph));
		return ph;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return (Elf64_Phdr){
		.p_type = narrow.p_type, .p_flags = narrow.p_flags, .p_offset = narrow.p_offset,
		.p_vaddr = narrow.p_vaddr, .p_paddr = narrow.p_paddr, .p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz, .p_align = narrow.p_align
	};
}

static size_t section_size(const Elf64_Ehdr *eh)
{
	return boot_elf_is32(eh) ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr);
}

bool boot_elf_has_sections(const struct boot_image *image, const Elf64_Ehdr *eh)
{
	return eh->e_shnum > 0 && eh->e_shentsize == section_size(eh) &&
	       boot_elf_bytes(image, eh->e_shoff, eh->e_shnum * section_size(eh));
}

Elf64_Shdr boot_elf_section(const struct boot_image *image, const Elf64_Ehdr *eh, unsigned i)
{
	const uint8_t *at = image->bytes + eh->e_shoff + i * section_size(eh);
	Elf32_Shdr narrow;
	Elf64_Shdr sh;

	if (!boot_elf_is32(eh)) {
		memcpy(&sh, at, sizeof(sh));
		return sh;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return (Elf64_Shdr){
		.sh_name = narrow.sh_name, .sh_type = narrow.sh_type, .sh_flags = narrow.sh_flags,
		.sh_addr = narrow.sh_addr, .sh_offset = narrow.sh_offset, .sh_size = narrow.sh_size,
		.sh_link = narrow.sh_link, .sh_info = narrow.sh_info, .sh_addralign = narrow.sh_addralign,
		.sh_entsize = narrow.sh_entsize
	};
}
