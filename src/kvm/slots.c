#include "kvm/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define PAGE 4096u

static int set(struct kvm_machine *m, unsigned id, const struct kvm_slot *slot, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .flags = slot->flags, .guest_phys_addr = slot->gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)guest_mem_window(m->cfg.mem, slot->gpa, slot->size),
	};

	return ioctl(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

/* ---- what the guest has written ---- */

/* The log of one slot, which begins anew (api.rst 4.8): note() for each page in it. log: room for any. */
static int each_dirty(struct kvm_machine *m, unsigned id, uint64_t *log,
                      void (*note)(struct kvm_machine *m, uint64_t gpa, uint64_t *bits), uint64_t *bits)
{
	const struct kvm_slot *slot = &m->slot[id];
	struct kvm_dirty_log ask = {.slot = id, .dirty_bitmap = log};

	if (slot->size == 0 || !(slot->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return 0;
	if (ioctl(m->vm_fd, KVM_GET_DIRTY_LOG, &ask) < 0)
		return -errno;
	for (uint64_t i = 0; i < slot->size / PAGE; i++)
		if (log[i / 64] == 0)
			i |= 63;
		else if (log[i / 64] & 1ull << i % 64)
			note(m, slot->gpa + i * PAGE, bits);
	return 0;
}

static void add_bit(struct kvm_machine *m, uint64_t gpa, uint64_t *bits)
{
	const struct guest_mem *mem = m->cfg.mem;

	for (unsigned i = 0; i < mem->count; i++) {
		const struct guest_mem_region *r = &mem->region[i];
		uint64_t bit = r->bit + (gpa - r->gpa) / PAGE;

		if (gpa >= r->gpa && gpa - r->gpa < r->size)
			bits[bit / 64] |= 1ull << bit % 64;
	}
}

int kvm_slots_take_dirty(struct kvm_machine *m, uint64_t *bits)
{
	uint64_t *log = malloc(guest_mem_bits(m->cfg.mem) / 8);
	int rc = log == NULL ? -ENOMEM : 0;

	for (unsigned id = 0; rc == 0 && id < KVM_MAX_SLOTS; id++)
		rc = each_dirty(m, id, log, add_bit, bits);
	free(log);
	return rc;
}

static void mark(struct kvm_machine *m, uint64_t gpa, uint64_t *bits)
{
	(void)bits;
	guest_mem_mark(m->cfg.mem, gpa, PAGE);
}

/* A slot that goes takes its log along: what is in it is kept as if it had been written from outside. */
static void keep_log(struct kvm_machine *m, unsigned id)
{
	const struct kvm_slot *slot = &m->slot[id];
	uint64_t *log = malloc(guest_mem_bits(m->cfg.mem) / 8);

	if (log == NULL || each_dirty(m, id, log, mark, NULL) < 0)
		guest_mem_mark(m->cfg.mem, slot->gpa, slot->size);
	free(log);
}

/* ---- slots ---- */

/* The pieces of one region: RAM between the watched pages, and those that stay readable. */
static unsigned cut(const struct guest_mem_region *r, const struct kvm_protect_page *page, unsigned pages,
                    uint32_t flags, struct kvm_slot *ret)
{
	uint64_t at = r->gpa;
	unsigned n = 0;

	for (unsigned i = 0; i < pages; i++) {
		if (page[i].gpa < r->gpa || page[i].gpa - r->gpa >= r->size)
			continue;
		if (page[i].gpa > at)
			ret[n++] = (struct kvm_slot){.gpa = at, .size = page[i].gpa - at, .flags = flags};
		if (!page[i].hole)
			ret[n++] = (struct kvm_slot){.gpa = page[i].gpa, .size = PAGE,
			                             .flags = KVM_MEM_READONLY};
		at = page[i].gpa + PAGE;
	}
	if (at - r->gpa < r->size)
		ret[n++] = (struct kvm_slot){.gpa = at, .size = r->size - (at - r->gpa), .flags = flags};
	return n;
}

/* The same but for logging, which alone can be changed in place (api.rst 4.35). */
static bool same(const struct kvm_slot *a, const struct kvm_slot *b)
{
	return a->gpa == b->gpa && a->size == b->size && !((a->flags ^ b->flags) & KVM_MEM_READONLY);
}

static void drop_others(struct kvm_machine *m, const struct kvm_slot *want, unsigned n)
{
	for (unsigned id = 0; id < KVM_MAX_SLOTS; id++) {
		bool stays = m->slot[id].size == 0;

		for (unsigned i = 0; !stays && i < n; i++)
			stays = same(&m->slot[id], &want[i]);
		if (stays)
			continue;
		if (m->slot[id].flags & KVM_MEM_LOG_DIRTY_PAGES)
			keep_log(m, id);
		set(m, id, &m->slot[id], 0); /* cannot fail for a slot that is there */
		m->slot[id].size = 0;
	}
}

/* The number of the slot that is the same, else of a free one; KVM_MAX_SLOTS: none. */
static unsigned number_for(const struct kvm_machine *m, const struct kvm_slot *slot)
{
	unsigned id = 0;

	while (id < KVM_MAX_SLOTS && !(m->slot[id].size != 0 && same(&m->slot[id], slot)))
		id++;
	for (unsigned i = 0; id == KVM_MAX_SLOTS && i < KVM_MAX_SLOTS; i++)
		if (m->slot[i].size == 0)
			return i;
	return id;
}

static int add(struct kvm_machine *m, const struct kvm_slot *slot)
{
	unsigned id = number_for(m, slot);
	int rc;

	if (id == KVM_MAX_SLOTS)
		return -ENOSPC;
	if (m->slot[id].size != 0 && m->slot[id].flags == slot->flags)
		return 0;
	rc = set(m, id, slot, slot->size);
	if (rc == 0)
		m->slot[id] = *slot;
	return rc;
}

static int update(struct kvm_machine *m)
{
	const struct guest_mem *mem = m->cfg.mem;
	uint32_t flags = m->slots_how == KVM_SLOTS_LOGGED ? KVM_MEM_LOG_DIRTY_PAGES : 0;
	struct kvm_slot want[KVM_MAX_SLOTS];
	unsigned n = 0;
	int rc = 0;

	for (unsigned i = 0; m->slots_how != KVM_SLOTS_NONE && i < mem->count; i++)
		n += cut(&mem->region[i], m->cut, m->cuts, flags, want + n);
	drop_others(m, want, n);
	for (unsigned i = 0; rc == 0 && i < n; i++)
		rc = add(m, &want[i]);
	return rc;
}

int kvm_slots_set(struct kvm_machine *m, enum kvm_slots how)
{
	m->slots_how = how;
	return update(m);
}

int kvm_slots_renew(struct kvm_machine *m)
{
	int rc = 0;

	for (unsigned id = 0; rc == 0 && id < KVM_MAX_SLOTS; id++) {
		struct kvm_slot slot = m->slot[id];

		if (slot.size == 0)
			continue;
		set(m, id, &slot, 0); /* cannot fail for a slot that is there */
		rc = set(m, id, &slot, slot.size);
		if (rc < 0)
			m->slot[id].size = 0;
	}
	return rc;
}

int kvm_slots_cut(struct kvm_machine *m, const struct kvm_protect_page *page, unsigned pages)
{
	if (m->cfg.mem->count + 2 * pages > KVM_MAX_SLOTS)
		return -ENOSPC;
	m->cut = page;
	m->cuts = pages;
	return update(m);
}
