#include "boot/bzimage.h"
#include "base/bytes.h"
#include "boot/acpi.h"
#include "boot/elf.h"
#include "boot/entry.h"
#include "x86/segment.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096ull
#define SECTOR 512u
#define ENTRY64 0x200u          /* behind where the kernel is loaded */

/* Fields of the setup header, as offsets in the file and in the zero page. */
#define SETUP_SECTORS 0x1f1u
#define SYSTEM_SIZE 0x1f4u      /* in units of 16 bytes */
#define VIDEO_MODE 0x1fau
#define BOOT_FLAG 0x1feu
#define JUMP_LENGTH 0x201u      /* the header ends that far behind 0x202 */
#define MAGIC 0x202u
#define VERSION 0x206u
#define LOADER_TYPE 0x210u
#define CODE32_START 0x214u
#define RAMDISK_START 0x218u
#define RAMDISK_SIZE 0x21cu
#define CMDLINE_POINTER 0x228u
#define INITRD_LIMIT 0x22cu     /* the last address that an initrd may have */
#define ALIGNMENT 0x230u
#define RELOCATABLE 0x234u
#define LOAD_FLAGS64 0x236u
#define CMDLINE_SIZE 0x238u     /* without the NUL */
#define PREFERRED 0x258u
#define INIT_SIZE 0x260u
#define HEADER_END 0x264u       /* of what is read here */
#define HEADER_MAX 0x290u       /* the zero page has something else behind */

/* Fields of the zero page beside those (Documentation/arch/x86/zero-page.rst). */
#define ZERO_RSDP 0x070u
#define ZERO_MAP_COUNT 0x1e8u
#define ZERO_MAP 0x2d0u

#define VERSION_MIN 0x20cu      /* tells of the 64-bit entry */
#define HAS_ENTRY64 0x1u
#define LOADER_UNKNOWN 0xffu
#define VIDEO_NORMAL 0xffffu

/* Selectors that the protocol fixes. */
enum { SEL_CODE = 0x10, SEL_DATA = 0x18, SEL_TSS = 0x20, GDT_SIZE = 0x30 };

typedef unsigned long long ull;

bool boot_bzimage_probe(const struct boot_image *image)
{
	return image->size >= MAGIC + 4 && memcmp(image->bytes + MAGIC, "HdrS", 4) == 0 &&
	       bytes_get_le16(image->bytes + BOOT_FLAG) == 0xaa55;
}

static uint64_t field(const struct boot_image *image, unsigned offset, unsigned size)
{
	return bytes_get_le(image->bytes + offset, size);
}

static int check_header(const struct boot_image *image, struct error *err)
{
	if (image->size < HEADER_END)
		return error_set(err, EINVAL, "cut short: %zu bytes are no Linux setup header", image->size);
	if (field(image, VERSION, 2) < VERSION_MIN || !(field(image, LOAD_FLAGS64, 2) & HAS_ENTRY64))
		return error_set(err, EINVAL,
				 "a Linux kernel without a 64-bit entry point (boot protocol %llu.%02llu): "
				 "a 64-bit kernel of Linux 3.8 or later is needed",
				 (ull)field(image, VERSION + 1, 1), (ull)field(image, VERSION, 1));
	return 0;
}

/* Where the protected-mode kernel is in the file. */
static int find_kernel(const struct boot_image *image, struct boot_segment *ret, struct error *err)
{
	uint64_t sectors = field(image, SETUP_SECTORS, 1), size = field(image, SYSTEM_SIZE, 4) * 16;
	uint64_t offset = ((sectors ? sectors : 4) + 1) * SECTOR;

	if (offset >= image->size)
		return error_set(err, EINVAL, "cut short: the kernel begins behind the file's %zu bytes",
		                 image->size);
	/* The size is rounded up, and the file need not be. */
	if (size == 0 || size > image->size - offset + 15)
		return error_set(err, EINVAL, "cut short: the kernel has %llu bytes, the file %zu", (ull)size,
		                 image->size - (size_t)offset);
	ret->file_offset = offset;
	ret->file_size = size < image->size - offset ? size : image->size - offset;
	return 0;
}

