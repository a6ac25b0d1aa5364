#include "boot/setup.h"
#include "base/bytes.h"
#include "boot/entry.h"
#include "x86/segment.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096ull
#define TSS32_SIZE 104u /* SDM 3A 7.2.1 */
#define GDT_ENTRIES 4u

typedef unsigned long long ull;

/* ---- blocks ---- */

int boot_block_new(struct boot_setup *s, uint64_t size, struct boot_block *ret, struct error *err)
{
	uint64_t base = BOOT_AREA_BASE;

	size = bytes_align_up(size, PAGE);
	if (!boot_place_at(&s->place, base, size))
		base = boot_place_low(&s->place, PAGE, BOOT_4G, size, PAGE);
	if (!base)
		return error_set(err, ENOMEM,
				 "%llu KiB for boot structures do not fit beside the image in %llu MiB of "
				 "memory: run with more (-m)",
				 (ull)(size >> 10), (ull)(guest_mem_size(s->mem) >> 20));
	*ret = (struct boot_block){.mem = s->mem, .base = base, .next = base, .end = base + size};
	return 0;
}

uint64_t boot_block_take(struct boot_block *b, uint64_t len, uint64_t align)
{
	uint64_t at = bytes_align_up(b->next, align);

	if (at > b->end || len > b->end - at)
		return 0;
	b->next = at + len;
	return at;
}

uint64_t boot_block_put(struct boot_block *b, const void *bytes, uint64_t len, uint64_t align)
{
	uint64_t at = boot_block_take(b, len, align);

	return at && guest_mem_write(b->mem, at, bytes, len) == 0 ? at : 0;
}

uint64_t boot_block_text(struct boot_block *b, const char *text)
{
	return boot_block_put(b, text ? text : "", text ? strlen(text) + 1 : 1, 1);
}

/* ---- modules ---- */

int boot_modules_place(struct boot_setup *s, enum boot_end end, uint64_t limit, struct error *err)
{
	uint64_t from = BOOT_LOW_END;

	/* Behind the image, where a kernel that looks at nothing but its own end would not overwrite them. */
	for (unsigned i = 0; i < s->place.count; i++)
		if (s->place.taken[i].end < limit && s->place.taken[i].end > from)
			from = s->place.taken[i].end;
	for (unsigned i = 0; i < s->opt->module_count; i++) {
		const struct boot_module *m = &s->opt->module[i];
		uint64_t size = bytes_align_up(m->size ? m->size : 1, PAGE), at;

		at = end == BOOT_HIGH_FIRST ? boot_place_high(&s->place, BOOT_LOW_END, limit, size, PAGE)
		                            : boot_place_low(&s->place, from, limit, size, PAGE);
		if (!at || guest_mem_write(s->mem, at, m->bytes, m->size) < 0)
			return error_set(err, ENOMEM,
					 "module %u (%zu KiB) does not fit beside the kernel in %llu MiB of "
					 "memory: run with more (-m)",
					 i + 1, (m->size + 1023) >> 10, (ull)(guest_mem_size(s->mem) >> 20));
		s->module[i] = (struct boot_range){.start = at, .size = m->size};
	}
	return 0;
}

/* ---- memory map ---- */

unsigned boot_map(const struct guest_mem *mem, struct boot_range *ret)
{
	const struct boot_range hole = {BOOT_LOW_LIMIT, BOOT_LOW_END - BOOT_LOW_LIMIT, BOOT_RESERVED};
	unsigned n = 0;

	for (unsigned i = 0; i < mem->count; i++) {
		uint64_t start = mem->region[i].gpa, end = start + mem->region[i].size;

		uint64_t low = end < BOOT_LOW_LIMIT ? end : BOOT_LOW_LIMIT;

		if (start < low)
			ret[n++] = (struct boot_range){start, low - start, BOOT_RAM};
		if (start < BOOT_LOW_LIMIT && end > BOOT_LOW_LIMIT)
			ret[n++] = hole;
		start = start > BOOT_LOW_END ? start : BOOT_LOW_END;
		if (start < end)
			ret[n++] = (struct boot_range){start, end - start, BOOT_RAM};
	}
	return n;
}

/* ---- 32-bit entry ---- */

static uint64_t put_gdt(struct boot_block *b, const struct x86_state *st)
{
	uint8_t gdt[GDT_ENTRIES * 8] = {0};

	bytes_put_le64(gdt + BOOT_SEL_CODE, x86_seg_pack(&st->seg[X86_CS]));
	bytes_put_le64(gdt + BOOT_SEL_DATA, x86_seg_pack(&st->seg[X86_DS]));
	bytes_put_le64(gdt + BOOT_SEL_TSS, x86_seg_pack(&st->seg[X86_TR]));
	return boot_block_put(b, gdt, sizeof(gdt), 16);
}

int boot_state32(struct boot_block *b, uint64_t eip, struct x86_state *st, struct error *err)
{
	const struct x86_seg data = x86_seg_data(BOOT_SEL_DATA);
	uint64_t stack = boot_block_take(b, BOOT_STACK_SIZE, 16), gdt;

	x86_state_reset(st);
	memset(st->gpr, 0, sizeof(st->gpr));
	st->rip = eip;
	st->rflags = X86_RFLAGS_FIXED;
	st->gpr[X86_RSP] = stack + BOOT_STACK_SIZE;
	for (unsigned i = X86_SS; i <= X86_GS; i++)
		st->seg[i] = data;
	st->seg[X86_CS] = x86_seg_code32(BOOT_SEL_CODE);
	st->seg[X86_LDTR] = x86_seg_none();
	/* Base 0: Xen's document asks for it, and nobody can use the task without making it a proper one. */
	st->seg[X86_TR] = x86_seg_tss64(BOOT_SEL_TSS, 0, TSS32_SIZE - 1);
	gdt = put_gdt(b, st);
	if (!stack || !gdt)
		return error_set(err, ENOMEM, "no room for the entry state's structures");
	st->gdt = (struct x86_table){.base = gdt, .limit = GDT_ENTRIES * 8 - 1};
	st->idt.limit = 0;
	st->cr0 = X86_CR0_PE | X86_CR0_ET;
	st->cr4 = 0;
	st->efer = 0;
	st->apic_base = BOOT_APIC_BASE;
	return 0;
}
