#include "cli/debug_cmd.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIR_NAME "/trapline-XXXXXX"
#define SOCKET_NAME "/gdb"

/* ---- the private socket ---- */

/* $XDG_RUNTIME_DIR, unless it is missing, relative (the XDG Base Directory text: to be ignored) or too long.
 */
static const char *runtime_dir(size_t room)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (dir == NULL || dir[0] != '/' || strlen(dir) + sizeof(DIR_NAME SOCKET_NAME) > room ||
	    access(dir, W_OK | X_OK) < 0)
		return "/tmp";
	return dir;
}

int cli_debug_cmd_socket(struct server_address *ret, char *dir, struct error *err)
{
	struct server_address a = {.kind = SERVER_UNIX};
	const char *base = runtime_dir(sizeof(a.path));

	snprintf(dir, sizeof(a.path), "%s" DIR_NAME, base);
	if (mkdtemp(dir) == NULL) { /* mode 0700 (mkdtemp(3)) */
		dir[0] = '\0';
		return error_set(err, errno, "cannot make a directory for the debugger's socket in %s: %s",
				 base, strerror(errno));
	}
	snprintf(a.path, sizeof(a.path), "%.*s" SOCKET_NAME, (int)(sizeof(a.path) - sizeof(SOCKET_NAME)),
		 dir);
	*ret = a;
	return 0;
}

int cli_debug_cmd_port(const struct cli_options *opt, enum cli_gdb *ret_gdb, struct server_address *ret,
                       char *dir, struct error *err)
{
	*ret_gdb = opt->command == CLI_DEBUG ? CLI_GDB_WAIT : opt->gdb;
	if (opt->command == CLI_DEBUG)
		return cli_debug_cmd_socket(ret, dir, err);
	*ret = opt->gdb_address;
	return 0;
}

void cli_debug_cmd_cleanup(const char *dir)
{
	if (dir[0] != '\0')
		rmdir(dir);
}

/* ---- its command line ---- */

struct builder { struct cli_debug_cmd *cmd; unsigned count; };

static void add(struct builder *b, const char *arg)
{
	if (b->count < CLI_DEBUG_CMD_ARGS - 1)
		b->cmd->argv[b->count++] = arg;
	b->cmd->argv[b->count] = NULL;
}

static void add_pair(struct builder *b, const char *option, const char *value)
{
	add(b, option);
	add(b, value);
}

static const char *program(const struct cli_options *opt)
{
	if (opt->debugger != NULL)
		return opt->debugger;
	return opt->lldb ? "lldb" : "gdb";
}

void cli_debug_cmd_build(const struct cli_options *opt, const char *file, const char *path,
                         struct cli_debug_cmd *ret)
{
	struct builder b = {.cmd = ret};
	const char *run = opt->lldb ? "-o" : "-ex";

	add(&b, program(opt));
	if (opt->lldb) {
		/* gdb-remote knows TCP only; process connect takes any of LLDB's connection URLs. */
		snprintf(ret->text, sizeof(ret->text),
			 "process connect --plugin gdb-remote unix-connect://%s", path);
		if (file != NULL)
			add_pair(&b, "--file", file);
	} else {
		snprintf(ret->text, sizeof(ret->text), "target remote %s", path);
		add(&b, "-q");
		if (file != NULL)
			add_pair(&b, "-se", file);
	}
	add_pair(&b, run, ret->text);
	for (unsigned i = 0; i < opt->eval_count; i++)
		add_pair(&b, run, opt->eval[i]);
}

/* ---- its life ---- */

static int spawn_error(const struct cli_options *opt, int code, struct error *err)
{
	const char *name = program(opt);

	if (code == ENOENT && opt->debugger == NULL)
		return error_set(err, code,
				 "%s is not installed: 'apt install %s' (Debian, Ubuntu) or 'dnf install %s' "
				 "(Fedora) brings it",
				 name, name, name);
	return error_set(err, code, "cannot start the debugger '%.100s': %s", name, strerror(code));
}

/* Nothing that we block or ignore for ourselves may reach the debugger. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int cli_debug_cmd_spawn(const struct cli_options *opt, const char *file, const char *path, pid_t *ret_pid,
                        struct error *err)
{
	struct cli_debug_cmd cmd;
	posix_spawnattr_t attr;
	char *argv[CLI_DEBUG_CMD_ARGS];
	pid_t pid;
	int rc;

	cli_debug_cmd_build(opt, file, path, &cmd);
	/* exec does not write to the strings; its type says otherwise for the sake of old code (exec(3p)). */
	memcpy(argv, cmd.argv, sizeof(argv));
	rc = posix_spawnattr_init(&attr);
	if (rc != 0)
		return spawn_error(opt, rc, err);
	rc = set_signals(&attr);
	if (rc == 0)
		rc = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (rc != 0)
		return spawn_error(opt, rc, err);
	*ret_pid = pid;
	return 0;
}

int cli_debug_cmd_watch(pid_t pid)
{
	/* pidfd_open(2): close-on-exec by itself, readable once the process has ended. */
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

int cli_debug_cmd_start(const struct cli_options *opt, const char *file, const char *path,
                        struct server_loop *loop, void (*on_end)(void *ctx), void *ctx, pid_t *ret_pid,
                        int *ret_fd, struct error *err)
{
	int id, rc = cli_debug_cmd_spawn(opt, file, path, ret_pid, err);

	if (rc < 0)
		return rc;
	id = *ret_fd = cli_debug_cmd_watch(*ret_pid);
	if (id >= 0)
		id = server_loop_add(loop, *ret_fd, on_end, ctx);
	if (id < 0)
		return error_set(err, -id, "cannot watch the debugger: %s", strerror(-id));
	server_loop_arm(loop, id);
	return 0;
}

int cli_debug_cmd_wait(pid_t pid, int fd, bool end)
{
	int status;

	if (end && fd >= 0)
		syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
	else if (end)
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CLI_EXIT_FAILURE;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
