#include "debug/protect.h"

#include "base/bytes.h"
#include "debug/datapoint.h"
#include "debug/text.h"
#include "x86/cpumode.h"
#include <inttypes.h>
#include <string.h>

#define PAGE 4096u
#define PAGE_MASK ((uint64_t)PAGE - 1)
#define MAX_TABLES 65536u
#define ENTRY_P 1ull
#define ENTRY_PS 0x80ull
#define ENTRY_ADDR 0x000ffffffffff000ull
#define FRAME 128u          /* bytes below the stack pointer that an event's frame may take */
#define TSS64_STACKS 10u    /* RSP0-2, a gap, IST1-7 (SDM 3A 8.7) */

static const char why_tables[] = "page tables are on it";
static const char why_stack[] = "a stack is on it";
static const char why_descriptors[] = "a descriptor table is on it";

/* ---- page tables ---- */

/*
 * The CPU's own walk does not come out of a watched page as an access does: the tables of what runs now must
 * not be watched. Tables of other address spaces are found when those are switched to.
 */
struct scan {
	const struct guest_mem *mem;
	uint64_t page;             /* looked for */
	unsigned left;             /* tables that may still be read */
	uint64_t path[5];          /* tables above: a table that maps itself is not gone into */
	unsigned depth;
	unsigned entry_size;
};

static uint64_t entry_of(const struct scan *c, const uint8_t *table, unsigned i)
{
	return c->entry_size == 8 ? bytes_get_le64(table + i * 8) : bytes_get_le32(table + i * 4);
}

static bool above(const struct scan *c, uint64_t table)
{
	for (unsigned i = 0; i < c->depth; i++)
		if (c->path[i] == table)
			return true;
	return false;
}

/* True when the page is this table or below it, or when there is too much to look at. */
static bool in_table(struct scan *c, uint64_t table, unsigned level)
{
	uint8_t bytes[PAGE];
	bool found = false;

	if (table == c->page || c->left == 0)
		return true;
	if (level == 1 || above(c, table) || guest_mem_read(c->mem, table, bytes, PAGE) < 0)
		return false;
	c->left--;
	c->path[c->depth++] = table;
	for (unsigned i = 0; !found && i < PAGE / c->entry_size; i++) {
		uint64_t entry = entry_of(c, bytes, i);

		if ((entry & ENTRY_P) && !(entry & ENTRY_PS))
			found = in_table(c, entry & ENTRY_ADDR, level - 1);
	}
	c->depth--;
	return found;
}

/* CR3 of PAE points at four entries (SDM 3A 4.4.1). */
static bool in_pae(struct scan *c, uint64_t cr3)
{
	uint8_t bytes[32];

	if ((cr3 & ENTRY_ADDR) == c->page)
		return true;
	if (guest_mem_read(c->mem, cr3 & 0xffffffe0, bytes, sizeof(bytes)) < 0)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t entry = bytes_get_le64(bytes + i * 8);

		if ((entry & ENTRY_P) && in_table(c, entry & ENTRY_ADDR, 2))
			return true;
	}
	return false;
}

static bool in_page_tables(struct debug_session *s, const struct debug_view *view, uint64_t gpa)
{
	struct scan c = { .mem = s->cfg.mem, .page = gpa, .left = MAX_TABLES, .entry_size = 8 };

	switch (view->paging.mode) {
	case X86_PAGING_NONE:
		return false;
	case X86_PAGING_32:
		c.entry_size = 4;
		return in_table(&c, view->paging.cr3 & 0xfffff000, 2);
	case X86_PAGING_PAE:
		return in_pae(&c, view->paging.cr3);
	default:
		return in_table(&c, view->paging.cr3 & ENTRY_ADDR,
		                view->paging.mode == X86_PAGING_5LEVEL ? 5 : 4);
	}
}

/* ---- stacks and tables that the CPU reads by itself ---- */

static bool is_on(const struct debug_view *view, uint64_t gva, uint64_t page)
{
	uint64_t gpa, len;

	return debug_view_translate(view, gva, 1, &gpa, &len, NULL) == 0 && (gpa & ~PAGE_MASK) == page;
}

/* Events push their frame without an exit: onto the present stack, or onto one of the TSS. */
static bool has_stack(const struct debug_view *view, const struct x86_state *st, uint64_t page)
{
	uint64_t rsp = st->gpr[X86_RSP];
	uint8_t tss[4 + TSS64_STACKS * 8];

	if (x86_mode_of(st) != X86_MODE_64)
		rsp = st->seg[X86_SS].base + (uint32_t)rsp;
	if (is_on(view, rsp - 1, page) || is_on(view, rsp - FRAME, page))
		return true;
	if (!(st->efer & X86_EFER_LMA) ||
	    debug_view_read(view, st->seg[X86_TR].base, tss, sizeof(tss), NULL) != sizeof(tss))
		return false;
	for (unsigned i = 0; i < TSS64_STACKS; i++) {
		uint64_t top = bytes_get_le64(tss + 4 + i * 8);

		if (top != 0 && is_on(view, top - 1, page))
			return true;
	}
	return false;
}

