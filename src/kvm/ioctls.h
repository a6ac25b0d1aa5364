/* The KVM requests that are made once guests run: what a filter of system calls must leave (cli/sandbox). */
#ifndef KVM_IOCTLS_H
#define KVM_IOCTLS_H

#include <stdbool.h>
#include <stddef.h>

struct kvm_ioctl_row {
	unsigned long request;
	bool vcpu_only;        /* made by vcpus' threads alone */
};

extern const struct kvm_ioctl_row kvm_ioctls[];
extern const size_t kvm_ioctls_count;

#endif
