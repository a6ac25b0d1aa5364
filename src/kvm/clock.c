#include "kvm/internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <x86intrin.h>

#define MSR_TSC 0x10u
#define MSR_TSC_DEADLINE 0x6e0u
/* Offsets in the local APIC's page (SDM 3A 10.4.1). */
#define LAPIC_LVT_TIMER 0x320u
#define LAPIC_INITIAL_COUNT 0x380u
#define LAPIC_CURRENT_COUNT 0x390u
#define LVT_TIMER_MODE 0x60000u
#define LVT_DEADLINE 0x40000u
#define LVT_PERIODIC 0x20000u
#define PIT_HZ 1193182u
/* A mode for which KVM starts no timer (i8254.c, pit_load_count). */
#define PIT_MODE_IDLE 5u

/* ---- TSC ---- */

int kvm_clock_tsc_offset(int fd, unsigned long request, uint64_t *offset)
{
	struct kvm_device_attr attr = {.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
	                               .addr = (uintptr_t)offset};

	return ioctl(fd, request, &attr);
}

bool kvm_clock_msr(int fd, unsigned long request, uint32_t index, uint64_t *value)
{
	union {
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
		struct kvm_msrs head;
	} one = {0};

	one.head.nmsrs = 1;
	one.head.entries[0] = (struct kvm_msr_entry){.index = index, .data = *value};
	if (ioctl(fd, request, &one) != 1)
		return false;
	*value = one.head.entries[0].data;
	return true;
}

bool kvm_clock_probe_tsc(int fd)
{
	const uint64_t back = 1ull << 60;
	uint64_t offset, moved, got = 0, before = 0, after = 0;

	if (kvm_clock_tsc_offset(fd, KVM_GET_DEVICE_ATTR, &offset) < 0 ||
	    !kvm_clock_msr(fd, KVM_GET_MSRS, MSR_TSC, &before))
		return false;
	moved = offset - back;
	if (kvm_clock_tsc_offset(fd, KVM_SET_DEVICE_ATTR, &moved) < 0)
		return false;
	/* Some take the call and do nothing. */
	return kvm_clock_tsc_offset(fd, KVM_GET_DEVICE_ATTR, &got) == 0 && got == moved &&
	       kvm_clock_msr(fd, KVM_GET_MSRS, MSR_TSC, &after) && after - before > 1ull << 63;
}

static void hold_tsc(struct kvm_vcpu *v, uint64_t host)
{
	uint64_t offset;

	v->time.has_tsc = v->m->probe.tsc_offset &&
	                  kvm_clock_tsc_offset(v->fd, KVM_GET_DEVICE_ATTR, &offset) == 0;
	if (v->time.has_tsc)
		v->time.tsc = host + offset;
}

static void release_tsc(struct kvm_vcpu *v, uint64_t host)
{
	uint64_t offset = v->time.tsc - host;

	if (v->time.has_tsc)
		kvm_clock_tsc_offset(v->fd, KVM_SET_DEVICE_ATTR, &offset);
}

bool kvm_clock_read_tsc(const struct kvm_vcpu *v, uint64_t *ret_tsc)
{
	if (!v->m->time.held || !v->time.has_tsc)
		return false;
	*ret_tsc = v->time.tsc;
	return true;
}

bool kvm_clock_write_tsc(struct kvm_vcpu *v, uint64_t tsc)
{
	if (!v->m->time.held || !v->time.has_tsc)
		return false;
	v->time.tsc = tsc;
	return true;
}

/* ---- the local APIC's timer ---- */

static uint32_t lapic_get(const struct kvm_lapic_state *s, unsigned offset)
{
	uint32_t value;

	memcpy(&value, s->regs + offset, sizeof(value));
	return value;
}

static void lapic_put(struct kvm_lapic_state *s, unsigned offset, uint32_t value)
{
	memcpy(s->regs + offset, &value, sizeof(value));
}

/* Writes the two counts and leaves the rest, of which an interrupt may have come meanwhile, as it is. */
static void set_counts(struct kvm_vcpu *v, uint32_t initial, uint32_t current)
{
	struct kvm_lapic_state s;

	pthread_mutex_lock(&v->m->irq_lock);
	if (ioctl(v->fd, KVM_GET_LAPIC, &s) == 0) {
		lapic_put(&s, LAPIC_INITIAL_COUNT, initial);
		lapic_put(&s, LAPIC_CURRENT_COUNT, current);
		ioctl(v->fd, KVM_SET_LAPIC, &s);
	}
	pthread_mutex_unlock(&v->m->irq_lock);
}

static void hold_lapic(struct kvm_vcpu *v)
{
	struct kvm_lapic_state s;
	uint64_t none = 0;
	uint32_t mode;

	v->time.initial = v->time.current = 0;
	v->time.deadline = 0;
	if (ioctl(v->fd, KVM_GET_LAPIC, &s) < 0)
		return;
	mode = lapic_get(&s, LAPIC_LVT_TIMER) & LVT_TIMER_MODE;
	if (mode == LVT_DEADLINE) {
		/* A deadline is in terms of the TSC: where that runs on, so does the timer. */
		if (!v->time.has_tsc ||
		    !kvm_clock_msr(v->fd, KVM_GET_MSRS, MSR_TSC_DEADLINE, &v->time.deadline))
			v->time.deadline = 0;
		if (v->time.deadline != 0)
			kvm_clock_msr(v->fd, KVM_SET_MSRS, MSR_TSC_DEADLINE, &none);
		return;
	}
	/* A period's end reads 0 as well; KVM then begins the next one. */
	if (lapic_get(&s, LAPIC_CURRENT_COUNT) == 0 && mode != LVT_PERIODIC)
		return;
	v->time.initial = lapic_get(&s, LAPIC_INITIAL_COUNT);
	v->time.current = lapic_get(&s, LAPIC_CURRENT_COUNT);
	if (v->time.initial != 0)
		set_counts(v, 0, 0);
}

