#include "cli/corenotes.h"

#include "base/bytes.h"
#include "cli/corestate.h"

#include <elf.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

#define FXSAVE_SIZE 512
#define XSAVE_MIN 576           /* legacy region and header (SDM 1 13.4) */
#define XSTATE_XCR0 464         /* where Linux puts XCR0 in the software bytes of NT_X86_XSTATE */
#define NOTE_HEAD 32            /* header and padded name, generously */

_Static_assert(sizeof(struct user_regs_struct) == sizeof(elf_gregset_t), "pr_reg is struct user_regs_struct");

struct notes { const struct cli_coredump *cfg; uint8_t *buf; size_t used; };

size_t cli_corenotes_room(unsigned cpus)
{
	size_t cpu = sizeof(struct elf_prstatus) + FXSAVE_SIZE + X86_XSAVE_SIZE + 3 * NOTE_HEAD +
	             CLI_CORESTATE_QEMU_SIZE + CLI_CORESTATE_OWN_SIZE + 2 * NOTE_HEAD;

	return cpus * cpu + sizeof(struct elf_prpsinfo) + 16 * sizeof(Elf64_auxv_t) + 2 * NOTE_HEAD;
}

/* Name and contents are padded to 4 bytes (gABI, "Note Section"). */
static void add_note(struct notes *n, const char *name, uint32_t type, const void *desc, size_t len)
{
	size_t name_len = strlen(name) + 1;
	Elf64_Nhdr head = {.n_namesz = (uint32_t)name_len, .n_descsz = (uint32_t)len, .n_type = type};

	memcpy(n->buf + n->used, &head, sizeof(head));
	n->used += sizeof(head);
	memset(n->buf + n->used, 0, bytes_align_up(name_len, 4));
	memcpy(n->buf + n->used, name, name_len);
	n->used += bytes_align_up(name_len, 4);
	memset(n->buf + n->used, 0, bytes_align_up(len, 4));
	memcpy(n->buf + n->used, desc, len);
	n->used += bytes_align_up(len, 4);
}

static void fill_regs(const struct x86_state *st, struct user_regs_struct *r)
{
	const uint64_t *g = st->gpr;

	*r = (struct user_regs_struct){
		.r15 = g[X86_R15], .r14 = g[X86_R14], .r13 = g[X86_R13], .r12 = g[X86_R12],
		.r11 = g[X86_R11], .r10 = g[X86_R10], .r9 = g[X86_R9], .r8 = g[X86_R8],
		.rax = g[X86_RAX], .rbx = g[X86_RBX], .rcx = g[X86_RCX], .rdx = g[X86_RDX],
		.rsi = g[X86_RSI], .rdi = g[X86_RDI], .rbp = g[X86_RBP], .rsp = g[X86_RSP],
		.orig_rax = (unsigned long long)-1, /* not in a system call */
		.rip = st->rip,
		.eflags = st->rflags,
		.cs = st->seg[X86_CS].selector, .ss = st->seg[X86_SS].selector,
		.ds = st->seg[X86_DS].selector, .es = st->seg[X86_ES].selector,
		.fs = st->seg[X86_FS].selector, .gs = st->seg[X86_GS].selector,
		.fs_base = st->seg[X86_FS].base, .gs_base = st->seg[X86_GS].base,
	};
}

static void add_prstatus(struct notes *n, unsigned cpu, const struct x86_state *st)
{
	struct elf_prstatus ps = {.pr_pid = (int)cpu + 1, .pr_fpvalid = 1};
	struct user_regs_struct regs;

	/* The same for every thread, as Linux does: BFD believes the last one. */
	ps.pr_info.si_signo = n->cfg->signal;
	ps.pr_cursig = (short)n->cfg->signal;
	fill_regs(st, &regs);
	memcpy(&ps.pr_reg, &regs, sizeof(regs));
	add_note(n, "CORE", NT_PRSTATUS, &ps, sizeof(ps));
}

