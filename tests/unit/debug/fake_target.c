#include "fake_target.h"

#include "base/bytes.h"
#include "fake_cpu.h"
#include "x86/paging.h"
#include "x86/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PML4 0xf0000u

/* ---- set-up ---- */

static void put64(struct fake_target *f, uint64_t gpa, uint64_t value)
{
	uint8_t b[8];

	bytes_put_le64(b, value);
	guest_mem_write(&f->mem, gpa, b, 8);
}

static uint64_t page_entry(unsigned page)
{
	const uint64_t nx = 1ull << 63, rw = 3, ro = 1;
	uint64_t gpa = page * 0x1000ull;

	switch (page) {
	case 0x40:
		return 0;
	case 0x50:
		return 0x1000 | rw;
	case 0x60:
		return 0x10000000 | rw | nx;
	case 0x70:
		return gpa | ro | nx;
	default:
		return page < 8 ? gpa | rw : page < 0x100 ? gpa | rw | nx : 0;
	}
}

static void build_tables(struct fake_target *f)
{
	put64(f, PML4, (PML4 + 0x1000) | 3);
	put64(f, PML4 + 0x1000, (PML4 + 0x2000) | 3);
	put64(f, PML4 + 0x2000, (PML4 + 0x3000) | 3);
	for (unsigned i = 0; i < 512; i++)
		put64(f, PML4 + 0x3000 + 8 * i, page_entry(i));
}

static void entry_state(struct x86_state *st)
{
	memset(st, 0, sizeof(*st));
	st->rip = FAKE_ENTRY;
	st->gpr[X86_RSP] = FAKE_STACK;
	st->rflags = X86_RFLAGS_FIXED;
	st->cr0 = X86_CR0_PG | X86_CR0_PE | X86_CR0_ET;
	st->cr3 = PML4;
	st->cr4 = X86_CR4_PAE;
	st->efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NX;
	st->seg[X86_CS] = x86_seg_code64(8);
	for (unsigned i = X86_SS; i <= X86_GS; i++)
		st->seg[i] = x86_seg_data(16);
	st->seg[X86_LDTR] = x86_seg_none();
	st->seg[X86_TR] = x86_seg_tss64(24, 0, 0x67);
	st->xcr0 = 3;
	st->msr_valid = 1u << X86_MSR_LSTAR;
	st->dr6 = X86_DR6_FIXED;
	st->dr7 = X86_DR7_BASE;
	bytes_put_le16(st->xsave, 0x37f);
	bytes_put_le32(st->xsave + 24, 0x1f80);
	st->xsave[512] = 3;
}

static void load(struct fake_target *f)
{
	guest_mem_clear(&f->mem);
	build_tables(f);
	guest_mem_write(&f->mem, FAKE_ENTRY, f->image, sizeof(f->image));
	for (unsigned i = 0; i < f->count; i++) {
		entry_state(&f->vcpu[i].st);
		f->vcpu[i].halted = false;
		f->vcpu[i].wait_sipi = i > 0;
		f->vcpu[i].inject = false;
	}
}

void fake_init(struct fake_target *f, unsigned vcpus)
{
	memset(f, 0, sizeof(*f));
	f->count = vcpus;
	f->caps = (struct debug_caps){ true, true, true, true, true, true, true, true, true, false, true };
	f->layout = (struct x86_layout){ .xcr0_mask = 3, .phys_bits = 40, .linear_bits = 48, .has_nx = true };
	guest_mem_init(&f->mem);
	guest_mem_add(&f->mem, 0, FAKE_RAM, NULL);
	memset(f->image, 0xf4, sizeof(f->image));
	load(f);
}

void fake_fini(struct fake_target *f)
{
	guest_mem_fini(&f->mem);
	for (unsigned i = 0; i < FAKE_SNAPSHOTS; i++)
		free(f->snapshot[i]);
}

void fake_code(struct fake_target *f, unsigned offset, const void *bytes, unsigned len)
{
	if (offset + len > sizeof(f->image))
		return;
	memcpy(f->image + offset, bytes, len);
	guest_mem_write(&f->mem, FAKE_ENTRY + offset, bytes, len);
}

void fake_start(struct fake_target *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		f->vcpu[i].plan = f->vcpu[i].now = (struct debug_plan){ .move = DEBUG_RUN };
		f->vcpu[i].running = true;
	}
}

void fake_wake(struct fake_target *f, unsigned vcpu, uint64_t rip)
{
	struct fake_vcpu *v = &f->vcpu[vcpu];

	v->halted = v->wait_sipi = false;
	if (rip)
		v->st.rip = rip;
}

/* ---- run control ---- */

