/* What a bzImage tells of itself (Linux, Documentation/arch/x86/boot.rst). */
#include "boot/bzimage.h"

#include "base/bytes.h"

#include <string.h>

#define SETUP_BASE 0x200u       /* what the version's pointer counts from */
#define SETUP_SECTORS 0x1f1u
#define VERSION 0x206u
#define KERNEL_VERSION 0x20eu
#define ALIGNMENT 0x230u
#define RELOCATABLE 0x234u
#define PAYLOAD_OFFSET 0x248u   /* from the beginning of the protected-mode code */
#define PAYLOAD_LENGTH 0x24cu
#define PREFERRED 0x258u
#define HEADER_END 0x264u

/* The words of an unpacker that can move the kernel: the option to leave that (boot/compressed/kaslr.c). */
static const char kaslr_word[] = "nokaslr";

static const struct { const char *name; uint8_t len; uint8_t bytes[6]; } magics[] = {
	{ "gzip", 2, { 0x1f, 0x8b } },
	{ "bzip2", 3, { 'B', 'Z', 'h' } },
	{ "LZMA", 3, { 0x5d, 0x00, 0x00 } },
	{ "XZ", 6, { 0xfd, '7', 'z', 'X', 'Z', 0x00 } },
	{ "LZO", 4, { 0x89, 'L', 'Z', 'O' } },
	{ "LZ4", 4, { 0x02, 0x21, 0x4c, 0x18 } },
	{ "Zstandard", 4, { 0x28, 0xb5, 0x2f, 0xfd } },
	{ "not compressed", 4, { 0x7f, 'E', 'L', 'F' } },
};

static uint64_t field(const struct boot_image *image, unsigned offset, unsigned size)
{
	return bytes_get_le(image->bytes + offset, size);
}

/* Cut to what lies in the file. */
static void copy_version(const struct boot_image *image, struct boot_bzimage_info *ret)
{
	uint64_t at = field(image, KERNEL_VERSION, 2);
	size_t room;

	ret->version[0] = '\0';
	at += at ? SETUP_BASE : image->size;
	if (at >= image->size)
		return;
	room = image->size - (size_t)at < BOOT_BZIMAGE_VERSION ? image->size - (size_t)at
	                                                       : BOOT_BZIMAGE_VERSION;
	room = strnlen((const char *)image->bytes + at, room);
	memcpy(ret->version, image->bytes + at, room);
	ret->version[room] = '\0';
}

/* Linux's build puts the size behind every payload; gzip has it there by itself. */
static void find_payload(const struct boot_image *image, struct boot_bzimage_info *ret)
{
	uint64_t sectors = field(image, SETUP_SECTORS, 1);
	uint64_t at = ((sectors ? sectors : 4) + 1) * 512 + field(image, PAYLOAD_OFFSET, 4);
	uint64_t size = field(image, PAYLOAD_LENGTH, 4);

	ret->compression = "unknown";
	ret->payload_size = ret->unpacked_size = 0;
	if (at > image->size || size > image->size - at || size < 16)
		return;
	ret->payload_size = size;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (memcmp(image->bytes + at, magics[i].bytes, magics[i].len) == 0)
			ret->compression = magics[i].name;
	ret->unpacked_size = bytes_get_le32(image->bytes + at + size - 4);
}

bool boot_bzimage_describe(const struct boot_image *image, struct boot_bzimage_info *ret)
{
	if (!boot_bzimage_probe(image) || image->size < HEADER_END)
		return false;
	ret->protocol = (unsigned)field(image, VERSION, 2);
	ret->preferred = field(image, PREFERRED, 8);
	ret->align = field(image, ALIGNMENT, 4);
	ret->relocatable = field(image, RELOCATABLE, 1) != 0;
	/* The unpacker is not compressed. */
	ret->kaslr = ret->relocatable &&
	             memmem(image->bytes, image->size, kaslr_word, sizeof(kaslr_word)) != NULL;
	copy_version(image, ret);
	find_payload(image, ret);
	return true;
}
