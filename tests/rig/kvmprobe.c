/*
 * What the KVM of a lane does with an int3 in a guest: the least that shows whether the rig found the
 * hardware it promises. No more than the KVM API is used, so that a fault of trapline cannot hide here.
 *
 * Prints one line and exits 0 when KVM answers; the line is compared by the test.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAGE 4096
#define CODE 0x1000

/* int3; hlt */
static const unsigned char code[] = { 0xcc, 0xf4 };

static int die(const char *what)
{
	perror(what);
	return 1;
}

/* Real mode from 0. The interrupt table is zeros: vector 3, if it is delivered, leads to the hlt at 0. */
static int set_start(int vcpu)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rip = CODE, .rsp = CODE, .rflags = 2 };

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0)
		return -1;
	return ioctl(vcpu, KVM_SET_REGS, &regs);
}

static int make_vcpu(int kvm, struct kvm_run **run)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP };
	unsigned char *ram = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = { .memory_size = 2 * PAGE,
		.userspace_addr = (unsigned long)ram };
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), vcpu;

	if (vm < 0 || ram == MAP_FAILED)
		return -1;
	memcpy(ram + CODE, code, sizeof(code));
	ram[0] = 0xf4;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return -1;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || set_start(vcpu) < 0 || ioctl(vcpu, KVM_SET_GUEST_DEBUG, &debug) < 0)
		return -1;
	*run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED,
		vcpu, 0);
	return *run == MAP_FAILED ? -1 : vcpu;
}

int main(void)
{
	struct kvm_run *run;
	struct kvm_regs regs;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vcpu;

	if (kvm < 0)
		return die("/dev/kvm");
	vcpu = make_vcpu(kvm, &run);
	if (vcpu < 0)
		return die("vcpu");
	if (ioctl(vcpu, KVM_RUN, 0) < 0 || ioctl(vcpu, KVM_GET_REGS, &regs) < 0)
		return die("KVM_RUN");
	printf("api %d exit %u exception %d rip %#llx\n", ioctl(kvm, KVM_GET_API_VERSION, 0),
		run->exit_reason, run->exit_reason == KVM_EXIT_DEBUG ? (int)run->debug.arch.exception : -1,
		(unsigned long long)regs.rip);
	return 0;
}
