#include "kvm/internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bits of leaf 1's ecx that KVM_GET_SUPPORTED_CPUID leaves to us (api.rst): the timer needs our irqchip. */
#define CPUID_TSC_DEADLINE (1u << 24)
#define CPUID_HYPERVISOR (1u << 31)

static uint32_t extra_features(const struct kvm_vcpu *v)
{
	bool deadline = ioctl(v->m->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;

	return CPUID_HYPERVISOR | (deadline ? CPUID_TSC_DEADLINE : 0);
}

/* The guest's CPUID with this vcpu's own APIC id (SDM 2A, CPUID leaves 1 and 0xB). */
static int set_cpuid(struct kvm_vcpu *v)
{
	struct kvm_cpuid2 *cpuid = v->m->cpuid;

	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == 1) {
			e->ebx = (e->ebx & 0x0000ffff) | v->index << 24 | (v->m->cfg.vcpus & 0xff) << 16;
			e->ecx |= extra_features(v);
		} else if (e->function == 0xb || e->function == 0x1f) {
			e->edx = v->index;
		}
	}
	return ioctl(v->fd, KVM_SET_CPUID2, cpuid) < 0 ? -errno : 0;
}

int kvm_vcpu_open(struct kvm_machine *m, unsigned index, struct error *err)
{
	struct kvm_vcpu *v = &m->vcpu[index];
	int rc;

	v->m = m;
	v->index = index;
	v->step_slot = -1;
	memset(v->guest_slot, -1, sizeof(v->guest_slot));
	v->fd = ioctl(m->vm_fd, KVM_CREATE_VCPU, index);
	if (v->fd < 0)
		return error_set(err, errno, "KVM cannot create vcpu %u: %s", index, strerror(errno));
	v->run_size = m->run_size;
	v->run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		rc = -errno;
		v->run = NULL;
		close(v->fd);
		v->fd = -1;
		return error_set(err, -rc, "cannot map vcpu %u: %s", index, strerror(-rc));
	}
	pthread_cond_init(&v->wake, NULL);
	rc = set_cpuid(v);
	if (rc < 0)
		return error_set(err, -rc, "KVM refuses the CPUID of vcpu %u: %s", index, strerror(-rc));
	if (m->sync_regs)
		v->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	return 0;
}

void kvm_vcpu_close(struct kvm_vcpu *v)
{
	if (v->run == NULL)
		return;
	pthread_cond_destroy(&v->wake);
	munmap(v->run, v->run_size);
	close(v->fd);
	v->run = NULL;
}

void kvm_vcpu_kick(struct kvm_vcpu *v)
{
	atomic_store(&v->kicked, true);
	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	/* pthread_kill() makes four system calls of it. Who is kicked runs: its thread is there. */
	if (v->tid != 0 && !pthread_equal(v->thread, pthread_self()))
		tgkill(v->m->pid, v->tid, SIGUSR1);
}

/* Whoever sets immediate_exit has set what it is for before that. */
void kvm_vcpu_ignore(struct kvm_vcpu *v)
{
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	if (atomic_load(&v->kicked))
		__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

void kvm_vcpu_poke(struct kvm_machine *m)
{
	for (unsigned i = 0; atomic_load(&m->work) && i < m->vcpu_count; i++) {
		struct kvm_vcpu *v = &m->vcpu[i];

		if (!v->running || v->plan.move != DEBUG_RUN)
			continue;
		__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		pthread_kill(v->thread, SIGUSR1);
		return;
	}
}

/* True when what came in met watched bytes: v->event is filled. */
static bool do_work(struct kvm_vcpu *v)
{
	struct kvm_machine *m = v->m;

	if (!atomic_load(&m->work) || !atomic_exchange(&m->work, false) || m->cfg.hooks.work == NULL)
		return false;
	m->cfg.hooks.work(m->cfg.hooks.ctx);
	kvm_protect_device(v);
	return kvm_protect_hit(v);
}

/* A trap on a step that nobody asked for: TF came back from a frame that was written during a step. */
static bool swallow_leaked_tf(struct kvm_vcpu *v)
{
	struct x86_state st;

	if (!v->leaked_tf || kvm_state_get(v, X86_GROUP_CORE) < 0)
		return false;
	st = v->state;
	st.rflags &= ~X86_RFLAGS_TF;
	if (kvm_state_set(v, X86_GROUP_CORE, &st, NULL) < 0)
		return false;
	v->leaked_tf = false;
	return true;
}

/*
 * True when this KVM_EXIT_DEBUG is the tail of a step of ours: the trap of a step that was already told, once
 * more at the pc where it ended (some hosts keep it pending where KVM emulated the instruction), or a
 * leaked TF.
 */
static bool swallow_trap(struct kvm_vcpu *v)
{
	const struct kvm_debug_exit_arch *d = &v->run->debug.arch;
	bool tail = v->tail && d->pc == v->tail_pc;

	v->tail = false;
	if (d->exception != 1 || (d->dr6 & (X86_DR6_BS | 0xf)) != X86_DR6_BS)
		return false;
	return tail || swallow_leaked_tf(v);
}

int kvm_vcpu_enter(struct kvm_vcpu *v)
{
	int rc;

	kvm_state_forget(v);
	rc = ioctl(v->fd, KVM_RUN, 0) < 0 ? -errno : 0;
	v->page_valid = v->m->sync_regs;
	return rc == -EAGAIN ? -EINTR : rc;
}

int kvm_vcpu_complete(struct kvm_vcpu *v)
{
	int rc;

	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	rc = kvm_vcpu_enter(v);
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	if (atomic_load(&v->kicked))
		__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	return rc;
}

/* Asked by a device handler on this very exit: the guest ends or resets. The exit is completed first. */
static bool take_request(struct kvm_vcpu *v)
{
	if (atomic_load_explicit(&v->m->guest_request, memory_order_relaxed) == KVM_REQUEST_NONE)
		return false;
	kvm_vcpu_complete(v);
	return kvm_exit_request(v);
}

enum kvm_outcome kvm_vcpu_run(struct kvm_vcpu *v, const struct debug_plan *plan)
{
	for (;;) {
		int rc;

		if (do_work(v))
			return KVM_OUT_EVENT;
		/* Both are cheap when nothing changed: they compare, and make no call. */
		rc = kvm_guest_debug_apply(v, plan, NULL);
		if (rc == 0)
			rc = kvm_guest_debug_inject(v);
		if (rc == 0)
			rc = kvm_vcpu_enter(v);
		if (rc == -EINTR) {
			v->count[KVM_COUNT_KICK]++;
			if (!atomic_load(&v->kicked)) {
				kvm_vcpu_ignore(v);
				continue;
			}
			v->maybe_halted = true;
			return KVM_OUT_KICKED;
		}
		if (rc < 0) {
			kvm_exit_run_failed(v, -rc);
			return KVM_OUT_EVENT;
		}
		switch (kvm_exit_handle(v)) {
		case KVM_EXIT_CLASS_HANDLED:
			v->tail = false;
			if (take_request(v) || kvm_protect_hit(v))
				return KVM_OUT_EVENT;
			break;
		case KVM_EXIT_CLASS_DEBUG:
			if (swallow_trap(v))
				break;
			kvm_guest_debug_event(v);
			return KVM_OUT_EVENT;
		case KVM_EXIT_CLASS_EVENT:
			return KVM_OUT_EVENT;
		}
	}
}
