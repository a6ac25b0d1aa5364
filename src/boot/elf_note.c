/* Notes of program headers (gABI chapter 5, "Note Section"). */
#include "boot/elf.h"
#include "base/bytes.h"

#include <string.h>

#define NOTE_HEAD 12u /* name size, description size, type */

/* Fields are padded to 4 bytes; to 8 in segments that say so, as GNU's property notes do. */
static uint64_t padding_of(const Elf64_Phdr *ph)
{
	return ph->p_align == 8 ? 8 : 4;
}

/* The note at offset of this header; *ret_next is behind it. False when it is not all there. */
static bool read_note(const struct boot_image *image, const Elf64_Phdr *ph, uint64_t offset,
                      struct boot_note *ret, uint64_t *ret_next)
{
	const uint8_t *segment = boot_elf_bytes(image, ph->p_offset, ph->p_filesz), *head;
	uint64_t pad = padding_of(ph), desc_at, end;

	if (!segment || offset > ph->p_filesz || ph->p_filesz - offset < NOTE_HEAD)
		return false;
	head = segment + offset;
	ret->name_size = bytes_get_le32(head);
	ret->desc_size = bytes_get_le32(head + 4);
	ret->type = bytes_get_le32(head + 8);
	ret->name = (const char *)head + NOTE_HEAD;
	/* 32-bit sizes: no sum here can wrap. */
	desc_at = bytes_align_up(offset + NOTE_HEAD + ret->name_size, pad);
	end = desc_at + ret->desc_size;
	if (end > ph->p_filesz)
		return false;
	ret->desc = segment + desc_at;
	*ret_next = bytes_align_up(end, pad);
	return true;
}

bool boot_elf_next_note(const struct boot_image *image, struct boot_note_cursor *at, struct boot_note *ret)
{
	Elf64_Ehdr eh;

	if (at->count++ >= BOOT_NOTES_MAX || boot_elf_header(image, &eh, NULL) < 0 ||
	    boot_elf_check_phdrs(image, &eh, NULL) < 0)
		return false;
	for (; at->header < eh.e_phnum; at->header++, at->offset = 0) {
		Elf64_Phdr ph = boot_elf_phdr(image, &eh, at->header);

		if (ph.p_type == PT_NOTE && read_note(image, &ph, at->offset, ret, &at->offset))
			return true;
	}
	return false;
}

bool boot_elf_find_note(const struct boot_image *image, const char *name, uint32_t type,
                        struct boot_note *ret)
{
	struct boot_note_cursor at = {0};
	struct boot_note note;

	while (boot_elf_next_note(image, &at, &note)) {
		if (note.type != type || note.name_size != strlen(name) + 1 ||
		    memcmp(note.name, name, note.name_size) != 0)
			continue;
		*ret = note;
		return true;
	}
	return false;
}
