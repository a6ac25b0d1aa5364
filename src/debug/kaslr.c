/*
 * "monitor kaslr": how far a kernel that relocated itself stands from where its image is linked. Two places
 * of the CPU hold addresses of code with well-known names: LSTAR (SDM 3A 5.8.8) and the gates of the IDT.
 */
#include "debug/monitor.h"

#include "x86/gate.h"
#include <errno.h>
#include <inttypes.h>

#define PAGE 4096u

/* A place and what Linux calls the code there, newest name first. */
struct landmark {
	const char *place;
	int vector;             /* of the IDT; -1: LSTAR */
	const char *names[3];
};

static const struct landmark landmarks[] = {
	{ "LSTAR", -1, { "entry_SYSCALL_64", "system_call", NULL } },
	{ "IDT gate 0 (divide error)", 0, { "asm_exc_divide_error", "divide_error", NULL } },
	{ "IDT gate 14 (page fault)", 14, { "asm_exc_page_fault", "page_fault", NULL } },
};

#define LANDMARKS (sizeof(landmarks) / sizeof(landmarks[0]))

struct search {
	struct debug_session *s;
	const struct x86_state *st;
	struct debug_view view;
	struct debug_text *out;
	bool found;
	uint64_t slide;
};

static int read_linear(void *ctx, uint64_t gva, void *buf, size_t len)
{
	return debug_view_read(ctx, gva, buf, len, NULL) == (int64_t)len ? 0 : -EFAULT;
}

/* Where the CPU would go; false while that is not set. */
static bool where_is(struct search *k, const struct landmark *l, uint64_t *ret)
{
	struct x86_reader reader = { .read = read_linear, .ctx = &k->view };
	struct x86_gate gate;

	if (l->vector < 0) {
		*ret = k->st->msr[X86_MSR_LSTAR];
		return (k->st->msr_valid & 1u << X86_MSR_LSTAR) && *ret;
	}
	if (x86_gate_find(k->st, (uint8_t)l->vector, &reader, &gate) < 0)
		return false;
	*ret = gate.target;
	return true;
}

static const char *linked_at(const struct debug_config *cfg, const struct landmark *l, uint64_t *ret)
{
	for (unsigned i = 0; l->names[i]; i++)
		if (cfg->symbol && cfg->symbol(cfg->ctx, l->names[i], ret) == 0)
			return l->names[i];
	return NULL;
}

/* One landmark's evidence: a line of text, and the slide. False: two landmarks contradict each other. */
static bool look(struct search *k, const struct landmark *l)
{
	uint64_t at, linked, slide;
	const char *name = linked_at(&k->s->cfg, l, &linked);

	if (!name) {
		debug_text_add(k->out, "%s: the image has no symbol %s\n", l->place, l->names[0]);
		return true;
	}
	if (!where_is(k, l, &at)) {
		debug_text_add(k->out, "%s: not set yet\n", l->place);
		return true;
	}
	slide = at - linked;
	debug_text_add(k->out, "%s: 0x%" PRIx64 ", %s is linked at 0x%" PRIx64 "\n", l->place, at, name,
	               linked);
	if (slide % PAGE || (k->found && slide != k->slide))
		return false;
	k->found = true;
	k->slide = slide;
	return true;
}

static void advise(const struct search *k)
{
	const char *path = k->s->cfg.image_path;

	if (k->slide == 0) {
		debug_text_add(k->out, "slide 0: the symbols are right as they are\n");
		return;
	}
	debug_text_add(k->out, "slide 0x%" PRIx64 "; type\n  in GDB:  symbol-file -o 0x%" PRIx64 " %s\n",
	               k->slide, k->slide, path);
	debug_text_add(k->out, "  in LLDB: target modules load --file %s --slide 0x%" PRIx64 "\n", path,
	               k->slide);
}

void debug_monitor_kaslr(struct debug_session *s, unsigned vcpu, struct debug_text *out)
{
	struct search k = { .s = s, .out = out };
	bool agree = true;

	k.st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM | X86_GROUP_MSR);
	if (!k.st || debug_session_view(s, vcpu, false, &k.view, NULL) < 0) {
		debug_text_add(out, "cpu%u cannot be read now\n", vcpu);
		return;
	}
	for (size_t i = 0; i < LANDMARKS && agree; i++)
		agree = look(&k, &landmarks[i]);
	if (!agree)
		debug_text_add(out, "not known: this is no constant slide of the image's symbols\n");
	else if (!k.found || !s->cfg.image_path)
		debug_text_add(out, "not known: nothing to compare. Try again once the kernel has set up "
		                    "system calls and interrupts\n");
	else
		advise(&k);
}
