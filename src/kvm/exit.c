#include "kvm/internal.h"
#include "base/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const count_names[KVM_COUNT_KINDS] = {
	[KVM_COUNT_PORT] = "port I/O",
	[KVM_COUNT_MMIO] = "MMIO",
	[KVM_COUNT_MSR] = "MSR",
	[KVM_COUNT_WATCHED] = "watched page",
	[KVM_COUNT_DEBUG] = "debug",
	[KVM_COUNT_KICK] = "kick",
	[KVM_COUNT_HLT] = "halt",
	[KVM_COUNT_SHUTDOWN] = "shutdown",
	[KVM_COUNT_ERROR] = "error",
	[KVM_COUNT_OTHER] = "other",
};

const char *kvm_exit_count_name(enum kvm_count kind)
{
	return count_names[kind];
}

void kvm_exit_event(struct kvm_vcpu *v, enum debug_event_kind kind)
{
	memset(&v->event, 0, sizeof(v->event));
	v->event.kind = kind;
	v->event.vcpu = v->index;
	v->event.pc = kvm_state_pc(v);
}

/* The value as the guest has it: of a read it is known once the device has answered. */
static void note_access(struct kvm_vcpu *v, enum debug_catch_kind kind, uint64_t at, const uint8_t *data,
                        uint32_t len, uint32_t count, bool write)
{
	struct debug_caught a = {.kind = kind, .write = write, .len = (uint8_t)len, .count = count, .at = at};

	a.value = bytes_get_le(data, len <= 8 ? len : 8);
	kvm_catch_access(v, &a);
}

static enum kvm_exit_class handle_port(struct kvm_vcpu *v)
{
	struct kvm_run *run = v->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	struct dev_bus *bus = v->m->cfg.bus;

	v->count[KVM_COUNT_PORT]++;
	/* String instructions come as up to a page of elements for one port. */
	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT)
			dev_bus_write(bus, DEV_PORT, run->io.port, data, run->io.size);
		else
			dev_bus_read(bus, DEV_PORT, run->io.port, data, run->io.size);
	}
	if (v->catches > 0)
		note_access(v, DEBUG_CATCH_IO, run->io.port, (uint8_t *)run + run->io.data_offset,
		            run->io.size, run->io.count, run->io.direction == KVM_EXIT_IO_OUT);
	kvm_protect_device(v);
	return KVM_EXIT_CLASS_HANDLED;
}

static enum kvm_exit_class handle_mmio(struct kvm_vcpu *v)
{
	struct kvm_run *run = v->run;
	struct dev_bus *bus = v->m->cfg.bus;
	enum kvm_exit_class class;

