#include "boot/flat.h"
#include "boot/elf.h"
#include "boot/entry.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#define MAP_ROOM 1024u       /* the memory map in anyone's format, and what alignment wastes */

typedef unsigned long long ull;

static int check(const struct boot_image *image, const struct boot_flat *f, uint64_t *ret_offset,
                 uint64_t *ret_size, struct error *err)
{
	uint64_t before = f->header_addr - f->load_addr, rest;

	if (f->load_addr > f->header_addr || before > f->header_offset)
		return error_set(err, EINVAL, "load address 0x%llx does not suit a header at 0x%llx",
				 (ull)f->load_addr, (ull)f->header_addr);
	*ret_offset = f->header_offset - before;
	rest = image->size - *ret_offset;
	*ret_size = f->load_end ? f->load_end - f->load_addr : rest;
	if (f->load_end && f->load_end <= f->load_addr)
		return error_set(err, EINVAL, "load end 0x%llx lies before load address 0x%llx",
				 (ull)f->load_end, (ull)f->load_addr);
	if (*ret_size > rest)
		return error_set(err, EINVAL, "cut short: 0x%llx bytes to load, the file has 0x%llx",
		                 (ull)*ret_size, (ull)rest);
	return 0;
}

int boot_flat_load(const struct boot_image *image, const struct boot_flat *f, struct guest_mem *mem,
                   struct boot_entry *ret, struct error *err)
{
	uint64_t offset = 0, size = 0, mem_size;
	int rc = check(image, f, &offset, &size, err);

	if (rc < 0)
		return rc;
	mem_size = f->bss_end > f->load_addr + size ? f->bss_end - f->load_addr : size;
	if (!guest_mem_contains(mem, f->load_addr, mem_size))
		return error_set(err, ENOMEM, "0x%llx..0x%llx does not fit %llu MiB of memory",
				 (ull)f->load_addr, (ull)(f->load_addr + mem_size),
				 (ull)(guest_mem_size(mem) >> 20));
	if (f->entry - f->load_addr >= mem_size)
		return error_set(err, EINVAL, "entry point 0x%llx lies outside the image (0x%llx..0x%llx)",
				 (ull)f->entry, (ull)f->load_addr, (ull)(f->load_addr + mem_size));
	ret->entry = f->entry;
	ret->bias = 0;
	ret->segment_count = 1;
	ret->segment[0] = (struct boot_segment){
		.gva = f->load_addr, .gpa = f->load_addr, .file_offset = offset, .file_size = size,
		.mem_size = mem_size, .flags = PF_R | PF_W | PF_X
	};
	if (guest_mem_write(mem, f->load_addr, image->bytes + offset, size) < 0)
		return error_set(err, ENOMEM, "the image could not be written");
	return 0;
}

int boot_flat_entry(struct boot_entry *entry, struct error *err)
{
	uint64_t gpa;

	if (!boot_elf_locate(entry, entry->entry, &gpa) || gpa >= BOOT_4G)
		return error_set(err, EINVAL, "entry point 0x%llx lies in no segment below 4 GiB",
				 (ull)entry->entry);
	entry->entry = gpa;
	return 0;
}

int boot_flat_block(struct boot_setup *s, uint64_t fixed, struct boot_entry *entry, struct boot_block *ret,
                    struct error *err)
{
	uint64_t size = BOOT_STATE32_SIZE + fixed + MAP_ROOM + BOOT_FLAT_NAME_MAX + boot_info_size(s->opt);
	int rc = boot_block_new(s, size, ret, err);

	if (rc == 0)
		rc = boot_modules_place(s, BOOT_LOW_FIRST, BOOT_4G, err);
	return rc < 0 ? rc : boot_state32(ret, entry->entry, &entry->state, err);
}

void boot_flat_cmdline(const struct boot_setup *s, char ret[BOOT_FLAT_CMDLINE_MAX])
{
	const char *name = s->image->name ? s->image->name : "kernel", *slash = strrchr(name, '/');
	const char *cmdline = s->opt->cmdline ? s->opt->cmdline : "";
	size_t len;

	name = slash ? slash + 1 : name;
	len = strnlen(name, BOOT_FLAT_NAME_MAX);
	memcpy(ret, name, len);
	if (*cmdline)
		ret[len++] = ' ';
	memcpy(ret + len, cmdline, strlen(cmdline) + 1);
}
