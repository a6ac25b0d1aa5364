#include "kvm/probe_vm.h"

#include "base/bytes.h"
#include "x86/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_SIZE 0x200000u
#define GDT 0x1000u
#define IDT 0x2000u
#define TSS 0x3000u
#define PML4 0x4000u
#define PDPT 0x5000u
#define PD_LOW 0x6000u
#define PD_HIGH 0x7000u
#define STACK_USER 0x40000u
#define STACK_KERNEL 0x50000u
#define PROBE_REAL 0x100u       /* where the real-mode handler lies, behind the other */
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_USER_DATA 0x1b
#define SEL_USER_CODE 0x23
#define SEL_TSS 0x28

#define PTE_TABLE 0x07u         /* present, writable, user */
#define PTE_LARGE 0x87u

static void put64(struct kvm_probe_vm *vm, uint32_t gpa, uint64_t value)
{
	bytes_put_le64(vm->ram + gpa, value);
}

static void write_tables(struct kvm_probe_vm *vm)
{
	/* mov rax, [rsp]; out 0xf4, al: what a trapped experiment ends in. */
	static const uint8_t handler[] = {0x48, 0x8b, 0x04, 0x24, 0xe6, PROBE_PORT_TRAPPED};

	memcpy(vm->ram + PROBE_HANDLER, handler, sizeof(handler));
	put64(vm, PML4, PDPT | PTE_TABLE);
	put64(vm, PDPT, PD_LOW | PTE_TABLE);
	put64(vm, PDPT + 3 * 8, PD_HIGH | PTE_TABLE);
	put64(vm, PD_LOW, PTE_LARGE);
	put64(vm, PD_HIGH + ((PROBE_LAPIC >> 21) & 511) * 8, PROBE_LAPIC | PTE_LARGE);
	/* Flat 64-bit code and data for both rings, and a busy TSS (SDM 3A 3.4.5, 8.2.3). */
	put64(vm, GDT + SEL_CODE, 0x00af9b000000ffffull);
	put64(vm, GDT + SEL_DATA, 0x00cf93000000ffffull);
	put64(vm, GDT + (SEL_USER_DATA & ~3u), 0x00cff3000000ffffull);
	put64(vm, GDT + (SEL_USER_CODE & ~3u), 0x00affb000000ffffull);
	put64(vm, GDT + SEL_TSS, 0x00008b0000000067ull | (uint64_t)TSS << 16);
	put64(vm, TSS + 4, STACK_KERNEL);
	/* The real-mode vectors: out 0xf4, al (SDM 3B 21.1.4). */
	memcpy(vm->ram + PROBE_HANDLER + PROBE_REAL, handler + 4, 2);
	for (uint32_t i = 0; i < 32; i++)
		bytes_put_le32(vm->ram + i * 4, (PROBE_HANDLER >> 4) << 16 | PROBE_REAL);
	/* 64-bit interrupt gates, callable from ring 3 too. */
	for (uint32_t i = 0; i < 32; i++)
		put64(vm, IDT + i * 16, (PROBE_HANDLER & 0xffffu) | (uint64_t)SEL_CODE << 16 |
		                                0xee00ull << 32 | (uint64_t)(PROBE_HANDLER >> 16) << 48);
}

static int failed(struct error *err, const char *what)
{
	int code = errno;

	return error_set(err, code, "%s: %s", what, strerror(code));
}

int kvm_probe_open_device(struct error *err)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return error_set(err, ENOENT,
		                 "there is no /dev/kvm: load the module (sudo modprobe kvm_intel, or "
		                 "kvm_amd), and switch virtualisation on in the firmware or, in a virtual "
		                 "machine, nested virtualisation in its host");
	if (errno == EACCES || errno == EPERM)
		return error_set(err, EACCES,
		                 "no permission to open /dev/kvm: sudo usermod -aG kvm \"$USER\", "
		                 "then log in again");
	return failed(err, "cannot open /dev/kvm");
}

