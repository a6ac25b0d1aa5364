/*
 * A thread of each kind is taken as captured: it tries what it must not be able to do, and what its work
 * needs. Each attempt is a process of its own, since a refusal ends it.
 */
#include "../cmocka_all.h"

#include "cli/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define M (1u << CLI_THREAD_MAIN)
#define V (1u << CLI_THREAD_VCPU)
#define C (1u << CLI_THREAD_CONSOLE)
#define ALL (M | V | C)

/* Of include/uapi/linux/kvm.h; only src/kvm includes it. */
#define REQUEST_CREATE_VM 0xae01
#define REQUEST_RUN 0xae80
#define REQUEST_GET_REGS 0x8090ae81u

static char folder[] = "/tmp/trapline-sandbox-XXXXXX";
static char inside[64], outside[64], beside[64];

/* What a thread tries: 0, or errno. Refused calls do not come back. */
typedef int attempt_fn(void);

static int result(long rc)
{
	return rc < 0 ? errno : 0;
}

static int try_execve(void) { return result(execl("/bin/true", "true", (char *)NULL)); }
static int try_socket(void) { return result(socket(AF_INET, SOCK_STREAM, 0)); }
static int try_connect(void) { return result(connect(0, &(struct sockaddr){0}, sizeof(struct sockaddr))); }
static int try_bind(void) { return result(bind(0, &(struct sockaddr){0}, sizeof(struct sockaddr))); }
static int try_ptrace(void) { return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)); }
static int try_traceme(void) { return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }
static int try_fork(void) { return result(fork()); }
static int try_kill(void) { return result(kill(getppid(), 0)); }
static int try_tgkill(void) { return result(syscall(SYS_tgkill, 1, 1, 0)); }
static int try_tkill(void) { return result(syscall(SYS_tkill, 1, 0)); }
static int try_tgkill_self(void) { return result(syscall(SYS_tgkill, getpid(), gettid(), 0)); }
static int try_mprotect_exec(void)
{
	return result(mprotect((void *)((uintptr_t)&inside & ~4095ul), 4096, PROT_READ | PROT_EXEC));
}
static int try_mmap_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}
static int try_tiocsti(void) { return result(ioctl(0, TIOCSTI, "x")); }
static int try_create_vm(void) { return result(ioctl(-1, REQUEST_CREATE_VM, 0)); }
static int try_run(void) { return result(ioctl(-1, REQUEST_RUN, 0)); }
static int try_get_regs(void) { return result(ioctl(-1, REQUEST_GET_REGS, 0)); }
static int try_prctl(void) { return result(syscall(SYS_prctl, 3, 0, 0, 0, 0)); }
static int try_vm_read(void) { return result(syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0)); }
static int try_vm_write(void) { return result(syscall(SYS_process_vm_writev, 1, NULL, 0, NULL, 0, 0)); }
static int try_io_uring(void) { return result(syscall(SYS_io_uring_setup, 0, NULL)); }
static int try_bpf(void) { return result(syscall(SYS_bpf, 0, NULL, 0)); }
static int try_seccomp(void) { return result(syscall(SYS_seccomp, 0, 0, NULL)); }
static int try_perf(void) { return result(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0)); }
static int try_pidfd(void) { return result(syscall(SYS_pidfd_open, 1, 0)); }
static int try_pidfd_signal(void) { return result(syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0)); }
static int try_memfd(void) { return result(syscall(SYS_memfd_create, "x", 0)); }
static int try_setuid(void) { return result(setuid(0)); }
static int try_mount(void) { return result(syscall(SYS_mount, "", "", "", 0, NULL)); }
static int try_unshare(void) { return result(syscall(SYS_unshare, 0)); }
static int try_chmod(void) { return result(chmod(inside, 0777)); }
static int try_link(void) { return result(syscall(SYS_link, inside, beside)); }
static int try_symlink(void) { return result(syscall(SYS_symlink, inside, beside)); }
static int try_mkdir(void) { return result(syscall(SYS_mkdir, beside, 0700)); }
static int try_module(void) { return result(syscall(SYS_finit_module, -1, "", 0)); }
static int try_x32(void) { return result(syscall(0x40000000 | SYS_getpid)); }

