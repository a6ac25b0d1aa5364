#include "kvm/ioctls.h"

#include <linux/kvm.h>

const struct kvm_ioctl_row kvm_ioctls[] = {
	{KVM_RUN, true},
	{KVM_IRQ_LINE, false}, {KVM_CHECK_EXTENSION, false}, {KVM_SET_GUEST_DEBUG, false},
	/* The state of a vcpu. */
	{KVM_GET_REGS, false}, {KVM_SET_REGS, false}, {KVM_GET_SREGS, false}, {KVM_SET_SREGS, false},
	{KVM_GET_XSAVE, false}, {KVM_SET_XSAVE, false}, {KVM_GET_XCRS, false}, {KVM_SET_XCRS, false},
	{KVM_GET_DEBUGREGS, false}, {KVM_SET_DEBUGREGS, false}, {KVM_GET_VCPU_EVENTS, false},
	{KVM_SET_VCPU_EVENTS, false}, {KVM_GET_MP_STATE, false}, {KVM_SET_MP_STATE, false},
	{KVM_GET_MSRS, false}, {KVM_SET_MSRS, false}, {KVM_GET_LAPIC, false}, {KVM_SET_LAPIC, false},
	/* Guest time: held while everything is stopped. */
	{KVM_GET_CLOCK, false}, {KVM_SET_CLOCK, false}, {KVM_GET_DEVICE_ATTR, false},
	{KVM_SET_DEVICE_ATTR, false}, {KVM_GET_PIT2, false},
	/* Accesses to MSRs that the debugger catches. */
	{KVM_X86_SET_MSR_FILTER, false},
	/* Reset puts back what interrupt controllers and timer were like. */
	{KVM_SET_IRQCHIP, false}, {KVM_SET_PIT2, false},
	/* Snapshots: the whole state, and which pages have changed. */
	{KVM_GET_IRQCHIP, false}, {KVM_GET_SREGS2, false}, {KVM_SET_SREGS2, false},
	{KVM_SET_USER_MEMORY_REGION, false}, {KVM_GET_DIRTY_LOG, false},
};

const size_t kvm_ioctls_count = sizeof(kvm_ioctls) / sizeof(kvm_ioctls[0]);
