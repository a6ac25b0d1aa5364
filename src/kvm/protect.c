/*
 * Watched pages. A page whose writes are watched is a read-only memory slot, one whose reads are watched is
 * no slot at all: KVM then emulates the instruction and comes out with address and data (api.rst 4.35,
 * KVM_MEM_READONLY, and KVM_EXIT_MMIO), and the access is made here. Between two vcpus an instruction that
 * reads and writes must stay one piece, and of a read-only page KVM would read without coming out: with more
 * than one vcpu every watched page is a hole, and the lock is held from a read to the end of its instruction.
 *
 * What KVM cannot emulate comes out as DEBUG_EVENT_OPAQUE; a step with plan.open then executes it for real.
 * Events are delivered by the CPU, which does not come out with the write of a frame: a page that turns out
 * to hold a stack is told (debug_event.on_stack) and must not stay watched.
 *
 * Slots change only while every vcpu is parked.
 */
#include "kvm/internal.h"
#include "x86/cpumode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MASK 4095ull

/* ---- accesses ---- */

static bool watched(const struct kvm_protect *p, uint64_t gpa, unsigned len, bool write)
{
	for (unsigned i = 0; i < p->ranges; i++) {
		const struct debug_protect *r = &p->range[i];

		if (gpa < r->gpa + r->len && r->gpa < gpa + len && (write || r->reads))
			return true;
	}
	return false;
}

static void note(struct kvm_vcpu *v, const struct debug_access *a)
{
	if (v->accesses < DEBUG_MAX_ACCESSES && watched(&v->m->protect, a->gpa, a->len, a->write))
		v->access[v->accesses++] = *a;
}

/* ---- what devices write ---- */

static uint8_t *copy_of(struct kvm_protect *p, uint64_t gpa)
{
	for (unsigned i = 0; p->copy != NULL && i < p->pages; i++)
		if (p->page[i].gpa == (gpa & ~PAGE_MASK))
			return p->copy[i] + (gpa & PAGE_MASK);
	return NULL;
}

void kvm_protect_refresh(struct kvm_machine *m)
{
	struct kvm_protect *p = &m->protect;

	for (unsigned i = 0; p->copy != NULL && i < p->pages; i++)
		guest_mem_read(m->cfg.mem, p->page[i].gpa, p->copy[i], sizeof(p->copy[i]));
}

void kvm_protect_free(struct kvm_machine *m)
{
	free(m->protect.copy);
	m->protect.copy = NULL;
}

/* From the first byte that differs; all of the range is taken as it is now. p->lock held. */
static void compare(struct kvm_vcpu *v, const struct debug_protect *r, const uint8_t *now, uint8_t *copy)
{
	struct debug_access a = {.write = true, .device = true};
	uint32_t at = 0;

	while (now[at] == copy[at])
		at++;
	a.gpa = r->gpa + at;
	a.len = (uint8_t)(r->len - at < 8 ? r->len - at : 8);
	memcpy(a.old, copy + at, a.len);
	memcpy(a.now, now + at, a.len);
	memcpy(copy, now, r->len);
	note(v, &a);
}

void kvm_protect_device(struct kvm_vcpu *v)
{
	struct kvm_protect *p = &v->m->protect;

	if (p->pages == 0)
		return;
	pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < p->ranges; i++) {
		const struct debug_protect *r = &p->range[i];
		const uint8_t *now = guest_mem_window(v->m->cfg.mem, r->gpa, r->len);
		uint8_t *copy = copy_of(p, r->gpa);

		if (now != NULL && copy != NULL && memcmp(now, copy, r->len) != 0)
			compare(v, r, now, copy);
	}
	pthread_mutex_unlock(&p->lock);
}

/* The access of one KVM_EXIT_MMIO. p->lock held. */
static void serve(struct kvm_vcpu *v)
{
	struct kvm_run *run = v->run;
	struct guest_mem *mem = v->m->cfg.mem;
	struct debug_access a = {.gpa = run->mmio.phys_addr, .len = (uint8_t)run->mmio.len,
	                         .write = run->mmio.is_write};
	uint8_t *copy;

	v->count[KVM_COUNT_WATCHED]++;
	guest_mem_read(mem, a.gpa, a.old, a.len);
	if (a.write) {
		memcpy(a.now, run->mmio.data, a.len);
		guest_mem_write(mem, a.gpa, a.now, a.len);
		copy = copy_of(&v->m->protect, a.gpa);
		if (copy != NULL)
			memcpy(copy, a.now, a.len);
	} else {
		memcpy(a.now, a.old, a.len);
		memcpy(run->mmio.data, a.old, a.len);
	}
	note(v, &a);
}

static bool ours(const struct kvm_vcpu *v)
{
	const struct kvm_run *run = v->run;

	return run->exit_reason == KVM_EXIT_MMIO && run->mmio.len <= 8 &&
	       guest_mem_contains(v->m->cfg.mem, run->mmio.phys_addr, run->mmio.len);
}

/* The page that the stack of this vcpu is on; looked up again only when it has moved. */
static bool is_stack(struct kvm_vcpu *v, uint64_t gpa)
{
	uint64_t top, found;

	if (kvm_state_get(v, X86_GROUP_CORE | X86_GROUP_SYSTEM) < 0)
		return false;
	top = (x86_mode_of(&v->state) == X86_MODE_64 ? v->state.gpr[X86_RSP]
	       : v->state.seg[X86_SS].base + (uint32_t)v->state.gpr[X86_RSP]) - 1;
	if (v->stack_known && v->stack_gva == (top & ~PAGE_MASK) && v->stack_cr3 == v->state.cr3)
		return v->stack_gpa == (gpa & ~PAGE_MASK);
	v->stack_known = true;
	v->stack_gva = top & ~PAGE_MASK;
	v->stack_cr3 = v->state.cr3;
	v->stack_gpa = kvm_state_translate(v, top, &found) != 0 ? found & ~PAGE_MASK : UINT64_MAX;
	return v->stack_gpa == (gpa & ~PAGE_MASK);
}

