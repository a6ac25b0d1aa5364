/* Parts of a vcpu's state that are more than one struct with two calls; rows of parts.c. Private. */
#ifndef KVM_PARTS_VCPU_H
#define KVM_PARTS_VCPU_H

#include "kvm/internal.h"

#define KVM_PART_MSRS_MAX 512u
#define KVM_PART_MSRS_SIZE (KVM_PART_MSRS_MAX * 16u)
#define KVM_PART_SREGS_SIZE 320u
#define KVM_PART_TSC_SIZE (8u * DEBUG_MAX_VCPUS)
#define KVM_PART_STUB_SIZE 48u

/* Before any part: the vcpu is no longer debugged, so that its flags are its own. */
int kvm_part_begin_vcpu(struct kvm_vcpu *v);

/* Save: length, or negative errno. Restore: 0 or negative errno, -EINVAL for bytes that cannot be. */
typedef int kvm_part_save(struct kvm_machine *m, struct kvm_vcpu *v, void *buf);
typedef int kvm_part_restore(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len);

/* All vcpus' counters together: they stay in step. */
kvm_part_save kvm_part_save_tsc;
kvm_part_restore kvm_part_restore_tsc;

kvm_part_save kvm_part_save_sregs, kvm_part_save_regs, kvm_part_save_msrs, kvm_part_save_stub;
kvm_part_restore kvm_part_restore_sregs, kvm_part_restore_regs, kvm_part_restore_msrs, kvm_part_restore_stub;

#endif
