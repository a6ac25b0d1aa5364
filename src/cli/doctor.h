/* trapline doctor: what this host's KVM really does, what the stub makes of it, and what to do. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "base/error.h"
#include "kvm/probe.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * The outcome of kvm_probe_run(): rc, its error text when rc < 0, the probe else; and what there is for the
 * sandbox: system call filters, and which version of Landlock (0: none).
 */
struct cli_doctor {
	int rc;
	const struct error *err;
	const struct kvm_probe *probe;
	bool filters;
	int landlock;
};

/* True when a guest can run here under a debugger. */
bool cli_doctor_suffices(const struct cli_doctor *d);

/*
 * The table, or one JSON object, NUL-terminated with a final newline; cut when size is short (8192 suffices).
 * Returns the length. Pure.
 */
size_t cli_doctor_text(const struct cli_doctor *d, char *buf, size_t size);
size_t cli_doctor_json(const struct cli_doctor *d, char *buf, size_t size);

/* Probes and prints on standard output. The exit status: 0 when a guest can be debugged, else 1. */
int cli_doctor_run(bool json);

#endif
