/* This machine's limits: what KVM and memory cost with nothing around them. One vcpu, sync regs. */
#include "serve.h"
#include "vm.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY (16u << 20)
#define BATCH 32
#define MAX_SAMPLES 1000
#define KICK_RUN_US 500 /* as in rsp.c */

/* code.S: copied to VM_CODE */
extern const uint8_t code_begin[], code_loop[], code_port[], code_mmio[], code_end[];

#define MAX_RUNNERS 64

/* Asked: by the kicker; running: by the runner, if nobody has thought better of it. */
enum runner_state { IDLE, ASKED, RUNNING };

/* A vcpu of a machine of its own that spins until it is kicked. */
struct runner {
	struct vm vm;
	pthread_t thread;
	bool started;
	sem_t go, back;
	_Atomic double returned; /* when KVM_RUN came back */
	_Atomic int state;       /* enum runner_state */
};

struct limits {
	struct vm vm;
	struct runner runner[MAX_RUNNERS];
};

static uint64_t address_of(const uint8_t *label)
{
	return VM_CODE + (uint64_t)(label - code_begin);
}

static enum bench_outcome unexpected(struct bench_result *ret, int reason)
{
	return bench_say(ret, BENCH_ERROR, "KVM_RUN came back with %d", reason);
}

static bool at_debug_exit(int reason)
{
	return reason == KVM_EXIT_DEBUG;
}

/* Repeats one(); its result other than 0 ends the measurement as an error. */
static enum bench_outcome repeat(struct limits *l, double seconds, int (*one)(struct vm *),
                                 struct bench_result *ret)
{
	double start = bench_now(), end = start + seconds * 1e6;

	do {
		for (int i = 0; i < BATCH; i++) {
			int rc = one(&l->vm);

			if (rc != 0)
				return unexpected(ret, rc);
		}
		ret->count += BATCH;
		ret->us = bench_now();
	} while (ret->us < end);
	ret->us -= start;
	return BENCH_OK;
}

static int one_step(struct vm *vm)
{
	int reason = vm_run(vm);

	return at_debug_exit(reason) ? 0 : reason | 0x1000;
}

static int one_step_regs(struct vm *vm)
{
	struct kvm_regs regs;

	if (ioctl(vm->vcpu, KVM_GET_REGS, &regs) < 0)
		return -errno;
	return one_step(vm);
}

static enum bench_outcome run_step(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct limits *l = ctx;

	vm_start_at(&l->vm, address_of(code_loop), true);
	vm_debug(&l->vm, true, 0);
	return repeat(l, seconds, strcmp(argument, "regs") == 0 ? one_step_regs : one_step, ret);
}

/* To the breakpoint, over it with the breakpoint off, and the breakpoint on again. */
static int one_hit(struct vm *vm)
{
	int reason = vm_run(vm);

	if (!at_debug_exit(reason))
		return reason | 0x1000;
	vm_debug(vm, true, 0);
	reason = vm_run(vm);
	if (!at_debug_exit(reason))
		return reason | 0x1000;
	vm_debug(vm, false, address_of(code_loop));
	return 0;
}

/* As a CPU is meant to leave an execute breakpoint (SDM 3B 17.3.1.1): with RFLAGS.RF set. */
static int one_hit_rf(struct vm *vm)
{
	uint64_t turns = vm->run->s.regs.regs.rax;
	int reason;

	vm->run->s.regs.regs.rflags |= 1u << 16;
	vm->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	reason = vm_run(vm);
	if (!at_debug_exit(reason))
		return reason | 0x1000;
	return vm->run->s.regs.regs.rax == turns + 1 ? 0 : -ENOTSUP;
}

static enum bench_outcome run_hit(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct limits *l = ctx;
	bool rf = strcmp(argument, "rf") == 0;
	int reason;

	vm_start_at(&l->vm, address_of(code_loop), true);
	vm_debug(&l->vm, false, address_of(code_loop));
	reason = rf ? vm_run(&l->vm) : KVM_EXIT_DEBUG;
	if (!at_debug_exit(reason))
		return unexpected(ret, reason);
	if (rf && (l->vm.run->kvm_valid_regs == 0 || one_hit_rf(&l->vm) != 0))
		return bench_say(ret, BENCH_NONE, "this KVM does not go by RFLAGS.RF");
	return repeat(l, seconds, rf ? one_hit_rf : one_hit, ret);
}

static int one_port(struct vm *vm)
{
	int reason = vm_run(vm);

	return reason == KVM_EXIT_IO ? 0 : reason | 0x1000;
}

static int one_mmio(struct vm *vm)
{
	int reason = vm_run(vm);

	return reason == KVM_EXIT_MMIO ? 0 : reason | 0x1000;
}

