#include "debug/monitor.h"

#include "base/parse.h"
#include "debug/event.h"
#include "debug/readonly.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MAX_EXITS 64
#define LINE_MAX_LEN 256

/* A command's run: its argument ("" when there is none), the vcpu it is about, the text it answers. */
struct call {
	struct debug_session *s;
	unsigned vcpu;
	const char *arg;
	struct debug_text *out;
};

struct command {
	const char *name, *args, *help;
	void (*fn)(const struct call *c);
};

static const struct command commands[];

static const char *const arch_words[X86_REGS_ARCHS] = { "x86-64", "i386", "i8086" };

/* ---- the commands ---- */

static void cmd_help(const struct call *c)
{
	debug_text_add(c->out, "monitor commands of trapline:\n");
	for (const struct command *cmd = commands; cmd->name; cmd++)
		debug_text_add(c->out, "  %-15s %-17s %s\n", cmd->name, cmd->args, cmd->help);
}

static void cmd_regs(const struct call *c)
{
	unsigned groups = X86_GROUP_CORE | X86_GROUP_SYSTEM | X86_GROUP_MSR | X86_GROUP_DEBUG;
	const struct x86_state *st = debug_get(c->s, c->vcpu, groups);

	if (!st) {
		groups = X86_GROUP_CORE | X86_GROUP_SYSTEM;
		st = debug_get(c->s, c->vcpu, groups);
	}
	debug_text_add(c->out, "cpu%u\n", c->vcpu);
	if (st)
		debug_monitor_regs(st, groups, c->out);
	else
		debug_text_add(c->out, "registers cannot be read now\n");
}

static void cmd_walk(const struct call *c)
{
	struct debug_view view;
	struct error err;
	uint64_t gva;

	if (parse_address(c->arg, &gva) < 0)
		debug_text_add(c->out, "walk needs an address, such as: monitor walk 0x100000\n");
	else if (debug_session_view(c->s, c->vcpu, false, &view, &err) < 0)
		debug_text_add(c->out, "%s\n", err.text);
	else
		debug_monitor_walk(&view, gva, c->out);
}

static void cmd_exits(const struct call *c)
{
	struct debug_exit_count rows[MAX_EXITS];
	unsigned n;

	if (!c->s->cfg.ops->exits) {
		debug_text_add(c->out, "this machine does not count exits\n");
		return;
	}
	n = c->s->cfg.ops->exits(c->s->cfg.target, rows, MAX_EXITS);
	for (unsigned i = 0; i < n && i < MAX_EXITS; i++)
		if (rows[i].count)
			debug_text_add(c->out, "%12" PRIu64 "  %s\n", rows[i].count, rows[i].name);
}

static void cmd_break(const struct call *c)
{
	debug_monitor_break(c->s, c->arg, c->out);
}

static void cmd_pending(const struct call *c)
{
	debug_monitor_pending(c->s, c->arg, c->out);
}

static void cmd_ignore(const struct call *c)
{
	debug_monitor_ignore(c->s, c->arg, c->out);
}

static void cmd_watch(const struct call *c)
{
	debug_monitor_watch(c->s, c->arg, c->out);
}

/* "on", "off", or nothing to ask. */
static void set_switch(const struct call *c, bool *value, const char *name)
{
	if (strcmp(c->arg, "on") == 0)
		*value = true;
	else if (strcmp(c->arg, "off") == 0)
		*value = false;
	else if (c->arg[0]) {
		debug_text_add(c->out, "%s takes on or off, not '%.40s'\n", name, c->arg);
		return;
	}
	debug_text_add(c->out, "%s is %s\n", name, *value ? "on" : "off");
}

static void cmd_catch(const struct call *c)
{
	debug_monitor_catch(c->s, c->arg, c->out);
}

static void cmd_uncatch(const struct call *c)
{
	debug_monitor_uncatch(c->s, c->arg, c->out);
}

static void cmd_mmio(const struct call *c)
{
	set_switch(c, &c->s->mmio, "access to devices");
}

static void cmd_phys(const struct call *c)
{
	set_switch(c, &c->s->phys, "physical addressing");
}

/* Bit 12 of CR3 tells the halves of Linux's pairs of page tables apart (PTI_PGTABLE_SWITCH_BIT). */
#define KPTI_BIT 0x1000u

