/* debug_target_ops over KVM. Every function is called with the machine's lock held. */
#include "kvm/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

static struct kvm_vcpu *vcpu_at(void *t, unsigned vcpu)
{
	struct kvm_machine *m = t;

	return vcpu < m->vcpu_count ? &m->vcpu[vcpu] : NULL;
}

static unsigned target_vcpu_count(void *t)
{
	return ((struct kvm_machine *)t)->vcpu_count;
}

static enum debug_vcpu_state target_vcpu_state(void *t, unsigned vcpu)
{
	struct kvm_vcpu *v = vcpu_at(t, vcpu);
	struct kvm_mp_state mp;

	if (v == NULL || v->running)
		return DEBUG_VCPU_RUNNING;
	/* Once per stop: the call also makes KVM process a pending INIT or SIPI (RSP-SEMANTICS 5.5). */
	if (!v->mp_known && ioctl(v->fd, KVM_GET_MP_STATE, &mp) == 0) {
		v->mp_known = true;
		v->halted = mp.mp_state == KVM_MP_STATE_HALTED;
		v->wait_sipi = mp.mp_state == KVM_MP_STATE_UNINITIALIZED ||
		               mp.mp_state == KVM_MP_STATE_INIT_RECEIVED;
	}
	if (v->mp_known && v->wait_sipi)
		return DEBUG_VCPU_WAIT_SIPI;
	return v->mp_known && v->halted ? DEBUG_VCPU_HALTED : DEBUG_VCPU_STOPPED;
}

static int target_get(void *t, unsigned vcpu, unsigned groups, const struct x86_state **ret)
{
	struct kvm_vcpu *v = vcpu_at(t, vcpu);
	int rc;

	if (v == NULL)
		return -ENOENT;
	if (v->running)
		return -EBUSY;
	rc = kvm_state_get(v, groups);
	if (rc == 0)
		*ret = &v->state;
	return rc;
}

static int target_set(void *t, unsigned vcpu, unsigned groups, const struct x86_state *st, struct error *err)
{
	struct kvm_vcpu *v = vcpu_at(t, vcpu);

	if (v == NULL)
		return error_set(err, ENOENT, "there is no vcpu %u", vcpu);
	if (v->running)
		return error_set(err, EBUSY, "vcpu %u is running", vcpu);
	/* Who sends a sleeping vcpu elsewhere wants it to execute there. */
	if ((groups & X86_GROUP_CORE) && kvm_state_get(v, X86_GROUP_CORE) == 0 && st->rip != v->state.rip)
		kvm_step_wake(v);
	return kvm_state_set(v, groups, st, err);
}

static void target_arm(void *t, const struct debug_arm *arm)
{
	struct kvm_machine *m = t;

	m->arm = *arm;
	m->arm_generation++;
	/* Running ones come out, find their plan unchanged, and go back in with the new setting. */
	for (unsigned i = 0; i < m->vcpu_count; i++)
		if (m->vcpu[i].running)
			kvm_vcpu_kick(&m->vcpu[i]);
}

static bool same_plan(const struct debug_plan *a, const struct debug_plan *b)
{
	return a->move == b->move && a->block_irq == b->block_irq && a->slots_off == b->slots_off &&
	       a->sleeps == b->sleeps && a->open == b->open;
}

static void target_resume(void *t, const struct debug_plan *plan, unsigned count)
{
	struct kvm_machine *m = t;
	bool parked = true;

	for (unsigned i = 0; i < m->vcpu_count; i++)
		parked &= !m->vcpu[i].running;
	if (parked)
		kvm_protect_refresh(m); /* the debugger may have written */
	for (unsigned i = 0; m->time.held && i < count; i++)
		if (plan[i].move != DEBUG_HOLD)
			kvm_clock_release(m);
	for (unsigned i = 0; i < count && i < m->vcpu_count; i++) {
		struct kvm_vcpu *v = &m->vcpu[i];

		if (v->running && !same_plan(&v->plan, &plan[i]))
			kvm_vcpu_kick(v);
		if (!v->running)
			v->mp_known = false; /* those that run may send it INIT or SIPI */
		v->plan = plan[i];
		if (plan[i].move != DEBUG_HOLD && v->thread_started &&
		    !pthread_equal(v->thread, pthread_self()))
			pthread_cond_signal(&v->wake);
	}
}