static enum bench_outcome run_exit(struct limits *l, const uint8_t *code, double seconds,
                                   int (*one)(struct vm *), struct bench_result *ret)
{
	struct kvm_guest_debug off = {0};

	ioctl(l->vm.vcpu, KVM_SET_GUEST_DEBUG, &off);
	l->vm.run->immediate_exit = 1; /* completes what an earlier exit left pending */
	vm_run(&l->vm);
	l->vm.run->immediate_exit = 0;
	vm_start_at(&l->vm, address_of(code), true);
	return repeat(l, seconds, one, ret);
}

static enum bench_outcome run_port(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	(void)argument;
	return run_exit(ctx, code_port, seconds, one_port, ret);
}

static enum bench_outcome run_mmio(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	(void)argument;
	return run_exit(ctx, code_mmio, seconds, one_mmio, ret);
}

/* ---- kick: a signal and immediate_exit, from another thread, until KVM_RUN is back ------- */

static void on_signal(int sig)
{
	(void)sig;
}

static void *spin_in_guest(void *arg)
{
	struct runner *r = arg;

	for (;;) {
		int asked = ASKED;

		sem_wait(&r->go);
		if (!atomic_compare_exchange_strong(&r->state, &asked, RUNNING))
			continue;
		while (vm_run(&r->vm) != -EINTR)
			;
		atomic_store(&r->returned, bench_now());
		atomic_store(&r->state, IDLE);
		sem_post(&r->back);
	}
	return NULL;
}

static void load_code(struct vm *vm)
{
	vm_open(vm, MEMORY);
	memcpy(vm->mem + VM_CODE, code_begin, (size_t)(code_end - code_begin));
}

static bool start_runner(struct runner *r)
{
	if (r->started)
		return true;
	load_code(&r->vm);
	vm_start_at(&r->vm, address_of(code_loop), true);
	sem_init(&r->go, 0, 0);
	sem_init(&r->back, 0, 0);
	r->started = pthread_create(&r->thread, NULL, spin_in_guest, r) == 0;
	return r->started;
}

/* The only CPU for a thread; -1: any that this program was given. */
static void pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (cpu < 0 || i == cpu)
			CPU_SET(i, &set);
	pthread_setaffinity_np(thread, sizeof(set), &set);
}

static void let_run(struct runner *r, int count)
{
	for (int i = 0; i < count; i++) {
		r[i].vm.run->immediate_exit = 0;
		atomic_store(&r[i].state, ASKED);
		sem_post(&r[i].go);
	}
	usleep(KICK_RUN_US);
}

/* Microseconds until the last one is back. One that has not begun yet is told not to, as trapline does. */
static double kick_all(struct runner *r, int count)
{
	double start = bench_now(), last = start;
	bool kicked[MAX_RUNNERS];

	for (int i = 0; i < count; i++) {
		int asked = ASKED;

		kicked[i] = !atomic_compare_exchange_strong(&r[i].state, &asked, IDLE);
		if (!kicked[i])
			continue;
		__atomic_store_n(&r[i].vm.run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		pthread_kill(r[i].thread, SIGUSR1);
	}
	for (int i = 0; i < count; i++) {
		double at;

		if (!kicked[i])
			continue;
		sem_wait(&r[i].back);
		at = atomic_load(&r[i].returned);
		if (at > last)
			last = at;
	}
	return last - start;
}

/* argument: how many vcpus, and the CPU for their threads (-1: any) */
static enum bench_outcome run_kick(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	struct limits *l = ctx;
	double end, us[MAX_SAMPLES];
	unsigned n;
	int count, cpu;

	if (sscanf(argument, "%d %d", &count, &cpu) != 2 || count < 1 || count > MAX_RUNNERS)
		return bench_say(ret, BENCH_ERROR, "kick: COUNT CPU");
	for (int i = 0; i < count; i++) {
		if (!start_runner(&l->runner[i]))
			return bench_say(ret, BENCH_ERROR, "no thread");
		pin(l->runner[i].thread, cpu);
	}
	end = bench_now() + seconds * 1e6;
	for (n = 0; n < MAX_SAMPLES && bench_now() < end; n++) {
		let_run(l->runner, count);
		us[n] = kick_all(l->runner, count);
	}
	return bench_median(us, n, ret);
}

static enum bench_outcome run_memcpy(void *ctx, double seconds, const char *argument,
                                     struct bench_result *ret)
{
	static uint8_t from[1 << 20], to[1 << 20];
	double start, end;

	(void)ctx;
	(void)argument;
	bench_fill(from, sizeof(from));
	start = bench_now();
	end = start + seconds * 1e6;
	do {
		memcpy(to, from, sizeof(to));
		__asm__ volatile("" : : "r"(to) : "memory");
		ret->count += sizeof(to);
		ret->us = bench_now();
	} while (ret->us < end);
	ret->us -= start;
	return BENCH_OK;
}

/* ---- a snapshot's restore: so many pages, and one call for each part of the state ---- */

#define MSRS 256

struct state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_lapic_state lapic;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
	struct kvm_irqchip chip[3];
	struct kvm_pit_state2 pit;
	struct kvm_clock_data clock;
	union {
		uint8_t room[sizeof(struct kvm_msrs) + MSRS * sizeof(struct kvm_msr_entry)];
		struct kvm_msrs head;
	} msrs;
};

