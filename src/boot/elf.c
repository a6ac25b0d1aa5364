#include "boot/elf.h"
#include "base/bytes.h"
#include "x86/cpumode.h"

#include <errno.h>
#include <string.h>

#define MIB (1ull << 20)
#define SUGGEST_STEP (16 * MIB)  /* sizes proposed in messages are multiples of this */
#define SUGGEST_MAX (1ull << 40) /* beyond, more memory is not the remedy */

typedef unsigned long long ull;

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

static int check_ident(const unsigned char *ident, struct error *err)
{
	if (ident[EI_CLASS] == ELFCLASS32)
		return error_set(err, EINVAL, "32-bit ELF: the kernel must be built for x86-64 (-m64)");
	if (ident[EI_CLASS] != ELFCLASS64)
		return error_set(err, EINVAL, "ELF class %u is none that exists", ident[EI_CLASS]);
	if (ident[EI_DATA] != ELFDATA2LSB)
		return error_set(err, EINVAL, "not a little-endian ELF: build it for x86-64");
	if (ident[EI_VERSION] != EV_CURRENT)
		return error_set(err, EINVAL, "ELF version %u is unknown", ident[EI_VERSION]);
	return 0;
}

int boot_elf_header(const struct boot_image *image, Elf64_Ehdr *ret, struct error *err)
{
	Elf64_Ehdr eh;
	int rc;

	if (!boot_elf_probe(image))
		return error_set(err, ENOEXEC, "not an ELF file");
	if (image->size < EI_NIDENT)
		return error_set(err, EINVAL, "cut short: %zu bytes are no ELF header", image->size);
	rc = check_ident(image->bytes, err);
	if (rc < 0)
		return rc;
	if (image->size < sizeof(eh))
		return error_set(err, EINVAL, "cut short: %zu bytes are no ELF header", image->size);
	memcpy(&eh, image->bytes, sizeof(eh));
	if (eh.e_machine != EM_X86_64)
		return error_set(err, EINVAL, "built for machine %u, not for x86-64 (%d)", eh.e_machine,
				 EM_X86_64);
	*ret = eh;
	return 0;
}

static int check_type(const Elf64_Ehdr *eh, struct error *err)
{
	switch (eh->e_type) {
	case ET_EXEC:
	case ET_DYN: return 0;
	case ET_REL: return error_set(err, EINVAL, "an object file: link it first");
	case ET_CORE: return error_set(err, EINVAL, "a core file: open it in a debugger");
	default: return error_set(err, EINVAL, "ELF type %u is not an executable", eh->e_type);
	}
}

static int check_phdr_table(const struct boot_image *image, const Elf64_Ehdr *eh, struct error *err)
{
	if (eh->e_phnum == 0)
		return error_set(err, EINVAL, "no program headers: nothing to load");
	if (eh->e_phnum == PN_XNUM)
		return error_set(err, EINVAL, "more than %d program headers", PN_XNUM - 1);
	if (eh->e_phentsize != sizeof(Elf64_Phdr))
		return error_set(err, EINVAL, "program headers of %u bytes instead of %zu", eh->e_phentsize,
		                 sizeof(Elf64_Phdr));
	if (!boot_elf_bytes(image, eh->e_phoff, (uint64_t)eh->e_phnum * sizeof(Elf64_Phdr)))
		return error_set(err, EINVAL, "cut short: program headers end behind the file's %zu bytes",
		                 image->size);
	return 0;
}

/* Program header i of a table that check_phdr_table() took. */
static Elf64_Phdr get_phdr(const struct boot_image *image, const Elf64_Ehdr *eh, unsigned i)
{
	Elf64_Phdr ph;

	memcpy(&ph, image->bytes + eh->e_phoff + i * sizeof(ph), sizeof(ph));
	return ph;
}

static int refuse_interp(const struct boot_image *image, const Elf64_Phdr *ph, struct error *err)
{
	const char *path = boot_elf_bytes(image, ph->p_offset, ph->p_filesz);

	if (!path || ph->p_filesz == 0 || path[ph->p_filesz - 1] != '\0')
		path = "a broken path";
	return error_set(err, EINVAL, "wants the program interpreter %.64s: link with -static or -static-pie",
	                 path);
}

