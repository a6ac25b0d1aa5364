#include "cli/doctor.h"

#include "cli/sandbox.h"
#include "cli/text.h"

#include <errno.h>
#include <stdio.h>

/* One measured thing; key is its name in JSON. good: nothing is lost. */
struct row {
	const char *key, *name;
	bool good;
	char value[32];
	const char *effect; /* what the stub does, so; "" when there is nothing to say */
};

#define MAX_ROWS 24

struct rows { struct row row[MAX_ROWS]; unsigned count; };

static void add(struct rows *r, const char *key, const char *name, bool good, const char *value,
                const char *effect)
{
	struct row *row = &r->row[r->count];

	if (r->count == MAX_ROWS)
		return;
	r->count++;
	*row = (struct row){.key = key, .name = name, .good = good, .effect = effect};
	snprintf(row->value, sizeof(row->value), "%s", value);
}

static void add_bool(struct rows *r, const char *key, const char *name, bool yes, const char *if_yes,
                     const char *if_no)
{
	add(r, key, name, yes, yes ? "yes" : "no", yes ? if_yes : if_no);
}

static const char *int3_name(enum kvm_probe_int3 how)
{
	static const char *const names[] = {
		[KVM_INT3_NONE] = "not reported",
		[KVM_INT3_DEBUG_EXIT] = "debug exit",
		[KVM_INT3_EMULATION_ERROR] = "emulation error",
	};

	return names[how];
}

static const char *int3_effect(const struct kvm_probe *p)
{
	if (p->kernel.int3 == KVM_INT3_DEBUG_EXIT)
		return "software breakpoints: unlimited, full speed";
	if (p->kernel.int3 == KVM_INT3_EMULATION_ERROR)
		return "software breakpoints: the error at an inserted int3 is taken as its hit";
	if (p->kernel.exec_dr)
		return "software breakpoints: debug registers instead, four at a time";
	return "software breakpoints: by single-stepping, slow";
}

static void add_kernel_rows(struct rows *r, const struct kvm_probe *p)
{
	const struct kvm_probe_ring *k = &p->kernel;

	add_bool(r, "step", "single-step", k->step, "stepi, next, finish work",
	         "steps are refused: use breakpoints");
	add_bool(r, "block_irq", "steps without interrupts", p->block_irq,
	         "a step does not wander into an interrupt handler",
	         "a step may end in an interrupt handler");
	add(r, "int3", "int3", k->int3 == KVM_INT3_DEBUG_EXIT, int3_name(k->int3), int3_effect(p));
	add(r, "int3_real", "int3 in real mode", p->int3_real != KVM_INT3_NONE, int3_name(p->int3_real),
	    p->int3_real != KVM_INT3_NONE ? "as elsewhere"
	                                  : "breakpoints below 1 MiB: debug registers, then single-stepping");
	add_bool(r, "exec_breakpoints", "execute breakpoints", k->exec_dr, "hbreak: four, in debug registers",
	         "hbreak: by single-stepping, slow");
	add_bool(r, "watchpoints", "data watchpoints", k->data_dr,
		 "watch, rwatch, awatch: in debug registers",
		 p->watched_pages ? "watch, rwatch, awatch: by watched pages"
		                  : "watch: by stepping and comparing, slow; rwatch and awatch are refused");
	add_bool(r, "watched_pages", "watched pages", p->watched_pages,
	         "watchpoints of any size and number: accesses to their pages come out",
	         "no more watchpoints than data registers");
	add_bool(r, "msr_exits", "MSR exits", p->msrs, "monitor catch msr costs nothing",
	         "monitor catch msr: by single-stepping, slow");
	add_bool(r, "sse", "SSE at CPL 0", p->sse, "any kernel runs",
	         "build the kernel with -mgeneral-regs-only");
}

static bool all_at_cpl3(const struct kvm_probe_ring *u)
{
	return u->runs && u->step && u->exec_dr && u->data_dr && u->int3 != KVM_INT3_NONE;
}

static void add_user_rows(struct rows *r, const struct kvm_probe *p)
{
	bool some = p->user.step || p->user.exec_dr || p->user.data_dr || p->user.int3 != KVM_INT3_NONE;

	add(r, "debug_cpl3", "guest debug at CPL 3", all_at_cpl3(&p->user),
	    all_at_cpl3(&p->user) ? "yes" : some ? "in part" : "no",
	    all_at_cpl3(&p->user) ? "the guest's own processes can be debugged too"
	                          : "stop and step in the guest's kernel only");
}

