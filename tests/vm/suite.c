/*
 * Runs tables of tiny guests: suite [--verbose] [--only ROW]... FILE.vm ... FILE.elf ...
 * Each row is a process of its own, so that one that hangs is ended and named. TRAPLINE_LANE says where this
 * is (host, svm, vmx).
 */
#include "script.h"
#include "table.h"
#include "dev/bus.h"
#include "kvm/machine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FEATURES_MAX 256
#define EXIT_SKIP 77

struct suite {
	struct kvm_probe probe;
	struct table_lane lane;
	char **argv;
	int argc;
	const char *only[16];     /* beginnings of names; none: all rows */
	unsigned only_count;
	bool verbose;
	unsigned limit_s;
	unsigned passed, failed, skipped;
	unsigned proved_count, fallback_count;
	char *proved[FEATURES_MAX];
	char *fallback[FEATURES_MAX];
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* The guest "name" among the arguments: .../name.elf. */
static bool open_guest(const struct suite *s, const char *name, struct boot_image *ret)
{
	char file[80];
	struct stat st;
	void *bytes;

	snprintf(file, sizeof(file), "/%s.elf", name);
	for (int i = 1; i < s->argc; i++) {
		int fd;

		if (!ends_with(s->argv[i], file) && strcmp(s->argv[i], file + 1) != 0)
			continue;
		fd = open(s->argv[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			break;
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		close(fd);
		*ret = (struct boot_image){.bytes = bytes, .size = (size_t)st.st_size, .name = s->argv[i]};
		return bytes != MAP_FAILED;
	}
	printf("  there is no guest %s\n", name);
	return false;
}

static int in_child(const struct suite *s, const struct table_row *row)
{
	struct boot_image image;

	if (!open_guest(s, row->guest, &image))
		return 1;
	return script_run(row, &image, &s->probe, s->limit_s, s->verbose) ? 0 : 1;
}

/* True when the child ended by itself with status 0. */
static bool watch_child(pid_t pid, unsigned limit_s)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	time_t until = time(NULL) + (time_t)limit_s;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (time(NULL) > until) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			printf("  ended after %u s\n", limit_s);
			return false;
		}
		nanosleep(&pause, NULL);
	}
	if (WIFSIGNALED(status))
		printf("  ended by signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void remember(char **list, unsigned *count, const char *text)
{
	for (unsigned i = 0; i < *count; i++)
		if (strcmp(list[i], text) == 0)
			return;
	if (*count < FEATURES_MAX)
		list[(*count)++] = strdup(text);
}

static void passed(struct suite *s, const struct table_row *row)
{
	char text[400];

	s->passed++;
	printf("ok   %s%s%s\n", row->name, row->because ? ": " : "", row->because ? row->because : "");
	if (row->proves == NULL)
		return;
	if (row->because == NULL) {
		remember(s->proved, &s->proved_count, row->proves);
		return;
	}
	snprintf(text, sizeof(text), "%s (%s)", row->proves, row->because);
	remember(s->fallback, &s->fallback_count, text);
}

static bool wanted(const struct suite *s, const char *name)
{
	bool yes = s->only_count == 0;

	for (unsigned i = 0; i < s->only_count; i++)
		yes |= strncmp(name, s->only[i], strlen(s->only[i])) == 0;
	return yes;
}

static void run_row(void *ctx, struct table_row *row)
{
	struct suite *s = ctx;
	pid_t pid;

	if (!wanted(s, row->name))
		return;
	if (row->skip != NULL) {
		s->skipped++;
		printf("skip %s: %s\n", row->name, row->skip);
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int rc = in_child(s, row);

		fflush(stdout);
		_exit(rc);
	}
	if (pid > 0 && watch_child(pid, 3 * s->limit_s)) {
		passed(s, row);
		return;
	}
	s->failed++;
	printf("FAIL %s\n", row->name);
}

static void print_list(const char *title, char *const *list, unsigned count)
{
	if (count == 0)
		return;
	printf("%s\n", title);
	for (unsigned i = 0; i < count; i++)
		printf("  %s\n", list[i]);
}

/* Whether a vcpu may have five-level paging here. */
static bool has_la57(const struct kvm_probe *probe)
{
	static struct guest_mem mem;
	static struct dev_bus bus;
	struct kvm_config cfg = {.vcpus = 1, .mem = &mem, .bus = &bus, .probe = probe};
	struct kvm_machine *m;
	struct error err;
	bool yes;

	if (kvm_machine_new(&cfg, &m, &err) < 0)
		return false;
	yes = kvm_machine_layout(m)->has_la57;
	kvm_machine_free(m);
	return yes;
}

static int prepare(struct suite *s)
{
	const char *lane = getenv("TRAPLINE_LANE");
	struct error err;

	s->lane.name = lane != NULL ? lane : "host";
	if (kvm_probe_run(&s->probe, &err) < 0) {
		printf("%s\n", err.text);
		return EXIT_SKIP;
	}
	s->lane.probe = &s->probe;
	s->lane.la57 = has_la57(&s->probe);
	s->limit_s = 15;
	printf("lane %s: step %d, block_irq %d, int3 %d, exec_dr %d, data_dr %d, step_user %d, la57 %d, "
	       "emulated %d\n", s->lane.name, s->probe.caps.step, s->probe.caps.block_irq, s->probe.caps.int3,
	       s->probe.caps.exec_dr, s->probe.caps.data_dr, s->probe.caps.step_user, s->lane.la57,
	       !s->probe.sse);
	return 0;
}

int main(int argc, char **argv)
{
	static struct suite s;
	int rc;

	s.argc = argc;
	s.argv = argv;
	setvbuf(stdout, NULL, _IOLBF, 0);
	rc = prepare(&s);
	for (int i = 1; rc == 0 && i < argc; i++) {
		if (strcmp(argv[i], "--only") == 0 && i + 1 < argc && s.only_count < 16)
			s.only[s.only_count++] = argv[++i];
		else if (strcmp(argv[i], "--verbose") == 0)
			s.verbose = true;
		else if (ends_with(argv[i], ".vm"))
			rc = table_read(argv[i], &s.lane, run_row, &s) < 0 ? 1 : 0;
	}
	if (rc != 0)
		return rc;
	print_list("proved:", s.proved, s.proved_count);
	print_list("by fallback or refusal:", s.fallback, s.fallback_count);
	printf("%u passed, %u failed, %u skipped\n", s.passed, s.failed, s.skipped);
	if (s.failed > 0)
		return 1;
	return s.passed > 0 ? 0 : EXIT_SKIP;
}
