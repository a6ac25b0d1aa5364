/*
 * The state of a machine as one list of parts, each with a name, a size, and how it is saved and restored.
 * Snapshots are all of them, a reset is those that a reset puts back. Memory is not among them.
 * Private to the layer. Everything parked, lock held.
 */
#ifndef KVM_PARTS_H
#define KVM_PARTS_H

#include "base/record.h"
#include "kvm/internal.h"

enum kvm_parts { KVM_PARTS_RESET, KVM_PARTS_ALL };

/* Adds a record for each part. Negative errno with text. */
int kvm_parts_save(struct kvm_machine *m, enum kvm_parts which, struct records *ret, struct error *err);

/*
 * All records are looked at before any is used. -EINVAL with text, nothing changed: they are of another kind
 * of machine. Other errors leave the machine half restored.
 */
int kvm_parts_restore(struct kvm_machine *m, enum kvm_parts which, const uint8_t *bytes, size_t len,
                      struct error *err);

#endif