static void target_stop(void *t, unsigned elected)
{
	struct kvm_machine *m = t;

	kvm_runctl_stop(m, elected < m->vcpu_count ? elected : 0);
}

static int target_inject(void *t, unsigned vcpu, unsigned vector, uint64_t dr6)
{
	struct kvm_vcpu *v = vcpu_at(t, vcpu);

	if (v == NULL || (vector != 1 && vector != 3))
		return -EINVAL;
	v->inject = true;
	v->inject_vector = (uint8_t)vector;
	v->inject_dr6 = dr6 | v->guest_hits;
	v->guest_hits = 0;
	return 0;
}

static int target_reset(void *t, struct error *err)
{
	struct kvm_machine *m = t;
	struct x86_state entry;
	int rc = kvm_reset_restore(m, err);

	if (rc < 0)
		return rc;
	rc = m->cfg.hooks.reload(m->cfg.hooks.ctx, &entry, err);
	return rc < 0 ? rc : kvm_state_set_entry(m, &entry, err);
}

static int target_protect(void *t, const struct debug_protect *range, unsigned n)
{
	return kvm_protect_set(t, range, n);
}

static int target_catch(void *t, const struct debug_catch_range *range, unsigned n, struct error *err)
{
	return kvm_catch_set(t, range, n, err);
}

static void target_kill(void *t)
{
	kvm_runctl_end(t);
}

static void target_time(void *t, int wish, char *text, size_t size)
{
	kvm_clock_choose(t, wish, text, size);
}

static int target_device(void *t, unsigned vcpu, uint64_t gpa, void *buf, unsigned len, bool write,
                         struct error *err)
{
	struct kvm_vcpu *v = vcpu_at(t, vcpu);

	if (v == NULL || v->running)
		return error_set(err, EBUSY, "vcpu %u is running", vcpu);
	return kvm_mmio_access(v, gpa, buf, len, write, err);
}

static unsigned target_exits(void *t, struct debug_exit_count *rows, unsigned max)
{
	struct kvm_machine *m = t;

	for (unsigned k = 0; k < KVM_COUNT_KINDS && k < max; k++) {
		rows[k] = (struct debug_exit_count){.name = kvm_exit_count_name((enum kvm_count)k)};
		for (unsigned i = 0; i < m->vcpu_count; i++)
			rows[k].count += m->vcpu[i].count[k];
	}
	return KVM_COUNT_KINDS;
}

static int target_snapshot_save(void *t, const char *name, struct error *err)
{
	return kvm_snapshot_save(t, name, err);
}

static int target_snapshot_restore(void *t, const char *name, uint64_t *ret_pages, struct error *err)
{
	return kvm_snapshot_restore(t, name, ret_pages, err);
}

static int target_snapshot_delete(void *t, const char *name, struct error *err)
{
	return kvm_snapshot_delete(t, name, err);
}

static unsigned target_snapshot_list(void *t, struct debug_snapshot *rows, unsigned max)
{
	return kvm_snapshot_list(t, rows, max);
}

const struct debug_target_ops *kvm_machine_ops(void)
{
	static const struct debug_target_ops ops = {
		.vcpu_count = target_vcpu_count,
		.vcpu_state = target_vcpu_state,
		.get = target_get,
		.set = target_set,
		.arm = target_arm,
		.resume = target_resume,
		.stop = target_stop,
		.inject = target_inject,
		.protect = target_protect,
		.catch = target_catch,
		.reset = target_reset,
		.kill = target_kill,
		.exits = target_exits,
		.time = target_time,
		.device = target_device,
		.snapshot_save = target_snapshot_save,
		.snapshot_restore = target_snapshot_restore,
		.snapshot_delete = target_snapshot_delete,
		.snapshot_list = target_snapshot_list,
	};

	return &ops;
}
