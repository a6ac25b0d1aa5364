#include "kvm/snapshot.h"

#include "kvm/parts.h"
#include "mem/page_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX 16
#define NAME_SIZE 32
#define MEMORIES 4   /* what all snapshots may keep, in sizes of the guest's memory */

struct snapshot {
	char name[NAME_SIZE];
	struct page_image *image;
	struct records state;
	uint64_t pc;
};

/* Exists while there is a snapshot: what the guest writes is noted so long, which costs it an exit a page. */
struct kvm_snapshots {
	struct page_store *store;
	struct page_image *base;  /* memory is equal to it but for the dirty pages; NULL: to zeros */
	uint64_t *dirty;
	unsigned count;
	struct snapshot snapshot[MAX];
};

static struct snapshot *find(const struct kvm_machine *m, const char *name)
{
	struct kvm_snapshots *all = m->snapshots;

	for (unsigned i = 0; all != NULL && i < all->count; i++)
		if (strcmp(all->snapshot[i].name, name) == 0)
			return &all->snapshot[i];
	return NULL;
}

static int no_such(const char *name, struct error *err)
{
	return error_set(err, ENOENT, "there is no snapshot '%s'", name);
}

/* ---- beginning and ending ---- */

static void empty(struct kvm_snapshots *all, struct snapshot *s)
{
	page_store_drop(all->store, s->image);
	records_free(&s->state);
}

void kvm_snapshot_free_all(struct kvm_machine *m)
{
	struct kvm_snapshots *all = m->snapshots;

	if (all == NULL)
		return;
	for (unsigned i = 0; i < all->count; i++)
		empty(all, &all->snapshot[i]);
	if (all->store != NULL)
		page_store_drop(all->store, all->base);
	page_store_free(all->store);
	guest_mem_untrack(m->cfg.mem);
	free(all->dirty);
	free(all);
	m->snapshots = NULL;
}

static void end(struct kvm_machine *m)
{
	kvm_snapshot_free_all(m);
	kvm_slots_set(m, KVM_SLOTS_PLAIN);
}

static int begin(struct kvm_machine *m, struct error *err)
{
	uint64_t bits = guest_mem_bits(m->cfg.mem);
	struct kvm_snapshots *all = m->snapshots = calloc(1, sizeof(*all));
	int rc;

	if (all != NULL)
		all->dirty = calloc(bits / 64, sizeof(all->dirty[0]));
	if (all == NULL || all->dirty == NULL || guest_mem_track(m->cfg.mem) < 0)
		return error_set(err, ENOMEM, "no memory for a snapshot");
	rc = page_store_new(m->cfg.mem, MEMORIES * (guest_mem_size(m->cfg.mem) / PAGE_STORE_PAGE),
	                    &all->store, err);
	if (rc < 0)
		return rc;
	rc = kvm_slots_set(m, KVM_SLOTS_LOGGED);
	if (rc < 0)
		return error_set(err, -rc, "this KVM does not note what a guest writes: %s", strerror(-rc));
	guest_mem_touched(m->cfg.mem, m->pagemap_fd, all->dirty);
	return 0;
}

/* What has changed since the last one was taken or put back, to what is known already. */
static int collect(struct kvm_machine *m, struct error *err)
{
	struct kvm_snapshots *all = m->snapshots;
	int rc = kvm_slots_take_dirty(m, all->dirty);

	if (rc < 0)
		return error_set(err, -rc, "KVM does not tell what the guest has written: %s", strerror(-rc));
	if (guest_mem_take_written(m->cfg.mem, all->dirty)) {
		page_store_drop(all->store, all->base);
		all->base = NULL;
	}
	return 0;
}

static void rebase(struct kvm_machine *m, struct page_image *image)
{
	struct kvm_snapshots *all = m->snapshots;

	page_image_hold(image);
	page_store_drop(all->store, all->base);
	all->base = image;
	memset(all->dirty, 0, guest_mem_bits(m->cfg.mem) / 8);
}

/* ---- the operations ---- */

static int capture(struct kvm_machine *m, struct snapshot *ret, struct error *err)
{
	struct kvm_snapshots *all = m->snapshots;
	int rc = collect(m, err);

	if (rc == 0)
		rc = kvm_parts_save(m, KVM_PARTS_ALL, &ret->state, err);
	if (rc == 0)
		rc = page_store_capture(all->store, all->base, all->dirty, &ret->image, err);
	if (rc < 0) {
		records_free(&ret->state);
		return rc;
	}
	rebase(m, ret->image);
	ret->pc = kvm_state_pc(&m->vcpu[0]);
	return 0;
}

