#include "vm.h"

#include "serve.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define TABLES 0x20000u /* level 4, level 3, four of level 2 */
#define TSS_ADDR 0xfffbd000u
#define CPUID_ROWS 256

static int checked(int rc, const char *what)
{
	if (rc < 0)
		bench_die("%s: %s", what, strerror(errno));
	return rc;
}

static void add_memory(struct vm *vm, uint64_t size)
{
	struct kvm_userspace_memory_region slot = {.memory_size = size < 0xc0000000 ? size : 0xc0000000};

	vm->size = size;
	vm->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
	               0);
	if (vm->mem == MAP_FAILED)
		bench_die("no memory for the guest: %s", strerror(errno));
	slot.userspace_addr = (uintptr_t)vm->mem;
	checked(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
	if (size <= slot.memory_size)
		return;
	slot = (struct kvm_userspace_memory_region){.slot = 1, .guest_phys_addr = 1ull << 32,
		.memory_size = size - 0xc0000000, .userspace_addr = (uintptr_t)vm->mem + 0xc0000000};
	checked(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
}

static void set_cpuid(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_ROWS * sizeof(cpuid->entries[0]));

	if (cpuid == NULL)
		bench_die("no memory");
	cpuid->nent = CPUID_ROWS;
	checked(ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
	checked(ioctl(vm->vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	free(cpuid);
}

void vm_open(struct vm *vm, uint64_t size)
{
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	uint64_t identity = TSS_ADDR - 4096;
	int run_size;

	vm->kvm = checked(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	run_size = checked(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	vm->fd = checked(ioctl(vm->kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	checked(ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity), "KVM_SET_IDENTITY_MAP_ADDR");
	checked(ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR), "KVM_SET_TSS_ADDR");
	checked(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	checked(ioctl(vm->fd, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	add_memory(vm, size);
	vm->vcpu = checked(ioctl(vm->fd, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	vm->run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		bench_die("mmap of a vcpu: %s", strerror(errno));
	set_cpuid(vm);
}

static void put64(struct vm *vm, uint64_t at, uint64_t value)
{
	memcpy(vm->mem + at, &value, sizeof(value));
}

/* 4 GiB mapped to itself by 2 MiB pages (SDM 3A 4.5.4: present, writable, page size). */
static void map_low(struct vm *vm)
{
	put64(vm, TABLES, (TABLES + 0x1000) | 3);
	for (uint64_t i = 0; i < 4; i++)
		put64(vm, TABLES + 0x1000 + 8 * i, (TABLES + 0x2000 + 0x1000 * i) | 3);
	for (uint64_t i = 0; i < 2048; i++)
		put64(vm, TABLES + 0x2000 + 8 * i, i << 21 | 0x83);
}

void vm_start_at(struct vm *vm, uint64_t rip, bool sync_regs)
{
	struct kvm_segment code = {.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1,
	                           .l = 1, .g = 1};
	struct kvm_segment data = {.limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .s = 1,
	                           .db = 1, .g = 1};
	struct kvm_regs regs = {.rip = rip, .rsp = TABLES - 8, .rflags = 2};
	struct kvm_sregs sregs;

	map_low(vm);
	checked(ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 = 0x80010033;
	sregs.cr3 = TABLES;
	sregs.cr4 = 0x620;
	sregs.efer = 0x500;
	checked(ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	checked(ioctl(vm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	if (sync_regs && ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS) > 0)
		vm->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

uint64_t vm_load(struct vm *vm, const char *path)
{
	static uint8_t file[1 << 20];
	int fd = checked(open(path, O_RDONLY | O_CLOEXEC), path);
	ssize_t len = checked((int)read(fd, file, sizeof(file)), path);
	Elf64_Ehdr head;
	Elf64_Phdr ph;

	close(fd);
	memcpy(&head, file, sizeof(head));
	for (unsigned i = 0; i < head.e_phnum; i++) {
		memcpy(&ph, file + head.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_LOAD)
			continue;
		if (ph.p_offset + ph.p_filesz > (uint64_t)len || ph.p_paddr + ph.p_memsz > vm->size)
			bench_die("%s does not fit", path);
		memcpy(vm->mem + ph.p_paddr, file + ph.p_offset, ph.p_filesz);
	}
	return head.e_entry;
}

int vm_run(struct vm *vm)
{
	return ioctl(vm->vcpu, KVM_RUN, 0) < 0 ? -errno : (int)vm->run->exit_reason;
}

void vm_debug(struct vm *vm, bool step, uint64_t addr)
{
	struct kvm_guest_debug d = {.control = KVM_GUESTDBG_ENABLE};

	if (step)
		d.control |= KVM_GUESTDBG_SINGLESTEP;
	if (addr != 0) {
		d.control |= KVM_GUESTDBG_USE_HW_BP;
		d.arch.debugreg[0] = addr;
		d.arch.debugreg[7] = 0x402; /* G0, execute, one byte; bit 10 is always 1 */
	}
	checked(ioctl(vm->vcpu, KVM_SET_GUEST_DEBUG, &d), "KVM_SET_GUEST_DEBUG");
}
