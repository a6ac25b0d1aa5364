#include "kvm/parts_vcpu.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#define MSR_TSC 0x10u

int kvm_part_begin_vcpu(struct kvm_vcpu *v)
{
	static const struct kvm_guest_debug none;

	if (v->applied.control != 0 && ioctl(v->fd, KVM_SET_GUEST_DEBUG, &none) < 0)
		return -errno;
	memset(&v->applied, 0, sizeof(v->applied));
	v->applied_valid = false;
	kvm_state_forget(v);
	v->page_valid = false;
	return 0;
}

/* ---- registers ---- */

_Static_assert(sizeof(struct kvm_sregs2) <= KVM_PART_SREGS_SIZE, "sregs2 has its size");
_Static_assert(sizeof(struct kvm_sregs) <= KVM_PART_SREGS_SIZE, "sregs has its size");

/* SREGS2 has the four PAE page-directory pointers, which the CPU keeps apart from memory (SDM 3A 4.4.1). */
int kvm_part_save_sregs(struct kvm_machine *m, struct kvm_vcpu *v, void *buf)
{
	unsigned long get = m->sregs2 ? (unsigned long)KVM_GET_SREGS2 : (unsigned long)KVM_GET_SREGS;

	if (ioctl(v->fd, get, buf) < 0)
		return -errno;
	return m->sregs2 ? (int)sizeof(struct kvm_sregs2) : (int)sizeof(struct kvm_sregs);
}

int kvm_part_restore_sregs(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len)
{
	unsigned long set = m->sregs2 ? (unsigned long)KVM_SET_SREGS2 : (unsigned long)KVM_SET_SREGS;

	if (len != (m->sregs2 ? sizeof(struct kvm_sregs2) : sizeof(struct kvm_sregs)))
		return -EINVAL;
	return ioctl(v->fd, set, buf) < 0 ? -errno : 0;
}

/* While a step is armed KVM hides the guest's own TF (state.c); in a snapshot it stands where it belongs. */
int kvm_part_save_regs(struct kvm_machine *m, struct kvm_vcpu *v, void *buf)
{
	struct kvm_regs *regs = buf;

	(void)m;
	if (ioctl(v->fd, KVM_GET_REGS, regs) < 0)
		return -errno;
	if ((v->applied.control & KVM_GUESTDBG_SINGLESTEP) && v->guest_tf)
		regs->rflags |= X86_RFLAGS_TF;
	return (int)sizeof(*regs);
}

int kvm_part_restore_regs(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len)
{
	(void)m, (void)len;
	return ioctl(v->fd, KVM_SET_REGS, buf) < 0 ? -errno : 0;
}

/* What the stub owes to the guest, or has left in it. */
int kvm_part_save_stub(struct kvm_machine *m, struct kvm_vcpu *v, void *buf)
{
	uint8_t *p = buf;
	const bool flags[] = {v->inject, v->guest_tf, v->leaked_tf, v->maybe_halted, v->tail};

	(void)m;
	memset(p, 0, KVM_PART_STUB_SIZE);
	for (unsigned i = 0; i < sizeof(flags); i++)
		p[i] = flags[i];
	p[8] = v->inject_vector;
	bytes_put_le64(p + 16, v->inject_dr6);
	bytes_put_le64(p + 24, v->guest_hits);
	bytes_put_le64(p + 32, v->tail_pc);
	return KVM_PART_STUB_SIZE;
}

int kvm_part_restore_stub(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len)
{
	const uint8_t *p = buf;

	(void)m, (void)len;
	if (p[0] && p[8] != 1 && p[8] != 3)
		return -EINVAL;
	v->inject = p[0];
	v->guest_tf = p[1];
	v->leaked_tf = p[2];
	v->maybe_halted = p[3];
	v->tail = p[4];
	v->inject_vector = p[8];
	v->inject_dr6 = bytes_get_le64(p + 16);
	v->guest_hits = bytes_get_le64(p + 24);
	v->tail_pc = bytes_get_le64(p + 32);
	return 0;
}

/* ---- MSRs ---- */

union msr_list {
	uint8_t room[sizeof(struct kvm_msrs) + KVM_PART_MSRS_SIZE];
	struct kvm_msrs head;
};

/*
 * KVM_GET_MSR_INDEX_LIST leaves out those of the memory types, which every guest has (SDM 4, 2.1). The
 * counter is a part of its own.
 */
static const struct { uint32_t first, last; } more_msrs[] = {
	{0x200, 0x20f}, {0x250, 0x250}, {0x258, 0x259}, {0x268, 0x26f}, {0x277, 0x277}, {0x2ff, 0x2ff},
};

static void add_msr(struct kvm_machine *m, uint32_t index)
{
	if (index == MSR_TSC || m->part_msrs == KVM_PART_MSRS_MAX)
		return;
	for (unsigned i = 0; i < m->part_msrs; i++)
		if (m->part_msr[i] == index)
			return;
	m->part_msr[m->part_msrs++] = index;
}

