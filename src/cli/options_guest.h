/* Setters of the options for Hermit kernels, of uhyve's, and for snapshots: rows of options.c's table. */
#ifndef CLI_OPTIONS_GUEST_H
#define CLI_OPTIONS_GUEST_H

#include "cli/options.h"

/* options.c: adds a word to the guest's command line. */
int cli_options_append(struct cli_options *opt, const char *value, struct error *err);

int cli_options_guest_map(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_env(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_output(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_tap(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_net(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_stats(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_aslr(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_no_aslr(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_restore(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_snapshot_out(struct cli_options *opt, const char *value, struct error *err);

#endif
