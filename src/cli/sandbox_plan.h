/* What a run's options leave reachable inside the sandbox. */
#ifndef CLI_SANDBOX_PLAN_H
#define CLI_SANDBOX_PLAN_H

#include "cli/options.h"
#include "cli/sandbox.h"

/*
 * port: where debuggers come from, NULL: none. socket_dir: of `trapline debug`, "" where there is none. 0 or
 * negative errno with text. A sandbox that was switched off is warned of here.
 */
int cli_sandbox_plan(struct cli_sandbox *sb, const struct cli_options *opt,
                     const struct server_address *port, const char *socket_dir, struct error *err);

#endif