static int list_msrs(struct kvm_machine *m)
{
	union {
		uint8_t room[sizeof(struct kvm_msr_list) + KVM_PART_MSRS_MAX * 4];
		struct kvm_msr_list head;
	} list = {.head.nmsrs = KVM_PART_MSRS_MAX};

	m->part_msr = calloc(KVM_PART_MSRS_MAX, sizeof(m->part_msr[0]));
	if (m->part_msr == NULL)
		return -ENOMEM;
	if (ioctl(m->kvm_fd, KVM_GET_MSR_INDEX_LIST, &list) < 0)
		return -errno;
	for (uint32_t i = 0; i < list.head.nmsrs; i++)
		add_msr(m, list.head.indices[i]);
	for (unsigned i = 0; i < sizeof(more_msrs) / sizeof(more_msrs[0]); i++)
		for (uint32_t index = more_msrs[i].first; index <= more_msrs[i].last; index++)
			add_msr(m, index);
	return 0;
}

/* KVM stops at the first that it does not have after all: it leaves the list. */
int kvm_part_save_msrs(struct kvm_machine *m, struct kvm_vcpu *v, void *buf)
{
	union msr_list all;
	int n, rc = m->part_msr ? 0 : list_msrs(m);

	while (rc == 0) {
		memset(&all, 0, sizeof(all));
		all.head.nmsrs = m->part_msrs;
		for (unsigned i = 0; i < m->part_msrs; i++)
			all.head.entries[i].index = m->part_msr[i];
		n = ioctl(v->fd, KVM_GET_MSRS, &all);
		if (n < 0)
			rc = -errno;
		if (n < 0 || n == (int)m->part_msrs)
			break;
		m->part_msrs--;
		memmove(&m->part_msr[n], &m->part_msr[n + 1],
		        (m->part_msrs - (unsigned)n) * sizeof(m->part_msr[0]));
	}
	if (rc < 0)
		return rc;
	memcpy(buf, all.head.entries, m->part_msrs * sizeof(struct kvm_msr_entry));
	return (int)(m->part_msrs * sizeof(struct kvm_msr_entry));
}

static bool known_msr(const struct kvm_machine *m, uint32_t index)
{
	for (unsigned i = 0; i < m->part_msrs; i++)
		if (m->part_msr[i] == index)
			return true;
	return false;
}

/* One that cannot be written is no obstacle where it has the value already. */
static bool has_value(struct kvm_vcpu *v, const struct kvm_msr_entry *e)
{
	union msr_list one = {0};

	one.head.nmsrs = 1;
	one.head.entries[0].index = e->index;
	return ioctl(v->fd, KVM_GET_MSRS, &one) == 1 && one.head.entries[0].data == e->data;
}

int kvm_part_restore_msrs(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len)
{
	const struct kvm_msr_entry *entry = buf;
	unsigned count = len / sizeof(*entry), at = 0;
	union msr_list all;

	if (len % sizeof(*entry))
		return -EINVAL;
	for (unsigned i = 0; i < count; i++)
		if (!known_msr(m, entry[i].index))
			return -EINVAL;
	while (at < count) {
		int n;

		memset(&all, 0, sizeof(all));
		all.head.nmsrs = count - at;
		memcpy(all.head.entries, entry + at, (count - at) * sizeof(*entry));
		n = ioctl(v->fd, KVM_SET_MSRS, &all);
		if (n < 0)
			return -errno;
		at += (unsigned)n;
		if (at < count && !has_value(v, &entry[at++]))
			return -EINVAL;
	}
	return 0;
}

/* ---- the time-stamp counters ---- */

/* Where KVM moves counters by an offset to the host's, all are read at one moment, and put back at one. */
int kvm_part_save_tsc(struct kvm_machine *m, struct kvm_vcpu *v, void *buf)
{
	uint64_t host = __rdtsc();

	(void)v;
	for (unsigned i = 0; i < m->vcpu_count; i++) {
		uint64_t value = 0, offset = 0;
		bool moves = m->probe.tsc_offset &&
		             kvm_clock_tsc_offset(m->vcpu[i].fd, KVM_GET_DEVICE_ATTR, &offset) == 0;

		if (moves)
			value = host + offset;
		else if (!kvm_clock_msr(m->vcpu[i].fd, KVM_GET_MSRS, MSR_TSC, &value))
			return -EIO;
		bytes_put_le64((uint8_t *)buf + 8 * i, value);
	}
	return (int)(8 * m->vcpu_count);
}

/*
 * Without offsets the counter itself is written, which KVM takes for an attempt to synchronise when it is
 * less than a second off, and then lets it run on (kvm_synchronize_tsc()).
 */
int kvm_part_restore_tsc(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len)
{
	uint64_t host = __rdtsc();

	(void)v;
	if (len != 8 * m->vcpu_count)
		return -EINVAL;
	for (unsigned i = 0; i < m->vcpu_count; i++) {
		uint64_t value = bytes_get_le64((const uint8_t *)buf + 8 * i), offset = value - host;
		bool moved = m->probe.tsc_offset &&
		             kvm_clock_tsc_offset(m->vcpu[i].fd, KVM_SET_DEVICE_ATTR, &offset) == 0;

		if (!moved && !kvm_clock_msr(m->vcpu[i].fd, KVM_SET_MSRS, MSR_TSC, &value))
			return -EIO;
	}
	return 0;
}