bool fake_runs(const struct fake_target *f)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->vcpu[i].running)
			return true;
	return false;
}

static void stop_all(struct fake_target *f, unsigned elected)
{
	for (unsigned i = 0; i < f->count; i++) {
		if (f->vcpu[i].running && f->vcpu[i].plan.move != DEBUG_HOLD)
			f->vcpu[i].grace = 1;
		f->vcpu[i].plan = (struct debug_plan){ .move = DEBUG_HOLD };
	}
	if (!f->stopping)
		f->elected = elected;
	f->stopping = true;
}

/* Into the guest, by its plan. */
static void enter(struct fake_vcpu *v)
{
	v->now = v->plan;
	v->grace = 0;
	v->running = v->plan.move != DEBUG_HOLD;
}

void fake_event(struct fake_target *f, const struct debug_event *ev)
{
	struct fake_vcpu *v = &f->vcpu[ev->vcpu < f->count ? ev->vcpu : 0];

	v->running = false;
	if (f->sink.event(f->sink.ctx, ev) == DEBUG_STOP)
		stop_all(f, ev->vcpu);
	else if (!f->stopping)
		enter(v);
}

static void all_parked(struct fake_target *f)
{
	f->stopping = false;
	if (f->reset_wanted) {
		struct debug_event ev = { .kind = DEBUG_EVENT_RESET, .vcpu = f->elected };

		f->reset_wanted = false;
		load(f);
		if (f->sink.event(f->sink.ctx, &ev) == DEBUG_GO)
			return;
	}
	f->sink.stopped(f->sink.ctx);
}

/* ---- one turn ---- */

static void send_event(struct fake_target *f, unsigned i, enum debug_event_kind kind, uint64_t dr6)
{
	struct debug_event ev = { .kind = kind, .vcpu = i, .pc = f->vcpu[i].st.rip, .dr6 = dr6 };

	fake_event(f, &ev);
}

/* The guest's handler runs and returns, all at once. */
static void deliver(struct fake_target *f, unsigned i)
{
	struct fake_vcpu *v = &f->vcpu[i];

	v->inject = false;
	if (v->vector == 3) {
		v->guest_int3++;
		v->st.rip++;
	} else {
		v->guest_db++;
		v->last_dr6 = v->inject_dr6;
	}
	if (v->now.move == DEBUG_STEP)
		send_event(f, i, DEBUG_EVENT_STEPPED, X86_DR6_FIXED | X86_DR6_BS);
}

static unsigned slots_at(const struct fake_target *f, const struct fake_vcpu *v,
                         const struct fake_access *a, bool exec)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
		const struct x86_dr *s = &f->arm.slot[i];

		if (!s->used || (v->now.slots_off & (1u << i)) || (s->type == X86_DR_EXEC) != exec)
			continue;
		if (!exec && s->type == X86_DR_WRITE && !a->write)
			continue;
		if (a->addr < s->addr + s->len && s->addr < a->addr + a->len)
			mask |= 1u << i;
	}
	return mask;
}

static unsigned exec_hits(const struct fake_target *f, const struct fake_vcpu *v)
{
	struct fake_access at = { .addr = v->st.rip, .len = 1 };

	return f->caps.exec_dr ? slots_at(f, v, &at, true) : 0;
}

static void ended(struct fake_target *f, unsigned i, enum fake_result result)
{
	static const char entry[] = "KVM could not enter the guest: reason 33";
	struct debug_event ev = { .vcpu = i, .pc = f->vcpu[i].st.rip };

	if (result == FAKE_RESET) {
		f->vcpu[i].running = false;
		f->reset_wanted = true;
		stop_all(f, i);
		return;
	}
	ev.kind = result == FAKE_EXIT ? DEBUG_EVENT_EXITED
	                              : result == FAKE_SHUTDOWN ? DEBUG_EVENT_SHUTDOWN : DEBUG_EVENT_ERROR;
	ev.status = (uint8_t)f->vcpu[i].st.gpr[X86_RAX];
	if (result == FAKE_ERROR)
		memcpy(ev.text, entry, sizeof(entry));
	fake_event(f, &ev);
}

