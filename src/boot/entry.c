#include "boot/entry.h"
#include "base/bytes.h"
#include "boot/pagemap.h"
#include "x86/pagetable.h"
#include "x86/segment.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096ull
#define LOW_LIMIT 0x9f000ull     /* the top of low memory belongs to firmware and video on a PC */
#define HIGH_START 0x100000ull
#define MAP_AT_LEAST (1ull << 32) /* local APIC and I/O APIC are below 4 GiB */

/*
 * One block of memory, from its start:
 *   stack (grows down, into unused memory when it overflows) | GDT, TSS, boot info | command line | tables
 */
#define OFFSET_GDT BOOT_STACK_SIZE
#define OFFSET_TSS (OFFSET_GDT + 0x80)
#define OFFSET_INFO (OFFSET_GDT + 0x100)
#define OFFSET_CMDLINE (OFFSET_GDT + PAGE)
#define OFFSET_TABLES (OFFSET_CMDLINE + BOOT_CMDLINE_MAX)

#define TSS_SIZE 104u            /* SDM 3A 7.7 */
#define TSS_IOMAP 102u
#define GDT_ENTRIES 5u           /* null, code, data, and a TSS that takes two */

#define APIC_BASE_BSP 0xfee00900ull /* enabled, bootstrap processor: SDM 3A 10.4.4 */

struct plan {
	uint64_t base, size;         /* the block */
	uint64_t identity;           /* bytes mapped to themselves */
	uint64_t identity_tables, tables;
	uint64_t page;               /* for segments whose virtual address is not their physical one */
};

static bool is_moved(const struct boot_segment *s)
{
	return s->gva != s->gpa;
}

/*
 * Large pages when every moved segment is moved by the same multiple of 2 MiB, as kernels in the higher
 * half are; else small ones.
 */
static int choose_page(const struct boot_entry *entry, uint64_t *ret, struct error *err)
{
	uint64_t page = BOOT_PAGE_2M, delta = 0;

	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		if (!is_moved(s))
			continue;
		if ((s->gva - s->gpa) % BOOT_PAGE_4K)
			return error_set(err, EINVAL,
					 "segment at 0x%llx cannot be mapped: its physical address 0x%llx "
					 "differs below 4 KiB",
					 (unsigned long long)s->gva, (unsigned long long)s->gpa);
		if ((s->gva - s->gpa) % BOOT_PAGE_2M || (delta && delta != s->gva - s->gpa))
			page = BOOT_PAGE_4K;
		delta = s->gva - s->gpa;
	}
	*ret = page;
	return 0;
}

static int make_plan(const struct guest_mem *mem, const struct boot_entry *entry, struct plan *plan,
                     struct error *err)
{
	uint64_t end = guest_mem_end(mem);
	int rc = choose_page(entry, &plan->page, err);

	if (rc < 0)
		return rc;
	plan->identity = end > MAP_AT_LEAST ? end : MAP_AT_LEAST;
	plan->identity_tables = x86_pagetable_identity_size(plan->identity);
	if (plan->identity_tables == 0)
		return error_set(err, EINVAL, "page tables cannot map 0x%llx bytes of memory",
				 (unsigned long long)end);
	plan->tables = plan->identity_tables;
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		if (is_moved(s))
			plan->tables += PAGE * boot_pagemap_tables(s->gva, s->mem_size, plan->page);
	}
	plan->size = OFFSET_TABLES + plan->tables;
	return 0;
}

/* The first address behind everything that [base, base+size) would collide with; base when it is clear. */
static uint64_t behind_obstacle(const struct boot_entry *entry, uint64_t base, uint64_t size)
{
	if (base < HIGH_START && base + size > LOW_LIMIT)
		return HIGH_START;
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		if (s->gpa < base + size && base < s->gpa + s->mem_size)
			return bytes_align_up(s->gpa + s->mem_size, PAGE);
	}
	return base;
}

/* First fit from a start address on; 0 when there is no room. Each round leaves one obstacle behind. */
static uint64_t first_fit(const struct guest_mem *mem, const struct boot_entry *entry, uint64_t start,
                          uint64_t size)
{
	uint64_t base = start;

	for (unsigned round = 0; round < BOOT_SEGMENTS_MAX + 2; round++) {
		uint64_t next = behind_obstacle(entry, base, size);

		if (next == base)
			return guest_mem_contains(mem, base, size) ? base : 0;
		base = next;
	}
	return 0;
}

/* The usual place, else the lowest: a kernel linked at 64 KiB finds its structures somewhere else. */
static int place(const struct guest_mem *mem, const struct boot_entry *entry, struct plan *plan,
                 struct error *err)
{
	plan->base = BOOT_AREA_BASE;
	if (behind_obstacle(entry, plan->base, plan->size) == plan->base &&
	    guest_mem_contains(mem, plan->base, plan->size))
		return 0;
	plan->base = first_fit(mem, entry, PAGE, plan->size);
	if (plan->base)
		return 0;
	return error_set(
		err, ENOMEM,
		"%llu KiB for page tables, stack and command line do not fit beside the image in %llu MiB "
		"of memory: run with more (-m)",
		(unsigned long long)(plan->size >> 10), (unsigned long long)(guest_mem_size(mem) >> 20));
}

static int write_phys(void *ctx, uint64_t gpa, const void *buf, size_t len)
{
	return guest_mem_write(ctx, gpa, buf, len);
}

