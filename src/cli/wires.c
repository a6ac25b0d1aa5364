#include "cli/wires.h"

static void irq(void *ctx, unsigned line, bool level)
{
	kvm_machine_irq(((struct cli_wires *)ctx)->kvm, line, level);
}

static void output(void *ctx, const void *bytes, size_t len)
{
	cli_console_write(((struct cli_wires *)ctx)->console, bytes, len);
}

static void end(void *ctx, uint32_t status)
{
	kvm_machine_guest_exit(((struct cli_wires *)ctx)->kvm, status);
}

static void reset(void *ctx)
{
	struct cli_wires *w = ctx;

	if (w->no_reboot)
		kvm_machine_guest_exit(w->kvm, 0);
	else
		kvm_machine_guest_reset(w->kvm);
}

struct dev_host cli_wires_host(struct cli_wires *w)
{
	return (struct dev_host){.ctx = w, .irq = irq, .output = output, .exit = end, .reset = reset};
}