/* An access to watched bytes, as KVM's exits tell of it. */
static bool watched(struct fake_target *f, unsigned i, const struct fake_access *a, struct debug_event *ev)
{
	struct fake_vcpu *v = &f->vcpu[i];

	for (unsigned k = 0; k < f->protects && !v->now.open && a->len; k++) {
		const struct debug_protect *p = &f->protect[k];

		if (p->gpa / 0x1000 == a->gpa / 0x1000 && v->st.gpr[X86_RSP] / 0x1000 == a->addr / 0x1000) {
			ev->on_stack = true;
			ev->stack_page = a->gpa & ~0xfffull;
		}
		if (ev->accesses == 0 && a->gpa < p->gpa + p->len && p->gpa < a->gpa + a->len &&
		    (a->write || p->reads)) {
			ev->access[0] = (struct debug_access){ .gpa = a->gpa, .len = (uint8_t)a->len,
			                                       .write = a->write };
			memcpy(ev->access[0].old, a->old, 8);
			memcpy(ev->access[0].now, a->now, 8);
			ev->accesses = 1;
		}
	}
	return ev->accesses > 0 || ev->on_stack;
}

static struct debug_caught caught(const struct fake_target *f, const struct fake_vcpu *v)
{
	for (unsigned i = 0; i < f->catches; i++)
		if (v->out.kind == f->catch[i].kind && v->out.at >= f->catch[i].first &&
		    v->out.at <= f->catch[i].last)
			return v->out;
	return (struct debug_caught){ .kind = DEBUG_CATCH_NONE };
}

static void after_insn(struct fake_target *f, unsigned i, const struct fake_access *access)
{
	struct fake_vcpu *v = &f->vcpu[i];
	unsigned hits = f->caps.data_dr && access->len ? slots_at(f, v, access, false) : 0;
	struct debug_event ev = { .kind = DEBUG_EVENT_ACCESS, .vcpu = i, .pc = v->st.rip };

	ev.caught = caught(f, v);
	if (ev.caught.kind != DEBUG_CATCH_NONE) {
		ev.kind = v->now.move == DEBUG_STEP ? DEBUG_EVENT_STEPPED : DEBUG_EVENT_CAUGHT;
		ev.dr6 = X86_DR6_FIXED | X86_DR6_BS;
		fake_event(f, &ev);
	} else if (watched(f, i, access, &ev)) {
		if (v->now.move == DEBUG_STEP)
			ev.kind = DEBUG_EVENT_STEPPED;
		ev.dr6 = X86_DR6_FIXED | (v->now.move == DEBUG_STEP ? X86_DR6_BS : 0) | hits;
		fake_event(f, &ev);
	} else if (v->now.move == DEBUG_STEP && f->together) {
		v->late = true;
		v->late_dr6 = X86_DR6_FIXED | X86_DR6_BS | hits;
	} else if (v->now.move == DEBUG_STEP) {
		send_event(f, i, DEBUG_EVENT_STEPPED, X86_DR6_FIXED | X86_DR6_BS | hits);
	} else if (hits || (v->st.rflags & X86_RFLAGS_TF)) {
		uint64_t bs = v->st.rflags & X86_RFLAGS_TF ? X86_DR6_BS : 0;

		send_event(f, i, DEBUG_EVENT_DB, X86_DR6_FIXED | bs | hits);
	}
}

static void turn(struct fake_target *f, unsigned i)
{
	struct fake_vcpu *v = &f->vcpu[i];
	struct fake_access access = { .len = 0 };
	enum fake_result result;
	unsigned hits;

	if (!v->running)
		return;
	if ((f->stopping || f->killed || v->plan.move == DEBUG_HOLD) && (v->grace == 0 || v->grace-- == 0)) {
		v->running = false;
		return;
	}
	if (v->now.move == DEBUG_STEP && !v->now.sleeps)
		v->halted = false;
	if (v->wait_sipi || v->halted)
		return;
	if (v->inject) {
		deliver(f, i);
		return;
	}
	hits = exec_hits(f, v);
	if (hits) {
		send_event(f, i, DEBUG_EVENT_DB, X86_DR6_FIXED | hits);
		return;
	}
	v->out.kind = DEBUG_CATCH_NONE;
	result = fake_cpu_step(f, v, &access);
	if (result == FAKE_INT3 && f->arm.int3) {
		send_event(f, i, DEBUG_EVENT_INT3, 0);
	} else if (result == FAKE_INT3) {
		v->vector = 3;
		deliver(f, i);
	} else if (result == FAKE_OPAQUE) {
		send_event(f, i, DEBUG_EVENT_OPAQUE, 0);
	} else if (result == FAKE_DONE) {
		after_insn(f, i, &access);
	} else {
		ended(f, i, result);
	}
}

static void end_late_steps(struct fake_target *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		if (!f->vcpu[i].late)
			continue;
		f->vcpu[i].late = false;
		send_event(f, i, DEBUG_EVENT_STEPPED, f->vcpu[i].late_dr6);
	}
}

