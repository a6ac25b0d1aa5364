#include "cli/postmortem.h"

#include "base/log.h"
#include "cli/coredump.h"
#include "cli/report.h"
#include "debug/kaslr.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* x86_phys_reader over guest_mem. */
static int read_mem(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	return guest_mem_read(ctx, gpa, buf, len);
}

static struct x86_phys_reader reader_of(const struct guest_mem *mem)
{
	return (struct x86_phys_reader){.read = read_mem, .ctx = (void *)(uintptr_t)mem};
}

static const char *kernel_name(const struct cli_postmortem *pm)
{
	return pm->opt->kernel != NULL ? pm->opt->kernel : "KERNEL";
}

static int find_symbol(void *ctx, const char *name, uint64_t *ret)
{
	return boot_symbol_find(ctx, name, ret);
}

/* How far a Linux that moved itself stands from its symbols; 0 for what did not, or is not known to have. */
static uint64_t slide_of(const struct cli_postmortem *pm, const struct x86_state *st)
{
	static struct debug_int3 none; /* large */
	struct debug_view view;
	struct debug_kaslr k = {
		.st = st, .view = &view, .symbol = find_symbol, .ctx = (void *)(uintptr_t)pm->image,
	};
	struct debug_text ignored;
	char buf[8];

	if (pm->entry->bias != 0) /* moved by us, which the symbols' addresses already have */
		return 0;
	debug_int3_init(&none, pm->mem);
	debug_view_init(&view, pm->mem, &none, st, pm->layout);
	debug_text_init(&ignored, buf, sizeof(buf));
	return debug_kaslr_find(&k, &ignored) == 0 ? k.slide : 0;
}

static void print_report(const struct cli_postmortem *pm, const struct x86_state *st)
{
	const struct cli_report report = {
		.state = st,
		.layout = pm->layout,
		.mem = reader_of(pm->mem),
		.image = pm->image,
		.bias = pm->entry->bias + slide_of(pm, st),
	};
	char text[CLI_REPORT_SIZE];
	size_t len = cli_report_format(&report, text, sizeof(text));

	fwrite(text, 1, len, stderr);
}

static int write_core(const struct cli_postmortem *pm, const struct x86_state *const *states, unsigned cpus,
                      unsigned current, int sig, struct error *err)
{
	const struct cli_coredump core = {
		.path = pm->opt->core,
		.layout = pm->layout,
		.mem = pm->mem,
		.reader = reader_of(pm->mem),
		.cpus = cpus,
		.current = current,
		.state = states,
		.signal = sig,
		.kernel = kernel_name(pm),
		.cmdline = pm->opt->cmdline,
		.entry = pm->entry->entry,
		.bias = pm->entry->bias,
	};

	return cli_coredump_write(&core, err);
}

/* The registers of all; NULL for those that cannot be read. How many there are; *ret_rc: of that one. */
static unsigned all_states(const struct cli_postmortem *pm, const struct x86_state *states[DEBUG_MAX_VCPUS],
                           unsigned vcpu, int *ret_rc)
{
	unsigned cpus = pm->ops->vcpu_count(pm->target);

	cpus = cpus < DEBUG_MAX_VCPUS ? cpus : DEBUG_MAX_VCPUS;
	*ret_rc = -ENOENT;
	for (unsigned i = 0; i < cpus; i++) {
		int got = pm->ops->get(pm->target, i, X86_GROUP_ALL, &states[i]);

		if (got < 0)
			states[i] = NULL;
		if (i == vcpu)
			*ret_rc = got;
	}
	return cpus;
}

int cli_postmortem_core(const struct cli_postmortem *pm, unsigned vcpu, struct error *err)
{
	const struct x86_state *states[DEBUG_MAX_VCPUS] = {NULL};
	int rc;
	unsigned cpus = all_states(pm, states, vcpu, &rc);

	if (rc < 0)
		return error_set(err, -rc, "the registers of cpu%u cannot be read: %s", vcpu, strerror(-rc));
	return write_core(pm, states, cpus, vcpu, SIGTRAP, err);
}

/* GDB takes the architecture of a 32-bit kernel for that of the core too, unless it is told before. */
static bool is_elf32(const struct boot_image *image)
{
	return image->size > EI_CLASS && memcmp(image->bytes, ELFMAG, SELFMAG) == 0 &&
	       image->bytes[EI_CLASS] == ELFCLASS32;
}

static void tell_of_core(const struct cli_postmortem *pm, const struct x86_state *const *states,
                         unsigned cpus)
{
	int sig = pm->event->kind == DEBUG_EVENT_ERROR ? SIGABRT : SIGSEGV;
	const char *kernel = pm->opt->symbols != NULL ? pm->opt->symbols : kernel_name(pm), *cut = "";
	uint64_t slide = slide_of(pm, states[pm->event->vcpu]);
	struct error err;
	int rc = write_core(pm, states, cpus, pm->event->vcpu, sig, &err);

	if (rc < 0) {
		log_error("%s", err.text);
		return;
	}
	if (rc > 0)
		cut = " (the guest maps more than a core holds: the rest is left out)";
	if (is_elf32(pm->image))
		log_warn("core written: gdb -ex 'set architecture i386:x86-64' -ex 'file %s' -ex 'core %s'%s",
		         kernel, pm->opt->core, cut);
	else
		log_warn("core written: gdb %s %s%s", kernel, pm->opt->core, cut);
	if (slide != 0)
		log_warn("the kernel moved itself; in gdb: symbol-file -o 0x%llx %s",
		         (unsigned long long)slide, kernel);
}

void cli_postmortem(const struct cli_postmortem *pm)
{
	const struct x86_state *states[DEBUG_MAX_VCPUS] = {NULL};
	unsigned cpus;
	int rc;

	log_error("the guest died on cpu %u: %s", pm->event->vcpu, pm->event->text);
	cpus = all_states(pm, states, pm->event->vcpu, &rc);
	if (rc < 0) {
		log_error("the registers of the dead guest cannot be read: %s", strerror(-rc));
		return;
	}
	if (pm->opt->verbosity >= 0)
		print_report(pm, states[pm->event->vcpu]);
	if (pm->opt->core != NULL)
		tell_of_core(pm, states, cpus);
}
