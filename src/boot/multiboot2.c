#include "boot/multiboot2.h"
#include "base/bytes.h"
#include "boot/acpi.h"
#include "boot/elf.h"
#include "boot/entry.h"
#include "boot/flat.h"

#include <errno.h>
#include <string.h>

#define SEARCH 32768u
#define HEAD 16u                 /* magic, architecture, length, checksum */
#define TAG_ALIGN 8u
#define TAG_HEAD 8u              /* header tags: type, flags, size */
#define TAG_OPTIONAL 1u

/* Types of the header's tags (3.1.3 on). */
enum {
	HEADER_END, HEADER_REQUEST, HEADER_ADDRESS, HEADER_ENTRY, HEADER_CONSOLE, HEADER_FRAMEBUFFER,
	HEADER_ALIGN, HEADER_RELOCATABLE = 10
};

/* Types of the information's tags (3.6 on). */
enum {
	INFO_END = 0, INFO_CMDLINE = 1, INFO_LOADER = 2, INFO_MODULE = 3, INFO_MEMORY = 4, INFO_MAP = 6,
	INFO_RSDP1 = 14, INFO_RSDP2 = 15
};

#define RSDP1_SIZE 20u
#define RSDP2_SIZE 36u

typedef unsigned long long ull;

struct header {
	uint64_t offset, size;       /* in the file */
	const uint8_t *address;      /* tags that were found, NULL where not */
	const uint8_t *entry;
};

static bool find_header(const struct boot_image *image, struct header *ret)
{
	for (uint64_t at = 0; at + HEAD <= SEARCH && at + HEAD <= image->size; at += TAG_ALIGN) {
		const uint8_t *p = image->bytes + at;
		uint32_t arch = bytes_get_le32(p + 4), size = bytes_get_le32(p + 8);

		/* Architecture 0 is 32-bit protected mode on x86. */
		if (bytes_get_le32(p) != BOOT_MULTIBOOT2_HEADER_MAGIC || arch != 0 ||
		    bytes_get_le32(p) + arch + size + bytes_get_le32(p + 12) != 0)
			continue;
		*ret = (struct header){.offset = at, .size = size};
		return true;
	}
	return false;
}

/* Which of the header's demands can be met; what is optional or for the eye only is passed over. */
static bool is_known(unsigned type)
{
	return type == HEADER_CONSOLE || type == HEADER_FRAMEBUFFER || type == HEADER_ALIGN ||
	       type == HEADER_RELOCATABLE;
}

static int check_request(const uint8_t *tag, uint32_t size, struct error *err)
{
	static const uint32_t given = 1u << INFO_CMDLINE | 1u << INFO_LOADER | 1u << INFO_MODULE |
	                              1u << INFO_MEMORY | 1u << INFO_MAP | 1u << INFO_RSDP1 |
	                              1u << INFO_RSDP2;

	for (uint32_t at = TAG_HEAD; at + 4 <= size; at += 4) {
		uint32_t type = bytes_get_le32(tag + at);

		if (type >= 32 || !(given >> type & 1))
			return error_set(err, EINVAL, "the Multiboot 2 header wants information of type %u, "
			                 "which there is not", type);
	}
	return 0;
}

static int take_tag(struct header *h, const uint8_t *tag, uint32_t size, struct error *err)
{
	unsigned type = bytes_get_le16(tag), flags = bytes_get_le16(tag + 2);

	if (type == HEADER_ADDRESS && size >= 24)
		h->address = tag;
	else if (type == HEADER_ENTRY && size >= 12)
		h->entry = tag;
	else if (type == HEADER_REQUEST && !(flags & TAG_OPTIONAL))
		return check_request(tag, size, err);
	else if (type != HEADER_REQUEST && !is_known(type) && !(flags & TAG_OPTIONAL))
		return error_set(err, EINVAL, "the Multiboot 2 header has a tag of type %u and %u bytes, "
		                 "which is unknown", type, size);
	return 0;
}

static int read_tags(const struct boot_image *image, struct header *h, struct error *err)
{
	const uint8_t *p = boot_elf_bytes(image, h->offset, h->size);
	uint64_t at = HEAD;

	while (p && at + TAG_HEAD <= h->size) {
		uint32_t size = bytes_get_le32(p + at + 4);
		int rc;

		if (bytes_get_le16(p + at) == HEADER_END)
			return 0;
		if (size < TAG_HEAD || size > h->size - at)
			break;
		rc = take_tag(h, p + at, size, err);
		if (rc < 0)
			return rc;
		at = bytes_align_up(at + size, TAG_ALIGN);
	}
	return error_set(err, EINVAL, "the tags of the Multiboot 2 header end behind it");
}

static bool has_address_tag(const struct boot_image *image, struct header *h)
{
	return read_tags(image, h, NULL) == 0 && h->address;
}

bool boot_multiboot2_probe(const struct boot_image *image)
{
	struct header h;

	return find_header(image, &h) && (boot_elf_probe(image) || has_address_tag(image, &h));
}

static int load_addresses(const struct boot_image *image, const struct header *h, struct guest_mem *mem,
                          struct boot_entry *ret, struct error *err)
{
	struct boot_flat flat = {
		.header_offset = h->offset, .header_addr = bytes_get_le32(h->address + 8),
		.load_addr = bytes_get_le32(h->address + 12), .load_end = bytes_get_le32(h->address + 16),
		.bss_end = bytes_get_le32(h->address + 20)
	};