static void cmd_cr3(const struct call *c)
{
	struct debug_session *s = c->s;
	const struct x86_state *st = debug_get(s, c->vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	uint64_t cr3;

	if (strcmp(c->arg, "auto") == 0) {
		s->cr3_chosen = false;
	} else if (strcmp(c->arg, "other") == 0 && st) {
		s->cr3 = st->cr3 ^ KPTI_BIT;
		s->cr3_chosen = true;
	} else if (c->arg[0] && parse_address(c->arg, &cr3) == 0) {
		s->cr3 = cr3;
		s->cr3_chosen = true;
	} else if (c->arg[0]) {
		debug_text_add(c->out, "cr3 takes auto, other or an address, not '%.40s'\n", c->arg);
		return;
	}
	if (s->cr3_chosen)
		debug_text_add(c->out, "addresses are looked up through cr3 0x%" PRIx64, s->cr3);
	else
		debug_text_add(c->out, "addresses are looked up through the selected cpu's own cr3");
	debug_text_add(c->out, ". In GDB: maintenance flush dcache\n");
}

static void cmd_kaslr(const struct call *c)
{
	debug_monitor_kaslr(c->s, c->vcpu, c->out);
}

static void cmd_snapshot(const struct call *c)
{
	debug_monitor_snapshot(c->s, c->arg, c->out);
}

static void cmd_step_interrupts(const struct call *c)
{
	set_switch(c, &c->s->step_irqs, "stepping into interrupt handlers");
}

/* A description cannot change under a client: both sides go by it. */
static void cmd_arch(const struct call *c)
{
	struct debug_session *s = c->s;
	int arch = 0;

	while (arch < X86_REGS_ARCHS && strcmp(c->arg, arch_words[arch]) != 0)
		arch++;
	if (arch < X86_REGS_ARCHS)
		s->arch = (enum x86_regs_arch)arch;
	else if (c->arg[0])
		debug_text_add(c->out, "arch takes x86-64, i386 or i8086, not '%.40s'\n", c->arg);
	debug_text_add(c->out, "registers are described as %s's", arch_words[s->regs.arch]);
	if (s->arch != s->regs.arch)
		debug_text_add(c->out, "; to the next debugger that connects, as %s's", arch_words[s->arch]);
	debug_text_add(c->out, "\n");
}

static void cmd_trace(const struct call *c)
{
	debug_monitor_trace(c->s, c->out);
}

static void cmd_time(const struct call *c)
{
	static const char *const words[] = { "run", "freeze" };
	int wish = -1;
	char text[200];

	if (!c->s->cfg.ops->time) {
		debug_text_add(c->out, "this machine's time is its own\n");
		return;
	}
	for (int i = 0; i < 2; i++)
		if (strcmp(c->arg, words[i]) == 0)
			wish = i;
	if (c->arg[0] && wish < 0) {
		debug_text_add(c->out, "time takes freeze or run, not '%.40s'\n", c->arg);
		return;
	}
	c->s->cfg.ops->time(c->s->cfg.target, wish, text, sizeof(text));
	debug_text_add(c->out, "%s\n", text);
}

static void cmd_reset(const struct call *c)
{
	struct debug_session *s = c->s;
	const struct x86_state *st;
	struct error err;

	if (!s->cfg.ops->reset) {
		debug_text_add(c->out, "this machine cannot be reset\n");
		return;
	}
	if (s->cfg.ops->reset(s->cfg.target, &err) < 0) {
		debug_text_add(c->out, "reset failed: %s\n", err.text);
		return;
	}
	debug_event_after_reset(s);
	st = debug_get(s, 0, X86_GROUP_CORE);
	debug_text_add(c->out,
	               "reset; cpu0 stands at 0x%" PRIx64 ". In GDB: maintenance flush register-cache\n",
	               st ? st->rip : 0);
}

/* The file holds the guest's bytes: ours are out for the moment. */
static void cmd_core(const struct call *c)
{
	struct debug_session *s = c->s;
	const char *path;
	struct error err;
	int rc;

	if (!s->cfg.write_core) {
		debug_text_add(c->out, "no core: trapline was not given --core=FILE\n");
		return;
	}
	debug_int3_lift_all(&s->points.int3);
	rc = s->cfg.write_core(s->cfg.ctx, c->vcpu, &path, &err);
	debug_int3_unlift(&s->points.int3);
	if (rc < 0)
		debug_text_add(c->out, "no core: %s\n", err.text);
	else
		debug_text_add(c->out, "core written: %s%s\n", path,
		               rc > 0 ? " (the guest maps more than a core holds)" : "");
}

static void cmd_quit(const struct call *c)
{
	debug_text_add(c->out, "the machine ends\n");
	c->s->wish = DEBUG_WISH_CLOSE;
	c->s->cfg.ops->kill(c->s->cfg.target);
}

static void cmd_mode(const struct call *c)
{
	const struct x86_state *st = debug_get(c->s, c->vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	struct debug_view view;

	if (!st || debug_session_view(c->s, c->vcpu, false, &view, NULL) < 0)
		return;
	debug_text_add(c->out, "cpu%u: %s, %s, CPL %u, pc 0x%" PRIx64 " (linear)\n", c->vcpu,
	               x86_mode_name(x86_mode_of(st)), x86_paging_mode_name(view.paging.mode),
	               st->seg[X86_SS].dpl, x86_linear_pc(st));
}

static const struct command commands[] = {
	{ "arch", "[x86-64|i386|i8086]", "as whose registers the next client sees the CPU's", cmd_arch },
	{ "break", "[drop]", "points: by what means, how often hit and missed; drop kept ones", cmd_break },
	{ "catch", "[KIND ... [if EX]]", "stop at exception irq cr3 msr io mmio hlt shutdown hypercall",
	  cmd_catch },
	{ "core", "", "write an ELF core to the file of --core", cmd_core },
	{ "cr3", "[auto|other|ADDR]", "page tables for memory commands; other: of a KPTI pair", cmd_cr3 },
	{ "exits", "", "what the machine came out of guest mode for, counted", cmd_exits },
	{ "help", "", "this list", cmd_help },
	{ "ignore", "[ADDR COUNT]", "pass over the next COUNT hits at ADDR", cmd_ignore },
	{ "kaslr", "", "how far a kernel that relocated itself stands from its symbols", cmd_kaslr },
	{ "mode", "", "CPU mode, paging, privilege level, linear pc", cmd_mode },
	{ "mmio", "[on|off]", "memory commands reach devices, with all effects", cmd_mmio },
	{ "pending", "[step|wait]", "how breakpoints wait for code that is not mapped yet", cmd_pending },
	{ "phys", "[on|off]", "memory commands take physical addresses", cmd_phys },
	{ "quit", "", "end the machine", cmd_quit },
	{ "regs", "", "all system state: segments, tables, control registers, MSRs", cmd_regs },
	{ "reset", "", "reset the machine; it stays stopped at its entry", cmd_reset },
	{ "snapshot", "[VERB [NAME]]", "keep the machine, put it back; alone: the verbs", cmd_snapshot },
	{ "step-interrupts", "[on|off]", "let steps go into interrupt handlers", cmd_step_interrupts },
	{ "time", "[freeze|run]", "guest time while the guest is stopped", cmd_time },
	{ "trace", "", "tracepoints: hits, frames, whose the selected frame is", cmd_trace },
	{ "uncatch", "NUMBER|all", "what was caught by monitor catch no longer is", cmd_uncatch },
	{ "walk", "ADDR", "translate an address, every page-table level shown", cmd_walk },
	{ "watch", "[writes|changes]", "watchpoints: means, cost, hits; what is a hit", cmd_watch },
	{ NULL, NULL, NULL, NULL }
};

/* ---- the request ---- */

/* Cuts a line into its first word and the rest, both without blanks around them. In place. */
static void split(char *line, char **ret_word, char **ret_rest)
{
	char *end;

	line += strspn(line, " \t");
	*ret_word = line;
	line += strcspn(line, " \t\r\n");
	if (*line)
		*line++ = '\0';
	*ret_rest = line += strspn(line, " \t");
	for (end = line + strlen(line); end > line && strchr(" \t\r\n", end[-1]);)
		*--end = '\0';
}

static void run(struct call *c, const char *word)
{
	const struct command *cmd = commands;

	while (cmd->name && strcmp(cmd->name, word) != 0)
		cmd++;
	if (cmd->name)
		cmd->fn(c);
	else
		debug_text_add(c->out, "unknown command '%.40s': try 'monitor help'\n", word);
}

void debug_monitor_request(struct debug_session *s, const struct rsp_request *req)
{
	int vcpu = debug_request_vcpu(s, &req->tid);
	char line[LINE_MAX_LEN], *word, *rest;
	struct debug_text out;
	struct call c = { .s = s, .vcpu = (unsigned)vcpu, .out = &out };
	size_t len = req->u.text.len;

	if (vcpu < 0)
		return;
	if (len >= sizeof(line))
		len = sizeof(line) - 1;
	memcpy(line, req->u.text.bytes, len);
	line[len] = '\0';
	split(line, &word, &rest);
	c.arg = rest;
	debug_text_init(&out, s->text, sizeof(s->text));
	if (s->cfg.read_only && word[0] && !debug_readonly_allows_command(word, rest))
		debug_text_add(&out, DEBUG_READONLY_TEXT "\n"); /* of an error GDB would show no text */
	else
		run(&c, word[0] ? word : "help");
	if (out.len)
		rsp_reply_hex(s->engine, s->text, out.len);
	else
		rsp_reply_ok(s->engine);
}