/* What one PT_LOAD header may say, apart from where its memory is. */
static int check_load(const struct boot_image *image, const Elf64_Phdr *ph, unsigned i, struct error *err)
{
	uint64_t end;

	if (!boot_elf_bytes(image, ph->p_offset, ph->p_filesz))
		return error_set(err, EINVAL, "cut short: segment %u ends behind the file's %zu bytes", i,
		                 image->size);
	if (ph->p_filesz > ph->p_memsz)
		return error_set(err, EINVAL,
				 "segment %u has more bytes in the file (0x%llx) than in memory (0x%llx)", i,
				 (ull)ph->p_filesz, (ull)ph->p_memsz);
	if (bytes_add_overflows(ph->p_vaddr, ph->p_memsz - 1, &end) ||
	    bytes_add_overflows(ph->p_paddr, ph->p_memsz, &end))
		return error_set(err, EINVAL,
				 "segment %u (0x%llx, 0x%llx bytes) wraps around the address space", i,
				 (ull)ph->p_vaddr, (ull)ph->p_memsz);
	if (ph->p_align & (ph->p_align - 1))
		return error_set(err, EINVAL, "segment %u has alignment 0x%llx, not a power of two", i,
		                 (ull)ph->p_align);
	return 0;
}

static int add_segment(struct boot_entry *ret, const Elf64_Phdr *ph, uint64_t gva, uint64_t gpa,
                       unsigned i, struct error *err)
{
	if (ret->segment_count == BOOT_SEGMENTS_MAX)
		return error_set(err, EINVAL, "segment %u: more than %d segments to load", i,
				 BOOT_SEGMENTS_MAX);
	ret->segment[ret->segment_count++] = (struct boot_segment){
		.gva = gva, .gpa = gpa, .file_offset = ph->p_offset, .file_size = ph->p_filesz,
		.mem_size = ph->p_memsz, .flags = ph->p_flags
	};
	return 0;
}

/*
 * Lowest address and strictest alignment of a position-independent image decide its bias. One that was
 * linked at 1 MiB or higher was put there on purpose and stays.
 */
static int choose_bias(const struct boot_image *image, const Elf64_Ehdr *eh, uint64_t *ret,
                       struct error *err)
{
	uint64_t low = UINT64_MAX, align = 4096, base;

	*ret = 0;
	if (eh->e_type != ET_DYN)
		return 0;
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph = get_phdr(image, eh, i);

		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		low = ph.p_vaddr < low ? ph.p_vaddr : low;
		align = ph.p_align > align ? ph.p_align : align;
	}
	if (low >= MIB)
		return 0;
	if (align & (align - 1) || align > SUGGEST_MAX)
		return error_set(err, EINVAL, "no place for segments aligned to 0x%llx", (ull)align);
	base = bytes_align_up(BOOT_ELF_PIE_BASE, align);
	*ret = base - bytes_align_down(low, align);
	return 0;
}

/* An image that is moved is placed by its virtual addresses, others by their physical ones. */
static int collect_segments(const struct boot_image *image, const Elf64_Ehdr *eh, struct boot_entry *ret,
                            struct error *err)
{
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph = get_phdr(image, eh, i);
		int rc;

		if (ph.p_type == PT_INTERP)
			return refuse_interp(image, &ph, err);
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		if (bytes_add_overflows(ph.p_vaddr, ret->bias, &ph.p_vaddr))
			return error_set(err, EINVAL, "segment %u wraps around the address space", i);
		if (ret->bias)
			ph.p_paddr = ph.p_vaddr;
		rc = check_load(image, &ph, i, err);
		if (rc < 0)
			return rc;
		rc = add_segment(ret, &ph, ph.p_vaddr, ph.p_paddr, i, err);
		if (rc < 0)
			return rc;
	}
	if (ret->segment_count == 0)
		return error_set(err, EINVAL, "no segment to load");
	return 0;
}

/* The header number that readelf shows for the nth loaded segment. */
static unsigned header_number(const struct boot_image *image, const Elf64_Ehdr *eh, unsigned n)
{
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph = get_phdr(image, eh, i);

		if (ph.p_type == PT_LOAD && ph.p_memsz != 0 && n-- == 0)
			return i;
	}
	return 0;
}

