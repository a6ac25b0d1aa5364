/*
 * The user's terminal while the guest has the serial console: raw mode and its way back, and the signals of
 * a session. One per process; main thread, unless the text says otherwise.
 *
 * Raw means: no echo, no line editing, Ctrl-C and Ctrl-Z are bytes for the guest; output processing stays
 * on, so that a bare "\n" of a guest still begins a line.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include "base/error.h"
#include <stdbool.h>

/*
 * Makes standard input raw when it is a terminal and we are in its foreground; else does nothing, and
 * does it when cli_terminal_continued() finds that we have come there. From then on the mode is given back at
 * exit() and by a fatal signal. 0 or negative errno with text.
 */
int cli_terminal_raw(struct error *err);
bool cli_terminal_is_raw(void); /* any thread */

/* Gives the mode back; any number of times, from any thread and from a signal handler. */
void cli_terminal_restore(void);

/* False while reading standard input would stop us with SIGTTIN (a job in the background). Any thread. */
bool cli_terminal_foreground(void);

/* ---- signals ---- */

/*
 * Blocks INT TERM HUP QUIT TSTP CONT in this thread (call it before others exist: they inherit the mask) and
 * gives a non-blocking descriptor on which they arrive; ignores PIPE, XFSZ, TTIN, TTOU. One that was ignored
 * when the program began (nohup) stays so.
 * debugger_has_terminal: INT and QUIT are ignored, since the terminal sends them to the debugger's session
 * too, and TSTP and CONT keep their default.
 */
int cli_terminal_signals(bool debugger_has_terminal, int *ret_fd, struct error *err);

enum cli_terminal_signal {
	CLI_SIGNAL_NONE,  /* nothing waits, or it has been dealt with (TSTP, CONT) */
	CLI_SIGNAL_END    /* *ret_signal asks us to end */
};

/* Takes one signal from the descriptor. TSTP stops the process here, with the terminal restored. */
enum cli_terminal_signal cli_terminal_take(int fd, int *ret_signal);

/* Restores the terminal and dies of the signal, so that the shell sees it. Does not return. */
void cli_terminal_die(int signal) __attribute__((noreturn));

#endif