static bool in_range(const struct debug_view *view, uint64_t base, uint32_t limit, uint64_t page)
{
	for (uint64_t at = base & ~PAGE_MASK; at <= base + (limit & 0xffff); at += PAGE)
		if (is_on(view, at, page))
			return true;
	return false;
}

static bool has_descriptors(const struct debug_view *view, const struct x86_state *st, uint64_t page)
{
	return in_range(view, st->gdt.base, st->gdt.limit, page) ||
	       in_range(view, st->idt.base, st->idt.limit, page) ||
	       in_range(view, st->seg[X86_TR].base, st->seg[X86_TR].limit, page);
}

static const char *unfit_for(struct debug_session *s, unsigned vcpu, uint64_t page, bool reads)
{
	const struct x86_state *st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	struct debug_view view;

	if (!st)
		return "a processor runs";
	debug_view_init(&view, s->cfg.mem, &s->points.int3, st, s->cfg.layout);
	if (has_stack(&view, st, page))
		return why_stack;
	if (reads && has_descriptors(&view, st, page))
		return why_descriptors;
	return in_page_tables(s, &view, page) ? why_tables : NULL;
}

const char *debug_protect_unfit(void *ctx, uint64_t gpa, bool reads)
{
	struct debug_session *s = ctx;

	for (unsigned i = 0; i < s->vcpu_count; i++) {
		const char *why = NULL;

		if (s->cfg.ops->vcpu_state(s->cfg.target, i) != DEBUG_VCPU_WAIT_SIPI)
			why = unfit_for(s, i, gpa & ~PAGE_MASK, reads);
		if (why)
			return why;
	}
	return NULL;
}

/* ---- to the target ---- */

static void say_lost(struct debug_session *s, uint64_t gpa, const char *why)
{
	struct debug_text t;
	char line[160];

	if (!s->engine)
		return;
	debug_text_init(&t, line, sizeof(line));
	debug_text_add(&t, "trapline: the page at physical 0x%" PRIx64 " can no longer be watched: %s\n",
	               gpa & ~PAGE_MASK, why);
	rsp_engine_console(s->engine, line, t.len);
}

static void give_up(struct debug_session *s, uint64_t gpa, const char *why)
{
	if (debug_datapoint_give_up(&s->points, gpa, false))
		say_lost(s, gpa, why);
}

static void give_up_unfit(struct debug_session *s)
{
	struct debug_protect range[DEBUG_MAX_PROTECTS];
	unsigned n = debug_datapoint_ranges(&s->points, range, DEBUG_MAX_PROTECTS);

	for (unsigned i = 0; i < n; i++) {
		const char *why = debug_protect_unfit(s, range[i].gpa, range[i].reads);

		if (why)
			give_up(s, range[i].gpa, why);
	}
}

static bool same(const struct debug_session *s, const struct debug_protect *range, unsigned n)
{
	if (n != s->protects)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (range[i].gpa != s->protect[i].gpa || range[i].len != s->protect[i].len ||
		    range[i].reads != s->protect[i].reads)
			return false;
	return true;
}

static int hand_over(struct debug_session *s)
{
	struct debug_protect range[DEBUG_MAX_PROTECTS];
	unsigned n = debug_datapoint_ranges(&s->points, range, DEBUG_MAX_PROTECTS);

	if (same(s, range, n))
		return 0;
	memcpy(s->protect, range, n * sizeof(range[0]));
	s->protects = n;
	return s->cfg.ops->protect(s->cfg.target, range, n);
}

void debug_protect_sync(struct debug_session *s)
{
	if (!s->cfg.ops->protect)
		return;
	give_up_unfit(s);
	if (hand_over(s) >= 0)
		return;
	if (s->protects > 0)
		say_lost(s, s->protect[0].gpa, "KVM refuses to cut its memory slots");
	s->protects = 0;
	debug_datapoint_give_up(&s->points, 0, true);
}

bool debug_protect_lost(struct debug_session *s, const struct debug_event *ev)
{
	if (!ev->on_stack || !debug_datapoint_give_up(&s->points, ev->stack_page, false))
		return false;
	say_lost(s, ev->stack_page, why_stack);
	return true;
}

void debug_protect_drop(struct debug_session *s)
{
	if (s->protects > 0)
		s->cfg.ops->protect(s->cfg.target, NULL, 0);
	s->protects = 0;
}