int kvm_probe_vm_open(struct kvm_probe_vm *vm, struct error *err)
{
	struct kvm_userspace_memory_region slot = {.memory_size = RAM_SIZE};
	struct kvm_enable_cap cap = {.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = {1}};
	uint64_t identity = 0xfffbc000;
	int size;

	*vm = (struct kvm_probe_vm){.kvm_fd = -1, .vm_fd = -1};
	vm->kvm_fd = kvm_probe_open_device(err);
	if (vm->kvm_fd < 0)
		return vm->kvm_fd;
	size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		return error_set(err, ENODEV, "/dev/kvm does not answer as KVM does");
	vm->run_size = (size_t)size;
	vm->vm_fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
	if (vm->vm_fd < 0)
		return failed(err, "KVM cannot create a virtual machine");
	vm->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->ram == MAP_FAILED) {
		vm->ram = NULL;
		return failed(err, "no memory for the probe");
	}
	slot.userspace_addr = (uintptr_t)vm->ram;
	ioctl(vm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	ioctl(vm->vm_fd, KVM_SET_TSS_ADDR, 0xfffbd000);
	if (ioctl(vm->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0 ||
	    ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return failed(err, "KVM cannot build the probe's machine");
	ioctl(vm->vm_fd, KVM_ENABLE_CAP, &cap); /* optional: older kernels lack it */
	write_tables(vm);
	return 0;
}

void kvm_probe_vm_close(struct kvm_probe_vm *vm)
{
	if (vm->vm_fd >= 0)
		close(vm->vm_fd);
	if (vm->kvm_fd >= 0)
		close(vm->kvm_fd);
	if (vm->ram != NULL)
		munmap(vm->ram, RAM_SIZE);
}

static struct kvm_segment flat(uint16_t selector, bool code)
{
	return (struct kvm_segment){.limit = 0xffffffff, .selector = selector, .type = code ? 0xb : 0x3,
	                            .present = 1, .dpl = selector & 3, .db = !code, .s = 1, .l = code,
	                            .g = 1};
}

static int set_registers(struct kvm_probe_cpu *cpu, bool user)
{
	struct kvm_regs regs = {.rip = PROBE_CODE, .rflags = X86_RFLAGS_FIXED, .rbx = PROBE_DATA,
	                        .rcx = PROBE_LAPIC, .rsp = user ? STACK_USER : STACK_KERNEL};
	struct kvm_sregs s;

	if (ioctl(cpu->fd, KVM_GET_SREGS, &s) < 0)
		return -errno;
	s.cs = flat(user ? SEL_USER_CODE : SEL_CODE, true);
	s.ss = s.ds = s.es = flat(user ? SEL_USER_DATA : SEL_DATA, false);
	s.tr = (struct kvm_segment){.base = TSS, .limit = 0x67, .selector = SEL_TSS, .type = 0xb,
	                            .present = 1};
	s.gdt = (struct kvm_dtable){.base = GDT, .limit = SEL_TSS + 15};
	s.idt = (struct kvm_dtable){.base = IDT, .limit = 32 * 16 - 1};
	s.cr3 = PML4;
	s.cr4 |= X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	s.cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_PG;
	s.efer |= X86_EFER_LME | X86_EFER_LMA;
	if (ioctl(cpu->fd, KVM_SET_SREGS, &s) < 0 || ioctl(cpu->fd, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

static int set_cpuid(struct kvm_probe_vm *vm, struct kvm_probe_cpu *cpu)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
	int rc = 0;

	if (cpuid == NULL)
		return -ENOMEM;
	cpuid->nent = 256;
	if (ioctl(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0 ||
	    ioctl(cpu->fd, KVM_SET_CPUID2, cpuid) < 0)
		rc = -errno;
	free(cpuid);
	return rc;
}

int kvm_probe_cpu_open(struct kvm_probe_vm *vm, bool user, const uint8_t *code, size_t len,
                       struct kvm_probe_cpu *ret)
{
	struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct kvm_probe_cpu cpu = {.run_size = vm->run_size};
	int rc;

	memset(vm->ram + PROBE_CODE, 0x90, 64);
	memcpy(vm->ram + PROBE_CODE, code, len);
	cpu.fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, vm->next_vcpu);
	if (cpu.fd < 0)
		return -errno;
	vm->next_vcpu++;
	cpu.run = mmap(NULL, cpu.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu.fd, 0);
	if (cpu.run == MAP_FAILED) {
		rc = -errno;
		close(cpu.fd);
		return rc;
	}
	rc = set_cpuid(vm, &cpu);
	if (rc == 0)
		rc = set_registers(&cpu, user);
	/* All but the first vcpu would wait for a SIPI. */
	if (rc == 0 && ioctl(cpu.fd, KVM_SET_MP_STATE, &runnable) < 0)
		rc = -errno;
	if (rc < 0) {
		kvm_probe_cpu_close(&cpu);
		return rc;
	}
	*ret = cpu;
	return 0;
}

void kvm_probe_cpu_close(struct kvm_probe_cpu *cpu)
{
	munmap(cpu->run, cpu->run_size);
	close(cpu->fd);
}

/* As after power-up (SDM 3A 9.1.4), but for where the code and the stack are. */
int kvm_probe_cpu_real(struct kvm_probe_cpu *cpu)
{
	struct kvm_regs regs = {.rflags = X86_RFLAGS_FIXED, .rsp = 0x8000};
	struct kvm_segment data = {.limit = 0xffff, .type = 0x3, .present = 1, .s = 1};
	struct kvm_sregs s;

	if (ioctl(cpu->fd, KVM_GET_SREGS, &s) < 0)
		return -errno;
	s.cs = (struct kvm_segment){.base = PROBE_CODE, .limit = 0xffff, .selector = PROBE_CODE >> 4,
	                            .type = 0xb, .present = 1, .s = 1};
	s.ss = s.ds = s.es = data;
	s.idt = (struct kvm_dtable){.limit = 0x3ff};
	s.cr0 = X86_CR0_ET;
	s.cr3 = s.cr4 = s.efer = 0;
	if (ioctl(cpu->fd, KVM_SET_SREGS, &s) < 0 || ioctl(cpu->fd, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

int kvm_probe_cpu_debug(struct kvm_probe_cpu *cpu, uint32_t control, uint64_t dr0, uint64_t dr7)
{
	struct kvm_guest_debug dbg = {.control = control | KVM_GUESTDBG_ENABLE};

	dbg.arch.debugreg[0] = dr0;
	dbg.arch.debugreg[7] = dr7;
	return ioctl(cpu->fd, KVM_SET_GUEST_DEBUG, &dbg) < 0 ? -errno : 0;
}

int kvm_probe_cpu_run(struct kvm_probe_cpu *cpu)
{
	/* Experiments are a handful of instructions that end in a port write or a fault; interruptions by
	 * stray signals are few. */
	for (int tries = 0; tries < 100; tries++) {
		if (ioctl(cpu->fd, KVM_RUN, 0) == 0)
			return (int)cpu->run->exit_reason;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return -EINTR;
}

bool kvm_probe_cpu_wrote(const struct kvm_probe_cpu *cpu, unsigned port)
{
	return cpu->run->exit_reason == KVM_EXIT_IO && cpu->run->io.direction == KVM_EXIT_IO_OUT &&
	       cpu->run->io.port == port;
}

static bool set_slot(struct kvm_probe_vm *vm, unsigned id, uint64_t gpa, uint64_t size, uint32_t flags)
{
	struct kvm_userspace_memory_region slot = {.slot = id, .flags = flags, .guest_phys_addr = gpa,
	                                           .memory_size = size,
	                                           .userspace_addr = (uintptr_t)vm->ram + gpa};

	return ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) == 0;
}

bool kvm_probe_vm_data_page(struct kvm_probe_vm *vm, enum kvm_probe_page how)
{
	const uint64_t page = 4096, behind = PROBE_DATA + page;

	/* Slots that are not there cannot be taken away: those calls fail, and nothing is lost. */
	for (unsigned id = 0; id < 3; id++)
		set_slot(vm, id, 0, 0, 0);
	if (how == KVM_PROBE_PAGE_RAM)
		return set_slot(vm, 0, 0, RAM_SIZE, 0);
	return set_slot(vm, 0, 0, PROBE_DATA, 0) && set_slot(vm, 1, behind, RAM_SIZE - behind, 0) &&
	       (how == KVM_PROBE_PAGE_HOLE || set_slot(vm, 2, PROBE_DATA, page, KVM_MEM_READONLY));
}
