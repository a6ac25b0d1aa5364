/*
 * Each case runs in a child whose terminal is a pty of the test's; the child reports by its exit status or
 * its death, the test looks at the pty's mode from outside.
 */
#include "../cmocka_all.h"

#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

struct child { pid_t pid; int master, slave, go, ready; };

/* Tells the test that the mode is set, and waits until it has looked. */
static void meet(int ready, int go)
{
	char b = 'r';

	if (write(ready, &b, 1) != 1 || read(go, &b, 1) != 1)
		_exit(99);
}

typedef void child_fn(int ready, int go);

static struct child start(child_fn *fn)
{
	struct child c;
	int ready[2], go[2];
	char name[64];

	assert_int_equal(pipe(ready) | pipe(go) | openpty(&c.master, &c.slave, name, NULL, NULL), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		close(c.master);
		if (login_tty(c.slave) < 0)
			_exit(98);
		fn(ready[1], go[0]);
		_exit(97);
	}
	close(ready[1]);
	close(go[0]);
	c.ready = ready[0];
	c.go = go[1];
	return c;
}

static bool is_raw(const struct child *c)
{
	struct termios mode;

	assert_int_equal(tcgetattr(c->slave, &mode), 0);
	return (mode.c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

static void await(struct child *c)
{
	char b;

	assert_int_equal(read(c->ready, &b, 1), 1);
}

static void release(struct child *c)
{
	assert_int_equal(write(c->go, "g", 1), 1);
}

static int finish(struct child *c)
{
	int status;

	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	close(c->ready);
	close(c->go);
	return status;
}

static void close_tty(struct child *c)
{
	close(c->slave);
	close(c->master);
}

static void must_raw(void)
{
	if (cli_terminal_raw(NULL) < 0 || cli_terminal_raw(NULL) < 0 || !cli_terminal_is_raw())
		_exit(96);
}

static void run_to_exit(int ready, int go)
{
	must_raw();
	meet(ready, go);
	exit(7);
}

static void run_to_abort(int ready, int go)
{
	must_raw();
	meet(ready, go);
	abort();
}

static void run_to_segv(int ready, int go)
{
	must_raw();
	meet(ready, go);
	raise(SIGSEGV);
}

/* As main does: the signal comes through the descriptor, and we die of it. */
static void run_to_signal(int ready, int go)
{
	int fd, sig = 0;

	if (cli_terminal_signals(false, &fd, NULL) < 0)
		_exit(95);
	must_raw();
	meet(ready, go);
	for (;;) {
		poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
		if (cli_terminal_take(fd, &sig) == CLI_SIGNAL_END)
			cli_terminal_die(sig);
	}
}

static void restored_at_exit(void **state)
{
	struct child c = start(run_to_exit);
	struct termios mode;
	int status;

	(void)state;
	await(&c);
	assert_true(is_raw(&c));
	assert_int_equal(tcgetattr(c.slave, &mode), 0);
	assert_true(mode.c_oflag & OPOST); /* a bare newline still begins a line */
	release(&c);
	status = finish(&c);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_false(is_raw(&c));
	close_tty(&c);
}

static void restored_by_fatal_signals(void **state)
{
	static const struct {
		child_fn *fn;
		int sig;
	} rows[] = {{run_to_abort, SIGABRT}, {run_to_segv, SIGSEGV}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct child c = start(rows[i].fn);
		int status;

		await(&c);
		assert_true(is_raw(&c));
		release(&c);
		status = finish(&c);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), rows[i].sig);
		assert_false(is_raw(&c));
		close_tty(&c);
	}
}

static void restored_by_the_users_signals(void **state)
{
	static const int rows[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct child c = start(run_to_signal);
		int status;

		await(&c);
		assert_true(is_raw(&c));
		release(&c);
		assert_int_equal(kill(c.pid, rows[i]), 0);
		status = finish(&c);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), rows[i]);
		assert_false(is_raw(&c));
		close_tty(&c);
	}
}

static void await_mode(struct child *c, bool raw)
{
	for (int i = 0; i < 10000 && is_raw(c) != raw; i++)
		poll(NULL, 0, 1);
	assert_int_equal(is_raw(c), raw);
}

static void stopped_and_continued(void **state)
{
	struct child c = start(run_to_signal);
	int status;

	(void)state;
	await(&c);
	release(&c);
	assert_int_equal(kill(c.pid, SIGTSTP), 0);
	assert_int_equal(waitpid(c.pid, &status, WUNTRACED), c.pid);
	assert_true(WIFSTOPPED(status));
	assert_false(is_raw(&c));
	assert_int_equal(kill(c.pid, SIGCONT), 0);
	await_mode(&c, true);
	/* Stopped behind our back: continued, it is raw again, and still knows what to give back. */
	assert_int_equal(kill(c.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(c.pid, &status, WUNTRACED), c.pid);
	assert_int_equal(kill(c.pid, SIGCONT), 0);
	assert_int_equal(kill(c.pid, SIGTERM), 0);
	status = finish(&c);
	assert_true(WIFSIGNALED(status));
	assert_false(is_raw(&c));
	close_tty(&c);
}

/* Keyboard signals are the debugger's; TERM still ends us. */
static void run_beside_debugger(int ready, int go)
{
	int fd, sig = 0;

	if (cli_terminal_signals(true, &fd, NULL) < 0)
		_exit(95);
	meet(ready, go);
	poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
	if (cli_terminal_take(fd, &sig) == CLI_SIGNAL_END && sig == SIGTERM)
		_exit(8);
	_exit(9);
}

static void the_debugger_has_the_keyboard(void **state)
{
	struct child c = start(run_beside_debugger);
	int status;

	(void)state;
	await(&c);
	assert_int_equal(kill(c.pid, SIGINT), 0);
	assert_int_equal(kill(c.pid, SIGQUIT), 0);
	assert_int_equal(kill(c.pid, SIGTERM), 0);
	release(&c);
	status = finish(&c);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 8);
	close_tty(&c);
}

static void run_without_tty(int ready, int go)
{
	int fd[2];

	if (pipe(fd) < 0 || dup2(fd[0], 0) < 0)
		_exit(94);
	if (cli_terminal_raw(NULL) < 0 || cli_terminal_is_raw() || !cli_terminal_foreground())
		_exit(93);
	cli_terminal_restore();
	meet(ready, go);
	_exit(0);
}

static void no_terminal_no_change(void **state)
{
	struct child c = start(run_without_tty);

	(void)state;
	await(&c);
	assert_false(is_raw(&c));
	release(&c);
	assert_int_equal(finish(&c), 0);
	close_tty(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restored_at_exit),
		cmocka_unit_test(restored_by_fatal_signals),
		cmocka_unit_test(restored_by_the_users_signals),
		cmocka_unit_test(stopped_and_continued),
		cmocka_unit_test(the_debugger_has_the_keyboard),
		cmocka_unit_test(no_terminal_no_change),
	};

	/* Whoever runs the tests may ignore them (nohup). */
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