bool kvm_protect_access(struct kvm_vcpu *v, enum kvm_exit_class *ret)
{
	struct kvm_protect *p = &v->m->protect;
	uint64_t gpa = v->run->mmio.phys_addr;
	bool whole = v->m->vcpu_count > 1;
	int rc = -EINTR;

	if (!ours(v))
		return false;
	*ret = KVM_EXIT_CLASS_HANDLED;
	if (is_stack(v, gpa)) {
		v->on_stack = true;
		v->stack_page = gpa & ~PAGE_MASK;
	}
	pthread_mutex_lock(&p->lock);
	do {
		serve(v);
		rc = whole ? kvm_vcpu_complete(v) : -EINTR;
	} while (rc == 0 && ours(v));
	pthread_mutex_unlock(&p->lock);
	if (rc == 0)
		*ret = kvm_exit_handle(v); /* the same instruction meets something else */
	return true;
}

/* ---- what comes out ---- */

static enum debug_event_kind met(const struct kvm_vcpu *v)
{
	return v->accesses > 0 || v->on_stack ? DEBUG_EVENT_ACCESS : DEBUG_EVENT_CAUGHT;
}

bool kvm_protect_hit(struct kvm_vcpu *v)
{
	int rc;

	if (v->accesses == 0 && !v->on_stack && v->caught.kind == DEBUG_CATCH_NONE)
		return false;
	while ((rc = kvm_vcpu_complete(v)) == 0) {
		enum kvm_exit_class class = kvm_exit_handle(v);

		if (class == KVM_EXIT_CLASS_EVENT)
			return true;
		if (class == KVM_EXIT_CLASS_DEBUG) {
			kvm_guest_debug_event(v);
			return true;
		}
	}
	if (rc != -EINTR)
		kvm_exit_run_failed(v, -rc);
	else if (!kvm_exit_request(v))
		kvm_exit_event(v, met(v));
	return true;
}

enum kvm_outcome kvm_protect_report(struct kvm_vcpu *v, enum kvm_outcome outcome)
{
	if (v->accesses == 0 && !v->on_stack && v->caught.kind == DEBUG_CATCH_NONE)
		return outcome;
	if (outcome == KVM_OUT_KICKED)
		kvm_exit_event(v, met(v));
	v->event.caught = v->caught;
	v->caught.kind = DEBUG_CATCH_NONE;
	memcpy(v->event.access, v->access, v->accesses * sizeof(v->access[0]));
	v->event.accesses = v->accesses;
	v->event.on_stack = v->on_stack;
	v->event.stack_page = v->stack_page;
	v->accesses = 0;
	v->on_stack = false;
	return KVM_OUT_EVENT;
}

bool kvm_protect_opaque(struct kvm_vcpu *v)
{
	return v->m->protect.pages > 0 && !v->m->protect.open;
}

/* ---- slots ---- */

static unsigned list_pages(const struct kvm_machine *m, const struct kvm_protect *p,
                           struct kvm_protect_page *page)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->wanted; i++) {
		uint64_t gpa = p->want[i].gpa & ~PAGE_MASK;
		unsigned at = 0;

		while (at < n && page[at].gpa < gpa)
			at++;
		if (at == n || page[at].gpa != gpa) {
			memmove(&page[at + 1], &page[at], (n - at) * sizeof(page[0]));
			page[at] = (struct kvm_protect_page){.gpa = gpa, .hole = m->vcpu_count > 1};
			n++;
		}
		page[at].hole |= p->want[i].reads;
	}
	return n;
}

int kvm_protect_apply(struct kvm_machine *m)
{
	struct kvm_protect *p = &m->protect;
	int rc;

	p->pending = false;
	memcpy(p->range, p->want, p->wanted * sizeof(p->want[0]));
	p->ranges = p->wanted;
	p->pages = list_pages(m, p, p->page);
	kvm_protect_free(m);
	if (p->pages > 0)
		p->copy = malloc(p->pages * sizeof(p->copy[0]));
	kvm_protect_refresh(m);
	rc = kvm_slots_cut(m, p->page, p->open ? 0 : p->pages);
	if (rc == 0)
		return 0;
	p->pages = p->ranges = p->wanted = 0;
	kvm_slots_cut(m, NULL, 0);
	return rc;
}

int kvm_protect_set(struct kvm_machine *m, const struct debug_protect *range, unsigned n)
{
	struct kvm_protect *p = &m->protect;
	bool running = false;

	if (n > DEBUG_MAX_PROTECTS)
		return -ENOSPC;
	if (n > 0)
		memcpy(p->want, range, n * sizeof(*range));
	p->wanted = n;
	for (unsigned i = 0; i < m->vcpu_count; i++) {
		m->vcpu[i].stack_known = false;
		if (m->vcpu[i].running)
			kvm_vcpu_kick(&m->vcpu[i]);
		running |= m->vcpu[i].running;
	}
	if (!running)
		return kvm_protect_apply(m);
	p->pending = true;
	return 0;
}

void kvm_protect_open(struct kvm_machine *m, bool open)
{
	m->protect.open = open;
	kvm_protect_refresh(m);
	if (m->protect.pages > 0)
		kvm_slots_cut(m, m->protect.page, open ? 0 : m->protect.pages);
}
