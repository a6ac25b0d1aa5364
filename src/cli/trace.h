/* The packet log of --gdb-log. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "base/error.h"
#include <trapline/rsp.h>

/* Makes the file anew, for its owner alone. 0 or negative errno with text. */
int cli_trace_open(const char *path, int *ret_fd, struct error *err);

/* rsp_config.trace; ctx: the descriptor, a const int. */
rsp_trace_fn cli_trace;

#endif