void fake_run(struct fake_target *f, unsigned turns)
{
	while (turns-- > 0 && !f->killed) {
		if (!fake_runs(f) && !f->stopping)
			return;
		for (unsigned i = 0; i < f->count; i++)
			turn(f, i);
		end_late_steps(f);
		if (f->stopping && !fake_runs(f))
			all_parked(f);
	}
}

/* ---- ops ---- */

static unsigned op_vcpu_count(void *t)
{
	return ((struct fake_target *)t)->count;
}

static enum debug_vcpu_state op_vcpu_state(void *t, unsigned vcpu)
{
	const struct fake_vcpu *v = &((struct fake_target *)t)->vcpu[vcpu];

	if (v->running)
		return DEBUG_VCPU_RUNNING;
	return v->wait_sipi ? DEBUG_VCPU_WAIT_SIPI : v->halted ? DEBUG_VCPU_HALTED : DEBUG_VCPU_STOPPED;
}

static int op_get(void *t, unsigned vcpu, unsigned groups, const struct x86_state **ret)
{
	struct fake_target *f = t;

	(void)groups;
	if (vcpu >= f->count)
		return -ENOENT;
	if (f->vcpu[vcpu].running)
		return -EBUSY;
	f->gets++;
	*ret = &f->vcpu[vcpu].st;
	return 0;
}

static int op_set(void *t, unsigned vcpu, unsigned groups, const struct x86_state *st, struct error *err)
{
	struct fake_target *f = t;
	struct x86_state *to = &f->vcpu[vcpu].st;

	if (f->vcpu[vcpu].running)
		return error_set(err, EBUSY, "running");
	f->sets++;
	if (groups & ~(unsigned)X86_GROUP_CORE) {
		struct x86_state core = *to;

		*to = *st;
		memcpy(to->gpr, core.gpr, sizeof(to->gpr));
		to->rip = core.rip;
		to->rflags = core.rflags;
	}
	if (groups & X86_GROUP_CORE) {
		memcpy(to->gpr, st->gpr, sizeof(to->gpr));
		to->rip = st->rip;
		to->rflags = st->rflags;
	}
	return 0;
}

static void op_arm(void *t, const struct debug_arm *arm)
{
	struct fake_target *f = t;

	f->arm = *arm;
	f->arms++;
}

static void op_resume(void *t, const struct debug_plan *plan, unsigned count)
{
	struct fake_target *f = t;

	f->resumes++;
	/* Until a reset is done nobody knows of it but the target: plans are noted, and nothing starts. */
	f->violations += f->stopping && !f->reset_wanted;
	for (unsigned i = 0; i < count && i < f->count; i++) {
		bool was = f->vcpu[i].running;

		if (was && plan[i].move == DEBUG_HOLD && f->vcpu[i].plan.move != DEBUG_HOLD)
			f->vcpu[i].grace = 1;
		f->vcpu[i].plan = plan[i];
		if (f->stopping)
			continue;
		if (!was || plan[i].move != DEBUG_HOLD)
			enter(&f->vcpu[i]);
	}
}

static void op_stop(void *t, unsigned elected)
{
	((struct fake_target *)t)->stops++;
	stop_all(t, elected);
}

static int op_protect(void *t, const struct debug_protect *range, unsigned n)
{
	struct fake_target *f = t;

	f->protects = 0;
	if (f->no_protect)
		return -ENOSPC;
	memcpy(f->protect, range, n * sizeof(*range));
	f->protects = n;
	return 0;
}

/* Ports above 0xf0 do not come out here. */
static int op_catch(void *t, const struct debug_catch_range *range, unsigned n, struct error *err)
{
	struct fake_target *f = t;

	for (unsigned i = 0; i < n; i++)
		if (range[i].kind != DEBUG_CATCH_IO || range[i].last >= 0xf0)
			return error_set(err, ENOTSUP, "the fake does not come out for it");
	memcpy(f->catch, range, n * sizeof(*range));
	f->catches = n;
	return 0;
}

static int op_inject(void *t, unsigned vcpu, unsigned vector, uint64_t dr6)
{
	struct fake_vcpu *v = &((struct fake_target *)t)->vcpu[vcpu];

	v->inject = true;
	v->vector = vector;
	v->inject_dr6 = dr6;
	return 0;
}

/* One register, eight bytes: a read counts. */
static int op_device(void *t, unsigned vcpu, uint64_t gpa, void *buf, unsigned len, bool write,
                     struct error *err)
{
	struct fake_target *f = t;
	uint8_t bytes[8];

	(void)vcpu;
	if (gpa != FAKE_DEVICE)
		return error_set(err, ENXIO, "no device at 0x%llx", (unsigned long long)gpa);
	bytes_put_le64(bytes, f->device);
	if (write) {
		memcpy(bytes, buf, len);
		f->device = bytes_get_le64(bytes);
	} else {
		memcpy(buf, bytes, len);
		f->device++;
	}
	return 0;
}

