#include "kvm/internal.h"
#include "x86/cpumode.h"
#include "x86/layout.h"
#include "x86/paging.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* Row i of gpr[] is X86_RAX + i (GDB's order). */
static const size_t gpr_offset[X86_GPR_COUNT] = {
	offsetof(struct kvm_regs, rax), offsetof(struct kvm_regs, rbx), offsetof(struct kvm_regs, rcx),
	offsetof(struct kvm_regs, rdx), offsetof(struct kvm_regs, rsi), offsetof(struct kvm_regs, rdi),
	offsetof(struct kvm_regs, rbp), offsetof(struct kvm_regs, rsp), offsetof(struct kvm_regs, r8),
	offsetof(struct kvm_regs, r9),  offsetof(struct kvm_regs, r10), offsetof(struct kvm_regs, r11),
	offsetof(struct kvm_regs, r12), offsetof(struct kvm_regs, r13), offsetof(struct kvm_regs, r14),
	offsetof(struct kvm_regs, r15),
};

static const size_t seg_offset[X86_SEG_COUNT] = {
	[X86_CS] = offsetof(struct kvm_sregs, cs),     [X86_SS] = offsetof(struct kvm_sregs, ss),
	[X86_DS] = offsetof(struct kvm_sregs, ds),     [X86_ES] = offsetof(struct kvm_sregs, es),
	[X86_FS] = offsetof(struct kvm_sregs, fs),     [X86_GS] = offsetof(struct kvm_sregs, gs),
	[X86_LDTR] = offsetof(struct kvm_sregs, ldt),  [X86_TR] = offsetof(struct kvm_sregs, tr),
};

static void core_from_kvm(const struct kvm_regs *k, struct x86_state *st)
{
	for (unsigned i = 0; i < X86_GPR_COUNT; i++)
		memcpy(&st->gpr[i], (const uint8_t *)k + gpr_offset[i], 8);
	st->rip = k->rip;
	st->rflags = k->rflags;
}

static void core_to_kvm(const struct x86_state *st, struct kvm_regs *k)
{
	for (unsigned i = 0; i < X86_GPR_COUNT; i++)
		memcpy((uint8_t *)k + gpr_offset[i], &st->gpr[i], 8);
	k->rip = st->rip;
	k->rflags = st->rflags;
}

static void seg_from_kvm(const struct kvm_segment *k, struct x86_seg *s)
{
	*s = (struct x86_seg){.base = k->base, .limit = k->limit, .selector = k->selector, .type = k->type,
	                      .s = k->s, .dpl = k->dpl, .present = k->present, .avl = k->avl, .l = k->l,
	                      .db = k->db, .g = k->g, .unusable = k->unusable};
}

static void seg_to_kvm(const struct x86_seg *s, struct kvm_segment *k)
{
	*k = (struct kvm_segment){.base = s->base, .limit = s->limit, .selector = s->selector,
	                          .type = s->type, .s = s->s, .dpl = s->dpl, .present = s->present,
	                          .avl = s->avl, .l = s->l, .db = s->db, .g = s->g,
	                          .unusable = s->unusable};
}

static void system_from_kvm(const struct kvm_sregs *k, struct x86_state *st)
{
	for (unsigned i = 0; i < X86_SEG_COUNT; i++)
		seg_from_kvm((const void *)((const uint8_t *)k + seg_offset[i]), &st->seg[i]);
	st->gdt = (struct x86_table){.base = k->gdt.base, .limit = k->gdt.limit};
	st->idt = (struct x86_table){.base = k->idt.base, .limit = k->idt.limit};
	st->cr0 = k->cr0;
	st->cr2 = k->cr2;
	st->cr3 = k->cr3;
	st->cr4 = k->cr4;
	st->cr8 = k->cr8;
	st->efer = k->efer;
	st->apic_base = k->apic_base;
}

static void system_to_kvm(const struct x86_state *st, struct kvm_sregs *k)
{
	for (unsigned i = 0; i < X86_SEG_COUNT; i++)
		seg_to_kvm(&st->seg[i], (void *)((uint8_t *)k + seg_offset[i]));
	k->gdt.base = st->gdt.base;
	k->gdt.limit = st->gdt.limit;
	k->idt.base = st->idt.base;
	k->idt.limit = st->idt.limit;
	k->cr0 = st->cr0;
	k->cr2 = st->cr2;
	k->cr3 = st->cr3;
	k->cr4 = st->cr4;
	k->cr8 = st->cr8;
	k->efer = st->efer;
	k->apic_base = st->apic_base;
}

static int checked(int rc)
{
	return rc < 0 ? -errno : 0;
}

