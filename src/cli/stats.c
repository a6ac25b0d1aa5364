#include "cli/stats.h"
#include "cli/text.h"

#include <stdio.h>

#define KINDS_MAX 32

static void add_row(struct cli_text *t, const char *name, const uint64_t *count, unsigned cpus)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < cpus; i++)
		total += count[i];
	if (total == 0)
		return;
	cli_text_add(t, "  %-24s %10llu", name, (unsigned long long)total);
	for (unsigned i = 0; i < cpus; i++)
		cli_text_add(t, " %10llu", (unsigned long long)count[i]);
	cli_text_add(t, "\n");
}

static void add_head(struct cli_text *t, unsigned cpus)
{
	cli_text_add(t, "Run statistics:\nVM exits:                         total");
	for (unsigned i = 0; i < cpus; i++)
		cli_text_add(t, "     cpu%-3u", i);
	cli_text_add(t, "\n");
}

void cli_stats_text(const struct kvm_machine *m, unsigned cpus, const struct dev_uhyve *hypercalls, char *buf,
		    size_t size)
{
	struct debug_exit_count rows[KINDS_MAX];
	uint64_t count[DEBUG_MAX_VCPUS];
	unsigned kinds = kvm_machine_exits(m, 0, rows, KINDS_MAX);
	struct cli_text t;

	cli_text_init(&t, buf, size);
	add_head(&t, cpus);
	for (unsigned k = 0; k < kinds && k < KINDS_MAX; k++) {
		for (unsigned i = 0; i < cpus; i++) {
			kvm_machine_exits(m, i, rows, KINDS_MAX);
			count[i] = rows[k].count;
		}
		add_row(&t, rows[k].name, count, cpus);
	}
	for (unsigned k = 0; hypercalls && dev_uhyve_call_name(k); k++) {
		for (unsigned i = 0; i < cpus; i++)
			count[i] = i < DEV_UHYVE_CPUS ? hypercalls->count[i][k] : 0;
		add_row(&t, dev_uhyve_call_name(k), count, cpus);
	}
	cli_text_add(&t, "CPU runtimes:\n");
	for (unsigned i = 0; i < cpus; i++)
		cli_text_add(&t, "  cpu %u: %.3f ms\n", i, (double)kvm_machine_cpu_ns(m, i) / 1e6);
}

void cli_stats_print(const struct kvm_machine *m, unsigned cpus, const struct dev_uhyve *hypercalls)
{
	char text[CLI_STATS_TEXT];

	cli_stats_text(m, cpus, hypercalls, text, sizeof(text));
	fputs(text, stderr);
}
