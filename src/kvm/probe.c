#include "kvm/probe.h"

#include "kvm/probe_vm.h"
#include "kvm/clock.h"
#include "x86/debugreg.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* DR7: slot 0 enabled, for execution or for writes of four bytes (SDM 3B 17.2.4). */
#define DR7_EXEC0 (X86_DR7_BASE | 0x1)
#define DR7_WRITE0 (X86_DR7_BASE | 0x1 | 0xd0000)

#define CODE(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

/* nop; nop; ud2: a fault ends it in either ring. */
#define CODE_NOPS CODE(0x90, 0x90, 0x0f, 0x0b)
#define CODE_INT3 CODE(0xcc, 0x90, 0x0f, 0x0b)
/* mov [rbx], eax; nop; ud2 */
#define CODE_STORE CODE(0x89, 0x03, 0x90, 0x0f, 0x0b)
/* mov eax, [rbx]; nop; out 0xf5, al */
#define CODE_LOAD CODE(0x8b, 0x03, 0x90, 0xe6, PROBE_PORT_DONE)
/* pxor xmm0, xmm0; out 0xf5, al */
#define CODE_SSE CODE(0x66, 0x0f, 0xef, 0xc0, 0xe6, PROBE_PORT_DONE)
/* mov ecx, MSR_LSTAR; rdmsr; out 0xf5, al */
#define MSR_LSTAR 0xc0000082u
#define CODE_RDMSR CODE(0xb9, 0x82, 0x00, 0x00, 0xc0, 0x0f, 0x32, 0xe6, PROBE_PORT_DONE)
/* mov rax, dr0; nop; out 0xf5, al */
#define CODE_DR CODE(0x0f, 0x21, 0xc0, 0x90, 0xe6, PROBE_PORT_DONE)
/* mov eax, [rcx + 0x30] (local APIC version: KVM emulates it); nop; nop; out 0xf5, al */
#define CODE_LAPIC CODE(0x8b, 0x41, 0x30, 0x90, 0x90, 0xe6, PROBE_PORT_DONE)

/* Opens a vcpu with the code, arms it, runs it once. The exit reason or negative errno. */
static int experiment(struct kvm_probe_vm *vm, bool user, const uint8_t *code, size_t len, uint32_t control,
                      uint64_t dr0, uint64_t dr7, struct kvm_probe_cpu *cpu)
{
	int rc = kvm_probe_cpu_open(vm, user, code, len, cpu);

	if (rc < 0)
		return rc;
	if (control != 0 && kvm_probe_cpu_debug(cpu, control, dr0, dr7) < 0)
		rc = -EINVAL;
	else
		rc = kvm_probe_cpu_run(cpu);
	if (rc < 0)
		kvm_probe_cpu_close(cpu);
	return rc;
}

static bool runs(struct kvm_probe_vm *vm, bool user)
{
	struct kvm_probe_cpu cpu;
	bool ok;

	if (experiment(vm, user, CODE_NOPS, 0, 0, 0, &cpu) < 0)
		return false;
	ok = kvm_probe_cpu_wrote(&cpu, PROBE_PORT_TRAPPED);
	kvm_probe_cpu_close(&cpu);
	return ok;
}

/* A debug exit with exception 1 at pc and the wanted DR6 bit. */
static bool debug_exit(struct kvm_probe_vm *vm, bool user, const uint8_t *code, size_t len, uint32_t control,
                       uint64_t dr0, uint64_t dr7, uint64_t pc, uint64_t dr6)
{
	struct kvm_probe_cpu cpu;
	int rc = experiment(vm, user, code, len, control, dr0, dr7, &cpu);
	bool ok;

	if (rc < 0)
		return false;
	ok = rc == KVM_EXIT_DEBUG && cpu.run->debug.arch.exception == 1 && cpu.run->debug.arch.pc == pc &&
	     (cpu.run->debug.arch.dr6 & dr6);
	kvm_probe_cpu_close(&cpu);
	return ok;
}

static bool steps(struct kvm_probe_vm *vm, bool user)
{
	return debug_exit(vm, user, CODE_NOPS, KVM_GUESTDBG_SINGLESTEP, 0, 0, PROBE_CODE + 1, X86_DR6_BS);
}

static bool exec_breaks(struct kvm_probe_vm *vm, bool user)
{
	const uint64_t at = PROBE_CODE + 1;

	return debug_exit(vm, user, CODE_NOPS, KVM_GUESTDBG_USE_HW_BP, at, DR7_EXEC0, at, 1);
}

static bool data_breaks(struct kvm_probe_vm *vm, bool user)
{
	const uint64_t after = PROBE_CODE + 2;

	return debug_exit(vm, user, CODE_STORE, KVM_GUESTDBG_USE_HW_BP, PROBE_DATA, DR7_WRITE0, after, 1);
}