static int refuse_place(const struct guest_mem *mem, const struct boot_segment *s, unsigned number,
                        struct error *err)
{
	uint64_t end = s->gpa + s->mem_size;

	if (end > SUGGEST_MAX)
		return error_set(
			err, ENOMEM,
			"segment %u has physical addresses 0x%llx..0x%llx, far behind any memory: link it "
			"with a low load address (AT() in the linker script)",
			number, (ull)s->gpa, (ull)end);
	if (end <= guest_mem_end(mem))
		return error_set(err, ENOMEM,
				 "segment %u (0x%llx..0x%llx) lies where the machine has no memory: link "
				 "it elsewhere",
				 number, (ull)s->gpa, (ull)end);
	return error_set(err, ENOMEM,
			 "segment %u (0x%llx..0x%llx) does not fit %llu MiB of memory: run with -m %lluM",
			 number, (ull)s->gpa, (ull)end, (ull)(guest_mem_size(mem) / MIB),
			 (ull)(bytes_align_up(end, SUGGEST_STEP) / MIB));
}

static bool segments_overlap(const struct boot_segment *a, const struct boot_segment *b)
{
	return a->gpa < b->gpa + b->mem_size && b->gpa < a->gpa + a->mem_size;
}

static int check_places(const struct boot_image *image, const Elf64_Ehdr *eh, const struct guest_mem *mem,
                        const struct boot_entry *entry, struct error *err)
{
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];
		unsigned number = header_number(image, eh, i);

		if (!x86_is_canonical(s->gva, 48) || !x86_is_canonical(s->gva + s->mem_size - 1, 48))
			return error_set(err, EINVAL, "segment %u: 0x%llx is not a canonical address", number,
			                 (ull)s->gva);
		if (!guest_mem_contains(mem, s->gpa, s->mem_size))
			return refuse_place(mem, s, number, err);
		for (unsigned j = 0; j < i; j++)
			if (segments_overlap(s, &entry->segment[j]))
				return error_set(err, EINVAL,
						 "segment %u (0x%llx..0x%llx) overlaps segment %u", number,
						 (ull)s->gpa, (ull)(s->gpa + s->mem_size),
						 header_number(image, eh, j));
	}
	return 0;
}

/* Kernels that build their own tables may name the entry by its physical address. */
static int check_entry(const struct boot_entry *entry, struct error *err)
{
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		if (entry->entry - s->gva < s->mem_size || entry->entry - s->gpa < s->mem_size)
			return 0;
	}
	return error_set(err, EINVAL,
			 "entry point 0x%llx lies in no segment: name one (ENTRY() in the linker script)",
			 (ull)entry->entry);
}

static int copy_segments(const struct boot_image *image, const struct boot_entry *entry,
                         struct guest_mem *mem, struct error *err)
{
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		if (guest_mem_write(mem, s->gpa, image->bytes + s->file_offset, s->file_size) < 0)
			return error_set(err, ENOMEM, "segment at 0x%llx could not be written", (ull)s->gpa);
	}
	return 0;
}

int boot_elf_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                  struct error *err)
{
	Elf64_Ehdr eh;
	int rc = boot_elf_header(image, &eh, err);

	if (rc < 0)
		return rc;
	rc = check_type(&eh, err);
	if (rc < 0)
		return rc;
	rc = check_phdr_table(image, &eh, err);
	if (rc < 0)
		return rc;
	ret->format = eh.e_type == ET_DYN ? "ELF64 position-independent executable" : "ELF64 executable";
	ret->segment_count = 0;
	rc = choose_bias(image, &eh, &ret->bias, err);
	if (rc < 0)
		return rc;
	rc = collect_segments(image, &eh, ret, err);
	if (rc < 0)
		return rc;
	rc = check_places(image, &eh, mem, ret, err);
	if (rc < 0)
		return rc;
	ret->entry = eh.e_entry + ret->bias;
	rc = check_entry(ret, err);
	if (rc < 0)
		return rc;
	rc = copy_segments(image, ret, mem, err);
	if (rc < 0 || eh.e_type != ET_DYN)
		return rc;
	return boot_elf_relocate(image, &eh, ret, mem, err);
}
