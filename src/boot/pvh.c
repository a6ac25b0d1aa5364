#include "boot/pvh.h"
#include "base/bytes.h"
#include "boot/acpi.h"
#include "boot/elf.h"
#include "boot/entry.h"

#include <errno.h>
#include <string.h>

#define START_INFO_VERSION 1u

/* Little-endian, no padding. */
struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, map;
	uint32_t map_count, reserved;
};

struct module { uint64_t start, size, cmdline, reserved; };
struct map_row { uint64_t start, size; uint32_t kind, reserved; };

bool boot_pvh_probe(const struct boot_image *image)
{
	struct boot_note note;

	return boot_elf_find_note(image, BOOT_PVH_NOTE_NAME, BOOT_PVH_NOTE_ENTRY, &note);
}

int boot_pvh_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                  struct error *err)
{
	struct boot_note note = {0};
	uint64_t addr, gpa;
	int rc = boot_elf_load(image, mem, ret, err);

	if (rc < 0)
		return rc;
	/* Four bytes by the ABI; the eight of some 64-bit kernels are taken too. */
	if (!boot_elf_find_note(image, BOOT_PVH_NOTE_NAME, BOOT_PVH_NOTE_ENTRY, &note) ||
	    (note.desc_size != 4 && note.desc_size != 8))
		return error_set(err, EINVAL, "the Xen note of the PVH entry has %u bytes instead of 4",
		                 note.desc_size);
	addr = bytes_get_le(note.desc, note.desc_size) + ret->bias;
	for (unsigned i = 0; i < ret->segment_count; i++) {
		gpa = ret->segment[i].gpa;
		if (addr - gpa < ret->segment[i].mem_size && addr < BOOT_4G) {
			ret->entry = addr;
			return 0;
		}
	}
	return error_set(err, EINVAL, "PVH entry point 0x%llx lies in no segment below 4 GiB",
	                 (unsigned long long)addr);
}

static uint64_t put_map(struct boot_setup *s, struct boot_block *b, uint32_t *ret_count)
{
	struct boot_range range[BOOT_MAP_MAX];
	struct map_row row[BOOT_MAP_MAX];
	unsigned n = boot_map(s->mem, range);

	for (unsigned i = 0; i < n; i++)
		row[i] = (struct map_row){range[i].start, range[i].size, range[i].kind, 0};
	*ret_count = n;
	return boot_block_put(b, row, n * sizeof(row[0]), 8);
}

/* Xen's document counts any address 0 as "none": no list where there are no modules. */
static int put_modules(struct boot_setup *s, struct boot_block *b, struct start_info *info)
{
	struct module list[BOOT_MODULES_MAX];

	info->module_count = s->opt->module_count;
	if (s->opt->module_count == 0)
		return 0;
	for (unsigned i = 0; i < s->opt->module_count; i++) {
		list[i] = (struct module){.start = s->module[i].start, .size = s->module[i].size,
		                          .cmdline = boot_block_text(b, s->opt->module[i].text)};
		if (!list[i].cmdline)
			return -ENOMEM;
	}
	info->modules = boot_block_put(b, list, s->opt->module_count * sizeof(list[0]), 8);
	return info->modules ? 0 : -ENOMEM;
}

/* The start info and all that it points to; its address, or 0. */
static uint64_t put_start_info(struct boot_setup *s, const struct boot_entry *entry, struct boot_block *b)
{
	struct start_info info = {.magic = BOOT_PVH_MAGIC, .version = START_INFO_VERSION};

	info.cmdline = boot_block_text(b, s->opt->cmdline);
	info.map = put_map(s, b, &info.map_count);
	info.rsdp = boot_acpi_build(s, entry);
	if (!info.cmdline || !info.map || put_modules(s, b, &info) < 0)
		return 0;
	return boot_block_put(b, &info, sizeof(info), 8);
}

/* What the block needs: a generous page for what is of fixed size, and the texts. */
static uint64_t block_size(const struct boot_options *opt)
{
	return BOOT_STATE32_SIZE + BOOT_MODULES_MAX * sizeof(struct module) + 1024 + BOOT_CMDLINE_MAX +
	       boot_info_size(opt);
}

int boot_pvh_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err)
{
	struct boot_block b;
	uint64_t info;
	int rc = boot_block_new(s, block_size(s->opt), &b, err);

	if (rc == 0)
		rc = boot_modules_place(s, BOOT_HIGH_FIRST, BOOT_4G, err);
	if (rc == 0)
		rc = boot_state32(&b, entry->entry, &entry->state, err);
	if (rc < 0)
		return rc;
	info = put_start_info(s, entry, &b);
	if (!info)
		return error_set(err, ENOMEM, "no room for the PVH start info");
	entry->state.gpr[X86_RBX] = info;
	return 0;
}