static uint64_t rip_of(struct kvm_probe_cpu *cpu)
{
	struct kvm_regs regs = {0};

	ioctl(cpu->fd, KVM_GET_REGS, &regs);
	return regs.rip;
}

/* What came of the int3 at PROBE_CODE, where the register says rip. */
static enum kvm_probe_int3 classify_int3(struct kvm_probe_cpu *cpu, int reason, uint64_t rip)
{
	if (reason == KVM_EXIT_DEBUG && cpu->run->debug.arch.exception == 3 &&
	    cpu->run->debug.arch.pc == PROBE_CODE)
		return KVM_INT3_DEBUG_EXIT;
	if (reason == KVM_EXIT_INTERNAL_ERROR &&
	    cpu->run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION && rip_of(cpu) == rip)
		return KVM_INT3_EMULATION_ERROR;
	return KVM_INT3_NONE;
}

static enum kvm_probe_int3 int3_of(struct kvm_probe_vm *vm, bool user)
{
	struct kvm_probe_cpu cpu;
	enum kvm_probe_int3 kind;
	int rc = experiment(vm, user, CODE_INT3, KVM_GUESTDBG_USE_SW_BP, 0, 0, &cpu);

	if (rc < 0)
		return KVM_INT3_NONE;
	kind = classify_int3(&cpu, rc, PROBE_CODE);
	kvm_probe_cpu_close(&cpu);
	return kind;
}

static enum kvm_probe_int3 int3_of_real_mode(struct kvm_probe_vm *vm)
{
	enum kvm_probe_int3 kind = KVM_INT3_NONE;
	struct kvm_probe_cpu cpu;
	int rc = kvm_probe_cpu_open(vm, false, CODE_INT3, &cpu);

	if (rc < 0)
		return KVM_INT3_NONE;
	if (kvm_probe_cpu_real(&cpu) == 0 && kvm_probe_cpu_debug(&cpu, KVM_GUESTDBG_USE_SW_BP, 0, 0) == 0) {
		rc = kvm_probe_cpu_run(&cpu);
		kind = rc < 0 ? KVM_INT3_NONE : classify_int3(&cpu, rc, 0);
	}
	kvm_probe_cpu_close(&cpu);
	return kind;
}

/*
 * Gives the #BP of an int3 back with RIP still at the int3, as the stub will. True when the handler's frame
 * then holds the address behind it, which is what the guest is owed (RSP-SEMANTICS 3.4).
 */
static bool int3_reinjects_at_pc(struct kvm_probe_vm *vm)
{
	struct kvm_vcpu_events events;
	struct kvm_probe_cpu cpu;
	struct kvm_regs regs = {0};
	bool ok = true;
	int rc = experiment(vm, false, CODE_INT3, KVM_GUESTDBG_USE_SW_BP, 0, 0, &cpu);

	if (rc < 0)
		return true;
	if (classify_int3(&cpu, rc, PROBE_CODE) != KVM_INT3_NONE &&
	    ioctl(cpu.fd, KVM_GET_VCPU_EVENTS, &events) == 0) {
		events.exception.injected = 1;
		events.exception.nr = 3;
		events.exception.has_error_code = 0;
		if (ioctl(cpu.fd, KVM_SET_VCPU_EVENTS, &events) == 0 && kvm_probe_cpu_run(&cpu) >= 0 &&
		    ioctl(cpu.fd, KVM_GET_REGS, &regs) == 0 && kvm_probe_cpu_wrote(&cpu, PROBE_PORT_TRAPPED))
			ok = regs.rax == PROBE_CODE + 1;
	}
	kvm_probe_cpu_close(&cpu);
	return ok;
}

static bool has_sse(struct kvm_probe_vm *vm)
{
	struct kvm_probe_cpu cpu;
	bool ok;

	if (experiment(vm, false, CODE_SSE, 0, 0, 0, &cpu) < 0)
		return false;
	ok = kvm_probe_cpu_wrote(&cpu, PROBE_PORT_DONE);
	kvm_probe_cpu_close(&cpu);
	return ok;
}

/* After a step over an instruction that KVM emulated: does the next run step again, unasked? */
static bool stays_armed(struct kvm_probe_vm *vm)
{
	struct kvm_probe_cpu cpu;
	bool ok;
	int rc = experiment(vm, false, CODE_LAPIC, KVM_GUESTDBG_SINGLESTEP, 0, 0, &cpu);

	if (rc < 0)
		return false;
	ok = rc == KVM_EXIT_DEBUG && cpu.run->debug.arch.pc == PROBE_CODE + 3;
	for (unsigned i = 4; ok && i <= 5; i++)
		ok = kvm_probe_cpu_run(&cpu) == KVM_EXIT_DEBUG && cpu.run->debug.arch.pc == PROBE_CODE + i;
	kvm_probe_cpu_close(&cpu);
	return ok;
}

