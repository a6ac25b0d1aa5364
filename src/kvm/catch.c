/*
 * What comes out because the debugger catches it. Ports and addresses come out in any case, where a device of
 * ours serves them or none does: those that are caught are noted here. MSRs come out only when KVM's filter
 * says so (api.rst, KVM_X86_SET_MSR_FILTER); the access is then made for the guest.
 */
#include "kvm/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#define MSRS_MAX 64 /* of one range */

/* KVM_CREATE_IRQCHIP and KVM_CREATE_PIT2 put these into the kernel. The APICs: SDM 3A 11.4.1, 82093AA. */
static const struct { struct debug_catch_range range; const char *what; } hidden[] = {
	{{DEBUG_CATCH_IO, 0x20, 0x21}, "the interrupt controller"},
	{{DEBUG_CATCH_IO, 0xa0, 0xa1}, "the interrupt controller"},
	{{DEBUG_CATCH_IO, 0x4d0, 0x4d1}, "the interrupt controller"},
	{{DEBUG_CATCH_IO, 0x40, 0x43}, "the timer"},
	{{DEBUG_CATCH_IO, 0x61, 0x61}, "the timer"},
	{{DEBUG_CATCH_MMIO, 0xfec00000, 0xfec00fff}, "the I/O APIC"},
	{{DEBUG_CATCH_MMIO, 0xfee00000, 0xfee00fff}, "the local APIC"},
	{{DEBUG_CATCH_MSR, 0x800, 0x8ff}, "the local APIC"},
};

static bool overlap(const struct debug_catch_range *a, const struct debug_catch_range *b)
{
	return a->kind == b->kind && a->first <= b->last && b->first <= a->last;
}

static int check(const struct kvm_machine *m, const struct debug_catch_range *r, struct error *err)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (overlap(&hidden[i].range, r))
			return error_set(err, ENOTSUP, "%s is served inside KVM: accesses to 0x%" PRIx64
			                 "..0x%" PRIx64 " do not come out", hidden[i].what,
			                 hidden[i].range.first, hidden[i].range.last);
	if (r->kind == DEBUG_CATCH_MMIO && guest_mem_contains(m->cfg.mem, r->first, 1))
		return error_set(err, ENOTSUP, "0x%" PRIx64 " is RAM: a watchpoint is for that", r->first);
	if (r->kind == DEBUG_CATCH_MSR && !m->msr_exits)
		return error_set(err, ENOTSUP, "this host's KVM does not let MSR accesses come out");
	if (r->kind == DEBUG_CATCH_MSR && r->last - r->first >= MSRS_MAX)
		return error_set(err, ENOTSUP, "more than %d MSRs in one range", MSRS_MAX);
	return 0;
}

/* A bit that is 0 denies: the access comes out. Without ranges everything is allowed. */
static int filter(struct kvm_machine *m, const struct debug_catch_range *range, unsigned n)
{
	static uint8_t none[MSRS_MAX / 8];
	struct kvm_msr_filter f = {.flags = KVM_MSR_FILTER_DEFAULT_ALLOW};
	unsigned used = 0;

	for (unsigned i = 0; i < n; i++)
		if (range[i].kind == DEBUG_CATCH_MSR && used < KVM_MSR_FILTER_MAX_RANGES)
			f.ranges[used++] = (struct kvm_msr_filter_range){
				.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
				.base = (uint32_t)range[i].first,
				.nmsrs = (uint32_t)(range[i].last - range[i].first + 1), .bitmap = none};
	return ioctl(m->vm_fd, KVM_X86_SET_MSR_FILTER, &f) < 0 ? -errno : 0;
}

static bool any_msr(const struct debug_catch_range *range, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (range[i].kind == DEBUG_CATCH_MSR)
			return true;
	return false;
}

int kvm_catch_set(struct kvm_machine *m, const struct debug_catch_range *range, unsigned n,
                  struct error *err)
{
	int rc = n > DEBUG_MAX_CATCHES ? error_set(err, ENOSPC, "too many catches") : 0;

	for (unsigned i = 0; rc == 0 && i < n; i++)
		rc = check(m, &range[i], err);
	if (rc < 0)
		return rc;
	if (any_msr(range, n) || any_msr(m->catch, m->catches))
		rc = filter(m, range, n);
	if (rc < 0)
		return error_set(err, -rc, "KVM refuses the filter of MSRs: %s", strerror(-rc));
	if (n > 0)
		memcpy(m->catch, range, n * sizeof(*range));
	m->catches = n;
	m->catch_generation++;
	for (unsigned i = 0; i < m->vcpu_count; i++)
		if (m->vcpu[i].running)
			kvm_vcpu_kick(&m->vcpu[i]);
	return 0;
}

void kvm_catch_take(struct kvm_vcpu *v)
{
	if (v->catch_generation == v->m->catch_generation)
		return;
	v->catch_generation = v->m->catch_generation;
	v->catches = v->m->catches;
	memcpy(v->catch, v->m->catch, sizeof(v->catch));
}

void kvm_catch_access(struct kvm_vcpu *v, const struct debug_caught *access)
{
	struct debug_catch_range r = {access->kind, access->at, access->at};

	if (access->kind != DEBUG_CATCH_MSR && access->len > 1)
		r.last += access->len - 1u;
	for (unsigned i = 0; i < v->catches && v->caught.kind == DEBUG_CATCH_NONE; i++)
		if (overlap(&v->catch[i], &r))
			v->caught = *access;
}

/* The guest's access with KVM's own meaning; one that KVM refuses is a #GP (api.rst, KVM_EXIT_X86_RDMSR). */
void kvm_catch_msr(struct kvm_vcpu *v)
{
	struct kvm_run *run = v->run;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = {.head = {.nmsrs = 1}, .entry = {.index = run->msr.index, .data = run->msr.data}};
	struct debug_caught a = {.kind = DEBUG_CATCH_MSR, .len = 8, .count = 1, .at = run->msr.index};

	a.write = run->exit_reason == KVM_EXIT_X86_WRMSR;
	run->msr.error = ioctl(v->fd, a.write ? KVM_SET_MSRS : KVM_GET_MSRS, &msr) != 1;
	if (!a.write)
		run->msr.data = msr.entry.data;
	a.value = run->msr.data;
	v->cached &= ~(unsigned)X86_GROUP_MSR;
	kvm_catch_access(v, &a);
}

bool kvm_catch_enable(struct kvm_machine *m)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = {KVM_MSR_EXIT_REASON_FILTER}};

	return ioctl(m->vm_fd, KVM_ENABLE_CAP, &cap) == 0;
}
