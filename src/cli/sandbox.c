#include "cli/sandbox.h"

#include "base/log.h"
#include "cli/sandbox_rules.h"
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_INHERITED (STDERR_FILENO + 1)
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of a refused call (asm-generic/siginfo.h) */
#endif
#define CODE_MAX 512 /* instructions of one program */

static __thread enum cli_sandbox_thread role;

bool cli_sandbox_default(void)
{
#ifdef CLI_SANDBOX_INSTRUMENTED
	return false;
#else
	return true;
#endif
}

void cli_sandbox_init(struct cli_sandbox *sb, bool on)
{
	*sb = (struct cli_sandbox){.on = on};
}

void cli_sandbox_fini(struct cli_sandbox *sb)
{
	for (unsigned i = 0; i < sb->paths; i++)
		close(sb->path[i].fd);
	sb->paths = 0;
}

int cli_sandbox_allow(struct cli_sandbox *sb, const char *path, unsigned rights, struct error *err)
{
	int fd;

	if (!sb->on)
		return 0;
	if (sb->paths == CLI_SANDBOX_PATHS)
		return error_set(err, ENOSPC, "more than %d paths for the sandbox", CLI_SANDBOX_PATHS);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	sb->path[sb->paths++] = (struct cli_landlock_path){.fd = fd, .rights = rights};
	return 0;
}

int cli_sandbox_allow_beside(struct cli_sandbox *sb, const char *file, unsigned rights, struct error *err)
{
	const char *slash = strrchr(file, '/');
	char dir[PATH_MAX] = ".";
	size_t len = slash == NULL ? 0 : (size_t)(slash - file);

	if (len >= sizeof(dir))
		return error_set(err, ENAMETOOLONG, "%.60s...: the file name is too long", file);
	if (slash != NULL)
		memcpy(dir, file, len == 0 ? 1 : len); /* "/core" is in "/" */
	if (len > 0)
		dir[len] = '\0';
	return cli_sandbox_allow(sb, dir, rights, err);
}

void cli_sandbox_close_inherited(const struct cli_sandbox *sb)
{
	if (sb->on) /* close_range(2), Linux 5.9; before that they stay */
		syscall(SYS_close_range, FIRST_INHERITED, UINT_MAX, 0);
}

/* ---- a call that is refused ---- */

static size_t put(char *line, size_t at, const char *text)
{
	size_t len = strlen(text);

	memcpy(line + at, text, len);
	return at + len;
}

static size_t put_number(char *line, size_t at, unsigned long n, unsigned base)
{
	char digits[24];
	size_t i = sizeof(digits);

	do
		digits[--i] = "0123456789abcdef"[n % base];
	while ((n /= base) > 0);
	memcpy(line + at, digits + i, sizeof(digits) - i);
	return at + sizeof(digits) - i;
}

/* Async-signal-safe (signal-safety(7)): no stdio. */
static void on_refused(int sig, siginfo_t *info, void *context)
{
	static const char *const names[] = {"main", "vcpu", "console"};
	const greg_t *regs = ((const ucontext_t *)context)->uc_mcontext.gregs;
	char line[256];
	size_t n = put(line, 0, "trapline: sandbox: system call ");

	if (info->si_code == SYS_SECCOMP) {
		n = put_number(line, n, (unsigned)info->si_syscall, 10);
		if (info->si_syscall == SYS_ioctl || info->si_syscall == SYS_fcntl) {
			n = put(line, n, " (0x");
			n = put_number(line, n, (unsigned long)regs[REG_RSI], 16);
			n = put(line, n, ")");
		}
		n = put(line, n, " of the ");
		n = put(line, n, names[role]);
		n = put(line, n, " thread refused: please report it; --sandbox=off does without\n");
		cli_terminal_restore();
		if (write(STDERR_FILENO, line, n) < 0)
			raise(sig);
	}
	raise(sig); /* SA_RESETHAND has made this the default action */
}

static int watch_refusals(void)
{
	struct sigaction sa = {.sa_flags = (int)(SA_SIGINFO | SA_RESETHAND | SA_NODEFER)};

	sa.sa_sigaction = on_refused;
	return sigaction(SIGSYS, &sa, NULL) < 0 ? -errno : 0;
}

/* ---- entering ---- */

bool cli_sandbox_available(void)
{
	uint32_t action = SECCOMP_RET_TRAP;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static int enter_landlock(struct cli_sandbox *sb, struct error *err)
{
	int rc = cli_landlock_enter(sb->path, sb->paths, !sb->signals_child);

	cli_sandbox_fini(sb);
	if (rc == -EOPNOTSUPP) {
		log_info("sandbox: this kernel has no Landlock: files are guarded by the system call filter "
		         "alone");
		return 0;
	}
	return rc < 0 ? error_set(err, -rc, "sandbox: Landlock: %s", strerror(-rc)) : 0;
}

int cli_sandbox_enter_process(struct cli_sandbox *sb, struct error *err)
{
	int rc;

	if (!sb->on)
		return 0;
	if (!cli_sandbox_available())
		return error_set(err, ENOSYS, "sandbox: this kernel cannot filter system calls "
		                 "(CONFIG_SECCOMP_FILTER); --sandbox=off does without");
	/* No core of us and no ptrace by the same user (PR_SET_DUMPABLE(2const)). */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_set(err, errno, "sandbox: prctl: %s", strerror(errno));
	rc = watch_refusals();
	if (rc < 0)
		return error_set(err, -rc, "sandbox: sigaction: %s", strerror(-rc));
	rc = enter_landlock(sb, err);
	if (rc == 0)
		log_info("sandbox: on");
	return rc;
}

static enum cli_sandbox_filter filter_of(const struct cli_sandbox *sb, enum cli_sandbox_thread thread)
{
	if (thread == CLI_THREAD_CONSOLE)
		return CLI_FILTER_CONSOLE;
	if (thread == CLI_THREAD_VCPU && sb->vcpu_maps)
		return CLI_FILTER_VCPU_MAPS;
	if (thread == CLI_THREAD_VCPU)
		return sb->vcpu_files ? CLI_FILTER_VCPU_FILES : CLI_FILTER_VCPU;
	return sb->main_files ? CLI_FILTER_MAIN_FILES : CLI_FILTER_MAIN;
}

/* The only constants equal to CLI_SANDBOX_SELF are those that stand for our process. */
static void fill_in_self(struct sock_filter *code, unsigned len)
{
	uint32_t self = (uint32_t)getpid();

	for (unsigned i = 0; i < len; i++)
		if (BPF_CLASS(code[i].code) == BPF_JMP && code[i].k == CLI_SANDBOX_SELF)
			code[i].k = self;
}

int cli_sandbox_enter_thread(const struct cli_sandbox *sb, enum cli_sandbox_thread thread)
{
	const struct cli_sandbox_program *p;
	struct sock_filter code[CODE_MAX];
	struct sock_fprog prog = {.filter = code};

	if (!sb->on)
		return 0;
	p = &cli_sandbox_programs[filter_of(sb, thread)];
	if (p->len > CODE_MAX)
		return -E2BIG;
	memcpy(code, p->code, p->len * sizeof(code[0]));
	fill_in_self(code, p->len);
	prog.len = p->len;
	role = thread;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}
