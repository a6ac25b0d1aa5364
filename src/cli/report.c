#include "cli/report.h"

#include "base/bytes.h"
#include "cli/text.h"
#include "cli/vmem.h"
#include "x86/cpumode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CODE_BEFORE 8
#define CODE_AFTER 16
#define NAME_MAX_SHOWN 100

struct bit_name { uint64_t bit; const char *name; };

static const struct bit_name rflags_names[] = {
	{0x1, "CF"}, {0x4, "PF"}, {0x10, "AF"}, {0x40, "ZF"}, {0x80, "SF"}, {0x100, "TF"}, {0x200, "IF"},
	{0x400, "DF"}, {0x800, "OF"}, {0x10000, "RF"}, {0x20000, "VM"}, {0x40000, "AC"}, {0, NULL},
};
static const struct bit_name cr0_names[] = {
	{X86_CR0_PE, "PE"}, {X86_CR0_MP, "MP"}, {0x4, "EM"},        {0x8, "TS"},
	{X86_CR0_NE, "NE"}, {X86_CR0_WP, "WP"}, {X86_CR0_PG, "PG"}, {0, NULL},
};
static const struct bit_name cr4_names[] = {
	{X86_CR4_PSE, "PSE"}, {X86_CR4_PAE, "PAE"}, {0x80, "PGE"}, {X86_CR4_OSFXSR, "OSFXSR"},
	{X86_CR4_LA57, "LA57"}, {0x10000, "FSGSBASE"}, {X86_CR4_PCIDE, "PCIDE"}, {X86_CR4_OSXSAVE, "OSXSAVE"},
	{0x100000, "SMEP"}, {0x200000, "SMAP"}, {0, NULL},
};
static const struct bit_name efer_names[] = {
	{X86_EFER_SCE, "SCE"}, {X86_EFER_LME, "LME"}, {X86_EFER_LMA, "LMA"}, {X86_EFER_NX, "NX"}, {0, NULL},
};

struct writer {
	const struct cli_report *r;
	struct cli_vmem vmem;
	struct cli_text *text;
};

static void add_bits(struct cli_text *t, uint64_t value, const struct bit_name *names)
{
	const char *separator = " [";

	for (; names->name != NULL; names++) {
		if (!(value & names->bit))
			continue;
		cli_text_add(t, "%s%s", separator, names->name);
		separator = " ";
	}
	if (*separator == ' ' && separator[1] == '\0')
		cli_text_add(t, "]");
}

/* "0x1234 in main+0x10". back: bytes to step back for the look-up, 1 for return addresses. */
static void add_address(const struct writer *w, uint64_t addr, uint64_t back)
{
	uint64_t offset;
	const char *name = NULL;

	cli_text_add(w->text, "0x%" PRIx64, addr);
	if (w->r->image != NULL)
		name = boot_symbol_at(w->r->image, addr - back - w->r->bias, &offset);
	if (name == NULL)
		return;
	cli_text_add(w->text, " in ");
	cli_text_add_foreign(w->text, name, NAME_MAX_SHOWN);
	cli_text_add(w->text, "+0x%" PRIx64, offset + back);
}

static void add_registers(const struct writer *w)
{
	static const char *const names[X86_GPR_COUNT] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
		"r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15",
	};
	const struct x86_state *st = w->r->state;

	for (unsigned i = 0; i < X86_GPR_COUNT; i++)
		cli_text_add(w->text, "%s %016" PRIx64 "%s", names[i], st->gpr[i], i % 4 == 3 ? "\n" : "  ");
	cli_text_add(w->text, "rip %016" PRIx64 "  rflags %016" PRIx64, st->rip, st->rflags);
	add_bits(w->text, st->rflags, rflags_names);
	cli_text_add(w->text, "\n");
}

static void add_system(const struct writer *w)
{
	static const char *const seg_names[X86_SEG_COUNT] = {"cs", "ss", "ds", "es", "fs", "gs", "ldt", "tr"};
	const struct x86_state *st = w->r->state;
	struct cli_text *t = w->text;

	cli_text_add(t, "cr0 %016" PRIx64, st->cr0);
	add_bits(t, st->cr0, cr0_names);
	cli_text_add(t, "\ncr2 %016" PRIx64 "  cr3 %016" PRIx64 "  cr8 %" PRIx64 "\ncr4 %016" PRIx64, st->cr2,
	             st->cr3, st->cr8, st->cr4);
	add_bits(t, st->cr4, cr4_names);
	cli_text_add(t, "\nefer %016" PRIx64, st->efer);
	add_bits(t, st->efer, efer_names);
	cli_text_add(t, "  (%s)\n", x86_mode_name(x86_mode_of(st)));
	for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
		const struct x86_seg *s = &st->seg[i];

		if (s->unusable)
			cli_text_add(t, "%-3s %04x  unusable\n", seg_names[i], s->selector);
		else
			cli_text_add(t, "%-3s %04x  base %016" PRIx64 "  limit %08x  type %x%s  dpl %u\n",
			             seg_names[i], s->selector, s->base, s->limit, s->type,
			             s->l ? " 64-bit" : s->db ? " 32-bit" : "", s->dpl);
	}
	cli_text_add(t, "gdt %016" PRIx64 "  limit %04x    idt %016" PRIx64 "  limit %04x\n", st->gdt.base,
	             st->gdt.limit, st->idt.base, st->idt.limit);
}