/* The preferred address, or the lowest that is as aligned and large enough. */
static int choose_place(const struct boot_image *image, const struct guest_mem *mem, struct boot_segment *s,
                        struct error *err)
{
	uint64_t init = field(image, INIT_SIZE, 4), preferred = field(image, PREFERRED, 8);
	uint64_t align = field(image, ALIGNMENT, 4);
	const struct boot_entry nothing = {.segment_count = 0};
	struct boot_place place;

	s->mem_size = init > s->file_size ? init : s->file_size;
	if (s->mem_size <= ENTRY64)
		return error_set(err, EINVAL, "a Linux kernel of %llu bytes has no entry point",
		                 (ull)s->mem_size);
	boot_place_init(&place, mem, &nothing);
	s->gpa = preferred;
	if (preferred >= BOOT_LOW_END && !(preferred + s->mem_size > BOOT_4G || preferred > BOOT_4G) &&
	    boot_place_is_free(&place, preferred, s->mem_size))
		return 0;
	if (align < PAGE || align & (align - 1))
		return error_set(err, EINVAL, "a Linux kernel aligned to 0x%llx", (ull)align);
	if (field(image, RELOCATABLE, 1))
		s->gpa = boot_place_low(&place, BOOT_LOW_END, BOOT_4G, s->mem_size, align);
	if (!field(image, RELOCATABLE, 1) || !s->gpa)
		return error_set(err, ENOMEM,
				 "the Linux kernel needs %llu MiB of memory to unpack itself, and the "
				 "machine has %llu: run with more (-m)",
				 (ull)((s->mem_size + (1 << 20) - 1) >> 20),
				 (ull)(guest_mem_size(mem) >> 20));
	return 0;
}

int boot_bzimage_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
                      struct error *err)
{
	struct boot_segment *s = &ret->segment[0];
	int rc = check_header(image, err);

	if (rc == 0)
		rc = find_kernel(image, s, err);
	if (rc == 0)
		rc = choose_place(image, mem, s, err);
	if (rc < 0)
		return rc;
	s->gva = s->gpa;
	s->flags = PF_R | PF_W | PF_X;
	ret->segment_count = 1;
	ret->format = "Linux bzImage";
	ret->entry = s->gpa + ENTRY64;
	if (guest_mem_write(mem, s->gpa, image->bytes + s->file_offset, s->file_size) < 0)
		return error_set(err, ENOMEM, "the Linux kernel could not be written");
	return 0;
}

/* ---- initrd ---- */

static uint64_t padded(uint64_t size)
{
	return bytes_align_up(size, 4);
}

static int place_initrd(struct boot_setup *s, struct boot_range *ret, struct error *err)
{
	uint64_t limit = field(s->image, INITRD_LIMIT, 4) + 1, at;

	*ret = (struct boot_range){.start = 0};
	for (unsigned i = 0; i < s->opt->module_count; i++)
		ret->size += padded(s->opt->module[i].size);
	if (ret->size == 0)
		return 0;
	ret->start = boot_place_high(&s->place, BOOT_LOW_END, limit, ret->size, PAGE);
	at = ret->start;
	for (unsigned i = 0; at && i < s->opt->module_count; i++) {
		const struct boot_module *m = &s->opt->module[i];

		if (guest_mem_write(s->mem, at, m->bytes, m->size) < 0)
			return error_set(err, EFAULT, "the initrd could not be written");
		at += padded(m->size);
	}
	return at ? 0
	          : error_set(err, ENOMEM,
			      "the initrd (%llu KiB) does not fit beside the kernel in %llu MiB of memory: "
			      "run with more (-m)",
			      (ull)((ret->size + 1023) >> 10), (ull)(guest_mem_size(s->mem) >> 20));
}

/* ---- zero page ---- */

static void put_map(const struct guest_mem *mem, uint8_t *zero)
{
	struct boot_range range[BOOT_MAP_MAX];
	unsigned n = boot_map(mem, range);

	zero[ZERO_MAP_COUNT] = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *row = zero + ZERO_MAP + 20 * i;

		bytes_put_le64(row, range[i].start);
		bytes_put_le64(row + 8, range[i].size);
		bytes_put_le32(row + 16, range[i].kind);
	}
}

