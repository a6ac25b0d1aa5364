/* Setters of the options that are uhyve's or for Hermit kernels: rows of the table in options.c. */
#ifndef CLI_OPTIONS_GUEST_H
#define CLI_OPTIONS_GUEST_H

#include "cli/options.h"

/* options.c: adds a word to the guest's command line. */
int cli_options_append(struct cli_options *opt, const char *value, struct error *err);

int cli_options_guest_map(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_env(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_output(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_stats(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_aslr(struct cli_options *opt, const char *value, struct error *err);
int cli_options_guest_no_aslr(struct cli_options *opt, const char *value, struct error *err);

#endif
