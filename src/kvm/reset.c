#include "kvm/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* A vcpu as KVM creates it; KVM has no call that brings it back there. */
struct kvm_power_on {
	struct x86_state state;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp;
	struct kvm_vcpu_events events;
};

static int save_vcpu(struct kvm_vcpu *v, struct kvm_power_on *p)
{
	int rc = kvm_state_get(v, X86_GROUP_ALL);

	if (rc < 0)
		return rc;
	p->state = v->state;
	if (ioctl(v->fd, KVM_GET_LAPIC, &p->lapic) < 0 || ioctl(v->fd, KVM_GET_MP_STATE, &p->mp) < 0 ||
	    ioctl(v->fd, KVM_GET_VCPU_EVENTS, &p->events) < 0)
		return -errno;
	return 0;
}

int kvm_reset_save(struct kvm_machine *m, struct error *err)
{
	int rc = 0;

	m->power_on = calloc(m->vcpu_count, sizeof(*m->power_on));
	if (m->power_on == NULL)
		return error_set(err, ENOMEM, "no memory for %u vcpus", m->vcpu_count);
	for (unsigned i = 0; rc == 0 && i < m->vcpu_count; i++)
		rc = save_vcpu(&m->vcpu[i], &m->power_on[i]);
	for (uint32_t i = 0; rc == 0 && i < 3; i++) {
		m->chip[i].chip_id = i;
		if (ioctl(m->vm_fd, KVM_GET_IRQCHIP, &m->chip[i]) < 0)
			rc = -errno;
	}
	if (rc == 0 && ioctl(m->vm_fd, KVM_GET_PIT2, &m->pit) < 0)
		rc = -errno;
	if (rc < 0)
		return error_set(err, -rc, "cannot read the machine's initial state: %s", strerror(-rc));
	return 0;
}

static int restore_vcpu(struct kvm_vcpu *v, struct kvm_power_on *p)
{
	struct error ignored;
	int rc;

	/* The local APIC takes its base from the system registers, so they go first. */
	rc = kvm_state_set(v, X86_GROUP_ALL, &p->state, &ignored);
	if (rc < 0)
		return rc;
	if (ioctl(v->fd, KVM_SET_LAPIC, &p->lapic) < 0 || ioctl(v->fd, KVM_SET_VCPU_EVENTS, &p->events) < 0 ||
	    ioctl(v->fd, KVM_SET_MP_STATE, &p->mp) < 0)
		return -errno;
	v->mp_known = false;
	v->applied_valid = false;
	v->inject = false;
	v->guest_hits = 0;
	v->guest_tf = v->leaked_tf = false;
	return 0;
}

int kvm_reset_restore(struct kvm_machine *m, struct error *err)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 3; i++)
		if (ioctl(m->vm_fd, KVM_SET_IRQCHIP, &m->chip[i]) < 0)
			rc = -errno;
	if (rc == 0 && ioctl(m->vm_fd, KVM_SET_PIT2, &m->pit) < 0)
		rc = -errno;
	kvm_clock_forget_timers(m);
	for (unsigned i = 0; rc == 0 && i < m->vcpu_count; i++)
		rc = restore_vcpu(&m->vcpu[i], &m->power_on[i]);
	if (rc < 0)
		return error_set(err, -rc, "the machine cannot be reset: %s", strerror(-rc));
	return 0;
}