static void op_time(void *t, int wish, char *text, size_t size)
{
	struct fake_target *f = t;

	if (wish >= 0)
		f->time_runs = wish == 0;
	snprintf(text, size, "the fake %s", f->time_runs ? "runs" : "stands");
}

static int op_reset(void *t, struct error *err)
{
	struct fake_target *f = t;

	if (f->no_reset)
		return error_set(err, EIO, "the image has gone");
	f->resets++;
	load(f);
	return 0;
}

static void op_kill(void *t)
{
	((struct fake_target *)t)->killed = true;
}

static unsigned op_exits(void *t, struct debug_exit_count *rows, unsigned max)
{
	const struct fake_target *f = t;
	const struct debug_exit_count all[] = { { "nothing", 0 }, { "stop", f->stops + 41 } };

	for (unsigned i = 0; i < 2 && i < max; i++)
		rows[i] = all[i];
	return 2;
}

struct fake_snapshot {
	char name[32];
	uint8_t mem[FAKE_RAM];
	struct fake_vcpu vcpu[DEBUG_MAX_VCPUS];
};

static struct fake_snapshot **find_snapshot(struct fake_target *f, const char *name)
{
	for (unsigned i = 0; i < FAKE_SNAPSHOTS; i++)
		if (f->snapshot[i] && strcmp(f->snapshot[i]->name, name) == 0)
			return &f->snapshot[i];
	return NULL;
}

static int op_snapshot_save(void *t, const char *name, struct error *err)
{
	struct fake_target *f = t;
	struct fake_snapshot **at = find_snapshot(f, name);

	for (unsigned i = 0; !at && i < FAKE_SNAPSHOTS; i++)
		if (!f->snapshot[i])
			at = &f->snapshot[i];
	if (!at)
		return error_set(err, ENOSPC, "there are %d snapshots already", FAKE_SNAPSHOTS);
	if (!*at)
		*at = malloc(sizeof(**at));
	snprintf((*at)->name, sizeof((*at)->name), "%s", name);
	guest_mem_read(&f->mem, 0, (*at)->mem, FAKE_RAM);
	memcpy((*at)->vcpu, f->vcpu, sizeof(f->vcpu));
	return 0;
}

static int op_snapshot_restore(void *t, const char *name, uint64_t *ret_pages, struct error *err)
{
	struct fake_target *f = t;
	struct fake_snapshot **at = find_snapshot(f, name);

	if (!at)
		return error_set(err, ENOENT, "there is no snapshot '%s'", name);
	guest_mem_write(&f->mem, 0, (*at)->mem, FAKE_RAM);
	for (unsigned i = 0; i < f->count; i++) {
		f->vcpu[i].st = (*at)->vcpu[i].st;
		f->vcpu[i].halted = (*at)->vcpu[i].halted;
		f->vcpu[i].wait_sipi = (*at)->vcpu[i].wait_sipi;
		f->vcpu[i].inject = (*at)->vcpu[i].inject;
	}
	*ret_pages = FAKE_RAM / 4096;
	return 0;
}

static int op_snapshot_delete(void *t, const char *name, struct error *err)
{
	struct fake_snapshot **at = find_snapshot(t, name);

	if (!at)
		return error_set(err, ENOENT, "there is no snapshot '%s'", name);
	free(*at);
	*at = NULL;
	return 0;
}

static unsigned op_snapshot_list(void *t, struct debug_snapshot *rows, unsigned max)
{
	const struct fake_target *f = t;
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_SNAPSHOTS && n < max; i++)
		if (f->snapshot[i])
			rows[n++] = (struct debug_snapshot){ .name = f->snapshot[i]->name, .pages = 256,
			                                     .pc = f->snapshot[i]->vcpu[0].st.rip };
	return n;
}

const struct debug_target_ops *fake_ops(void)
{
	static const struct debug_target_ops ops = {
		.vcpu_count = op_vcpu_count, .vcpu_state = op_vcpu_state, .get = op_get, .set = op_set,
		.arm = op_arm, .resume = op_resume, .stop = op_stop, .inject = op_inject,
		.protect = op_protect, .catch = op_catch,
		.time = op_time, .device = op_device, .reset = op_reset,
		.kill = op_kill, .exits = op_exits, .snapshot_save = op_snapshot_save,
		.snapshot_restore = op_snapshot_restore, .snapshot_delete = op_snapshot_delete,
		.snapshot_list = op_snapshot_list,
	};

	return &ops;
}
