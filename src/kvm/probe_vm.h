/*
 * The throw-away VM of the probe: 2 MiB of RAM, long mode, one vcpu per experiment, every vector of the IDT
 * led to a port write. Private to src/kvm.
 */
#ifndef KVM_PROBE_VM_H
#define KVM_PROBE_VM_H

#include "base/error.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_CODE 0x10000u      /* where the experiment's instructions lie */
#define PROBE_DATA 0x20000u      /* a page for it to write */
#define PROBE_HANDLER 0x30000u   /* what every vector runs: rax = saved rip, then a port write */
#define PROBE_PORT_TRAPPED 0xf4  /* written by the handler */
#define PROBE_PORT_DONE 0xf5     /* written by the experiment's own last instruction */
#define PROBE_LAPIC 0xfee00000u  /* mapped, emulated by KVM */

struct kvm_probe_vm {
	int kvm_fd, vm_fd;
	uint8_t *ram;
	size_t run_size;
	int next_vcpu;
};

struct kvm_probe_cpu {
	int fd;
	struct kvm_run *run;
	size_t run_size;
};

/* /dev/kvm, or as kvm_probe_run() fails. The descriptor is the caller's. */
int kvm_probe_open_device(struct error *err);

/* Opens /dev/kvm and builds the VM. kvm_probe_vm_close() takes half-built ones. */
int kvm_probe_vm_open(struct kvm_probe_vm *vm, struct error *err);
void kvm_probe_vm_close(struct kvm_probe_vm *vm);

/* A new vcpu in ring 0 or 3, rip at PROBE_CODE, which holds the len bytes. 0 or negative errno. */
int kvm_probe_cpu_open(struct kvm_probe_vm *vm, bool user, const uint8_t *code, size_t len,
                       struct kvm_probe_cpu *ret);
void kvm_probe_cpu_close(struct kvm_probe_cpu *cpu);

/* Puts it into real mode, at the same code. 0 or negative errno. */
int kvm_probe_cpu_real(struct kvm_probe_cpu *cpu);

/* KVM_SET_GUEST_DEBUG with one slot: dr7 as given (0: none). */
int kvm_probe_cpu_debug(struct kvm_probe_cpu *cpu, uint32_t control, uint64_t dr0, uint64_t dr7);

/* One KVM_RUN, at most a second. The exit reason, or negative errno. */
int kvm_probe_cpu_run(struct kvm_probe_cpu *cpu);

/* Makes the page PROBE_DATA a read-only slot, or no slot at all, or (undo) RAM again. False: refused. */
enum kvm_probe_page { KVM_PROBE_PAGE_RAM, KVM_PROBE_PAGE_READONLY, KVM_PROBE_PAGE_HOLE };
bool kvm_probe_vm_data_page(struct kvm_probe_vm *vm, enum kvm_probe_page how);

/* True when the last exit is a write to that port. */
bool kvm_probe_cpu_wrote(const struct kvm_probe_cpu *cpu, unsigned port);

#endif