static void add_host_rows(struct rows *r, const struct kvm_probe *p)
{
	char number[16];

	add_bool(r, "sync_regs", "sync regs", p->sync_regs, "registers come with each exit, at no cost",
	         "registers cost a system call each stop");
	add_bool(r, "immediate_exit", "immediate exit", p->immediate_exit, "Ctrl-C always gets through",
	         "needed: this kernel is older than Linux 4.13");
	add(r, "freeze_time", "time stands in stops", p->tsc_offset, p->tsc_offset ? "yes" : "in part",
	    p->tsc_offset ? "TSC, kvmclock and timers stand while the debugger holds the guest"
	                  : "kvmclock and timers stand while the debugger holds the guest; the TSC runs on");
	add_bool(r, "irqchip", "interrupt controller", p->irqchip, "timer and serial interrupts",
	         "needed: this KVM has no in-kernel irqchip");
	snprintf(number, sizeof(number), "%u", p->max_vcpus);
	add(r, "max_vcpus", "max vcpus", p->max_vcpus > 0, number, "");
	snprintf(number, sizeof(number), "%u us", p->micros);
	add(r, "probe_time", "this probe took", true, number, "");
}

static void add_sandbox_rows(struct rows *r, const struct cli_doctor *d)
{
	char number[24] = "no";

	add_bool(r, "seccomp", "system call filters", d->filters, "guests are confined",
	         "needed, or --sandbox=off: this kernel lacks CONFIG_SECCOMP_FILTER");
	if (d->landlock > 0)
		snprintf(number, sizeof(number), "version %d", d->landlock);
	add(r, "landlock", "Landlock", d->landlock > 0, number,
	    d->landlock > 0 ? "and reach only the named files"
	                    : "files are guarded by the system call filter alone");
}

static void fill(const struct cli_doctor *d, struct rows *r)
{
	r->count = 0;
	add(r, "kvm_present", "KVM present", d->rc != -ENOENT, d->rc == -ENOENT ? "no" : "yes", "");
	add(r, "kvm_usable", "usable by this user", d->rc == 0, d->rc == 0 ? "yes" : "no", "");
	if (d->rc < 0)
		return;
	add_bool(r, "guest_debug", "guest debug interface", d->probe->guest_debug, "",
	         "this KVM cannot be debugged through");
	add_kernel_rows(r, d->probe);
	add_user_rows(r, d->probe);
	add_host_rows(r, d->probe);
	add_sandbox_rows(r, d);
}

bool cli_doctor_suffices(const struct cli_doctor *d)
{
	const struct debug_caps *caps;

	if (d->rc < 0)
		return false;
	caps = &d->probe->caps;
	return d->probe->immediate_exit && d->probe->irqchip && (caps->step || caps->int3 || caps->exec_dr);
}

/* The line under the table. */
static const char *verdict(const struct cli_doctor *d)
{
	const struct kvm_probe_ring *k;

	if (!cli_doctor_suffices(d))
		return d->rc < 0
			       ? d->err->text
			       : "guests cannot be debugged on this KVM: use a machine whose processor has "
				 "VT-x or "
				 "SVM, or switch on nested virtualisation on the machine that hosts this one";
	k = &d->probe->kernel;
	if (k->step && k->int3 == KVM_INT3_DEBUG_EXIT && k->exec_dr && k->data_dr)
		return "everything works";
	return "guests can be debugged, with the limits named above (they are the host's: a machine with "
	       "VT-x or "
	       "SVM of its own has none)";
}

size_t cli_doctor_text(const struct cli_doctor *d, char *buf, size_t size)
{
	struct cli_text t;
	struct rows r;

	cli_text_init(&t, buf, size);
	fill(d, &r);
	for (unsigned i = 0; i < r.count; i++) {
		const struct row *row = &r.row[i];

		if (*row->effect != '\0')
			cli_text_add(&t, "%-26s%-17s%s\n", row->name, row->value, row->effect);
		else
			cli_text_add(&t, "%-26s%s\n", row->name, row->value);
	}
	cli_text_add(&t, "\n%s\n", verdict(d));
	return t.used;
}

size_t cli_doctor_json(const struct cli_doctor *d, char *buf, size_t size)
{
	struct cli_text t;
	struct rows r;

	cli_text_init(&t, buf, size);
	fill(d, &r);
	cli_text_add(&t, "{\"suffices\":%s,\"verdict\":\"", cli_doctor_suffices(d) ? "true" : "false");
	cli_text_add_json(&t, verdict(d));
	cli_text_add(&t, "\"");
	for (unsigned i = 0; i < r.count; i++) {
		const struct row *row = &r.row[i];

		cli_text_add(&t, ",\n\"%s\":{\"ok\":%s,\"value\":\"%s\",\"effect\":\"", row->key,
		             row->good ? "true" : "false", row->value);
		cli_text_add_json(&t, row->effect);
		cli_text_add(&t, "\"}");
	}
	cli_text_add(&t, "}\n");
	return t.used;
}

int cli_doctor_run(bool json)
{
	struct kvm_probe probe;
	struct error err = {0};
	struct cli_doctor d = {.probe = &probe, .err = &err, .filters = cli_sandbox_available(),
	                       .landlock = cli_landlock_version()};
	char text[8192];
	size_t len;

	d.rc = kvm_probe_run(&probe, &err);
	len = json ? cli_doctor_json(&d, text, sizeof(text)) : cli_doctor_text(&d, text, sizeof(text));
	fwrite(text, 1, len, stdout);
	if (fflush(stdout) != 0)
		return 1;
	return cli_doctor_suffices(&d) ? 0 : 1;
}
