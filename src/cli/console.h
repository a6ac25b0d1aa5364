/*
 * Guest output on its way to a descriptor: in order, never a byte lost, and never a vcpu thread stuck in a
 * write that run control cannot end.
 *
 * A writer sends what the descriptor takes without blocking. The rest waits in a queue that a thread of
 * the console's own empties (made when first needed, or by cli_console_start()). A writer that finds
 * CLI_CONSOLE_QUEUE bytes waiting is held back for CLI_CONSOLE_HOLD_MS at most, so that a guest can not
 * outrun its reader and yet every vcpu comes back to be stopped; at CLI_CONSOLE_LIMIT it waits for as long
 * as it takes.
 */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include "base/error.h"
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_CONSOLE_QUEUE (1u << 20)
#define CLI_CONSOLE_LIMIT (2u << 20)
#define CLI_CONSOLE_HOLD_MS 100

struct cli_console;

/* fd is borrowed and its flags stay as they are. SIGPIPE must be ignored. NULL with text: no memory. */
struct cli_console *cli_console_new(int fd, struct error *err);

/*
 * Makes the thread now, for a process that may soon make none: no other attempt follows, and without it
 * writers wait for the descriptor themselves. It calls enter(ctx) first and leaves at once where that fails.
 */
void cli_console_start(struct cli_console *c, int (*enter)(void *ctx), void *ctx);

/* Any thread. After an error on fd (see below) the bytes go nowhere. */
void cli_console_write(struct cli_console *c, const void *bytes, size_t len);

/*
 * Waits until everything is out, at most limit_ms milliseconds (-1: as long as it takes). Bytes that are
 * still queued. Any thread.
 */
size_t cli_console_flush(struct cli_console *c, int limit_ms);

/* The errno that ended output ("no reader any more"), 0: none. Any thread. */
int cli_console_error(struct cli_console *c);

/*
 * The same as cli_console_free(), and what of the guest's output did not come out is told: nothing is lost in
 * silence.
 */
void cli_console_finish(struct cli_console *c, int limit_ms);

/* Flushes as cli_console_flush() does, ends the thread, frees. NULL is fine. No writer may be left. */
size_t cli_console_free(struct cli_console *c, int limit_ms);

#endif
