#include "boot/multiboot.h"
#include "base/bytes.h"
#include "boot/acpi.h"
#include "boot/elf.h"
#include "boot/entry.h"
#include "boot/flat.h"

#include <errno.h>
#include <string.h>

#define SEARCH 8192u
#define HEADER_SIZE 12u          /* magic, flags, checksum */
#define ADDRESSES_SIZE 32u       /* and five addresses */

/* Header flags (3.1.2). The lower half are demands: of those, these can be met. */
#define ALIGN_MODULES 0x1u
#define WANT_MEMORY 0x2u
#define WANT_VIDEO 0x4u          /* the kernel is told that there is none, by the flags of its information */
#define HAS_ADDRESSES 0x10000u
#define DEMANDS 0xffffu

/* Flags of the information (3.3). */
#define INFO_MEMORY 0x1u
#define INFO_CMDLINE 0x4u
#define INFO_MODULES 0x8u
#define INFO_MAP 0x40u
#define INFO_LOADER 0x200u

struct info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, module_count, modules;
	uint32_t symbols[4];
	uint32_t map_size, map, drives_size, drives, config, loader_name, apm;
	uint32_t vbe[4], framebuffer[8];
};

struct module { uint32_t start, end, text, reserved; };
struct map_row { uint32_t size; uint32_t start[2], length[2]; uint32_t kind; }; /* size: without itself */

/* The header: its offset in the file, or false. */
static bool find_header(const struct boot_image *image, uint64_t *ret)
{
	for (uint64_t at = 0; at + HEADER_SIZE <= SEARCH && at + HEADER_SIZE <= image->size; at += 4) {
		const uint8_t *p = image->bytes + at;

		if (bytes_get_le32(p) == BOOT_MULTIBOOT_HEADER_MAGIC &&
		    bytes_get_le32(p) + bytes_get_le32(p + 4) + bytes_get_le32(p + 8) == 0) {
			*ret = at;
			return true;
		}
	}
	return false;
}

static bool has_addresses(const struct boot_image *image, uint64_t header)
{
	return bytes_get_le32(image->bytes + header + 4) & HAS_ADDRESSES;
}

/* A header somewhere in a file of another kind is no reason to boot it, unless it says where things go. */
bool boot_multiboot_probe(const struct boot_image *image)
{
	uint64_t header;

	return find_header(image, &header) && (boot_elf_probe(image) || has_addresses(image, header));
}

/* "Header address fields": the a.out kludge. */
static int load_addresses(const struct boot_image *image, uint64_t header, struct guest_mem *mem,
                          struct boot_entry *ret, struct error *err)
{
	const uint8_t *p = boot_elf_bytes(image, header, ADDRESSES_SIZE);
	struct boot_flat flat;

	if (!p)
		return error_set(err, EINVAL, "cut short: the Multiboot header ends behind the file");
	flat = (struct boot_flat){
		.header_offset = header, .header_addr = bytes_get_le32(p + 12),
		.load_addr = bytes_get_le32(p + 16), .load_end = bytes_get_le32(p + 20),
		.bss_end = bytes_get_le32(p + 24), .entry = bytes_get_le32(p + 28)
	};
	ret->format = "Multiboot image with load addresses";
	return boot_flat_load(image, &flat, mem, ret, err);
}

int boot_multiboot_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                        struct error *err)
{
	uint64_t header;
	uint32_t unmet;
	int rc;

	if (!find_header(image, &header))
		return error_set(err, ENOEXEC, "no Multiboot header");
	unmet = bytes_get_le32(image->bytes + header + 4) & DEMANDS &
	        ~(ALIGN_MODULES | WANT_MEMORY | WANT_VIDEO);
	if (unmet)
		return error_set(err, EINVAL, "the Multiboot header asks for unknown things (flags 0x%x)",
				 unmet);
	if (has_addresses(image, header))
		return load_addresses(image, header, mem, ret, err);
	rc = boot_elf_load(image, mem, ret, err);
	return rc < 0 ? rc : boot_flat_entry(ret, err);
}

static uint64_t put_map(struct boot_setup *s, struct boot_block *b, struct info *info)
{
	struct boot_range range[BOOT_MAP_MAX];
	struct map_row row[BOOT_MAP_MAX];
	unsigned n = boot_map(s->mem, range);

	for (unsigned i = 0; i < n; i++) {
		row[i] = (struct map_row){.size = sizeof(row[i]) - 4, .kind = range[i].kind};
		bytes_put_le64(row[i].start, range[i].start);
		bytes_put_le64(row[i].length, range[i].size);
		if (range[i].start == 0)
			info->mem_lower = (uint32_t)(range[i].size >> 10);
		if (range[i].start == BOOT_LOW_END)
			info->mem_upper = (uint32_t)(range[i].size >> 10);
	}
	info->map_size = n * (uint32_t)sizeof(row[0]);
	return boot_block_put(b, row, info->map_size, 8);
}

static uint64_t put_modules(struct boot_setup *s, struct boot_block *b)
{
	struct module list[BOOT_MODULES_MAX];

	for (unsigned i = 0; i < s->opt->module_count; i++) {
		uint64_t start = s->module[i].start, text = boot_block_text(b, s->opt->module[i].text);

		list[i] = (struct module){.start = (uint32_t)start,
		                          .end = (uint32_t)(start + s->module[i].size),
		                          .text = (uint32_t)text};
		if (!text)
			return 0;
	}
	return boot_block_put(b, list, s->opt->module_count * sizeof(list[0]), 8);
}

static uint64_t put_info(struct boot_setup *s, struct boot_block *b)
{
	struct info info = {.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MAP | INFO_LOADER,
	                    .module_count = s->opt->module_count};
	uint64_t cmdline, map = put_map(s, b, &info), modules = put_modules(s, b);
	uint64_t name = boot_block_text(b, "trapline");
	char text[BOOT_FLAT_CMDLINE_MAX];

	boot_flat_cmdline(s, text);
	cmdline = boot_block_text(b, text);
	if (!cmdline || !map || !modules || !name)
		return 0;
	info.cmdline = (uint32_t)cmdline;
	info.map = (uint32_t)map;
	info.modules = (uint32_t)modules;
	info.loader_name = (uint32_t)name;
	return boot_block_put(b, &info, sizeof(info), 8);
}

int boot_multiboot_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err)
{
	struct boot_block b;
	uint64_t info;
	int rc = boot_flat_block(s, BOOT_MODULES_MAX * sizeof(struct module) + sizeof(struct info), entry, &b,
	                         err);

	if (rc < 0)
		return rc;
	info = put_info(s, &b);
	if (!info)
		return error_set(err, ENOMEM, "no room for the Multiboot information");
	boot_acpi_build(s, entry);
	entry->state.gpr[X86_RAX] = BOOT_MULTIBOOT_MAGIC;
	entry->state.gpr[X86_RBX] = info;
	return 0;
}