static int write_tables(struct guest_mem *mem, const struct boot_entry *entry, const struct plan *plan,
                        uint64_t *ret_cr3, struct error *err)
{
	const struct x86_phys_writer writer = {.write = write_phys, .ctx = mem};
	uint64_t at = plan->base + OFFSET_TABLES;
	struct boot_pagemap pm = {.mem = mem, .next = at + plan->identity_tables, .end = at + plan->tables};
	int rc = x86_pagetable_identity(&writer, at, plan->identity_tables, plan->identity, ret_cr3, err);

	pm.cr3 = *ret_cr3;
	for (unsigned i = 0; rc == 0 && i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		if (is_moved(s))
			rc = boot_pagemap_add(&pm, s->gva, s->gpa, s->mem_size, plan->page, err);
	}
	return rc;
}

static int write_gdt(struct guest_mem *mem, const struct plan *plan)
{
	uint64_t tss = plan->base + OFFSET_TSS;
	const struct x86_seg code = x86_seg_code64(BOOT_SEL_CODE), data = x86_seg_data(BOOT_SEL_DATA);
	const struct x86_seg task = x86_seg_tss64(BOOT_SEL_TSS, tss, TSS_SIZE - 1);
	uint8_t gdt[GDT_ENTRIES * 8] = {0}, iomap[2];
	int rc;

	bytes_put_le64(gdt + BOOT_SEL_CODE, x86_seg_pack(&code));
	bytes_put_le64(gdt + BOOT_SEL_DATA, x86_seg_pack(&data));
	bytes_put_le64(gdt + BOOT_SEL_TSS, x86_seg_pack(&task));
	bytes_put_le64(gdt + BOOT_SEL_TSS + 8, tss >> 32);
	rc = guest_mem_write(mem, plan->base + OFFSET_GDT, gdt, sizeof(gdt));
	if (rc < 0)
		return rc;
	bytes_put_le16(iomap, TSS_SIZE); /* behind the limit: no I/O permission map */
	return guest_mem_write(mem, tss + TSS_IOMAP, iomap, sizeof(iomap));
}

static int write_info(const struct boot_options *opt, struct guest_mem *mem,
                      const struct boot_entry *entry, const struct plan *plan)
{
	const char *cmdline = opt && opt->cmdline ? opt->cmdline : "";
	struct boot_info info = {
		.magic = BOOT_INFO_MAGIC, .version = BOOT_INFO_VERSION, .size = sizeof(info),
		.cmdline = plan->base + OFFSET_CMDLINE, .area_start = plan->base,
		.area_end = plan->base + plan->size, .image_start = UINT64_MAX, .memory_count = mem->count
	};

	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];

		info.image_start = s->gpa < info.image_start ? s->gpa : info.image_start;
		info.image_end =
			s->gpa + s->mem_size > info.image_end ? s->gpa + s->mem_size : info.image_end;
	}
	for (unsigned i = 0; i < mem->count; i++) {
		info.memory[i].start = mem->region[i].gpa;
		info.memory[i].size = mem->region[i].size;
	}
	/* The host is little-endian: KVM's x86 is the only one. */
	if (guest_mem_write(mem, plan->base + OFFSET_INFO, &info, sizeof(info)) < 0)
		return -EFAULT;
	return guest_mem_write(mem, info.cmdline, cmdline, strlen(cmdline) + 1);
}

static void fill_state(const struct boot_entry *entry, const struct plan *plan, uint64_t cr3,
                       struct x86_state *st)
{
	const struct x86_seg data = x86_seg_data(BOOT_SEL_DATA);

	x86_state_reset(st); /* what the header does not promise is as after power-up */
	memset(st->gpr, 0, sizeof(st->gpr));
	st->rip = entry->entry;
	st->rflags = X86_RFLAGS_FIXED;
	/* As after a call, for C entry points (psABI 3.2.2): a zero return address that ends backtraces. */
	st->gpr[X86_RSP] = plan->base + BOOT_STACK_SIZE - 8;
	st->gpr[X86_RDI] = plan->base + OFFSET_CMDLINE;
	st->gpr[X86_RSI] = plan->base + OFFSET_INFO;
	for (unsigned i = X86_SS; i <= X86_GS; i++)
		st->seg[i] = data;
	st->seg[X86_CS] = x86_seg_code64(BOOT_SEL_CODE);
	st->seg[X86_LDTR] = x86_seg_none();
	st->seg[X86_TR] = x86_seg_tss64(BOOT_SEL_TSS, plan->base + OFFSET_TSS, TSS_SIZE - 1);
	st->idt.limit = 0;
	st->gdt = (struct x86_table){.base = plan->base + OFFSET_GDT, .limit = GDT_ENTRIES * 8 - 1};
	st->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG;
	st->cr3 = cr3;
	st->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	st->efer = X86_EFER_LME | X86_EFER_LMA;
	st->apic_base = APIC_BASE_BSP;
}

int boot_entry64(const struct boot_options *opt, struct guest_mem *mem, struct boot_entry *entry,
                 struct error *err)
{
	struct plan plan = {0};
	uint64_t cr3 = 0;
	int rc;

	if (opt && opt->cmdline && strnlen(opt->cmdline, BOOT_CMDLINE_MAX) == BOOT_CMDLINE_MAX)
		return error_set(err, E2BIG, "the command line is longer than %d bytes",
				 BOOT_CMDLINE_MAX - 1);
	rc = make_plan(mem, entry, &plan, err);
	if (rc < 0)
		return rc;
	rc = place(mem, entry, &plan, err);
	if (rc < 0)
		return rc;
	rc = write_tables(mem, entry, &plan, &cr3, err);
	if (rc < 0)
		return rc;
	if (write_gdt(mem, &plan) < 0 || write_info(opt, mem, entry, &plan) < 0)
		return error_set(err, EFAULT, "boot structures could not be written");
	fill_state(entry, &plan, cr3, &entry->state);
	return 0;
}