	if (!h->entry)
		return error_set(err, EINVAL, "a Multiboot 2 header with load addresses and no entry point");
	/* All ones: from the beginning of the file. */
	if (flat.load_addr == UINT32_MAX && flat.header_addr >= h->offset)
		flat.load_addr = flat.header_addr - h->offset;
	flat.entry = bytes_get_le32(h->entry + 8);
	ret->format = "Multiboot image with load addresses";
	return boot_flat_load(image, &flat, mem, ret, err);
}

int boot_multiboot2_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                         struct error *err)
{
	struct header h;
	int rc;

	if (!find_header(image, &h))
		return error_set(err, ENOEXEC, "no Multiboot 2 header");
	rc = read_tags(image, &h, err);
	if (rc < 0)
		return rc;
	if (h.address)
		return load_addresses(image, &h, mem, ret, err);
	rc = boot_elf_load(image, mem, ret, err);
	if (rc < 0)
		return rc;
	if (h.entry)
		ret->entry = bytes_get_le32(h.entry + 8) + ret->bias;
	return boot_flat_entry(ret, err);
}

/* ---- information ---- */

/* A tag of a size that begins with fixed bytes and ends in a text; false: no room. */
static bool put_tag(struct boot_block *b, uint32_t type, const void *fixed, uint32_t fixed_size,
                    const char *text)
{
	size_t len = text ? strlen(text) + 1 : 0;
	uint64_t at = boot_block_take(b, 8 + fixed_size + len, TAG_ALIGN);
	uint8_t head[8];

	bytes_put_le32(head, type);
	bytes_put_le32(head + 4, (uint32_t)(8 + fixed_size + len));
	return at && guest_mem_write(b->mem, at, head, 8) == 0 &&
	       guest_mem_write(b->mem, at + 8, fixed, fixed_size) == 0 &&
	       guest_mem_write(b->mem, at + 8 + fixed_size, text, len) == 0;
}

static bool put_memory(const struct boot_setup *s, struct boot_block *b)
{
	uint8_t rows[8 + 24 * BOOT_MAP_MAX] = {24}, basic[8] = {0}; /* size and version of rows */
	struct boot_range range[BOOT_MAP_MAX];
	unsigned n = boot_map(s->mem, range);

	for (unsigned i = 0; i < n; i++) {
		uint8_t *row = rows + 8 + 24 * i;

		bytes_put_le64(row, range[i].start);
		bytes_put_le64(row + 8, range[i].size);
		bytes_put_le32(row + 16, range[i].kind);
		if (range[i].start == 0)
			bytes_put_le32(basic, (uint32_t)(range[i].size >> 10));
		if (range[i].start == BOOT_LOW_END)
			bytes_put_le32(basic + 4, (uint32_t)(range[i].size >> 10));
	}
	return put_tag(b, INFO_MEMORY, basic, sizeof(basic), NULL) &&
	       put_tag(b, INFO_MAP, rows, 8 + 24 * n, NULL);
}

static bool put_modules(const struct boot_setup *s, struct boot_block *b)
{
	for (unsigned i = 0; i < s->opt->module_count; i++) {
		const char *text = s->opt->module[i].text;
		uint8_t range[8];

		bytes_put_le32(range, (uint32_t)s->module[i].start);
		bytes_put_le32(range + 4, (uint32_t)(s->module[i].start + s->module[i].size));
		if (!put_tag(b, INFO_MODULE, range, sizeof(range), text ? text : ""))
			return false;
	}
	return true;
}

static bool put_rsdp(struct boot_setup *s, const struct boot_entry *entry, struct boot_block *b)
{
	uint64_t at = boot_acpi_build(s, entry);
	uint8_t rsdp[RSDP2_SIZE];

	if (!at)
		return true;
	return guest_mem_read(s->mem, at, rsdp, sizeof(rsdp)) == 0 &&
	       put_tag(b, INFO_RSDP1, rsdp, RSDP1_SIZE, NULL) &&
	       put_tag(b, INFO_RSDP2, rsdp, RSDP2_SIZE, NULL);
}

/* Its address, or 0: no room. */
static uint64_t put_info(struct boot_setup *s, const struct boot_entry *entry, struct boot_block *b)
{
	char cmdline[BOOT_FLAT_CMDLINE_MAX];
	uint64_t at = boot_block_take(b, 8, TAG_ALIGN);
	uint8_t size[4];

	boot_flat_cmdline(s, cmdline);
	if (!at || !put_tag(b, INFO_CMDLINE, NULL, 0, cmdline) ||
	    !put_tag(b, INFO_LOADER, NULL, 0, "trapline") || !put_memory(s, b) || !put_modules(s, b) ||
	    !put_rsdp(s, entry, b) || !put_tag(b, INFO_END, NULL, 0, NULL))
		return 0;
	bytes_put_le32(size, (uint32_t)(b->next - at));
	return guest_mem_write(s->mem, at, size, sizeof(size)) == 0 ? at : 0;
}

int boot_multiboot2_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err)
{
	struct boot_block b;
	uint64_t info;
	int rc = boot_flat_block(s, BOOT_MODULES_MAX * 24 + 256, entry, &b, err);

	if (rc < 0)
		return rc;
	info = put_info(s, entry, &b);
	if (!info)
		return error_set(err, ENOMEM, "no room for the Multiboot 2 information");
	entry->state.gpr[X86_RAX] = BOOT_MULTIBOOT2_MAGIC;
	entry->state.gpr[X86_RBX] = info;
	return 0;
}
