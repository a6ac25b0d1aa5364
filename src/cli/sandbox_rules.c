#include "cli/sandbox_rules.h"

#include <asm/termbits.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define MAIN (1u << CLI_FILTER_MAIN | 1u << CLI_FILTER_MAIN_FILES)
#define VCPU_MAPS (1u << CLI_FILTER_VCPU_MAPS)
#define VCPU_FILES (1u << CLI_FILTER_VCPU_FILES | VCPU_MAPS)
#define VCPU (1u << CLI_FILTER_VCPU | VCPU_FILES)
#define CONS (1u << CLI_FILTER_CONSOLE)
#define BOTH (MAIN | VCPU)
#define ALL (MAIN | VCPU | CONS)
#define MAIN_FILES (1u << CLI_FILTER_MAIN_FILES)
#define FILES (MAIN_FILES | VCPU_FILES)

#define ANY(filters, call) {filters, SYS_##call, CLI_RULE_ANY, 0, 0}
#define IOCTL(filters, request) {filters, SYS_ioctl, CLI_RULE_IS, 1, request}
#define FCNTL(filters, command) {filters, SYS_fcntl, CLI_RULE_IS, 1, command}
#define NOT_EXEC(filters, call) {filters, SYS_##call, CLI_RULE_LACKS, 2, PROT_EXEC}

const struct cli_sandbox_rule cli_sandbox_rules[] = {
	/* Descriptors that are open already. */
	ANY(ALL, read), ANY(ALL, write), ANY(ALL, poll), ANY(ALL, sendto), ANY(BOTH, ppoll),
	ANY(BOTH, epoll_ctl), ANY(MAIN, epoll_wait), ANY(BOTH, timerfd_settime),
	ANY(BOTH, recvfrom), ANY(BOTH, close), ANY(BOTH, fstat), ANY(BOTH, lseek),

	/* Memory: never executable. */
	NOT_EXEC(ALL, mmap), NOT_EXEC(ALL, mprotect), ANY(ALL, munmap), ANY(ALL, mremap), ANY(ALL, madvise),
	ANY(ALL, brk),

	/* Waiting, time, and what libc asks for on its own. */
	ANY(ALL, futex), ANY(ALL, restart_syscall), ANY(ALL, clock_gettime), ANY(ALL, sched_getaffinity),
	ANY(ALL, getrandom), ANY(ALL, sched_yield),

	/* Signals: to ourselves only. TCSETSW gives the terminal its mode back on the way down. */
	ANY(ALL, rt_sigreturn), ANY(ALL, rt_sigprocmask), ANY(ALL, getpid), ANY(ALL, gettid),
	{ALL, SYS_tgkill, CLI_RULE_SELF, 0, 0}, IOCTL(ALL, TCSETSW), ANY(MAIN, rt_sigaction),

	/* The end of a thread, and of the process. */
	ANY(ALL, exit), ANY(ALL, exit_group),

	/* The debugger's port: the next client, and standard input and output as one. */
	ANY(MAIN, accept4), ANY(MAIN, getsockname), ANY(MAIN, getsockopt), ANY(MAIN, setsockopt),
	{VCPU, SYS_setsockopt, CLI_RULE_IS, 2, SO_RCVTIMEO},
	ANY(MAIN, dup2), FCNTL(MAIN, F_DUPFD_CLOEXEC), FCNTL(MAIN, F_GETFL), FCNTL(MAIN, F_SETFL),

	/* The terminal; a debugger that we started and whose pidfd we hold. */
	IOCTL(MAIN, TCGETS), IOCTL(MAIN, TCSETS), IOCTL(MAIN, TIOCGPGRP), ANY(MAIN, getpgrp),
	ANY(MAIN, wait4), ANY(MAIN, pidfd_send_signal),

	/* Files by name: the core, the socket's own file. New ones alone, so that nothing can be read. */
	{FILES, SYS_openat, CLI_RULE_IS, 2, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC},
	ANY(FILES, newfstatat), ANY(FILES, unlink), ANY(FILES, rename), ANY(FILES, pwrite64),
	ANY(FILES, ftruncate), ANY(MAIN_FILES, rmdir),
	/* What --map gives a guest, found from its folder's descriptor (hostfile.c). */
	ANY(VCPU_MAPS, openat), ANY(VCPU_MAPS, openat2), ANY(VCPU_MAPS, getdents64),
	ANY(VCPU_MAPS, unlinkat), ANY(VCPU_MAPS, mkdirat),
};

const size_t cli_sandbox_rules_count = sizeof(cli_sandbox_rules) / sizeof(cli_sandbox_rules[0]);
