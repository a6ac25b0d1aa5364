/*
 * How far a kernel that relocated itself stands from where its image is linked. Two places of the CPU hold
 * addresses of code with well-known names: LSTAR (SDM 3A 5.8.8) and the gates of the IDT. Before they are set
 * there are the page tables: Linux maps nothing of its half GiB below _text (arch/x86/kernel/head64.c).
 */
#include "debug/kaslr.h"
#include "debug/monitor.h"

#include "x86/gate.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* CONFIG_PHYSICAL_ALIGN is at least that (arch/x86/Kconfig), and a slide a multiple of it. */
#define ALIGNMENT 0x200000ull
#define KERNEL_MAP 0xffffffff80000000ull /* what is linked at p + this, is to be loaded at p */
#define KERNEL_SPAN 0x40000000ull

/* A name, and how far behind it. */
struct spot { const char *name; unsigned offset; };

/* A place and what Linux has there, newest first; then what it has there early (9 or 13 bytes a vector). */
struct landmark {
	const char *place;
	int vector;             /* of the IDT; LSTAR, TABLES */
	struct spot spots[4];
};

enum { LSTAR = -1, TABLES = -2 };

static const struct landmark landmarks[] = {
	{ "LSTAR", LSTAR, { { "entry_SYSCALL_64", 0 }, { "system_call", 0 } } },
	{ "IDT gate 0 (divide error)", 0,
	  { { "asm_exc_divide_error", 0 }, { "divide_error", 0 }, { "early_idt_handler_array", 0 } } },
	{ "IDT gate 14 (page fault)", 14,
	  { { "asm_exc_page_fault", 0 }, { "page_fault", 0 }, { "early_idt_handler_array", 14 * 9 },
	    { "early_idt_handler_array", 14 * 13 } } },
	{ "first page of the kernel's mapping", TABLES, { { "_text", 0 } } },
};

#define LANDMARKS (sizeof(landmarks) / sizeof(landmarks[0]))
#define SPOTS (sizeof(landmarks[0].spots) / sizeof(landmarks[0].spots[0]))

static int read_linear(void *ctx, uint64_t gva, void *buf, size_t len)
{
	return debug_view_read(ctx, gva, buf, len, NULL) == (int64_t)len ? 0 : -EFAULT;
}

/* Of Linux alone: others that have a _text map what they like below it. */
static bool first_mapped(const struct debug_kaslr *k, uint64_t *ret)
{
	struct x86_walk walk;
	uint64_t ignored;

	if (k->view->paging.mode < X86_PAGING_4LEVEL || !k->symbol ||
	    k->symbol(k->ctx, "startup_64", &ignored) < 0)
		return false;
	for (uint64_t at = KERNEL_MAP; at < KERNEL_MAP + KERNEL_SPAN; at += ALIGNMENT) {
		debug_view_walk(k->view, at, &walk);
		if (walk.result != X86_WALK_OK)
			continue;
		*ret = at;
		return true;
	}
	return false;
}

/* What the place holds; false while that is not set. */
static bool where_is(const struct debug_kaslr *k, const struct landmark *l, uint64_t *ret)
{
	struct debug_view view = *k->view;
	struct x86_reader reader = { .read = read_linear, .ctx = &view };
	struct x86_gate gate;

	if (l->vector == TABLES)
		return first_mapped(k, ret);
	if (l->vector == LSTAR) {
		*ret = k->st->msr[X86_MSR_LSTAR];
		return (k->st->msr_valid & 1u << X86_MSR_LSTAR) && *ret;
	}
	if (x86_gate_find(k->st, (uint8_t)l->vector, &reader, &gate) < 0)
		return false;
	*ret = gate.target;
	return true;
}

static bool linked_at(const struct debug_kaslr *k, const struct spot *spot, uint64_t *ret)
{
	if (!spot->name || !k->symbol || k->symbol(k->ctx, spot->name, ret) < 0)
		return false;
	*ret += spot->offset;
	return true;
}

/* The spot that the address is, a possible slide further; else the newest there is. NULL: none is. */
static const struct spot *spot_of(const struct debug_kaslr *k, const struct landmark *l, uint64_t at,
                                  uint64_t *ret_linked)
{
	const struct spot *first = NULL;
	uint64_t linked;

	for (unsigned i = 0; i < SPOTS; i++) {
		if (!linked_at(k, &l->spots[i], &linked))
			continue;
		if (!first || (at - linked) % ALIGNMENT == 0)
			*ret_linked = linked;
		if ((at - linked) % ALIGNMENT == 0)
			return &l->spots[i];
		first = first ? first : &l->spots[i];
	}
	return first;
}

