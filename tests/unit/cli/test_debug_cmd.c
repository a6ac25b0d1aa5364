#include "../cmocka_all.h"

#include "cli/debug_cmd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct argv_case { struct cli_options opt; const char *file; const char *argv[12]; };

static const struct argv_case cases[] = {
	{{.kernel = "k.elf"}, "k.elf", {"gdb", "-q", "-se", "k.elf", "-ex", "target remote /run/s", NULL}},
	{{.kernel = "-k", .eval = {"b main", "c"}, .eval_count = 2}, "-k",
	 {"gdb", "-q", "-se", "-k", "-ex", "target remote /run/s", "-ex", "b main", "-ex", "c", NULL}},
	{{.kernel = "k.elf", .lldb = true, .eval = {"bt"}, .eval_count = 1}, "k.elf",
	 {"lldb", "--file", "k.elf", "-o", "process connect --plugin gdb-remote unix-connect:///run/s", "-o",
	  "bt", NULL}},
	{{.kernel = "k.elf", .debugger = "gdb-multiarch"}, "k.elf",
	 {"gdb-multiarch", "-q", "-se", "k.elf", "-ex", "target remote /run/s", NULL}},
	{{.kernel = "bzImage"}, "vmlinux",
	 {"gdb", "-q", "-se", "vmlinux", "-ex", "target remote /run/s", NULL}},
	{{.kernel = "bzImage"}, NULL, {"gdb", "-q", "-ex", "target remote /run/s", NULL}},
	{{.kernel = "bzImage", .lldb = true}, NULL,
	 {"lldb", "-o", "process connect --plugin gdb-remote unix-connect:///run/s", NULL}},
};

static void command_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cli_debug_cmd cmd;
		unsigned k;

		cli_debug_cmd_build(&cases[i].opt, cases[i].file, "/run/s", &cmd);
		for (k = 0; cases[i].argv[k] != NULL; k++) {
			assert_non_null(cmd.argv[k]);
			assert_string_equal(cmd.argv[k], cases[i].argv[k]);
		}
		assert_null(cmd.argv[k]);
	}
}

static void the_longest_command_line(void **state)
{
	struct cli_options opt = {.kernel = "k", .eval_count = CLI_MAX_EVALS};
	struct cli_debug_cmd cmd;
	char path[sizeof(((struct server_address *)0)->path)];
	unsigned count = 0;

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (unsigned i = 0; i < CLI_MAX_EVALS; i++)
		opt.eval[i] = "c";
	for (int lldb = 0; lldb < 2; lldb++) {
		opt.lldb = lldb;
		cli_debug_cmd_build(&opt, opt.kernel, path, &cmd);
		for (count = 0; cmd.argv[count] != NULL; count++)
			;
		assert_string_equal(cmd.argv[count - 1], "c");
		assert_string_equal(cmd.text + strlen(cmd.text) - strlen(path), path);
	}
}

/* ---- the socket's directory ---- */

static void private_directory(void **state)
{
	char base[] = "/tmp/trapline-test-XXXXXX", dir[128], other[128], want[64];
	char nowhere[200];
	struct server_address a, b;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(base));
	setenv("XDG_RUNTIME_DIR", base, 1);
	assert_int_equal(cli_debug_cmd_socket(&a, dir, NULL), 0);
	snprintf(want, sizeof(want), "%s/trapline-", base);
	assert_memory_equal(dir, want, strlen(want));
	assert_int_equal(a.kind, SERVER_UNIX);
	assert_memory_equal(a.path, dir, strlen(dir));
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(cli_debug_cmd_socket(&b, other, NULL), 0);
	assert_string_not_equal(a.path, b.path);
	cli_debug_cmd_cleanup(dir);
	cli_debug_cmd_cleanup(other);
	cli_debug_cmd_cleanup("");
	assert_int_equal(rmdir(base), 0);
	/* Gone, relative, too long: /tmp then. */
	memset(nowhere, 'x', sizeof(nowhere) - 1);
	nowhere[0] = '/';
	nowhere[sizeof(nowhere) - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		setenv("XDG_RUNTIME_DIR", i == 0 ? base : i == 1 ? "tmp" : nowhere, 1);
		assert_int_equal(cli_debug_cmd_socket(&a, dir, NULL), 0);
		assert_memory_equal(dir, "/tmp/trapline-", 14);
		cli_debug_cmd_cleanup(dir);
		assert_int_equal(stat(dir, &st), -1);
	}
}

