/* The end of a guest that died with no debugger there: a line and a report on stderr, a core in --core's
 * file. */
#ifndef CLI_POSTMORTEM_H
#define CLI_POSTMORTEM_H

#include "boot/loader.h"
#include "cli/options.h"
#include "debug/target.h"
#include "mem/guest_mem.h"

struct cli_postmortem {
	const struct cli_options *opt;
	const struct debug_event *event;      /* what it died of */
	const struct debug_target_ops
		*ops; /* its vcpus, all parked; the target's lock is held by the caller */
	void *target;
	const struct x86_layout *layout;
	struct guest_mem *mem;                /* no breakpoint in it: no debugger is there */
	const struct boot_image *image;       /* for symbols */
	const struct boot_entry *entry;
};

/*
 * A core of the guest as it stands, with this vcpu as gdb's current thread, into --core's file. event is not
 * looked at. 0; 1: a part was left out (coredump.h); negative errno with text.
 */
int cli_postmortem_core(const struct cli_postmortem *pm, unsigned vcpu, struct error *err);

/* Guest output has been flushed. What cannot be done is told on stderr; nothing fails. */
void cli_postmortem(const struct cli_postmortem *pm);

#endif