int kvm_snapshot_save(struct kvm_machine *m, const char *name, struct error *err)
{
	struct snapshot fresh = {.image = NULL}, *place = find(m, name);
	int rc = 0;

	if (strlen(name) >= sizeof(fresh.name))
		return error_set(err, ENAMETOOLONG, "the snapshot's name is too long");
	if (place == NULL && m->snapshots != NULL && m->snapshots->count == MAX)
		return error_set(err, ENOSPC, "there are %d snapshots already: delete one", MAX);
	if (m->snapshots == NULL)
		rc = begin(m, err);
	if (rc == 0)
		rc = capture(m, &fresh, err);
	if (rc < 0) {
		if (m->snapshots != NULL && m->snapshots->count == 0)
			end(m);
		return rc;
	}
	memcpy(fresh.name, name, strlen(name) + 1);
	if (place != NULL)
		empty(m->snapshots, place);
	else
		place = &m->snapshots->snapshot[m->snapshots->count++];
	*place = fresh;
	return 0;
}

/*
 * KVM follows the guest's own writes to its page tables; ours under a shadow MMU it would not see. Slots made
 * anew make it forget all it has derived. What they had logged was collected before.
 */
static int renew_slots(struct kvm_machine *m, struct error *err)
{
	int rc = kvm_slots_renew(m);

	return rc < 0 ? error_set(err, -rc, "KVM refuses the guest's memory: %s", strerror(-rc)) : 0;
}

int kvm_snapshot_restore(struct kvm_machine *m, const char *name, uint64_t *ret_pages, struct error *err)
{
	const struct snapshot *s = find(m, name);
	struct kvm_snapshots *all = m->snapshots;
	int rc;

	if (s == NULL)
		return no_such(name, err);
	rc = collect(m, err);
	if (rc < 0)
		return rc;
	*ret_pages = page_store_apply(all->store, all->base, s->image, all->dirty);
	rebase(m, s->image);
	rc = renew_slots(m, err);
	if (rc == 0)
		rc = kvm_parts_restore(m, KVM_PARTS_ALL, s->state.bytes, s->state.len, err);
	return rc;
}

int kvm_snapshot_delete(struct kvm_machine *m, const char *name, struct error *err)
{
	struct snapshot *s = find(m, name);
	struct kvm_snapshots *all = m->snapshots;

	if (s == NULL)
		return no_such(name, err);
	empty(all, s);
	all->count--;
	memmove(s, s + 1, (size_t)(&all->snapshot[all->count] - s) * sizeof(*s));
	if (all->count == 0)
		end(m);
	return 0;
}

unsigned kvm_snapshot_list(const struct kvm_machine *m, struct debug_snapshot *rows, unsigned max)
{
	const struct kvm_snapshots *all = m->snapshots;

	for (unsigned i = 0; all != NULL && i < all->count && i < max; i++)
		rows[i] = (struct debug_snapshot){.name = all->snapshot[i].name, .pc = all->snapshot[i].pc,
		                                  .pages = page_image_pages(all->snapshot[i].image)};
	return all == NULL ? 0 : all->count;
}

/* ---- files ---- */

int kvm_snapshot_write(struct kvm_machine *m, const char *name, uint64_t bias,
                       const struct snapfile_sink *sink, struct error *err)
{
	const struct snapshot *s = find(m, name);
	struct snapfile head;
	int rc;

	if (s == NULL)
		return no_such(name, err);
	snapfile_describe(m->cfg.mem, &head);
	head.vcpus = m->vcpu_count;
	head.bias = bias;
	head.state = s->state.bytes;
	head.state_len = s->state.len;
	rc = snapfile_write(&head, m->snapshots->store, s->image, sink);
	return rc < 0 ? error_set(err, -rc, "%s", strerror(-rc)) : 0;
}

int kvm_snapshot_load(struct kvm_machine *m, const struct snapfile *file, struct error *err)
{
	int rc = 0;

	if (file->vcpus != m->vcpu_count)
		return error_set(err, EINVAL, "the snapshot is of a machine with %u vcpus", file->vcpus);
	/* Which MSRs there are is known once they have been read. */
	if (m->part_msr == NULL)
		rc = error_set(err, EINVAL, "the machine is not complete");
	if (rc == 0)
		rc = snapfile_load(file, m->cfg.mem, err);
	if (rc == 0)
		rc = kvm_parts_restore(m, KVM_PARTS_ALL, file->state, file->state_len, err);
	return rc;
}