static int try_i386(void)
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20) : "memory", "r8", "r9", "r10", "r11"); /* getpid */
	return rc < 0 ? (int)-rc : 0;
}

/* As cores and snapshots are opened. */
#define OUR_WAY (O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC)

static int try_open(void) { return result(open(outside, O_RDONLY)); }
static int try_open_inside(void) { return result(open(inside, OUR_WAY, 0600)); }

static int try_read_inside(void)
{
	int rc = try_open_inside();

	return rc != 0 ? rc : result(open(inside, O_RDONLY));
}

static int try_create_outside(void)
{
	return result(open("/tmp/trapline-sandbox-out", OUR_WAY, 0600));
}

static int try_unlink(void) { return result(unlink(outside)); }

static int try_truncate_outside(void)
{
	return result(open(outside, O_WRONLY | O_TRUNC));
}

static int try_rename_out(void)
{
	int rc = try_open_inside();

	return rc != 0 ? rc : result(rename(inside, "/tmp/trapline-sandbox-out"));
}

static int try_rename_and_unlink(void)
{
	int rc = try_open_inside();

	if (rc == 0)
		rc = result(rename(inside, beside));
	return rc != 0 ? rc : result(unlink(beside));
}

static int try_pipe_work(void)
{
	char c;

	/* 0 is a pipe's reading end with a byte in it, 1 its writing end (see attempt_in_child). */
	return read(0, &c, 1) == 1 && write(1, &c, 1) == 1 ? 0 : errno;
}

static int try_memory(void)
{
	void *p = malloc(1 << 20), *q;
	void *map = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == NULL || map == MAP_FAILED)
		return errno;
	q = realloc(p, 4 << 20);
	free(q);
	return result(mprotect(map, 4096, PROT_READ) | madvise(map, 1 << 16, MADV_DONTNEED) |
	              munmap(map, 1 << 16));
}

static int try_waiting(void)
{
	struct timespec ts;
	uint32_t word = 0;

	return result(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) |
	              syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
}

#define REFUSED -1

