#include "boot/entry.h"
#include "base/bytes.h"
#include "boot/elf.h"
#include "boot/info.h"
#include "boot/pagemap.h"
#include "x86/pagetable.h"
#include "x86/segment.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096ull
#define MAP_AT_LEAST BOOT_4G /* local APIC and I/O APIC are below 4 GiB */

#define TSS_SIZE 104u            /* SDM 3A 7.7 */
#define TSS_IOMAP 102u
#define GDT_ENTRIES 5u           /* null, code, data, and a TSS that takes two */

/*
 * The block, from its start:
 *   stack (grows down, into unused memory when it overflows) | GDT, TSS, boot info, list of modules |
 *   command line | tables | texts of the modules
 */
struct plan {
	uint64_t identity;           /* bytes mapped to themselves */
	uint64_t identity_tables, tables;
	uint64_t page;               /* for segments whose virtual address is not their physical one */
	uint64_t stack, gdt, tss, tables_at;
	struct boot_info_at info;
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
	return 0;
}

static int lay_out(struct boot_setup *s, struct plan *plan, struct boot_block *b, struct error *err)
{
	int rc = boot_block_new(s, BOOT_STACK_SIZE + boot_info_size(s->opt) + plan->tables, b, err);

	if (rc < 0)
		return rc;
	plan->stack = boot_block_take(b, BOOT_STACK_SIZE, 16);
	plan->gdt = boot_block_take(b, GDT_ENTRIES * 8, 16);
	plan->tss = boot_block_take(b, TSS_SIZE, 128);
	boot_info_reserve(s->opt, b, &plan->info);
	plan->tables_at = boot_block_take(b, plan->tables, PAGE);
	return plan->tables_at ? 0 : error_set(err, ENOMEM, "no room for page tables");
}

static int write_phys(void *ctx, uint64_t gpa, const void *buf, size_t len)
{
	return guest_mem_write(ctx, gpa, buf, len);
}

static int write_tables(struct guest_mem *mem, const struct boot_entry *entry, const struct plan *plan,
                        uint64_t *ret_cr3, struct error *err)
{
	const struct x86_phys_writer writer = {.write = write_phys, .ctx = mem};
	uint64_t at = plan->tables_at;
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
	const struct x86_seg code = x86_seg_code64(BOOT_SEL_CODE), data = x86_seg_data(BOOT_SEL_DATA);
	const struct x86_seg task = x86_seg_tss64(BOOT_SEL_TSS, plan->tss, TSS_SIZE - 1);
	uint8_t gdt[GDT_ENTRIES * 8] = {0}, iomap[2];
	int rc;

	bytes_put_le64(gdt + BOOT_SEL_CODE, x86_seg_pack(&code));
	bytes_put_le64(gdt + BOOT_SEL_DATA, x86_seg_pack(&data));
	bytes_put_le64(gdt + BOOT_SEL_TSS, x86_seg_pack(&task));
	bytes_put_le64(gdt + BOOT_SEL_TSS + 8, plan->tss >> 32);
	rc = guest_mem_write(mem, plan->gdt, gdt, sizeof(gdt));
	if (rc < 0)
		return rc;
	bytes_put_le16(iomap, TSS_SIZE); /* behind the limit: no I/O permission map */
	return guest_mem_write(mem, plan->tss + TSS_IOMAP, iomap, sizeof(iomap));
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
	st->gpr[X86_RSP] = plan->stack + BOOT_STACK_SIZE - 8;
	st->gpr[X86_RDI] = plan->info.cmdline;
	st->gpr[X86_RSI] = plan->info.info;
	for (unsigned i = X86_SS; i <= X86_GS; i++)
		st->seg[i] = data;
	st->seg[X86_CS] = x86_seg_code64(BOOT_SEL_CODE);
	st->seg[X86_LDTR] = x86_seg_none();
	st->seg[X86_TR] = x86_seg_tss64(BOOT_SEL_TSS, plan->tss, TSS_SIZE - 1);
	st->idt.limit = 0;
	st->gdt = (struct x86_table){.base = plan->gdt, .limit = GDT_ENTRIES * 8 - 1};
	st->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG;
	st->cr3 = cr3;
	st->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	st->efer = X86_EFER_LME | X86_EFER_LMA;
	st->apic_base = BOOT_APIC_BASE;
}

bool boot_entry64_probe(const struct boot_image *image)
{
	return boot_elf_probe(image) && image->size > EI_CLASS && image->bytes[EI_CLASS] == ELFCLASS64;
}

int boot_entry64(struct boot_setup *s, struct boot_entry *entry, struct error *err)
{
	struct plan plan = {0};
	struct boot_block block;
	uint64_t cr3 = 0;
	int rc = make_plan(s->mem, entry, &plan, err);

	if (rc == 0)
		rc = lay_out(s, &plan, &block, err);
	if (rc == 0)
		rc = boot_modules_place(s, BOOT_LOW_FIRST, BOOT_4G, err);
	if (rc == 0)
		rc = write_tables(s->mem, entry, &plan, &cr3, err);
	if (rc < 0)
		return rc;
	if (write_gdt(s->mem, &plan) < 0 || boot_info_write(s, entry, &block, &plan.info) < 0)
		return error_set(err, EFAULT, "boot structures could not be written");
	fill_state(entry, &plan, cr3, &entry->state);
	return 0;
}
