/*
 * The least that runs 64-bit code on KVM: one vcpu, flat memory mapped to itself, no device. It makes the
 * same KVM calls as trapline makes for a machine, so that its time is the part of a start that KVM takes.
 */
#ifndef BENCH_VM_H
#define BENCH_VM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#define VM_CODE 0x100000u

struct vm {
	int kvm, fd, vcpu;
	uint8_t *mem;
	uint64_t size;
	struct kvm_run *run;
};

/* All of these end the program with a message when KVM refuses. */
void vm_open(struct vm *vm, uint64_t size);
/* Long mode at rip, interrupts off, all other registers 0; registers come with each exit where KVM can. */
void vm_start_at(struct vm *vm, uint64_t rip, bool sync_regs);
/* The segments of an ELF64 file at their physical addresses; the entry point. */
uint64_t vm_load(struct vm *vm, const char *path);

/* KVM_RUN: the exit reason, or negative errno. */
int vm_run(struct vm *vm);
/* debugreg 0 at addr (when not 0), single-step. */
void vm_debug(struct vm *vm, bool step, uint64_t addr);

#endif
