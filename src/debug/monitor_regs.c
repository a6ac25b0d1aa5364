/* What "monitor regs" and "monitor walk" print. Names of bits: SDM 3A 2.5 (CR0, CR4), 2.2.1 (EFER), 4.5. */
#include "debug/monitor.h"

#include <inttypes.h>
#include <string.h>

struct bit_name { uint64_t bit; const char *name; };

static const struct bit_name rflags_bits[] = {
	{ 1 << 0, "CF" }, { 1 << 2, "PF" }, { 1 << 4, "AF" }, { 1 << 6, "ZF" }, { 1 << 7, "SF" },
	{ 1 << 8, "TF" }, { 1 << 9, "IF" }, { 1 << 10, "DF" }, { 1 << 11, "OF" }, { 1 << 14, "NT" },
	{ 1 << 16, "RF" }, { 1 << 17, "VM" }, { 1 << 18, "AC" }, { 1 << 19, "VIF" }, { 1 << 20, "VIP" },
	{ 1 << 21, "ID" }, { 0, NULL }
};

static const struct bit_name cr0_bits[] = {
	{ 1 << 0, "PE" }, { 1 << 1, "MP" }, { 1 << 2, "EM" }, { 1 << 3, "TS" }, { 1 << 4, "ET" },
	{ 1 << 5, "NE" }, { 1 << 16, "WP" }, { 1 << 18, "AM" }, { 1 << 29, "NW" }, { 1 << 30, "CD" },
	{ 1ull << 31, "PG" }, { 0, NULL }
};

static const struct bit_name cr4_bits[] = {
	{ 1 << 0, "VME" }, { 1 << 1, "PVI" }, { 1 << 2, "TSD" }, { 1 << 3, "DE" }, { 1 << 4, "PSE" },
	{ 1 << 5, "PAE" }, { 1 << 6, "MCE" }, { 1 << 7, "PGE" }, { 1 << 8, "PCE" }, { 1 << 9, "OSFXSR" },
	{ 1 << 10, "OSXMMEXCPT" }, { 1 << 11, "UMIP" }, { 1 << 12, "LA57" }, { 1 << 13, "VMXE" },
	{ 1 << 14, "SMXE" }, { 1 << 16, "FSGSBASE" }, { 1 << 17, "PCIDE" }, { 1 << 18, "OSXSAVE" },
	{ 1 << 20, "SMEP" }, { 1 << 21, "SMAP" }, { 1 << 22, "PKE" }, { 1 << 23, "CET" }, { 0, NULL }
};

static const struct bit_name efer_bits[] = {
	{ 1 << 0, "SCE" }, { 1 << 8, "LME" }, { 1 << 10, "LMA" }, { 1 << 11, "NX" }, { 1 << 12, "SVME" },
	{ 1 << 13, "LMSLE" }, { 1 << 14, "FFXSR" }, { 0, NULL }
};

static const struct bit_name entry_bits[] = {
	{ 1 << 0, "present" }, { 1 << 1, "writable" }, { 1 << 2, "user" }, { 1 << 3, "PWT" },
	{ 1 << 4, "PCD" }, { 1 << 5, "accessed" }, { 1 << 6, "dirty" }, { 1 << 7, "PS/PAT" },
	{ 1 << 8, "global" }, { 1ull << 63, "NX" }, { 0, NULL }
};

static void add_bits(struct debug_text *t, uint64_t value, const struct bit_name *names)
{
	const char *sep = "";

	debug_text_add(t, " [");
	for (; names->name; names++) {
		if (!(value & names->bit))
			continue;
		debug_text_add(t, "%s%s", sep, names->name);
		sep = " ";
	}
	debug_text_add(t, "]\n");
}

static void add_flags(struct debug_text *t, const char *name, uint64_t value, const struct bit_name *names)
{
	debug_text_add(t, "%-7s%016" PRIx64, name, value);
	add_bits(t, value, names);
}

static void add_core(const struct x86_state *st, struct debug_text *t)
{
	static const char *const names[X86_GPR_COUNT] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi",
	                                                  "rbp", "rsp", "r8", "r9", "r10", "r11",
	                                                  "r12", "r13", "r14", "r15" };

	debug_text_add(t, "%-7s%016" PRIx64 "  %s\n", "rip", st->rip, x86_mode_name(x86_mode_of(st)));
	add_flags(t, "rflags", st->rflags, rflags_bits);
	for (unsigned i = 0; i < X86_GPR_COUNT; i++)
		debug_text_add(t, "%-7s%016" PRIx64 "%s", names[i], st->gpr[i], i % 3 == 2 ? "\n" : "  ");
	debug_text_add(t, "\n");
}