/* The header is copied as far as it says that it goes. */
static void put_header(const struct boot_image *image, uint8_t *zero)
{
	uint64_t end = MAGIC + field(image, JUMP_LENGTH, 1);

	end = end > HEADER_MAX ? HEADER_MAX : end < HEADER_END ? HEADER_END : end;
	end = end > image->size ? image->size : end;
	memcpy(zero + SETUP_SECTORS, image->bytes + SETUP_SECTORS, end - SETUP_SECTORS);
}

static void fill_zero_page(const struct boot_setup *s, const struct boot_entry *entry, uint64_t cmdline,
                           const struct boot_range *initrd, uint64_t rsdp, uint8_t *zero)
{
	put_header(s->image, zero);
	put_map(s->mem, zero);
	zero[LOADER_TYPE] = LOADER_UNKNOWN;
	bytes_put_le16(zero + VIDEO_MODE, VIDEO_NORMAL);
	bytes_put_le32(zero + CODE32_START, (uint32_t)entry->segment[0].gpa);
	/* All below 4 GiB. */
	bytes_put_le32(zero + RAMDISK_START, (uint32_t)initrd->start);
	bytes_put_le32(zero + RAMDISK_SIZE, (uint32_t)initrd->size);
	bytes_put_le32(zero + CMDLINE_POINTER, (uint32_t)cmdline);
	bytes_put_le64(zero + ZERO_RSDP, rsdp);
}

/* ---- entry ---- */

static int put_gdt(struct boot_block *b, struct x86_state *st)
{
	uint8_t gdt[GDT_SIZE] = {0};
	uint64_t at;

	st->seg[X86_CS] = x86_seg_code64(SEL_CODE);
	for (unsigned i = X86_SS; i <= X86_GS; i++)
		st->seg[i] = x86_seg_data(SEL_DATA);
	st->seg[X86_TR].selector = SEL_TSS;
	bytes_put_le64(gdt + SEL_CODE, x86_seg_pack(&st->seg[X86_CS]));
	bytes_put_le64(gdt + SEL_DATA, x86_seg_pack(&st->seg[X86_DS]));
	bytes_put_le64(gdt + SEL_TSS, x86_seg_pack(&st->seg[X86_TR]));
	bytes_put_le64(gdt + SEL_TSS + 8, st->seg[X86_TR].base >> 32);
	at = boot_block_put(b, gdt, sizeof(gdt), 16);
	st->gdt = (struct x86_table){.base = at, .limit = GDT_SIZE - 1};
	return at ? 0 : -ENOMEM;
}

static int check_cmdline(const struct boot_setup *s, struct error *err)
{
	uint64_t most = field(s->image, CMDLINE_SIZE, 4), len = s->opt->cmdline ? strlen(s->opt->cmdline) : 0;

	if (len > most)
		return error_set(err, E2BIG, "the command line is longer than the %llu bytes that this Linux "
		                 "kernel takes", (ull)most);
	return 0;
}

/* Stack, page tables and the copy of the command line are those of trapline's own 64-bit entry. */
int boot_bzimage_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err)
{
	const struct boot_options *given = s->opt;
	struct boot_options opt = *given;
	struct boot_range initrd = {.start = 0};
	struct boot_block b;
	uint8_t zero[PAGE] = {0};
	uint64_t page;
	int rc = check_cmdline(s, err);

	if (rc == 0)
		rc = place_initrd(s, &initrd, err);
	if (rc < 0)
		return rc;
	opt.module_count = 0;
	s->opt = &opt;
	rc = boot_entry64(s, entry, err);
	s->opt = given;
	if (rc == 0)
		rc = boot_block_new(s, 2 * PAGE, &b, err);
	if (rc < 0)
		return rc;
	fill_zero_page(s, entry, entry->state.gpr[X86_RDI], &initrd, boot_acpi_build(s, entry), zero);
	page = boot_block_put(&b, zero, sizeof(zero), PAGE);
	if (!page || put_gdt(&b, &entry->state) < 0)
		return error_set(err, ENOMEM, "no room for Linux's zero page");
	entry->state.gpr[X86_RSI] = page;
	entry->state.gpr[X86_RDI] = 0;
	return 0;
}
