/* trapline debug: the debugger as our child, on a private socket. */
#ifndef CLI_DEBUG_CMD_H
#define CLI_DEBUG_CMD_H

#include "cli/options.h"
#include "server/loop.h"
#include <sys/types.h>

/* ---- the private socket ---- */

/*
 * Makes a directory that only this user can enter, under $XDG_RUNTIME_DIR or /tmp, and gives the address of a
 * socket in it: dir has room for sizeof(ret->path). 0 or negative errno with text.
 */
int cli_debug_cmd_socket(struct server_address *ret, char *dir, struct error *err);

/* Where debuggers come from: as asked, or such a socket for our own child. Likewise. */
int cli_debug_cmd_port(const struct cli_options *opt, enum cli_gdb *ret_gdb, struct server_address *ret,
                       char *dir, struct error *err);

/* The listener is closed, so that the directory is empty. "" is fine. */
void cli_debug_cmd_cleanup(const char *dir);

/* ---- the debugger's command line ---- */

#define CLI_DEBUG_CMD_ARGS (2 * CLI_MAX_EVALS + 8)

struct cli_debug_cmd {
	const char *argv[CLI_DEBUG_CMD_ARGS]; /* NULL at the end; borrowed from opt or pointing into text */
	char text[300];
};

/*
 * The program and symbols of file loaded (NULL: none), connected to the socket at path, the user's commands
 * run. Pure. *ret must not move.
 */
void cli_debug_cmd_build(const struct cli_options *opt, const char *file, const char *path,
                         struct cli_debug_cmd *ret);

/* ---- its life ---- */

/*
 * Starts it on our own standard descriptors with the signals of a fresh process. -ENOENT: not installed (the
 * text names the package), others with text.
 */
int cli_debug_cmd_spawn(const struct cli_options *opt, const char *file, const char *path, pid_t *ret_pid,
                        struct error *err);

/* Both: spawns it, and the loop calls on_end when it has ended. *ret_pid is set once there is one. */
int cli_debug_cmd_start(const struct cli_options *opt, const char *file, const char *path,
                        struct server_loop *loop, void (*on_end)(void *ctx), void *ctx, pid_t *ret_pid,
                        int *ret_fd, struct error *err);

/* A descriptor that becomes readable when it ends; negative errno. The caller closes it. */
int cli_debug_cmd_watch(pid_t pid);

/*
 * Waits for its end and returns its exit status, as a shell tells it (128 + signal). end: asks it to end
 * first (the machine was told to), by the descriptor of cli_debug_cmd_watch() where there is one (fd >= 0):
 * the sandbox leaves no other way.
 */
int cli_debug_cmd_wait(pid_t pid, int fd, bool end);

#endif
