#include "kvm/parts.h"

#include <string.h>

/* KVM has no call that brings a machine back to where it was when it was created. */
int kvm_reset_save(struct kvm_machine *m, struct error *err)
{
	return kvm_parts_save(m, KVM_PARTS_RESET, &m->power_on, err);
}

int kvm_reset_restore(struct kvm_machine *m, struct error *err)
{
	int rc = kvm_parts_restore(m, KVM_PARTS_RESET, m->power_on.bytes, m->power_on.len, err);

	return rc < 0 ? error_wrap(err, "the machine cannot be reset") : 0;
}