static const char *seg_kind(const struct x86_seg *s)
{
	if (s->unusable)
		return "unusable";
	if (!s->s)
		return s->type == 2 ? "LDT" : s->type == 9 || s->type == 11 ? "TSS" : "system";
	if (s->type & 8)
		return s->l ? "code64" : s->db ? "code32" : "code16";
	return s->type & 4 ? "data down" : "data";
}

static void add_segments(const struct x86_state *st, struct debug_text *t)
{
	static const char *const names[X86_SEG_COUNT] = { "cs", "ss", "ds", "es", "fs", "gs", "ldtr", "tr" };

	for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
		const struct x86_seg *s = &st->seg[i];

		debug_text_add(t, "%-5s%04x base %016" PRIx64 " limit %08x %-9s dpl%u%s type %x%s%s%s\n",
		               names[i], s->selector, s->base, s->limit, seg_kind(s), s->dpl,
		               s->present ? "" : " not-present", s->type, s->db ? " D/B" : "",
		               s->g ? " G" : "", s->avl ? " AVL" : "");
	}
	debug_text_add(t, "%-5s     base %016" PRIx64 " limit %04x\n", "gdt", st->gdt.base, st->gdt.limit);
	debug_text_add(t, "%-5s     base %016" PRIx64 " limit %04x\n", "idt", st->idt.base, st->idt.limit);
}

static void add_control(const struct x86_state *st, struct debug_text *t)
{
	add_flags(t, "cr0", st->cr0, cr0_bits);
	debug_text_add(t, "%-7s%016" PRIx64 "\n%-7s%016" PRIx64 "\n", "cr2", st->cr2, "cr3", st->cr3);
	add_flags(t, "cr4", st->cr4, cr4_bits);
	debug_text_add(t, "%-7s%016" PRIx64 "\n", "cr8", st->cr8);
	add_flags(t, "efer", st->efer, efer_bits);
	debug_text_add(t, "%-7s%016" PRIx64 "\n", "apic", st->apic_base);
}

static void add_msrs(const struct x86_state *st, struct debug_text *t)
{
	for (unsigned i = 0; i < X86_MSR_COUNT; i++)
		if (st->msr_valid & (1u << i))
			debug_text_add(t, "%-16s (%08x) %016" PRIx64 "\n", x86_msr_name[i], x86_msr_index[i],
			               st->msr[i]);
}

static void add_debug(const struct x86_state *st, struct debug_text *t)
{
	for (unsigned i = 0; i < 4; i++)
		debug_text_add(t, "dr%u %016" PRIx64 "%s", i, st->dr[i], i == 3 ? "\n" : "  ");
	debug_text_add(t, "dr6 %016" PRIx64 "  dr7 %016" PRIx64 "  (the guest's own)\n", st->dr6, st->dr7);
}

void debug_monitor_regs(const struct x86_state *st, unsigned groups, struct debug_text *t)
{
	add_core(st, t);
	add_segments(st, t);
	add_control(st, t);
	if (groups & X86_GROUP_DEBUG)
		add_debug(st, t);
	if (groups & X86_GROUP_MSR)
		add_msrs(st, t);
}

void debug_monitor_walk(const struct debug_view *v, uint64_t gva, struct debug_text *t)
{
	struct x86_walk w;

	debug_view_walk(v, gva, &w);
	debug_text_add(t, "0x%" PRIx64 ": %s paging, cr3 0x%" PRIx64 "\n", gva,
	               x86_paging_mode_name(v->paging.mode), v->paging.cr3);
	for (unsigned i = 0; i < w.depth; i++) {
		debug_text_add(t, "  level %u  at 0x%-12" PRIx64 " %016" PRIx64, w.level[i].level,
		               w.level[i].entry_gpa, w.level[i].entry);
		add_bits(t, w.level[i].entry, entry_bits);
	}
	if (w.result != X86_WALK_OK) {
		debug_text_add(t, "  %s\n", x86_walk_result_name(w.result));
		return;
	}
	debug_text_add(t, "  physical 0x%" PRIx64 ", %" PRIu64 " KiB page, r%s%s%s%s\n", w.gpa,
	               (w.page_size < 4096 ? 4096 : w.page_size) / 1024, w.writable ? "w" : "-",
	               w.executable ? "x" : "-", w.user ? " user" : " supervisor",
	               guest_mem_contains(v->mem, w.gpa, 1) ? "" : ", not RAM");
}
