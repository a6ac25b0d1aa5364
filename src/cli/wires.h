/* What the machine's devices may do to the machine around them (struct dev_host). */
#ifndef CLI_WIRES_H
#define CLI_WIRES_H

#include "cli/console.h"
#include "dev/bus.h"
#include "kvm/machine.h"

/* Filled in by the time a vcpu runs; must not move. */
struct cli_wires {
	struct kvm_machine *kvm;
	struct cli_console *console;
	bool no_reboot; /* a reset ends the machine */
};

struct dev_host cli_wires_host(struct cli_wires *w);

#endif
