#include "cli/postmortem.h"

#include "base/log.h"
#include "cli/coredump.h"
#include "cli/report.h"

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

static void print_report(const struct cli_postmortem *pm, const struct x86_state *st)
{
	const struct cli_report report = {
		.state = st,
		.layout = pm->layout,
		.mem = reader_of(pm->mem),
		.image = pm->image,
		.bias = pm->entry->bias,
	};
	char text[CLI_REPORT_SIZE];

	fwrite(text, 1, cli_report_format(&report, text, sizeof(text)), stderr);
}

static void write_core(const struct cli_postmortem *pm, const struct x86_state *const *states, unsigned cpus)
{
	const struct cli_coredump core = {
		.path = pm->opt->core,
		.layout = pm->layout,
		.mem = pm->mem,
		.reader = reader_of(pm->mem),
		.cpus = cpus,
		.current = pm->event->vcpu,
		.state = states,
		.signal = pm->event->kind == DEBUG_EVENT_ERROR ? SIGABRT : SIGSEGV,
		.kernel = pm->opt->kernel != NULL ? pm->opt->kernel : "KERNEL",
		.cmdline = pm->opt->cmdline,
		.entry = pm->entry->entry,
		.bias = pm->entry->bias,
	};
	struct error err;
	int rc = cli_coredump_write(&core, &err);

	if (rc < 0)
		log_error("%s", err.text);
	else
		log_warn("core written: gdb %s %s%s", core.kernel, core.path,
		         rc > 0 ? " (the guest maps more than a core holds: the rest is left out)" : "");
}

void cli_postmortem(const struct cli_postmortem *pm)
{
	const struct x86_state *states[DEBUG_MAX_VCPUS] = {NULL};
	unsigned cpus = pm->ops->vcpu_count(pm->target);
	int rc = -ENOENT;

	log_error("the guest died on cpu %u: %s", pm->event->vcpu, pm->event->text);
	for (unsigned i = 0; i < cpus && i < DEBUG_MAX_VCPUS; i++) {
		int got = pm->ops->get(pm->target, i, X86_GROUP_ALL, &states[i]);

		if (got < 0)
			states[i] = NULL;
		if (i == pm->event->vcpu)
			rc = got;
	}
	if (rc < 0) {
		log_error("the registers of the dead guest cannot be read: %s", strerror(-rc));
		return;
	}
	if (pm->opt->verbosity >= 0)
		print_report(pm, states[pm->event->vcpu]);
	if (pm->opt->core != NULL)
		write_core(pm, states, cpus < DEBUG_MAX_VCPUS ? cpus : DEBUG_MAX_VCPUS);
}