/* While SINGLESTEP is set KVM takes every TF for its own and hides it (guest_debug.c keeps the guest's). */
static bool hides_tf(const struct kvm_vcpu *v)
{
	return v->applied.control & KVM_GUESTDBG_SINGLESTEP;
}

static int get_core(struct kvm_vcpu *v)
{
	struct kvm_regs regs;

	if (v->page_valid)
		core_from_kvm(&v->run->s.regs.regs, &v->state);
	else if (ioctl(v->fd, KVM_GET_REGS, &regs) < 0)
		return -errno;
	else
		core_from_kvm(&regs, &v->state);
	if (hides_tf(v) && v->guest_tf)
		v->state.rflags |= X86_RFLAGS_TF;
	return 0;
}

static int get_system(struct kvm_vcpu *v)
{
	struct kvm_sregs sregs;

	if (v->page_valid) {
		system_from_kvm(&v->run->s.regs.sregs, &v->state);
		return 0;
	}
	if (ioctl(v->fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	system_from_kvm(&sregs, &v->state);
	return 0;
}

static int get_fpu(struct kvm_vcpu *v)
{
	struct kvm_xsave xsave;

	_Static_assert(sizeof(xsave.region) == X86_XSAVE_SIZE, "KVM_GET_XSAVE is one page");
	if (ioctl(v->fd, KVM_GET_XSAVE, &xsave) < 0)
		return -errno;
	memcpy(v->state.xsave, xsave.region, sizeof(xsave.region));
	return 0;
}

/* The head ends in a flexible array: room for its entries. */
union msr_list {
	uint8_t room[sizeof(struct kvm_msrs) + X86_MSR_COUNT * sizeof(struct kvm_msr_entry)];
	struct kvm_msrs head;
};

/* KVM stops at the first MSR it does not have, and which those are differs by host: one by one, once. */
static void find_msrs(struct kvm_vcpu *v)
{
	union msr_list one;

	for (unsigned i = 0; i < X86_MSR_COUNT; i++) {
		memset(&one, 0, sizeof(one));
		one.head.nmsrs = 1;
		one.head.entries[0].index = x86_msr_index[i];
		if (ioctl(v->fd, KVM_GET_MSRS, &one) == 1)
			v->m->msrs |= 1u << i;
	}
	v->m->msrs_known = true;
}

static int get_xcr0(struct kvm_vcpu *v)
{
	struct kvm_xcrs xcrs = {0};

	if (ioctl(v->fd, KVM_GET_XCRS, &xcrs) < 0)
		return -errno;
	v->state.xcr0 = xcrs.nr_xcrs >= 1 ? xcrs.xcrs[0].value : 1;
	return 0;
}

static int get_msrs(struct kvm_vcpu *v)
{
	union msr_list all = {0};
	unsigned n = 0;

	if (!v->m->msrs_known)
		find_msrs(v);
	for (unsigned i = 0; i < X86_MSR_COUNT; i++)
		if (v->m->msrs & (1u << i))
			all.head.entries[n++].index = x86_msr_index[i];
	all.head.nmsrs = n;
	if (ioctl(v->fd, KVM_GET_MSRS, &all) != (int)n)
		return -EIO;
	n = 0;
	for (unsigned i = 0; i < X86_MSR_COUNT; i++)
		if (v->m->msrs & (1u << i))
			v->state.msr[i] = all.head.entries[n++].data;
	kvm_clock_read_tsc(v, &v->state.msr[X86_MSR_TSC]);
	v->state.msr_valid = v->m->msrs;
	return get_xcr0(v);
}

static int get_debug(struct kvm_vcpu *v)
{
	struct kvm_debugregs k;

	if (ioctl(v->fd, KVM_GET_DEBUGREGS, &k) < 0)
		return -errno;
	memcpy(v->state.dr, k.db, sizeof(v->state.dr));
	v->state.dr6 = k.dr6;
	v->state.dr7 = k.dr7;
	return 0;
}

static int set_core(struct kvm_vcpu *v, const struct x86_state *st)
{
	struct kvm_regs regs;

	core_to_kvm(st, &regs);
	if (ioctl(v->fd, KVM_SET_REGS, &regs) < 0)
		return -errno;
	v->page_valid = false;
	if (hides_tf(v))
		v->guest_tf = st->rflags & X86_RFLAGS_TF;
	return 0;
}

static int set_system(struct kvm_vcpu *v, const struct x86_state *st)
{
	struct kvm_sregs sregs;

	/* From KVM's present value: interrupt_bitmap is not ours to change. */
	if (ioctl(v->fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	system_to_kvm(st, &sregs);
	v->page_valid = false;
	return checked(ioctl(v->fd, KVM_SET_SREGS, &sregs));
}

static int set_fpu(struct kvm_vcpu *v, const struct x86_state *st)
{
	struct kvm_xsave xsave = {0};

	memcpy(xsave.region, st->xsave, sizeof(xsave.region));
	return checked(ioctl(v->fd, KVM_SET_XSAVE, &xsave));
}

static int set_msrs(struct kvm_vcpu *v, const struct x86_state *st)
{
	struct kvm_xcrs xcrs = {.nr_xcrs = 1};
	union msr_list all = {0};
	unsigned n = 0;

	xcrs.xcrs[0].value = st->xcr0;
	if (st->xcr0 != v->state.xcr0 && ioctl(v->fd, KVM_SET_XCRS, &xcrs) < 0)
		return -errno;
	for (unsigned i = 0; i < X86_MSR_COUNT; i++) {
		if (!(st->msr_valid & (1u << i)) || st->msr[i] == v->state.msr[i])
			continue;
		if (i == X86_MSR_TSC && kvm_clock_write_tsc(v, st->msr[i]))
			continue;
		all.head.entries[n++] = (struct kvm_msr_entry){.index = x86_msr_index[i], .data = st->msr[i]};
	}
	all.head.nmsrs = n;
	if (n == 0)
		return 0;
	return ioctl(v->fd, KVM_SET_MSRS, &all) == (int)n ? 0 : -EINVAL;
}

static int set_debug(struct kvm_vcpu *v, const struct x86_state *st)
{
	struct kvm_debugregs k = {.dr6 = st->dr6, .dr7 = st->dr7};

	memcpy(k.db, st->dr, sizeof(k.db));
	v->applied_valid = false; /* the merge with our slots is stale */
	return checked(ioctl(v->fd, KVM_SET_DEBUGREGS, &k));
}

static const struct group {
	unsigned bit;
	const char *name;
	int (*get)(struct kvm_vcpu *v);
	int (*set)(struct kvm_vcpu *v, const struct x86_state *st);
} groups[] = {
	{X86_GROUP_SYSTEM, "system registers", get_system, set_system},
	{X86_GROUP_FPU, "floating-point state", get_fpu, set_fpu},
	{X86_GROUP_MSR, "MSRs", get_msrs, set_msrs},
	{X86_GROUP_DEBUG, "debug registers", get_debug, set_debug},
	{X86_GROUP_CORE, "general registers", get_core, set_core},
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

int kvm_state_get(struct kvm_vcpu *v, unsigned wanted)
{
	for (unsigned i = 0; i < GROUPS; i++) {
		int rc;

		if (!(wanted & groups[i].bit & ~v->cached))
			continue;
		rc = groups[i].get(v);
		if (rc < 0)
			return rc;
		v->cached |= groups[i].bit;
	}
	return 0;
}

/* Copies the members of one group between states: the cache follows what KVM took. */
static void copy_group(unsigned bit, const struct x86_state *from, struct x86_state *to)
{
	struct x86_state *t = to;

	switch (bit) {
	case X86_GROUP_CORE:
		memcpy(t->gpr, from->gpr, sizeof(t->gpr));
		t->rip = from->rip;
		t->rflags = from->rflags;
		break;
	case X86_GROUP_SYSTEM:
		memcpy(t->seg, from->seg, sizeof(t->seg));
		t->gdt = from->gdt;
		t->idt = from->idt;
		t->cr0 = from->cr0;
		t->cr2 = from->cr2;
		t->cr3 = from->cr3;
		t->cr4 = from->cr4;
		t->cr8 = from->cr8;
		t->efer = from->efer;
		t->apic_base = from->apic_base;
		break;
	case X86_GROUP_FPU:
		memcpy(t->xsave, from->xsave, sizeof(t->xsave));
		break;
	case X86_GROUP_MSR:
		memcpy(t->msr, from->msr, sizeof(t->msr));
		t->msr_valid = from->msr_valid;
		t->xcr0 = from->xcr0;
		break;
	default:
		memcpy(t->dr, from->dr, sizeof(t->dr));
		t->dr6 = from->dr6;
		t->dr7 = from->dr7;
		break;
	}
}

int kvm_state_set(struct kvm_vcpu *v, unsigned wanted, const struct x86_state *st, struct error *err)
{
	struct x86_state before;
	unsigned done = 0;
	int rc = kvm_state_get(v, wanted);

	if (rc < 0)
		return error_set(err, -rc, "cannot read the vcpu's state: %s", strerror(-rc));
	before = v->state;
	for (unsigned i = 0; i < GROUPS; i++) {
		if (!(wanted & groups[i].bit))
			continue;
		rc = groups[i].set(v, st);
		if (rc < 0) {
			/* All or nothing: what was already written goes back. */
			for (unsigned j = 0; j <= i; j++)
				if (j == i || (done & groups[j].bit))
					groups[j].set(v, &before);
			return error_set(err, -rc, "KVM refuses these %s: %s", groups[i].name, strerror(-rc));
		}
		done |= groups[i].bit;
	}
	for (unsigned i = 0; i < GROUPS; i++)
		if (wanted & groups[i].bit)
			copy_group(groups[i].bit, st, &v->state);
	return 0;
}

static int set_vcpu_entry(struct kvm_vcpu *v, const struct x86_state *entry, struct error *err)
{
	struct x86_state st = *entry;
	int rc = kvm_state_get(v, X86_GROUP_SYSTEM);

	if (rc < 0)
		return error_set(err, -rc, "cannot read the vcpu's state: %s", strerror(-rc));
	st.apic_base = v->state.apic_base;
	rc = kvm_state_set(v, X86_GROUP_CORE | X86_GROUP_SYSTEM, &st, err);
	return rc < 0 ? error_wrap(err, "the entry state cannot be set") : 0;
}

int kvm_state_set_entry(struct kvm_machine *m, const struct x86_state *entry, struct error *err)
{
	struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct x86_state st = *entry;
	int rc = set_vcpu_entry(&m->vcpu[0], entry, err);

	for (unsigned i = 1; rc == 0 && m->cfg.all_start && i < m->vcpu_count; i++) {
		st.gpr[X86_RSI] = i;
		rc = set_vcpu_entry(&m->vcpu[i], &st, err);
		if (rc == 0 && ioctl(m->vcpu[i].fd, KVM_SET_MP_STATE, &runnable) < 0)
			rc = error_set(err, errno, "vcpu %u cannot be started: %s", i, strerror(errno));
		m->vcpu[i].mp_known = false;
	}
	return rc;
}

void kvm_state_forget(struct kvm_vcpu *v)
{
	v->cached = 0;
	v->mp_known = false;
}

uint64_t kvm_state_pc(struct kvm_vcpu *v)
{
	/* On the path of every step: straight from the run page where KVM puts it there. */
	if (v->page_valid && !v->cached) {
		const struct kvm_sync_regs *s = &v->run->s.regs;

		return s->sregs.cs.l && (s->sregs.efer & X86_EFER_LMA) ? s->regs.rip
		                                                       : s->sregs.cs.base + s->regs.rip;
	}
	kvm_state_get(v, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	return x86_linear_pc(&v->state);
}

static int read_phys(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	return guest_mem_read(ctx, gpa, buf, len);
}

uint64_t kvm_state_translate(struct kvm_vcpu *v, uint64_t gva, uint64_t *ret_gpa)
{
	struct x86_phys_reader reader = {.read = read_phys, .ctx = v->m->cfg.mem};
	struct x86_paging paging;
	struct x86_walk walk;

	if (kvm_state_get(v, X86_GROUP_SYSTEM) < 0)
		return 0;
	x86_paging_from_state(&v->state, &v->m->layout, &paging);
	x86_paging_walk(&paging, gva, &reader, &walk);
	if (walk.result != X86_WALK_OK)
		return 0;
	*ret_gpa = walk.gpa;
	return 4096 - (gva & 4095);
}

size_t kvm_state_read_virtual(struct kvm_vcpu *v, uint64_t gva, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		uint64_t gpa, room = kvm_state_translate(v, gva + done, &gpa);
		size_t n = len - done < room ? len - done : (size_t)room;

		if (n == 0 || guest_mem_read(v->m->cfg.mem, gpa, (uint8_t *)buf + done, n) < 0)
			break;
		done += n;
	}
	return done;
}

int kvm_state_write_virtual(struct kvm_vcpu *v, uint64_t gva, const void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t gpa;

		if (kvm_state_translate(v, gva + i, &gpa) == 0 ||
		    guest_mem_write(v->m->cfg.mem, gpa, (const uint8_t *)buf + i, 1) < 0)
			return -EFAULT;
	}
	return 0;
}

void kvm_state_layout(const struct kvm_cpuid2 *cpuid, struct x86_layout *ret)
{
	struct x86_cpuid rows[KVM_CPUID_ROWS];
	unsigned n = cpuid->nent < KVM_CPUID_ROWS ? cpuid->nent : KVM_CPUID_ROWS;

	for (unsigned i = 0; i < n; i++)
		rows[i] = (struct x86_cpuid){.leaf = cpuid->entries[i].function,
		                             .subleaf = cpuid->entries[i].index, .eax = cpuid->entries[i].eax,
		                             .ebx = cpuid->entries[i].ebx, .ecx = cpuid->entries[i].ecx,
		                             .edx = cpuid->entries[i].edx};
	x86_layout_init(ret, rows, n);
}