/* The area up to its last component. 0: the vcpu has none beyond x87 and SSE. */
static size_t xsave_size(const struct x86_layout *layout)
{
	size_t size = 0;

	for (unsigned i = 2; i < sizeof(layout->xsave) / sizeof(layout->xsave[0]); i++) {
		size_t end = (size_t)layout->xsave[i].offset + layout->xsave[i].size;

		if (layout->xsave[i].size > 0 && end > size && end <= X86_XSAVE_SIZE)
			size = end;
	}
	return size > 0 && size < XSAVE_MIN ? XSAVE_MIN : size;
}

static void add_fpu(struct notes *n, const struct x86_state *st)
{
	size_t size = xsave_size(n->cfg->layout);
	uint8_t area[X86_XSAVE_SIZE];

	add_note(n, "CORE", NT_PRFPREG, st->xsave, FXSAVE_SIZE);
	if (size == 0)
		return;
	memcpy(area, st->xsave, size);
	bytes_put_le64(area + XSTATE_XCR0, n->cfg->layout->xcr0_mask);
	add_note(n, "LINUX", NT_X86_XSTATE, area, size);
}

/* Nothing that GDB or BFD knows: they pass over it. */
static void add_system(struct notes *n, unsigned cpu, const struct x86_state *st)
{
	uint8_t qemu[CLI_CORESTATE_QEMU_SIZE], own[CLI_CORESTATE_OWN_SIZE];

	cli_corestate_qemu(st, qemu);
	add_note(n, "QEMU", CLI_CORESTATE_NOTE, qemu, sizeof(qemu));
	cli_corestate_own(st, cpu, own);
	add_note(n, "TRAPLINE", CLI_CORESTATE_NOTE, own, sizeof(own));
}

static void copy_cut(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

static void add_prpsinfo(struct notes *n)
{
	struct elf_prpsinfo info = {.pr_sname = 'R', .pr_pid = 1};
	const char *slash = strrchr(n->cfg->kernel, '/');
	size_t used;

	copy_cut(info.pr_fname, sizeof(info.pr_fname), slash == NULL ? n->cfg->kernel : slash + 1);
	copy_cut(info.pr_psargs, sizeof(info.pr_psargs), n->cfg->kernel);
	used = strlen(info.pr_psargs);
	if (*n->cfg->cmdline != '\0' && used + 2 < sizeof(info.pr_psargs)) {
		info.pr_psargs[used] = ' ';
		copy_cut(info.pr_psargs + used + 1, sizeof(info.pr_psargs) - used - 1, n->cfg->cmdline);
	}
	add_note(n, "CORE", NT_PRPSINFO, &info, sizeof(info));
}

/* gdb finds by AT_ENTRY how far a position-independent kernel was moved. */
static void add_auxv(struct notes *n)
{
	Elf64_auxv_t auxv[] = {
		{.a_type = AT_ENTRY, .a_un.a_val = n->cfg->entry},
		{.a_type = AT_PAGESZ, .a_un.a_val = 4096},
		{.a_type = AT_NULL},
	};

	if (n->cfg->bias != 0)
		add_note(n, "CORE", NT_AUXV, auxv, sizeof(auxv));
}

static void add_cpu(struct notes *n, unsigned cpu)
{
	const struct x86_state *st = n->cfg->state[cpu];

	if (st == NULL)
		return;
	add_prstatus(n, cpu, st);
	if (cpu == n->cfg->current) { /* gdb expects what is not of a thread behind the first one */
		add_prpsinfo(n);
		add_auxv(n);
	}
	add_fpu(n, st);
	add_system(n, cpu, st);
}

size_t cli_corenotes_fill(const struct cli_coredump *cfg, uint8_t *buf)
{
	struct notes n = {.cfg = cfg, .buf = buf};

	add_cpu(&n, cfg->current);
	for (unsigned i = 0; i < cfg->cpus; i++)
		if (i != cfg->current)
			add_cpu(&n, i);
	return n.used;
}
