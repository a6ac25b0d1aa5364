#include "cli/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define TTY STDIN_FILENO

/*
 * saved: written before raw becomes true and constant while it is; wanted: cli_terminal_raw() was called and
 * the guest is to have the terminal whenever we are in the foreground.
 */
static struct termios saved;
static atomic_bool raw;
static bool wanted, hooked;

bool cli_terminal_is_raw(void)
{
	return atomic_load(&raw);
}

/* tcsetattr is async-signal-safe (signal-safety(7)), so that a fatal signal may come here. */
void cli_terminal_restore(void)
{
	int code = errno;

	if (atomic_exchange(&raw, false))
		tcsetattr(TTY, TCSADRAIN, &saved);
	errno = code;
}

bool cli_terminal_foreground(void)
{
	return !isatty(TTY) || tcgetpgrp(TTY) == getpgrp();
}

/* The terminal first, then the death that the signal means. */
static void on_fatal(int sig)
{
	cli_terminal_restore();
	raise(sig); /* SA_RESETHAND has made this the default action */
}

static void hook_exits(void)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
	struct sigaction sa = {.sa_handler = on_fatal, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};

	if (hooked)
		return;
	hooked = true;
	atexit(cli_terminal_restore);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &sa, NULL);
}

static int enter(struct error *err)
{
	struct termios mode;

	if (tcgetattr(TTY, &saved) < 0)
		return error_set(err, errno, "cannot read the mode of the terminal: %s", strerror(errno));
	mode = saved;
	cfmakeraw(&mode);
	mode.c_oflag = saved.c_oflag;
	mode.c_cc[VMIN] = 1;
	mode.c_cc[VTIME] = 0;
	/* Before the call: a signal between the two must find something to restore. */
	atomic_store(&raw, true);
	if (tcsetattr(TTY, TCSADRAIN, &mode) < 0) {
		atomic_store(&raw, false);
		return error_set(err, errno, "cannot set the mode of the terminal: %s", strerror(errno));
	}
	return 0;
}

int cli_terminal_raw(struct error *err)
{
	if (!isatty(TTY))
		return 0;
	wanted = true;
	hook_exits();
	if (cli_terminal_is_raw() || !cli_terminal_foreground())
		return 0;
	return enter(err);
}

/* ---- signals ---- */

static void set_action(int sig, void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler};

	sigaction(sig, &sa, NULL);
}

/* What our parent ignores (nohup, a script's background) stays so: blocked, it would arrive after all. */
static void add_heeded(sigset_t *set, int sig)
{
	struct sigaction sa;

	if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
		sigaddset(set, sig);
}

int cli_terminal_signals(bool debugger_has_terminal, int *ret_fd, struct error *err)
{
	static const int always[] = {SIGTERM, SIGHUP};
	static const int keyboard[] = {SIGINT, SIGQUIT, SIGTSTP, SIGCONT};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		add_heeded(&set, always[i]);
	for (size_t i = 0; i < sizeof(keyboard) / sizeof(keyboard[0]) && !debugger_has_terminal; i++)
		add_heeded(&set, keyboard[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return error_set(err, errno, "cannot watch signals: %s", strerror(errno));
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	set_action(SIGPIPE, SIG_IGN);
	set_action(SIGXFSZ, SIG_IGN); /* a core file over the limit is an error, not our death */
	set_action(SIGTTIN, SIG_IGN);
	set_action(SIGTTOU, SIG_IGN);
	if (debugger_has_terminal) {
		set_action(SIGINT, SIG_IGN);
		set_action(SIGQUIT, SIG_IGN);
	}
	*ret_fd = fd;
	return 0;
}

static void stop_here(void)
{
	cli_terminal_restore();
	raise(SIGSTOP); /* SIGTSTP itself is blocked; the shell sees a stopped job either way */
}

enum cli_terminal_signal cli_terminal_take(int fd, int *ret_signal)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return CLI_SIGNAL_NONE;
	switch (info.ssi_signo) {
	case SIGTSTP:
		stop_here();
		return CLI_SIGNAL_NONE;
	case SIGCONT:
		/* Whatever the shell did to the mode meanwhile: begin anew from a sane one. */
		cli_terminal_restore();
		if (wanted && cli_terminal_foreground())
			enter(NULL);
		return CLI_SIGNAL_NONE;
	default:
		*ret_signal = (int)info.ssi_signo;
		return CLI_SIGNAL_END;
	}
}

void cli_terminal_die(int sig)
{
	sigset_t set;

	cli_terminal_restore();
	set_action(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	_exit(128 + sig); /* a signal whose default is not death */
}
