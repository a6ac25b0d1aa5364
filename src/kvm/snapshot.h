/* Snapshots on their way to and from a file. Everything parked; the machine's lock held, or no thread yet. */
#ifndef KVM_SNAPSHOT_H
#define KVM_SNAPSHOT_H

#include "kvm/machine.h"
#include "mem/snapfile.h"

/* The snapshot of that name, into the sink. -ENOENT; the sink's error; text with both. */
int kvm_snapshot_write(struct kvm_machine *m, const char *name, uint64_t bias,
                       const struct snapfile_sink *sink, struct error *err);

/*
 * The machine, not yet started, becomes what the file holds; kvm_machine_start() then takes no entry state.
 * -EINVAL with text: it is of another kind of machine.
 */
int kvm_snapshot_load(struct kvm_machine *m, const struct snapfile *file, struct error *err);

#endif