/* After a step over an instruction that KVM emulated and no more steps: does its trap come again? */
static bool leaves_trap(struct kvm_probe_vm *vm)
{
	struct kvm_probe_cpu cpu;
	bool yes = false;
	int rc = experiment(vm, false, CODE_DR, KVM_GUESTDBG_SINGLESTEP, 0, 0, &cpu);

	if (rc < 0)
		return false;
	if (rc == KVM_EXIT_DEBUG && cpu.run->debug.arch.pc == PROBE_CODE + 3 &&
	    kvm_probe_cpu_debug(&cpu, 0, 0, 0) == 0)
		yes = kvm_probe_cpu_run(&cpu) >= 0 && kvm_probe_cpu_wrote(&cpu, PROBE_PORT_TRAPPED);
	kvm_probe_cpu_close(&cpu);
	return yes;
}

static bool moves_tsc(struct kvm_probe_vm *vm)
{
	struct kvm_probe_cpu cpu;
	bool yes;

	if (kvm_probe_cpu_open(vm, false, CODE_NOPS, &cpu) < 0)
		return false;
	yes = kvm_clock_probe_tsc(cpu.fd);
	kvm_probe_cpu_close(&cpu);
	return yes;
}

/* The exit of a 4-byte access to PROBE_DATA. */
static bool came_out(const struct kvm_probe_cpu *cpu, int rc, bool write)
{
	const struct kvm_run *run = cpu->run;

	return rc == KVM_EXIT_MMIO && run->mmio.phys_addr == PROBE_DATA && run->mmio.len == 4 &&
	       run->mmio.is_write == write;
}

static bool store_comes_out(struct kvm_probe_vm *vm)
{
	struct kvm_probe_cpu cpu;
	bool ok;
	int rc = experiment(vm, false, CODE_STORE, 0, 0, 0, &cpu);

	if (rc < 0)
		return false;
	ok = came_out(&cpu, rc, true) && kvm_probe_cpu_run(&cpu) >= 0 &&
	     kvm_probe_cpu_wrote(&cpu, PROBE_PORT_TRAPPED);
	kvm_probe_cpu_close(&cpu);
	return ok;
}

static bool load_comes_out(struct kvm_probe_vm *vm)
{
	struct kvm_probe_cpu cpu;
	bool ok;
	int rc = experiment(vm, false, CODE_LOAD, 0, 0, 0, &cpu);

	if (rc < 0)
		return false;
	ok = came_out(&cpu, rc, false);
	memset(cpu.run->mmio.data, 0x5a, 4);
	ok = ok && kvm_probe_cpu_run(&cpu) >= 0 && kvm_probe_cpu_wrote(&cpu, PROBE_PORT_DONE) &&
	     ((const uint8_t *)cpu.run)[cpu.run->io.data_offset] == 0x5a;
	kvm_probe_cpu_close(&cpu);
	return ok;
}

/* Stores to a read-only slot and loads where there is no slot come out, and go on. Last: it cuts the RAM. */
static bool protects(struct kvm_probe_vm *vm)
{
	bool ok = kvm_probe_vm_data_page(vm, KVM_PROBE_PAGE_READONLY) && store_comes_out(vm) &&
	          kvm_probe_vm_data_page(vm, KVM_PROBE_PAGE_HOLE) && load_comes_out(vm);

	return kvm_probe_vm_data_page(vm, KVM_PROBE_PAGE_RAM) && ok;
}

static void probe_ring(struct kvm_probe_vm *vm, bool user, struct kvm_probe_ring *ret)
{
	ret->runs = runs(vm, user);
	if (!ret->runs)
		return;
	ret->step = steps(vm, user);
	ret->exec_dr = exec_breaks(vm, user);
	ret->data_dr = data_breaks(vm, user);
	ret->int3 = int3_of(vm, user);
}

/* The filter stays: what comes after this in the VM must not use the MSR. */
static bool msrs_come_out(struct kvm_probe_vm *vm)
{
	static uint8_t denied;
	struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = {KVM_MSR_EXIT_REASON_FILTER}};
	struct kvm_msr_filter filter = {.ranges[0] = {.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
	                                              .base = MSR_LSTAR, .nmsrs = 1, .bitmap = &denied}};
	struct kvm_probe_cpu cpu;
	int rc;

	if (ioctl(vm->vm_fd, KVM_ENABLE_CAP, &cap) < 0 ||
	    ioctl(vm->vm_fd, KVM_X86_SET_MSR_FILTER, &filter) < 0)
		return false;
	rc = experiment(vm, false, CODE_RDMSR, 0, 0, 0, &cpu);
	if (rc < 0)
		return false;
	kvm_probe_cpu_close(&cpu);
	return rc == KVM_EXIT_X86_RDMSR;
}