/* ---- its life, with programs that are no debuggers ---- */

/* A script as the debugger: what it is given goes to the file "out" beside it. */
static char script_dir[] = "/tmp/trapline-test-XXXXXX";
static char script[64], out[64];

static int make_script(void **state)
{
	FILE *f;

	(void)state;
	if (mkdtemp(script_dir) == NULL)
		return -1;
	snprintf(script, sizeof(script), "%s/debugger", script_dir);
	snprintf(out, sizeof(out), "%s/out", script_dir);
	f = fopen(script, "w");
	if (f == NULL)
		return -1;
	fprintf(f,
		"#!/bin/sh\necho \"$@\" >%s\ngrep SigBlk /proc/self/status >>%s\ngrep SigIgn "
		"/proc/self/status >>%s\n"
		"eval \"$BODY\"\n",
		out, out, out);
	fclose(f);
	return chmod(script, 0700);
}

static int remove_script(void **state)
{
	(void)state;
	unlink(script);
	unlink(out);
	return rmdir(script_dir);
}

static void starts_with_clean_signals(void **state)
{
	struct cli_options opt = {.kernel = "k", .debugger = script};
	struct pollfd pfd = {.events = POLLIN};
	struct error err;
	char text[512];
	unsigned long blocked, ignored;
	sigset_t all;
	size_t len;
	pid_t pid;
	FILE *f;

	(void)state;
	setenv("BODY", "exit 3", 1);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	if (cli_debug_cmd_spawn(&opt, opt.kernel, "/run/s", &pid, &err) < 0)
		fail_msg("%s", err.text);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	signal(SIGINT, SIG_DFL);
	pfd.fd = cli_debug_cmd_watch(pid);
	assert_true(pfd.fd >= 0);
	assert_int_equal(poll(&pfd, 1, 30000), 1);
	assert_int_equal(cli_debug_cmd_wait(pid, -1, false), 3);
	close(pfd.fd);
	f = fopen(out, "r");
	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = '\0';
	/* glibc's posix_spawn leaves its own two, 32 and 33, ignored. */
	assert_int_equal(sscanf(text, "-q -se k -ex target remote /run/s\nSigBlk: %lx\nSigIgn: %lx", &blocked,
				&ignored),
			 2);
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored & ~0x180000000ul, 0);
}

static void ends_when_told(void **state)
{
	struct cli_options opt = {.kernel = "k", .debugger = script};
	pid_t pid;

	(void)state;
	setenv("BODY", "exec tail -f /dev/null", 1);
	assert_int_equal(cli_debug_cmd_spawn(&opt, opt.kernel, "/run/s", &pid, NULL), 0);
	assert_int_equal(cli_debug_cmd_wait(pid, -1, true), 128 + SIGTERM);
	assert_int_equal(cli_debug_cmd_wait(pid, -1, false), CLI_EXIT_FAILURE); /* nobody there any more */
}

static void not_installed(void **state)
{
	struct cli_options opt = {.kernel = "k"};
	struct error err;
	pid_t pid = -7;
	char *path = strdup(getenv("PATH"));

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(cli_debug_cmd_spawn(&opt, opt.kernel, "/run/s", &pid, &err), -ENOENT);
	assert_non_null(strstr(err.text, "gdb is not installed: 'apt install gdb'"));
	opt.lldb = true;
	assert_int_equal(cli_debug_cmd_spawn(&opt, opt.kernel, "/run/s", &pid, &err), -ENOENT);
	assert_non_null(strstr(err.text, "apt install lldb"));
	opt.debugger = "no-such-program";
	assert_int_equal(cli_debug_cmd_spawn(&opt, opt.kernel, "/run/s", &pid, &err), -ENOENT);
	assert_non_null(strstr(err.text, "cannot start the debugger 'no-such-program': No such file"));
	opt.debugger = "/dev/null";
	assert_int_equal(cli_debug_cmd_spawn(&opt, opt.kernel, "/run/s", &pid, &err), -EACCES);
	assert_int_equal(pid, -7);
	setenv("PATH", path, 1);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines),
		cmocka_unit_test(the_longest_command_line),
		cmocka_unit_test(private_directory),
		cmocka_unit_test(starts_with_clean_signals),
		cmocka_unit_test(ends_when_told),
		cmocka_unit_test(not_installed),
	};
	return cmocka_run_group_tests(tests, make_script, remove_script);
}
