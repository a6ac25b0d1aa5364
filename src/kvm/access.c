/* What device handlers may ask of the vcpu whose access they serve: they run on its thread. */
#include "kvm/internal.h"

#include <errno.h>
#include <time.h>

static _Thread_local struct kvm_vcpu *current;

void kvm_access_enter(struct kvm_vcpu *v)
{
	current = v;
}

void kvm_access_leave(struct kvm_vcpu *v)
{
	struct timespec t;

	current = NULL;
	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0)
		v->cpu_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

unsigned kvm_machine_access_vcpu(void)
{
	return current ? current->index : 0;
}

uint64_t kvm_machine_access_gpr(enum x86_gpr reg)
{
	if (!current || kvm_state_get(current, X86_GROUP_CORE) < 0)
		return 0;
	return current->state.gpr[reg];
}

int kvm_machine_access_translate(uint64_t gva, uint64_t *ret)
{
	return current && kvm_state_translate(current, gva, ret) ? 0 : -EFAULT;
}

bool kvm_machine_access_unwanted(void)
{
	return current && (atomic_load(&current->kicked) || kvm_machine_ended(current->m));
}

bool kvm_machine_access_ended(void)
{
	return current && kvm_machine_ended(current->m);
}

uint64_t kvm_machine_cpu_ns(const struct kvm_machine *m, unsigned vcpu)
{
	return vcpu < m->vcpu_count ? m->vcpu[vcpu].cpu_ns : 0;
}

unsigned kvm_machine_exits(const struct kvm_machine *m, unsigned vcpu, struct debug_exit_count *rows,
			   unsigned max)
{
	for (unsigned k = 0; k < KVM_COUNT_KINDS && k < max; k++)
		rows[k] =
			(struct debug_exit_count){.name = kvm_exit_count_name((enum kvm_count)k),
						  .count = vcpu < m->vcpu_count ? m->vcpu[vcpu].count[k] : 0};
	return KVM_COUNT_KINDS;
}