/* The bytes around pc, the first of the instruction in angle brackets. */
static void add_code(const struct writer *w, uint64_t pc)
{
	uint8_t bytes[CODE_AFTER];
	size_t n;

	cli_text_add(w->text, "code");
	/* What lies before may be another page that is not there: byte by byte, then. */
	for (uint64_t back = CODE_BEFORE; back > 0; back--)
		if (pc >= back && cli_vmem_read(&w->vmem, pc - back, bytes, 1) == 1)
			cli_text_add(w->text, " %02x", bytes[0]);
	n = cli_vmem_read(&w->vmem, pc, bytes, sizeof(bytes));
	if (n == 0)
		cli_text_add(w->text, " <no memory at rip>");
	for (size_t i = 0; i < n; i++)
		cli_text_add(w->text, i == 0 ? " <%02x>" : " %02x", bytes[i]);
	cli_text_add(w->text, "\n");
}

/* ---- backtrace ---- */

/*
 * Frame records: [rbp] the caller's rbp, [rbp + word] the return address (System V ABI, 3.2.2).
 * The first frame may not have its record yet (at the push, or just behind it) or be no code at all
 * (a call through a wild pointer): then the return address is where the call left it.
 */
struct frames { unsigned word; uint64_t fp, sp; };

static bool read_word(const struct writer *w, unsigned size, uint64_t addr, uint64_t *ret)
{
	uint8_t raw[8];

	if (cli_vmem_read(&w->vmem, addr, raw, size) != size)
		return false;
	*ret = bytes_get_le(raw, size);
	return true;
}

/* Where the return address of the function at pc is, when it has not set up its frame; else false. */
static bool return_slot_before_frame(const struct writer *w, uint64_t pc, const struct frames *f,
				     uint64_t *ret)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	static const uint8_t mov_rbp_rsp[] = {0x48, 0x89, 0xe5};
	uint8_t code[8] = {0};
	size_t n = cli_vmem_read(&w->vmem, pc, code, sizeof(code));

	*ret = f->sp;
	if (n == 0 || code[0] == 0x55 /* push rbp */ || code[0] == 0xc3 /* ret */ ||
	    (n >= 4 && memcmp(code, endbr64, 4) == 0))
		return true;
	*ret = f->sp + f->word;
	if (f->word == 4)
		return n >= 2 && memcmp(code, mov_rbp_rsp + 1, 2) == 0;
	return n >= 3 && memcmp(code, mov_rbp_rsp, 3) == 0;
}

/* The next record up; false with a reason (or NULL at a proper end) when there is none. */
static bool next_frame(const struct writer *w, struct frames *f, uint64_t *ret_pc, const char **why)
{
	uint64_t fp, pc;

	*why = NULL;
	if (f->fp == 0)
		return false;
	*why = "frame pointer leads nowhere";
	if (!read_word(w, f->word, f->fp, &fp) || !read_word(w, f->word, f->fp + f->word, &pc))
		return false;
	*why = "frame pointer does not move up";
	if (fp != 0 && fp <= f->fp)
		return false;
	*why = NULL;
	if (pc == 0)
		return false;
	f->fp = fp;
	*ret_pc = pc;
	return true;
}

static void add_frame(const struct writer *w, unsigned number, uint64_t pc, uint64_t back)
{
	cli_text_add(w->text, "#%-2u ", number);
	add_address(w, pc, back);
	cli_text_add(w->text, "\n");
}

static void add_backtrace(const struct writer *w, uint64_t pc)
{
	enum x86_mode mode = x86_mode_of(w->r->state);
	struct frames f = {
		.word = mode == X86_MODE_64 ? 8 : 4,
		.fp = w->r->state->gpr[X86_RBP],
		.sp = w->r->state->gpr[X86_RSP],
	};
	const char *why = NULL;
	uint64_t slot, caller;
	unsigned n = 0;

	add_frame(w, n++, pc, 0);
	if (mode == X86_MODE_REAL || mode == X86_MODE_V86 || mode == X86_MODE_16)
		return;
	if (return_slot_before_frame(w, pc, &f, &slot) && read_word(w, f.word, slot, &caller) && caller != 0)
		add_frame(w, n++, caller, 1);
	while (n < CLI_REPORT_FRAMES && next_frame(w, &f, &caller, &why))
		add_frame(w, n++, caller, 1);
	if (n == CLI_REPORT_FRAMES)
		why = "more frames than are shown";
	if (why != NULL)
		cli_text_add(w->text, "    (%s: 0x%" PRIx64 ")\n", why, f.fp);
}

size_t cli_report_format(const struct cli_report *r, char *buf, size_t size)
{
	struct cli_text t;
	struct writer w = {.r = r, .text = &t};
	uint64_t pc = x86_linear_pc(r->state);

	cli_text_init(&t, buf, size);
	cli_vmem_init(&w.vmem, r->state, r->layout, &r->mem);
	add_registers(&w);
	add_system(&w);
	add_code(&w, pc);
	add_backtrace(&w, pc);
	return t.used;
}