	if (kvm_protect_access(v, &class))
		return class;
	v->count[KVM_COUNT_MMIO]++;
	if (run->mmio.is_write)
		dev_bus_write(bus, DEV_MMIO, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
	else
		dev_bus_read(bus, DEV_MMIO, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
	if (v->catches > 0)
		note_access(v, DEBUG_CATCH_MMIO, run->mmio.phys_addr, run->mmio.data, run->mmio.len, 1,
		            run->mmio.is_write);
	kvm_protect_device(v);
	return KVM_EXIT_CLASS_HANDLED;
}

static enum kvm_exit_class handle_msr(struct kvm_vcpu *v)
{
	v->count[KVM_COUNT_MSR]++;
	kvm_catch_msr(v);
	return KVM_EXIT_CLASS_HANDLED;
}

static enum kvm_exit_class handle_debug(struct kvm_vcpu *v)
{
	v->count[KVM_COUNT_DEBUG]++;
	/* It has just executed: no need to ask KVM for that (GDB wants to know at every stop). */
	v->mp_known = true;
	v->halted = v->wait_sipi = false;
	return KVM_EXIT_CLASS_DEBUG;
}

static enum kvm_exit_class handle_hlt(struct kvm_vcpu *v)
{
	/* Only without an in-kernel interrupt controller, or when KVM does not emulate the wait. */
	v->count[KVM_COUNT_HLT]++;
	return KVM_EXIT_CLASS_HANDLED;
}

static enum kvm_exit_class handle_interrupted(struct kvm_vcpu *v)
{
	v->count[KVM_COUNT_KICK]++;
	return KVM_EXIT_CLASS_HANDLED;
}

static enum kvm_exit_class handle_shutdown(struct kvm_vcpu *v)
{
	const struct x86_seg *cs = &v->state.seg[X86_CS];

	v->count[KVM_COUNT_SHUTDOWN]++;
	kvm_exit_event(v, DEBUG_EVENT_SHUTDOWN);
	kvm_state_get(v, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	/* SVM clears the VMCB before it tells: the vcpu then stands at the reset vector. */
	if (v->state.rip == 0xfff0 && cs->base == 0xffff0000)
		snprintf(v->event.text, sizeof(v->event.text),
		         "triple fault (KVM_EXIT_SHUTDOWN); this KVM has reset the vcpu: its registers "
		         "are lost");
	else
		snprintf(v->event.text, sizeof(v->event.text),
		         "triple fault (KVM_EXIT_SHUTDOWN) at rip 0x%" PRIx64, v->state.rip);
	return KVM_EXIT_CLASS_EVENT;
}

static enum kvm_exit_class handle_fail_entry(struct kvm_vcpu *v)
{
	uint64_t reason = v->run->fail_entry.hardware_entry_failure_reason;
	const char *meaning = "";

	v->count[KVM_COUNT_ERROR]++;
	kvm_exit_event(v, DEBUG_EVENT_ERROR);
	/* SDM 3C 27.8: bit 31 marks an entry failure, the low half is the basic reason. */
	if ((reason & 0xffff) == 33)
		meaning = " (invalid guest state)";
	else if ((reason & 0xffff) == 34)
		meaning = " (MSR loading)";
	snprintf(v->event.text, sizeof(v->event.text),
	         "KVM could not enter the guest: hardware reason 0x%" PRIx64 "%s", reason, meaning);
	return KVM_EXIT_CLASS_EVENT;
}

static const char *suberror_name(uint32_t suberror)
{
	switch (suberror) {
	case KVM_INTERNAL_ERROR_EMULATION:
		return "instruction emulation failed";
	case KVM_INTERNAL_ERROR_SIMUL_EX:
		return "two exceptions at once";
	case KVM_INTERNAL_ERROR_DELIVERY_EV:
		return "exit while delivering an event";
	case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
		return "unexpected exit reason";
	default:
		return "unknown";
	}
}

/* Instruction bytes that KVM gives (api.rst, KVM_EXIT_INTERNAL_ERROR), else those at pc. */
static size_t failed_instruction(struct kvm_vcpu *v, uint8_t bytes[15])
{
	const struct kvm_run *run = v->run;

	if (run->internal.ndata >= 4 &&
	    (run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) &&
	    run->emulation_failure.insn_size <= 15) {
		memcpy(bytes, run->emulation_failure.insn_bytes, run->emulation_failure.insn_size);
		return run->emulation_failure.insn_size;
	}
	return kvm_state_read_virtual(v, kvm_state_pc(v), bytes, 15);
}

static enum kvm_exit_class handle_internal_error(struct kvm_vcpu *v)
{
	uint32_t suberror = v->run->internal.suberror;
	uint8_t bytes[15], first;
	size_t len, used;
	char *text = v->event.text;

	v->count[KVM_COUNT_ERROR]++;
	if (suberror == KVM_INTERNAL_ERROR_EMULATION && kvm_emulate(v))
		return KVM_EXIT_CLASS_HANDLED;
	/* A KVM that emulates ring 0 has no int3: it gives up at the byte (KVM-HERE.md). */
	if (suberror == KVM_INTERNAL_ERROR_EMULATION &&
	    kvm_state_read_virtual(v, kvm_state_pc(v), &first, 1) == 1 && first == 0xcc) {
		kvm_exit_event(v, DEBUG_EVENT_INT3);
		return KVM_EXIT_CLASS_EVENT;
	}
	if ((suberror == KVM_INTERNAL_ERROR_EMULATION || suberror == KVM_INTERNAL_ERROR_DELIVERY_EV) &&
	    kvm_protect_opaque(v)) {
		kvm_exit_event(v, DEBUG_EVENT_OPAQUE);
		return KVM_EXIT_CLASS_EVENT;
	}
	kvm_exit_event(v, DEBUG_EVENT_ERROR);
	used = (size_t)snprintf(text, sizeof(v->event.text), "KVM internal error %u (%s) at 0x%" PRIx64 ":",
	                        suberror, suberror_name(suberror), v->event.pc);
	len = suberror == KVM_INTERNAL_ERROR_EMULATION ? failed_instruction(v, bytes) : 0;
	for (size_t i = 0; i < len && used + 4 < sizeof(v->event.text); i++, used += 3)
		snprintf(text + used, 4, " %02x", bytes[i]);
	return KVM_EXIT_CLASS_EVENT;
}

static enum kvm_exit_class handle_system_event(struct kvm_vcpu *v)
{
	bool reset = v->run->system_event.type == KVM_SYSTEM_EVENT_RESET;

	v->count[KVM_COUNT_OTHER]++;
	if (reset)
		kvm_machine_guest_reset(v->m);
	else
		kvm_machine_guest_exit(v->m, 0);
	return KVM_EXIT_CLASS_HANDLED;
}

static enum kvm_exit_class handle_unknown(struct kvm_vcpu *v)
{
	v->count[KVM_COUNT_OTHER]++;
	kvm_exit_event(v, DEBUG_EVENT_ERROR);
	snprintf(v->event.text, sizeof(v->event.text),
	         "KVM exit %u that trapline does not know at 0x%" PRIx64, v->run->exit_reason, v->event.pc);
	return KVM_EXIT_CLASS_EVENT;
}

static const struct {
	uint32_t reason;
	enum kvm_exit_class (*handle)(struct kvm_vcpu *v);
} handlers[] = {
	{KVM_EXIT_IO, handle_port},
	{KVM_EXIT_MMIO, handle_mmio},
	{KVM_EXIT_DEBUG, handle_debug},
	{KVM_EXIT_HLT, handle_hlt},
	{KVM_EXIT_INTR, handle_interrupted},
	{KVM_EXIT_IRQ_WINDOW_OPEN, handle_interrupted},
	{KVM_EXIT_SHUTDOWN, handle_shutdown},
	{KVM_EXIT_FAIL_ENTRY, handle_fail_entry},
	{KVM_EXIT_INTERNAL_ERROR, handle_internal_error},
	{KVM_EXIT_SYSTEM_EVENT, handle_system_event},
	{KVM_EXIT_X86_RDMSR, handle_msr},
	{KVM_EXIT_X86_WRMSR, handle_msr},
};

enum kvm_exit_class kvm_exit_handle(struct kvm_vcpu *v)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].reason == v->run->exit_reason)
			return handlers[i].handle(v);
	return handle_unknown(v);
}

void kvm_exit_run_failed(struct kvm_vcpu *v, int err)
{
	v->count[KVM_COUNT_ERROR]++;
	kvm_exit_event(v, DEBUG_EVENT_ERROR);
	snprintf(v->event.text, sizeof(v->event.text), "KVM_RUN failed at 0x%" PRIx64 ": %s", v->event.pc,
	         strerror(err));
}

bool kvm_exit_request(struct kvm_vcpu *v)
{
	switch (atomic_exchange(&v->m->guest_request, KVM_REQUEST_NONE)) {
	case KVM_REQUEST_EXIT:
		kvm_exit_event(v, DEBUG_EVENT_EXITED);
		v->event.status = atomic_load(&v->m->guest_status);
		return true;
	case KVM_REQUEST_RESET:
		kvm_exit_event(v, DEBUG_EVENT_RESET);
		return true;
	default:
		return false;
	}
}