static const struct try_case {
	const char *name;
	unsigned threads;
	enum variant { NO_FILES, FILES, MAPS } files; /* two: with `folder` as the place to write */
	bool landlock;  /* the outcome is Landlock's: skipped without it */
	attempt_fn *attempt;
	int outcome;    /* REFUSED, errno, or 0 */
} cases[] = {
	{"execve", ALL, FILES, false, try_execve, REFUSED},
	{"socket", ALL, FILES, false, try_socket, REFUSED},
	{"connect", ALL, FILES, false, try_connect, REFUSED},
	{"bind", ALL, FILES, false, try_bind, REFUSED},
	{"ptrace of another", ALL, FILES, false, try_ptrace, REFUSED},
	{"ptrace by another", ALL, FILES, false, try_traceme, REFUSED},
	{"fork", ALL, FILES, false, try_fork, REFUSED},
	{"kill", ALL, FILES, false, try_kill, REFUSED},
	{"tgkill of another process", ALL, FILES, false, try_tgkill, REFUSED},
	{"tkill", ALL, FILES, false, try_tkill, REFUSED},
	{"executable pages by mprotect", ALL, FILES, false, try_mprotect_exec, REFUSED},
	{"executable pages by mmap", ALL, FILES, false, try_mmap_exec, REFUSED},
	{"keys pushed into the terminal", ALL, FILES, false, try_tiocsti, REFUSED},
	{"a new virtual machine", ALL, FILES, false, try_create_vm, REFUSED},
	{"KVM_RUN elsewhere", M | C, FILES, false, try_run, REFUSED},
	{"KVM at all", C, NO_FILES, false, try_get_regs, REFUSED},
	{"prctl", ALL, FILES, false, try_prctl, REFUSED},
	{"process_vm_readv", ALL, FILES, false, try_vm_read, REFUSED},
	{"process_vm_writev", ALL, FILES, false, try_vm_write, REFUSED},
	{"io_uring_setup", ALL, FILES, false, try_io_uring, REFUSED},
	{"bpf", ALL, FILES, false, try_bpf, REFUSED},
	{"seccomp", ALL, FILES, false, try_seccomp, REFUSED},
	{"perf_event_open", ALL, FILES, false, try_perf, REFUSED},
	{"pidfd_open", ALL, FILES, false, try_pidfd, REFUSED},
	{"pidfd_send_signal", V | C, FILES, false, try_pidfd_signal, REFUSED},
	{"memfd_create", ALL, FILES, false, try_memfd, REFUSED},
	{"setuid", ALL, FILES, false, try_setuid, REFUSED},
	{"mount", ALL, FILES, false, try_mount, REFUSED},
	{"unshare", ALL, FILES, false, try_unshare, REFUSED},
	{"chmod", ALL, FILES, false, try_chmod, REFUSED},
	{"link", ALL, FILES, false, try_link, REFUSED},
	{"symlink", ALL, FILES, false, try_symlink, REFUSED},
	{"mkdir", M | C, FILES, false, try_mkdir, REFUSED},
	{"finit_module", ALL, FILES, false, try_module, REFUSED},
	{"an x32 call", ALL, FILES, false, try_x32, REFUSED},
	{"an i386 call", ALL, FILES, false, try_i386, REFUSED},
	{"open without files", ALL, NO_FILES, false, try_open, REFUSED},
	{"unlink without files", ALL, NO_FILES, false, try_unlink, REFUSED},
	{"open of the console thread", C, FILES, false, try_open, REFUSED},

	/* Landlock or not. */
	{"open of a file to read", M | V, FILES, false, try_open, REFUSED},
	{"open of a file to empty it", M | V, FILES, false, try_truncate_outside, REFUSED},
	{"read of one's own file", M | V, FILES, false, try_read_inside, REFUSED},

	{"open outside", V, MAPS, true, try_open, EACCES},
	{"create outside", M | V, MAPS, true, try_create_outside, EACCES},
	{"truncate outside", V, MAPS, true, try_truncate_outside, EACCES},
	{"unlink outside", M | V, MAPS, true, try_unlink, EACCES},
	{"rename to the outside", M | V, MAPS, true, try_rename_out, EACCES},
	{"read inside, where only writing is allowed", V, MAPS, true, try_read_inside, EACCES},
	{"create inside", M | V, FILES, false, try_open_inside, 0},
	{"rename and unlink inside", M | V, FILES, false, try_rename_and_unlink, 0},

	{"read and write", ALL, NO_FILES, false, try_pipe_work, 0},
	{"memory", ALL, NO_FILES, false, try_memory, 0},
	{"waiting", ALL, NO_FILES, false, try_waiting, 0},
	{"tgkill of ourselves", ALL, NO_FILES, false, try_tgkill_self, 0},
	{"KVM_RUN of a vcpu's thread", V, NO_FILES, false, try_run, EBADF},
	{"KVM_GET_REGS", M | V, NO_FILES, false, try_get_regs, EBADF},
};

static void *confined_attempt(void *arg);

struct child { const struct cli_sandbox *sb; enum cli_sandbox_thread thread; attempt_fn *attempt; };

/* A thread of its own, as vcpus and console have, of a process that has entered. */
static void *confined_attempt(void *arg)
{
	const struct child *c = arg;

	if (cli_sandbox_enter_thread(c->sb, c->thread) < 0)
		_exit(200);
	_exit(c->attempt());
}

static void run_child(enum cli_sandbox_thread thread, enum variant files, attempt_fn *attempt, int err_fd)
{
	struct cli_sandbox sb;
	const unsigned rights = CLI_LANDLOCK_WRITE | CLI_LANDLOCK_MAKE | CLI_LANDLOCK_REMOVE;
	struct child c = {.sb = &sb, .thread = thread, .attempt = attempt};
	struct error err = {0};
	pthread_t t;
	int fd[2];

	dup2(err_fd, STDERR_FILENO);
	if (pipe(fd) < 0 || write(fd[1], "x", 1) != 1 || dup2(fd[0], 0) < 0 || dup2(fd[1], 1) < 0)
		_exit(201);
	cli_sandbox_init(&sb, true);
	sb.main_files = sb.vcpu_files = files != NO_FILES;
	sb.vcpu_maps = files == MAPS;
	if (files != NO_FILES && cli_sandbox_allow(&sb, folder, rights, &err) < 0)
		_exit(202);
	if (cli_sandbox_enter_process(&sb, &err) < 0)
		_exit(203);
	if (thread == CLI_THREAD_MAIN)
		confined_attempt(&c);
	if (pthread_create(&t, NULL, confined_attempt, &c) == 0)
		pthread_join(t, NULL);
	_exit(204);
}

