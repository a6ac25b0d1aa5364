/* Where guest output goes: standard output, a new file, nowhere. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "cli/options.h"

/*
 * The descriptor, and in *ret_close the one to close at the end (-1: none). fallback: what serves without
 * --output. 0 or negative errno with text; -EEXIST: such a file is there.
 */
int cli_output_open(const struct cli_options *opt, int fallback, int *ret_fd, int *ret_close,
		    struct error *err);

#endif
