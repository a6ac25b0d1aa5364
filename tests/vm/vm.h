/*
 * A whole machine with its stub in one process and no socket: guest memory, devices, KVM, session and
 * protocol engine. A test gives packets and gets replies.
 *
 * One thread uses a vm. Every call that waits has the limit of vm_config.limit_s; it then returns NULL (or
 * -ETIMEDOUT), and the machine is in no state to go on with.
 */
#ifndef TESTS_VM_H
#define TESTS_VM_H

#include "base/error.h"
#include "boot/loader.h"
#include "debug/target.h"
#include "kvm/probe.h"
#include "mem/guest_mem.h"
#include "x86/regs.h"

#define VM_RAM (16u << 20)

struct vm_config {
	const struct boot_image *image;
	unsigned cpus;
	const char *entry;            /* the symbol to start at; NULL: where the image starts */
	const struct kvm_probe *probe;
	unsigned limit_s;
	bool trace;                   /* prints every event of a vcpu, and what was made of it */
};

struct vm;

/* Loads the image, starts the machine stopped, connects, and asks for no acknowledgements. */
int vm_new(const struct vm_config *cfg, struct vm **ret, struct error *err);
void vm_free(struct vm *vm);

/* Sends the packet and waits for its reply: body without frame, runs expanded. Until the next call. */
const char *vm_packet(struct vm *vm, const char *body);
/* The two halves: for packets whose reply is to come later. */
void vm_send(struct vm *vm, const char *body);
const char *vm_reply(struct vm *vm);
/* The stop in the next notification (non-stop). */
const char *vm_notice(struct vm *vm);
/* ctrl-C between packets. */
void vm_interrupt(struct vm *vm);

/* The event that made the machine stop last; NULL when that was no event of a vcpu. */
const struct debug_event *vm_event(const struct vm *vm);

/* What the stub wrote to the debugger's console, and the guest to its own, so far. */
const char *vm_console(const struct vm *vm);
const char *vm_output(struct vm *vm);

/* After D: closes the connection and waits for the guest's own end. Its status, or negative errno. */
int vm_leave(struct vm *vm);
/* Closes the connection without a word. */
void vm_vanish(struct vm *vm);
/* A new connection to the same machine. */
void vm_connect(struct vm *vm);

/* Waits until the 8 bytes at a guest-physical address are at least value. 0 or -ETIMEDOUT. */
int vm_await(struct vm *vm, uint64_t gpa, uint64_t value);

/* Waits until the vcpu's thread sleeps: in a HLT, when it was running. 0 or -ETIMEDOUT. */
int vm_await_sleep(struct vm *vm, unsigned cpu);

struct guest_mem *vm_mem(struct vm *vm);
const struct x86_regs *vm_regs(const struct vm *vm);

#endif
