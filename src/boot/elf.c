#include "boot/elf.h"
#include "base/bytes.h"
#include "x86/cpumode.h"

#include <errno.h>
#include <string.h>

#define MIB (1ull << 20)
#define SUGGEST_STEP (16 * MIB)  /* sizes proposed in messages are multiples of this */
#define SUGGEST_MAX (1ull << 40) /* beyond, more memory is not the remedy */

typedef unsigned long long ull;

static int check_type(const Elf64_Ehdr *eh, struct error *err)
{
	switch (eh->e_type) {
	case ET_EXEC: return 0;
	case ET_DYN:
		if (!boot_elf_is32(eh))
			return 0;
		return error_set(err, EINVAL, "a position-independent 32-bit ELF: link it with -no-pie");
	case ET_REL: return error_set(err, EINVAL, "an object file: link it first");
	case ET_CORE: return error_set(err, EINVAL, "a core file: open it in a debugger");
	default: return error_set(err, EINVAL, "ELF type %u is not an executable", eh->e_type);
	}
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
 * Lowest address and strictest alignment of a position-independent image decide its bias, unless a base is
 * given (not 0). One that was linked at 1 MiB or higher was put there on purpose and stays.
 */
static int choose_bias(const struct boot_image *image, const Elf64_Ehdr *eh, uint64_t base, uint64_t *ret,
                       struct error *err)
{
	uint64_t low = UINT64_MAX, align = 4096;

	*ret = 0;
	if (eh->e_type != ET_DYN)
		return 0;
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph = boot_elf_phdr(image, eh, i);

		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		low = ph.p_vaddr < low ? ph.p_vaddr : low;
		align = ph.p_align > align ? ph.p_align : align;
	}
	if (base) {
		*ret = base - bytes_align_down(low, 4096);
		return 0;
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
		Elf64_Phdr ph = boot_elf_phdr(image, eh, i);
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
		Elf64_Phdr ph = boot_elf_phdr(image, eh, i);

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

static const char *format_name(const Elf64_Ehdr *eh)
{
	if (boot_elf_is32(eh))
		return "ELF32 executable";
	return eh->e_type == ET_DYN ? "ELF64 position-independent executable" : "ELF64 executable";
}

int boot_elf_load_at(const struct boot_image *image, uint64_t base, struct guest_mem *mem,
                     struct boot_entry *ret, struct error *err)
{
	Elf64_Ehdr eh;
	int rc = boot_elf_header(image, &eh, err);

	if (rc < 0)
		return rc;
	rc = check_type(&eh, err);
	if (rc < 0)
		return rc;
	rc = boot_elf_check_phdrs(image, &eh, err);
	if (rc < 0)
		return rc;
	ret->format = format_name(&eh);
	ret->segment_count = 0;
	rc = choose_bias(image, &eh, base, &ret->bias, err);
	if (rc < 0)
		return rc;
	rc = collect_segments(image, &eh, ret, err);
	if (rc < 0)
		return rc;
	rc = check_places(image, &eh, mem, ret, err);
	if (rc < 0)
		return rc;
	ret->entry = eh.e_entry + ret->bias;
	rc = copy_segments(image, ret, mem, err);
	if (rc < 0 || eh.e_type != ET_DYN)
		return rc;
	return boot_elf_relocate(image, &eh, ret, mem, err);
}

int boot_elf_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                  struct error *err)
{
	return boot_elf_load_at(image, 0, mem, ret, err);
}

bool boot_elf_locate(const struct boot_entry *entry, uint64_t addr, uint64_t *ret)
{
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		if (addr - s->gva < s->mem_size) {
			*ret = s->gpa + (addr - s->gva);
			return true;
		}
	}
	for (unsigned i = 0; i < entry->segment_count; i++)
		if (addr - entry->segment[i].gpa < entry->segment[i].mem_size) {
			*ret = addr;
			return true;
		}
	return false;
}

int boot_elf_load_native(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                         struct error *err)
{
	uint64_t gpa;
	int rc = boot_elf_load(image, mem, ret, err);

	if (rc < 0 || boot_elf_locate(ret, ret->entry, &gpa))
		return rc;
	return error_set(err, EINVAL,
			 "entry point 0x%llx lies in no segment: name one (ENTRY() in the linker script)",
			 (ull)ret->entry);
}
