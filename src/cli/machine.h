/* `trapline run` and `trapline debug`: puts the machine together, runs it, takes it apart. */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include "cli/options.h"

/*
 * Runs to the end. Returns the program's exit status (0..255), or negative errno with text when the machine
 * could not be started. Main thread, once per process. Everything is undone on return: terminal, socket
 * files, threads. Does not return when a signal ended it (the process dies of that signal).
 */
int cli_machine_run(const struct cli_options *opt, struct error *err);

#endif