/* One landmark's evidence: a line of text, and the slide. False: two landmarks contradict each other. */
static bool look(struct debug_kaslr *k, const struct landmark *l, struct debug_text *out)
{
	uint64_t at = 0, linked = 0;
	bool is_set = where_is(k, l, &at);
	const struct spot *spot = spot_of(k, l, at, &linked);

	if (!spot) {
		debug_text_add(out, "%s: the image has no symbol %s\n", l->place, l->spots[0].name);
		return true;
	}
	if (!is_set) {
		debug_text_add(out, "%s: not set yet\n", l->place);
		return true;
	}
	debug_text_add(out, "%s: 0x%" PRIx64 ", %s", l->place, at, spot->name);
	if (spot->offset)
		debug_text_add(out, "+%u", spot->offset);
	debug_text_add(out, " is linked at 0x%" PRIx64 "\n", linked);
	if ((at - linked) % ALIGNMENT || (k->known && at - linked != k->slide))
		return false;
	k->known = true;
	k->slide = at - linked;
	return true;
}

/* Where _text is in memory, and how far from where that should be. */
static void find_physical(struct debug_kaslr *k)
{
	uint64_t text;
	struct x86_walk walk;

	if (!k->symbol || k->symbol(k->ctx, "_text", &text) < 0 || text < KERNEL_MAP)
		return;
	debug_view_walk(k->view, text + k->slide, &walk);
	if (walk.result != X86_WALK_OK)
		return;
	k->has_physical = true;
	k->physical = walk.gpa;
	k->physical_slide = walk.gpa - (text - KERNEL_MAP);
}

int debug_kaslr_find(struct debug_kaslr *k, struct debug_text *out)
{
	for (size_t i = 0; i < LANDMARKS; i++) {
		/* Old kernels map more: the tables are asked only where nothing else tells. */
		if (k->known && landmarks[i].vector == TABLES)
			break;
		if (look(k, &landmarks[i], out))
			continue;
		k->known = false;
		return -EINVAL;
	}
	if (!k->known)
		return -ENOENT;
	find_physical(k);
	return 0;
}

/* ---- the command ---- */

static void advise(const struct debug_session *s, const struct debug_kaslr *k, struct debug_text *out)
{
	const char *path = s->cfg.image_path;

	if (k->has_physical)
		debug_text_add(out, "physical: _text is at 0x%" PRIx64 ", slide 0x%" PRIx64 "\n", k->physical,
		               k->physical_slide);
	if (k->slide == 0) {
		debug_text_add(out, "slide 0: the symbols are right as they are\n");
		return;
	}
	debug_text_add(out, "slide 0x%" PRIx64 "; type\n  in GDB:  symbol-file -o 0x%" PRIx64 " %s\n",
	               k->slide, k->slide, path);
	debug_text_add(out, "  in LLDB: target modules load --file %s --slide 0x%" PRIx64 "\n", path,
	               k->slide);
}

/* A word of the guest's command line. */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	while (*text) {
		text += strspn(text, " ");
		if (strncmp(text, word, len) == 0 && (text[len] == ' ' || text[len] == '\0'))
			return true;
		text += strcspn(text, " ");
	}
	return false;
}

static void tell_unknown(const struct debug_session *s, struct debug_text *out)
{
	const char *cmdline = s->cfg.cmdline ? s->cfg.cmdline(s->cfg.ctx) : "";

	debug_text_add(out, "not known: nothing to compare. Try again once the kernel has set up system "
	                    "calls and interrupts\n");
	if (has_word(cmdline, "nokaslr"))
		debug_text_add(out, "nokaslr is on the command line: the slide will be 0\n");
}

void debug_monitor_kaslr(struct debug_session *s, unsigned vcpu, struct debug_text *out)
{
	struct debug_view view;
	struct debug_kaslr k = { .view = &view, .symbol = s->cfg.symbol, .ctx = s->cfg.ctx };
	int rc;

	k.st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM | X86_GROUP_MSR);
	if (!k.st || debug_session_view(s, vcpu, false, &view, NULL) < 0) {
		debug_text_add(out, "cpu%u cannot be read now\n", vcpu);
		return;
	}
	rc = debug_kaslr_find(&k, out);
	if (rc == -EINVAL)
		debug_text_add(out, "not known: this is no constant slide of the image's symbols\n");
	else if (rc < 0 || !s->cfg.image_path)
		tell_unknown(s, out);
	else
		advise(s, &k, out);
}
