#include "kvm/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

int kvm_slots_set(struct kvm_machine *m, enum kvm_slots how)
{
	const struct guest_mem *mem = m->cfg.mem;

	for (unsigned i = 0; i < mem->count; i++) {
		struct kvm_userspace_memory_region slot = {
			.slot = i,
			.flags = how == KVM_SLOTS_LOGGED ? KVM_MEM_LOG_DIRTY_PAGES : 0,
			.guest_phys_addr = mem->region[i].gpa,
			.memory_size = how == KVM_SLOTS_NONE ? 0 : mem->region[i].size,
			.userspace_addr = (uintptr_t)mem->region[i].host,
		};

		if (ioctl(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
			return -errno;
	}
	return 0;
}

int kvm_slots_take_dirty(struct kvm_machine *m, uint64_t *bits)
{
	const struct guest_mem *mem = m->cfg.mem;
	uint64_t *log = malloc(guest_mem_bits(mem) / 8);
	int rc = log == NULL ? -ENOMEM : 0;

	for (unsigned i = 0; rc == 0 && i < mem->count; i++) {
		const struct guest_mem_region *r = &mem->region[i];
		struct kvm_dirty_log ask = {.slot = i, .dirty_bitmap = log};
		uint64_t words = (r->size / 4096 + 63) / 64;

		/* Whole words, and the log begins anew (api.rst 4.8). */
		if (ioctl(m->vm_fd, KVM_GET_DIRTY_LOG, &ask) < 0)
			rc = -errno;
		for (uint64_t w = 0; rc == 0 && w < words; w++)
			bits[r->bit / 64 + w] |= log[w];
	}
	free(log);
	return rc;
}
