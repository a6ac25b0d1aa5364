#include "boot/info.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096ull

uint64_t boot_info_size(const struct boot_options *opt)
{
	uint64_t size = PAGE + BOOT_CMDLINE_MAX;

	for (unsigned i = 0; i < opt->module_count; i++)
		size += opt->module[i].text ? strlen(opt->module[i].text) + 1 : 1;
	return size;
}

void boot_info_reserve(const struct boot_options *opt, struct boot_block *b, struct boot_info_at *ret)
{
	ret->info = boot_block_take(b, sizeof(struct boot_info), 256);
	ret->modules = boot_block_take(b, opt->module_count * sizeof(struct boot_info_module), 16);
	ret->cmdline = boot_block_take(b, BOOT_CMDLINE_MAX, PAGE);
}

static void fill_ranges(const struct boot_setup *s, const struct boot_entry *entry, struct boot_info *info)
{
	info->image_start = UINT64_MAX;
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *seg = &entry->segment[i];
		uint64_t end = seg->gpa + seg->mem_size;

		info->image_start = seg->gpa < info->image_start ? seg->gpa : info->image_start;
		info->image_end = end > info->image_end ? end : info->image_end;
	}
	info->memory_count = s->mem->count;
	for (unsigned i = 0; i < s->mem->count; i++) {
		info->memory[i].start = s->mem->region[i].gpa;
		info->memory[i].size = s->mem->region[i].size;
	}
}

static int write_modules(const struct boot_setup *s, struct boot_block *b, uint64_t at)
{
	for (unsigned i = 0; i < s->opt->module_count; i++) {
		struct boot_info_module m = {
			.start = s->module[i].start, .size = s->module[i].size,
			.text = boot_block_text(b, s->opt->module[i].text)
		};

		if (!m.text || guest_mem_write(s->mem, at + i * sizeof(m), &m, sizeof(m)) < 0)
			return -EFAULT;
	}
	return 0;
}

int boot_info_write(const struct boot_setup *s, const struct boot_entry *entry, struct boot_block *b,
                    const struct boot_info_at *at)
{
	const char *cmdline = s->opt->cmdline ? s->opt->cmdline : "";
	struct boot_info info = {
		.magic = BOOT_INFO_MAGIC, .version = BOOT_INFO_VERSION, .size = sizeof(info),
		.cmdline = at->cmdline, .area_start = b->base, .area_end = b->end,
		.module_count = s->opt->module_count, .modules = s->opt->module_count ? at->modules : 0
	};

	if (!at->info || !at->modules || !at->cmdline)
		return -EFAULT;
	fill_ranges(s, entry, &info);
	/* The host is little-endian: KVM's x86 is the only one. */
	if (guest_mem_write(s->mem, at->info, &info, sizeof(info)) < 0 ||
	    guest_mem_write(s->mem, at->cmdline, cmdline, strlen(cmdline) + 1) < 0)
		return -EFAULT;
	return write_modules(s, b, at->modules);
}