/* The wait status; text: what came on standard error. */
static int attempt_in_child(enum cli_sandbox_thread thread, enum variant files, attempt_fn *attempt,
                            char *text, size_t size)
{
	int fd[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	unlink(inside);
	unlink(beside);
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_child(thread, files, attempt, fd[1]);
	close(fd[1]);
	while (n < size - 1 && (got = read(fd[0], text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void need_filters(void)
{
	/* A sanitizer's run time makes calls of its own; and there are kernels without filters. */
	if (!cli_sandbox_default() || !cli_sandbox_available())
		skip();
}

static bool is_outcome(int status, int want)
{
	if (want == REFUSED)
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
	return WIFEXITED(status) && WEXITSTATUS(status) == want;
}

static void captured_threads(void **state)
{
	static const char *const names[] = {"main", "vcpu", "console"};
	char text[512];

	(void)state;
	need_filters();
	for (size_t n = 0; n < 3 * ARRAY_LEN(cases); n++) {
		const struct try_case *c = &cases[n / 3];
		enum cli_sandbox_thread t = (enum cli_sandbox_thread)(n % 3);
		int status;

		if (!(c->threads & 1u << t) || (c->landlock && cli_landlock_version() < 3))
			continue;
		status = attempt_in_child(t, c->files, c->attempt, text, sizeof(text));
		if (!is_outcome(status, c->outcome))
			fail_msg("%s, %s thread: status 0x%x; %s", c->name, names[t], status, text);
	}
}

static void a_refusal_names_call_and_thread(void **state)
{
	char text[512];

	(void)state;
	need_filters();
	attempt_in_child(CLI_THREAD_VCPU, NO_FILES, try_socket, text, sizeof(text));
	assert_string_equal(text, "trapline: sandbox: system call 41 of the vcpu thread refused: please "
	                    "report it; --sandbox=off does without\n");
	attempt_in_child(CLI_THREAD_CONSOLE, NO_FILES, try_create_vm, text, sizeof(text));
	assert_string_equal(text, "trapline: sandbox: system call 16 (0xae01) of the console thread refused: "
	                    "please report it; --sandbox=off does without\n");
}

/* Directories of files to come, however they are spelled; what is not there is no error. */
static void beside_a_file(void **state)
{
	static const char *const good[] = {"core", "/core", "/tmp/core", "./core", "/no/such/folder/core"};
	struct cli_sandbox sb;
	struct error err;
	char *long_name = calloc(1, 6000);

	(void)state;
	cli_sandbox_init(&sb, true);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(cli_sandbox_allow_beside(&sb, good[i], CLI_LANDLOCK_WRITE, &err), 0);
	assert_int_equal(sb.paths, 4);
	memset(long_name, '/', 5000);
	assert_int_equal(cli_sandbox_allow_beside(&sb, long_name, CLI_LANDLOCK_WRITE, &err),
	                 -ENAMETOOLONG);
	while (sb.paths < CLI_SANDBOX_PATHS)
		assert_int_equal(cli_sandbox_allow(&sb, "/", CLI_LANDLOCK_READ, &err), 0);
	assert_int_equal(cli_sandbox_allow(&sb, "/", CLI_LANDLOCK_READ, &err), -ENOSPC);
	cli_sandbox_fini(&sb);
	cli_sandbox_init(&sb, false);
	assert_int_equal(cli_sandbox_allow(&sb, "/", CLI_LANDLOCK_READ, &err), 0);
	assert_int_equal(sb.paths, 0);
	free(long_name);
}

static int make_folder(void **state)
{
	int fd;

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(inside, sizeof(inside), "%s/core", folder);
	snprintf(beside, sizeof(beside), "%s/other", folder);
	snprintf(outside, sizeof(outside), "%s.outside", folder);
	fd = open(outside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(inside);
	unlink(beside);
	unlink(outside);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captured_threads),
		cmocka_unit_test(a_refusal_names_call_and_thread),
		cmocka_unit_test(beside_a_file),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
