/* Hermit: what the notes tell, and where memory goes by them. */
#include "boot/hermit.h"
#include "base/bytes.h"
#include "boot/elf.h"

#include <errno.h>

#define NOTE_ENTRY 0x5a00u     /* "HERMIT": the version of the entry, one byte */
#define NOTE_INTERFACE 0x5b00u /* "UHYVEIF": the version of the hypercalls, big-endian */
#define NOTE_ABI_TAG 1u        /* "GNU": system and version, four words */
#define ABI_HERMIT 6u

#define MIN_MEMORY (16ull << 20)

typedef unsigned long long ull;

bool boot_hermit_probe(const struct boot_image *image)
{
	struct boot_note note;

	return boot_elf_find_note(image, "HERMIT", NOTE_ENTRY, &note);
}

static int read_interface(const struct boot_image *image, unsigned *ret, struct error *err)
{
	struct boot_note note;

	*ret = 1;
	if (!boot_elf_find_note(image, "UHYVEIF", NOTE_INTERFACE, &note))
		return 0;
	if (note.desc_size != 4)
		return error_set(err, EINVAL, "the note of the uhyve interface has %u bytes instead of 4",
				 note.desc_size);
	*ret = __builtin_bswap32(bytes_get_le32(note.desc));
	if (*ret < 1 || *ret > 3)
		return error_set(err, EINVAL, "uhyve interface version %u: trapline knows 1, 2 and 3", *ret);
	return 0;
}

int boot_hermit_notes(const struct boot_image *image, struct boot_hermit_notes *ret, struct error *err)
{
	struct boot_hermit_notes n = {0};
	struct boot_note note;
	int rc;

	if (!boot_elf_find_note(image, "HERMIT", NOTE_ENTRY, &note))
		return error_set(err, EINVAL, "no Hermit kernel: the note of the entry version is missing");
	if (note.desc_size != 1)
		return error_set(err, EINVAL, "the note of Hermit's entry version has %u bytes instead of 1",
				 note.desc_size);
	n.entry = note.desc[0];
	if (n.entry != 3 && n.entry != 4)
		return error_set(err, EINVAL, "Hermit entry version %u: trapline boots 3 and 4", n.entry);
	rc = read_interface(image, &n.interface, err);
	if (rc < 0)
		return rc;
	if (boot_elf_find_note(image, "GNU", NOTE_ABI_TAG, &note) && note.desc_size == 16 &&
	    bytes_get_le32(note.desc) == ABI_HERMIT) {
		n.has_kernel = true;
		for (unsigned i = 0; i < 3; i++)
			n.kernel[i] = bytes_get_le32(note.desc + 4 + 4 * i);
	}
	*ret = n;
	return 0;
}

/* Lowest address that a segment wants; images that can be moved want none. */
static bool is_fixed(const struct boot_image *image, uint64_t *ret_low)
{
	Elf64_Ehdr eh;

	*ret_low = UINT64_MAX;
	if (boot_elf_header(image, &eh, NULL) < 0 || boot_elf_check_phdrs(image, &eh, NULL) < 0)
		return true;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph = boot_elf_phdr(image, &eh, i);

		if (ph.p_type == PT_LOAD && ph.p_vaddr < *ret_low)
			*ret_low = ph.p_vaddr;
	}
	return eh.e_type != ET_DYN;
}

int boot_hermit_memory(const struct boot_image *image, uint64_t size, uint64_t random, struct guest_mem *mem,
		       struct error *err)
{
	struct boot_hermit_notes notes;
	uint64_t start, end = BOOT_HERMIT_V1_END, low;
	bool fixed = is_fixed(image, &low);
	int rc = boot_hermit_notes(image, &notes, err);

	if (rc < 0)
		return rc;
	size = bytes_align_down(size, BOOT_HERMIT_PAGE);
	if (size < MIN_MEMORY)
		return error_set(err, ENOMEM, "a Hermit kernel needs 16 MiB of memory: run with -m 64M");
	start = notes.interface > 1 && !(fixed && low < BOOT_HERMIT_V2_START) ? BOOT_HERMIT_V2_START : 0;
	if (start)
		end = BOOT_HERMIT_V2_END;
	if (size > end - start)
		return error_set(err, ENOMEM,
				 "%llu MiB of memory are more than this kernel can have (%llu MiB)",
				 (ull)(size >> 20), (ull)((end - start) >> 20));
	if (random && !fixed)
		start += random % ((end - start - size) / BOOT_HERMIT_PAGE + 1) * BOOT_HERMIT_PAGE;
	return guest_mem_add(mem, start, size, err);
}
