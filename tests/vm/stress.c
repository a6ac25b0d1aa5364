/*
 * Stops and resumes four vcpus that all run through one breakpoint, many times: stress [--cycles N] SMP.elf
 *
 * Each vcpu counts in a word of its own, by the instruction under the breakpoint. So the words say what
 * happened: a vcpu that has been told of N times has counted N - 1 times while it stands there, and N times
 * once it has been stepped over. More: a stop was lost, or it slipped through while another one stepped.
 * Less: one was told twice. In all-stop and in non-stop; each cycle has a time limit of its own.
 */
#include "vm.h"
#include "boot/symbols.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define CPUS 4u
#define EXIT_SKIP 77
#define CYCLE_LIMIT_S 20 /* a watchdog, far above what a cycle takes on a busy machine */

struct stress {
	struct boot_image image;
	struct vm *vm;
	const char *mode;
	uint64_t at, count_gpa;
	uint64_t told[CPUS];
	unsigned long cycle;
	double longest;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool fail(const struct stress *s, const char *what, const char *text)
{
	printf("%s, cycle %lu: %s: %s\n", s->mode, s->cycle, what, text != NULL ? text : "nothing came");
	for (unsigned i = 0; i < CPUS; i++) {
		uint64_t counted = 0;

		guest_mem_read(vm_mem(s->vm), s->count_gpa + 8 * i, &counted, 8);
		printf("  cpu%u: told %" PRIu64 " times, counted %" PRIu64 "\n", i, s->told[i], counted);
	}
	return false;
}

static bool answered(const struct stress *s, const char *packet, const char *wanted)
{
	const char *reply = vm_packet(s->vm, packet);

	return (reply != NULL && strcmp(reply, wanted) == 0) || fail(s, packet, reply);
}

static uint64_t counted(const struct stress *s, unsigned cpu)
{
	const uint64_t *words = guest_mem_window(vm_mem(s->vm), s->count_gpa, 8 * CPUS);

	return __atomic_load_n(words + cpu, __ATOMIC_ACQUIRE);
}

/* Which vcpu a stop at the breakpoint names; -1: it is none. */
static int who(const struct stress *s, const char *stop)
{
	char pc[32] = "10:";
	const char *thread;

	for (unsigned i = 0; i < 8; i++)
		snprintf(pc + 3 + 2 * i, 3, "%02x", (unsigned)(s->at >> 8 * i) & 0xff);
	if (stop == NULL || strncmp(stop, "T05", 3) != 0 || strstr(stop, "swbreak") == NULL ||
	    strstr(stop, pc) == NULL || (thread = strstr(stop, "thread:")) == NULL)
		return -1;
	return (int)strtoul(thread + 7, NULL, 16) - 1;
}

/* A stop has come: it is a new one, and everybody has counted as often as he was told of. */
static bool take_stop(struct stress *s, const char *stop, bool others_stand)
{
	int cpu = who(s, stop);

	if (cpu < 0 || cpu >= (int)CPUS)
		return fail(s, "not a stop at the breakpoint", stop);
	s->told[cpu]++;
	if (counted(s, (unsigned)cpu) != s->told[cpu] - 1)
		return fail(s, "a stop was lost, or told twice", stop);
	for (unsigned i = 0; i < CPUS && others_stand; i++)
		if (counted(s, i) != s->told[i] && counted(s, i) + 1 != s->told[i])
			return fail(s, "another vcpu's stop was lost, or told twice", stop);
	return true;
}

static bool all_stop_cycle(struct stress *s)
{
	return take_stop(s, vm_packet(s->vm, "vCont;c"), true);
}

/* Those that are told of, each of which goes on at once, while the others do what they do. */
static bool non_stop_cycle(struct stress *s)
{
	const char *text = vm_notice(s->vm);
	char packet[32], stop[512];

	do {
		if (!take_stop(s, text, false))
			return false;
		snprintf(packet, sizeof(packet), "vCont;c:%x", (unsigned)who(s, text) + 1);
		text = vm_packet(s->vm, "vStopped");
		if (text == NULL)
			return fail(s, "vStopped", NULL);
		snprintf(stop, sizeof(stop), "%s", text);
		text = stop;
		if (!answered(s, packet, "OK"))
			return false;
	} while (strcmp(stop, "OK") != 0);
	return true;
}

static bool cycles(struct stress *s, unsigned long n, bool (*cycle)(struct stress *))
{
	double start = now();

	for (s->cycle = 1; s->cycle <= n; s->cycle++) {
		double before = now(), took;

		if (!cycle(s))
			return false;
		took = now() - before;
		s->longest = took > s->longest ? took : s->longest;
	}
	printf("%s: %lu cycles in %.1f s, the longest %.1f ms; told", s->mode, n, now() - start,
	       s->longest * 1e3);
	for (unsigned i = 0; i < CPUS; i++)
		printf(" %" PRIu64, s->told[i]);
	printf("\n");
	for (unsigned i = 0; i < CPUS; i++)
		if (s->told[i] == 0)
			return fail(s, "a vcpu never stopped", "");
	return true;
}

static bool play(struct stress *s, const struct kvm_probe *probe, bool nonstop, unsigned long n)
{
	struct vm_config cfg = {.image = &s->image, .cpus = CPUS, .entry = "crowd", .probe = probe,
	                        .limit_s = CYCLE_LIMIT_S};
	char packet[40];
	struct error err;
	bool ok;

	memset(s->told, 0, sizeof(s->told));
	s->mode = nonstop ? "non-stop" : "all-stop";
	s->cycle = 0;
	s->longest = 0;
	if (boot_symbol_find(&s->image, "crowd_at", &s->at) < 0 ||
	    boot_symbol_find(&s->image, "crowd_count", &s->count_gpa) < 0 || vm_new(&cfg, &s->vm, &err) < 0) {
		printf("the machine cannot be made\n");
		return false;
	}
	snprintf(packet, sizeof(packet), "Z0,%" PRIx64 ",1", s->at);
	ok = answered(s, nonstop ? "QNonStop:1" : "QNonStop:0", "OK") && answered(s, packet, "OK");
	if (nonstop)
		ok = ok && answered(s, "vCont;c", "OK");
	ok = ok && cycles(s, n, nonstop ? non_stop_cycle : all_stop_cycle);
	vm_free(s->vm);
	return ok;
}

static bool open_image(const char *path, struct boot_image *ret)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	*ret = (struct boot_image){.bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0),
	                           .size = (size_t)st.st_size, .name = path};
	return ret->bytes != MAP_FAILED;
}

int main(int argc, char **argv)
{
	static struct stress s;
	static struct kvm_probe probe;
	unsigned long n = 10000;
	struct error err;
	bool ok;

	if (argc == 4 && strcmp(argv[1], "--cycles") == 0)
		n = strtoul(argv[2], NULL, 10);
	else if (argc != 2)
		return 2;
	if (kvm_probe_run(&probe, &err) < 0) {
		printf("%s\n", err.text);
		return EXIT_SKIP;
	}
	if (!open_image(argv[argc - 1], &s.image))
		return 1;
	ok = play(&s, &probe, false, n);
	return play(&s, &probe, true, n) && ok ? 0 : 1;
}