/* All that KVM names, the time-stamp counter among them. */
static void list_msrs(struct vm *vm, struct state *s)
{
	union {
		uint8_t room[sizeof(struct kvm_msr_list) + MSRS * sizeof(uint32_t)];
		struct kvm_msr_list head;
	} list = {.head.nmsrs = MSRS};

	if (ioctl(vm->kvm, KVM_GET_MSR_INDEX_LIST, &list) < 0)
		list.head.nmsrs = 0;
	s->msrs.head.nmsrs = list.head.nmsrs;
	for (uint32_t i = 0; i < list.head.nmsrs; i++)
		s->msrs.head.entries[i].index = list.head.indices[i];
}

/* The interrupt controllers' and timer's calls fail where this machine has none, and cost what they cost. */
static void state_calls(struct vm *vm, struct state *s, bool set)
{
	ioctl(vm->vcpu, set ? KVM_SET_REGS : KVM_GET_REGS, &s->regs);
	ioctl(vm->vcpu, set ? KVM_SET_SREGS : KVM_GET_SREGS, &s->sregs);
	ioctl(vm->vcpu, set ? KVM_SET_XSAVE : KVM_GET_XSAVE, &s->xsave);
	ioctl(vm->vcpu, set ? KVM_SET_XCRS : KVM_GET_XCRS, &s->xcrs);
	ioctl(vm->vcpu, set ? KVM_SET_MSRS : KVM_GET_MSRS, &s->msrs);
	ioctl(vm->vcpu, set ? KVM_SET_LAPIC : KVM_GET_LAPIC, &s->lapic);
	ioctl(vm->vcpu, set ? KVM_SET_DEBUGREGS : KVM_GET_DEBUGREGS, &s->debugregs);
	ioctl(vm->vcpu, set ? KVM_SET_VCPU_EVENTS : KVM_GET_VCPU_EVENTS, &s->events);
	ioctl(vm->vcpu, set ? KVM_SET_MP_STATE : KVM_GET_MP_STATE, &s->mp);
	for (uint32_t i = 0; i < 3; i++) {
		s->chip[i].chip_id = i;
		ioctl(vm->fd, set ? KVM_SET_IRQCHIP : KVM_GET_IRQCHIP, &s->chip[i]);
	}
	ioctl(vm->fd, set ? KVM_SET_PIT2 : KVM_GET_PIT2, &s->pit);
	s->clock.flags = 0;
	ioctl(vm->fd, set ? KVM_SET_CLOCK : KVM_GET_CLOCK, &s->clock);
}

/* argument: how many pages */
static enum bench_outcome run_restore(void *ctx, double seconds, const char *argument,
                                      struct bench_result *ret)
{
	static struct state state;
	struct limits *l = ctx;
	size_t size = (size_t)atoi(argument) * 4096;
	uint8_t *from = malloc(size);
	double end, us[MAX_SAMPLES];
	unsigned n;

	if (from == NULL || size == 0 || size > MEMORY / 2) {
		free(from);
		return bench_say(ret, BENCH_ERROR, "restore: PAGES");
	}
	bench_fill(from, size);
	list_msrs(&l->vm, &state);
	state_calls(&l->vm, &state, false);
	end = bench_now() + seconds * 1e6;
	for (n = 0; n < MAX_SAMPLES && (n == 0 || bench_now() < end); n++) {
		double start = bench_now();

		for (size_t at = 0; at < size; at += 4096)
			memcpy(l->vm.mem + MEMORY / 2 + at, from + at, 4096);
		state_calls(&l->vm, &state, true);
		us[n] = bench_now() - start;
	}
	free(from);
	return bench_median(us, n, ret);
}

/* argument: bytes in hexadecimal. Looks for a byte that is not there in memory that nobody has written. */
static enum bench_outcome run_scan(void *ctx, double seconds, const char *argument, struct bench_result *ret)
{
	size_t size = strtoull(argument, NULL, 16);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uint8_t *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	(void)ctx;
	(void)seconds;
	if (mem == MAP_FAILED)
		return bench_say(ret, BENCH_ERROR, "no memory to scan");
	ret->us = bench_now();
	if (memchr(mem, 't', size) == NULL)
		ret->count = (double)size;
	ret->us = bench_now() - ret->us;
	munmap(mem, size);
	return BENCH_OK;
}

int main(void)
{
	static const struct bench_order orders[] = {
		{"step", run_step}, {"hit", run_hit},       {"port", run_port}, {"mmio", run_mmio},
		{"kick", run_kick}, {"memcpy", run_memcpy},
		{"restore", run_restore}, {"scan", run_scan}, {NULL, NULL},
	};
	struct sigaction act = {.sa_handler = on_signal};
	static struct limits l;

	sigaction(SIGUSR1, &act, NULL);
	load_code(&l.vm);
	bench_serve(orders, &l);
	return 0;
}