static int extension(int kvm_fd, long cap)
{
	int rc = ioctl(kvm_fd, KVM_CHECK_EXTENSION, cap);

	return rc < 0 ? 0 : rc;
}

static void probe_extensions(int kvm_fd, struct kvm_probe *p)
{
	int sync = extension(kvm_fd, KVM_CAP_SYNC_REGS), wanted = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;

	p->api_version = ioctl(kvm_fd, KVM_GET_API_VERSION, 0);
	p->max_vcpus = (unsigned)extension(kvm_fd, KVM_CAP_MAX_VCPUS);
	if (p->max_vcpus == 0)
		p->max_vcpus = (unsigned)extension(kvm_fd, KVM_CAP_NR_VCPUS);
	p->irqchip = extension(kvm_fd, KVM_CAP_IRQCHIP) > 0;
	p->sync_regs = (sync & wanted) == wanted;
	p->immediate_exit = extension(kvm_fd, KVM_CAP_IMMEDIATE_EXIT) > 0;
	p->guest_debug = extension(kvm_fd, KVM_CAP_SET_GUEST_DEBUG) > 0;
	p->block_irq = extension(kvm_fd, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ;
	p->emulation_failure_exit = extension(kvm_fd, KVM_CAP_EXIT_ON_EMULATION_FAILURE) > 0;
}

static uint32_t tsc_rate(struct kvm_probe_vm *vm)
{
	static const uint8_t hlt[] = {0xf4};
	struct kvm_probe_cpu cpu;
	int khz;

	if (kvm_probe_cpu_open(vm, false, hlt, sizeof(hlt), &cpu) < 0)
		return 0;
	khz = ioctl(cpu.fd, KVM_GET_TSC_KHZ, 0);
	kvm_probe_cpu_close(&cpu);
	return khz > 0 ? (uint32_t)khz : 0;
}

static struct debug_caps derive(const struct kvm_probe *p)
{
	const struct kvm_probe_ring *k = &p->kernel, *u = &p->user;

	return (struct debug_caps){
		.step = k->step,
		.block_irq = p->block_irq,
		.int3 = k->int3 != KVM_INT3_NONE,
		.int3_real = p->int3_real != KVM_INT3_NONE,
		.exec_dr = k->exec_dr,
		/* One register serves both rings: where those of ring 3 do not fire, pages are watched. */
		.data_dr = k->data_dr && (u->data_dr || !u->runs),
		.protect = p->watched_pages,
		.msr_exit = p->msrs,
		.int3_user = u->int3 != KVM_INT3_NONE,
		.exec_user = u->exec_dr,
		.step_user = u->step,
	};
}

int kvm_probe_run(struct kvm_probe *ret, struct error *err)
{
	struct timespec before, after;
	struct kvm_probe p = {0};
	struct kvm_probe_vm vm;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &before);
	rc = kvm_probe_vm_open(&vm, err);
	if (rc == 0) {
		probe_extensions(vm.kvm_fd, &p);
		probe_ring(&vm, false, &p.kernel);
		probe_ring(&vm, true, &p.user);
		p.int3_real = int3_of_real_mode(&vm);
		p.sse = has_sse(&vm);
		p.tsc_offset = moves_tsc(&vm);
		p.int3_reinject_at_pc = int3_reinjects_at_pc(&vm);
		p.step_leaves_trap = p.kernel.step && leaves_trap(&vm);
		p.step_stays_armed = p.kernel.step && stays_armed(&vm);
		p.tsc_khz = tsc_rate(&vm);
		p.watched_pages = protects(&vm);
		p.msrs = msrs_come_out(&vm);
		p.caps = derive(&p);
		clock_gettime(CLOCK_MONOTONIC, &after);
		p.micros = (unsigned)((after.tv_sec - before.tv_sec) * 1000000 +
		                      (after.tv_nsec - before.tv_nsec) / 1000);
		*ret = p;
	}
	kvm_probe_vm_close(&vm);
	return rc;
}

/*
 * int3_reinject_at_pc stays false: with no debugger a #BP comes here only from a KVM that could not emulate
 * the int3. KVM then pushes the RIP that is there, and the guest is owed the one behind (RSP-SEMANTICS 3.4).
 */
int kvm_probe_ask(struct kvm_probe *ret, struct error *err)
{
	struct kvm_probe p = {0};
	int fd = kvm_probe_open_device(err);

	if (fd < 0)
		return fd;
	probe_extensions(fd, &p);
	close(fd);
	*ret = p;
	return 0;
}
