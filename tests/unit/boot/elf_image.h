/* Small ELF images made in memory, for tests that then break them in one place. */
#ifndef TESTS_UNIT_BOOT_ELF_IMAGE_H
#define TESTS_UNIT_BOOT_ELF_IMAGE_H

#include "boot/loader.h"
#include <elf.h>
#include <string.h>

#define ELF_IMAGE_BYTES 0x4000u
#define ELF_IMAGE_PHDRS 4u

/* Headers in front, then segment bytes from 0x1000 on. Written through the struct, read as bytes. */
struct elf_image {
	union {
		uint8_t bytes[ELF_IMAGE_BYTES];
		struct { Elf64_Ehdr eh; Elf64_Phdr ph[ELF_IMAGE_PHDRS]; } head;
	};
	struct boot_image image;
};

static inline Elf64_Phdr elf_image_load(uint64_t offset, uint64_t vaddr, uint64_t paddr, uint64_t filesz,
                                        uint64_t memsz, uint32_t flags)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = flags, .p_offset = offset, .p_vaddr = vaddr, .p_paddr = paddr,
		.p_filesz = filesz, .p_memsz = memsz, .p_align = 0x1000
	};
}

/* An ET_EXEC with text at 1 MiB (0x800 bytes of 0xc1) and data with bss behind it (0x100 of 0xd1). */
static inline void elf_image_init(struct elf_image *e)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->head.eh.e_ident, ELFMAG, SELFMAG);
	e->head.eh.e_ident[EI_CLASS] = ELFCLASS64;
	e->head.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	e->head.eh.e_ident[EI_VERSION] = EV_CURRENT;
	e->head.eh.e_type = ET_EXEC;
	e->head.eh.e_machine = EM_X86_64;
	e->head.eh.e_version = EV_CURRENT;
	e->head.eh.e_entry = 0x100010;
	e->head.eh.e_phoff = sizeof(Elf64_Ehdr);
	e->head.eh.e_ehsize = sizeof(Elf64_Ehdr);
	e->head.eh.e_phentsize = sizeof(Elf64_Phdr);
	e->head.eh.e_phnum = 2;
	e->head.ph[0] = elf_image_load(0x1000, 0x100000, 0x100000, 0x800, 0x800, PF_R | PF_X);
	e->head.ph[1] = elf_image_load(0x2000, 0x101000, 0x101000, 0x100, 0x3000, PF_R | PF_W);
	memset(e->bytes + 0x1000, 0xc1, 0x800);
	memset(e->bytes + 0x2000, 0xd1, 0x100);
	e->image = (struct boot_image){.bytes = e->bytes, .size = sizeof(e->bytes), .name = "kernel.elf"};
}

static inline void elf_image_put64(struct elf_image *e, uint64_t offset, uint64_t v)
{
	memcpy(e->bytes + offset, &v, 8);
}

#endif