void kvm_clock_show_timer(const struct kvm_vcpu *v, struct kvm_lapic_state *s)
{
	if (!v->m->time.held || v->time.initial == 0)
		return;
	lapic_put(s, LAPIC_INITIAL_COUNT, v->time.initial);
	lapic_put(s, LAPIC_CURRENT_COUNT, v->time.current);
}

/* Behind release_tsc(): KVM reckons a deadline by the TSC as it then is. */
static void release_lapic(struct kvm_vcpu *v)
{
	if (v->time.deadline != 0)
		kvm_clock_msr(v->fd, KVM_SET_MSRS, MSR_TSC_DEADLINE, &v->time.deadline);
	if (v->time.initial != 0)
		set_counts(v, v->time.initial, v->time.current);
}

/* ---- PIT ---- */

static bool one_shot(const struct kvm_pit_channel_state *c)
{
	return c->mode == 0 || c->mode == 1 || c->mode == 4;
}

static bool periodic(const struct kvm_pit_channel_state *c)
{
	return c->mode == 2 || c->mode == 3;
}

/* What is left of a one-shot count, 1 of one that is over (0 is 65536). KVM's start is CLOCK_MONOTONIC's. */
static uint32_t pit_left(const struct kvm_pit_channel_state *c)
{
	struct timespec now;
	uint64_t passed;

	clock_gettime(CLOCK_MONOTONIC, &now);
	passed = (uint64_t)((int64_t)now.tv_sec * 1000000000 + now.tv_nsec - c->count_load_time);
	if (passed >= 1000000000)
		return 1;
	passed = passed * PIT_HZ / 1000000000;
	return passed < c->count ? c->count - (uint32_t)passed : 1;
}

/*
 * By way of channel 0: a mode without a timer, and its own again. KVM does not tell what is left of a count
 * there (i8254.c notes the start of the others' only), so a single one goes on, and with it the others.
 */
static void hold_pit(struct kvm_machine *m)
{
	struct kvm_pit_state2 *pit = &m->time.pit, idle;

	m->time.has_pit = ioctl(m->vm_fd, KVM_GET_PIT2, pit) == 0 && periodic(&pit->channels[0]) &&
	                  pit->channels[0].count != 0;
	if (!m->time.has_pit)
		return;
	for (unsigned i = 1; i < 3; i++)
		if (one_shot(&pit->channels[i]))
			pit->channels[i].count = pit_left(&pit->channels[i]);
	idle = *pit;
	idle.channels[0].mode = PIT_MODE_IDLE;
	ioctl(m->vm_fd, KVM_SET_PIT2, &idle);
}

/* ---- all of it ---- */

static bool any_running(const struct kvm_machine *m)
{
	for (unsigned i = 0; i < m->vcpu_count; i++)
		if (m->vcpu[i].running)
			return true;
	return false;
}

void kvm_clock_hold(struct kvm_machine *m)
{
	uint64_t host;

	if (m->time.runs || m->time.held || m->ended || any_running(m))
		return;
	m->time.held = true;
	m->time.has_clock = ioctl(m->vm_fd, KVM_GET_CLOCK, &m->time.clock) == 0;
	host = __rdtsc();
	for (unsigned i = 0; i < m->vcpu_count; i++)
		hold_tsc(&m->vcpu[i], host);
	hold_pit(m);
	for (unsigned i = 0; i < m->vcpu_count; i++)
		hold_lapic(&m->vcpu[i]);
}

void kvm_clock_release(struct kvm_machine *m)
{
	struct kvm_clock_data clock = {.clock = m->time.clock.clock};
	uint64_t host;

	if (!m->time.held)
		return;
	m->time.held = false;
	host = __rdtsc();
	for (unsigned i = 0; i < m->vcpu_count; i++)
		release_tsc(&m->vcpu[i], host);
	if (m->time.has_clock)
		ioctl(m->vm_fd, KVM_SET_CLOCK, &clock);
	for (unsigned i = 0; i < m->vcpu_count; i++)
		release_lapic(&m->vcpu[i]);
	if (m->time.has_pit)
		ioctl(m->vm_fd, KVM_SET_PIT2, &m->time.pit);
}

void kvm_clock_drop(struct kvm_machine *m)
{
	m->time.held = false;
}

void kvm_clock_choose(struct kvm_machine *m, int wish, char *text, size_t size)
{
	if (wish >= 0)
		m->time.runs = wish == 0;
	/* What is held goes on at once; a stop that lasts is held again. */
	if (m->time.runs)
		kvm_clock_release(m);
	if (m->time.runs)
		snprintf(text, size, "guest time runs on while the guest is stopped");
	else if (m->probe.tsc_offset)
		snprintf(text, size, "guest time stands while the guest is stopped: TSC, kvmclock, PIT and "
		         "APIC timers");
	else
		snprintf(text, size,
		         "guest time stands while the guest is stopped: kvmclock, PIT and APIC timers; the "
		         "TSC runs on, since this KVM does not move it");
}
