#include "kvm/parts.h"

#include "base/crc32.h"
#include "kvm/parts_vcpu.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* ---- parts of the machine; v is NULL ---- */

/*
 * The levels of the lines that devices drive. KVM keeps them beside the controllers' state and gives them to
 * nobody; raising one is an edge to a controller, so the controllers come after them.
 */
static int save_lines(struct kvm_machine *m, struct kvm_vcpu *v, void *buf)
{
	uint64_t lines = atomic_load(&m->lines);

	(void)v;
	memcpy(buf, &lines, sizeof(lines));
	return (int)sizeof(lines);
}

static int restore_lines(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len)
{
	uint64_t lines, differ;

	(void)v, (void)len;
	memcpy(&lines, buf, sizeof(lines));
	differ = lines ^ atomic_load(&m->lines);
	for (unsigned i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		if (differ & 1ull << i)
			kvm_machine_irq(m, i, lines >> i & 1);
	return 0;
}

/* KVM_GET_CLOCK's flags describe the answer; KVM_SET_CLOCK takes none of these (api.rst 4.31). */
static int restore_clock(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len)
{
	struct kvm_clock_data clock;

	(void)v, (void)len;
	memcpy(&clock, buf, sizeof(clock));
	clock = (struct kvm_clock_data){.clock = clock.clock};
	return ioctl(m->vm_fd, KVM_SET_CLOCK, &clock) < 0 ? -errno : 0;
}

/* What programs ask the CPU for: guests that run on another one meet instructions that are not there. */
static uint32_t features_sum(const struct kvm_machine *m)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < m->cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &m->cpuid->entries[i];
		uint32_t row[6] = {e->function, e->index};

		if (e->function == 1 || e->function == 0x80000001)
			row[4] = e->ecx, row[5] = e->edx;
		else if (e->function == 7)
			row[2] = e->eax, row[3] = e->ebx, row[4] = e->ecx, row[5] = e->edx;
		else if (e->function == 0xd)
			row[2] = e->eax, row[5] = e->edx;
		else
			continue;
		sum = crc32_add(sum, row, sizeof(row));
	}
	return sum;
}

static int save_cpuid(struct kvm_machine *m, struct kvm_vcpu *v, void *buf)
{
	uint32_t sum = features_sum(m);

	(void)v;
	memcpy(buf, &sum, sizeof(sum));
	return (int)sizeof(sum);
}

static int check_cpuid(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len)
{
	uint32_t sum = features_sum(m);

	(void)v, (void)len;
	return memcmp(buf, &sum, sizeof(sum)) == 0 ? 0 : -EXDEV;
}

/* ---- the list, in the order in which the parts are put back ---- */

/* A part that is one struct: read by one call, written by another. */
#define PLAIN(struct_type, what) .size = sizeof(struct_type), .get = KVM_GET_##what, .set = KVM_SET_##what

static const struct kvm_part {
	const char *name;
	bool per_vcpu, at_reset;
	uint32_t size;              /* bytes */
	bool up_to;                 /* size is only the most */
	unsigned long get, set;     /* ioctls; 0: the functions */
	uint32_t first;             /* the struct's first word when reading: which of several */
	int (*save)(struct kvm_machine *m, struct kvm_vcpu *v, void *buf); /* length or negative errno */
	int (*restore)(struct kvm_machine *m, struct kvm_vcpu *v, const void *buf, uint32_t len);
} parts[] = {
	{"cpuid", .size = 4, .save = save_cpuid, .restore = check_cpuid},
	{"lines", .at_reset = true, .size = 8, .save = save_lines, .restore = restore_lines},
	{"pic", .at_reset = true, PLAIN(struct kvm_irqchip, IRQCHIP), .first = KVM_IRQCHIP_PIC_MASTER},
	{"pic2", .at_reset = true, PLAIN(struct kvm_irqchip, IRQCHIP), .first = KVM_IRQCHIP_PIC_SLAVE},
	{"ioapic", .at_reset = true, PLAIN(struct kvm_irqchip, IRQCHIP), .first = KVM_IRQCHIP_IOAPIC},
	{"pit", .at_reset = true, PLAIN(struct kvm_pit_state2, PIT2)},
	/* Before the MSRs: a TSC deadline is measured from the counter of the moment it is set. */
	{"tsc", .at_reset = true, .size = KVM_PART_TSC_SIZE, .up_to = true, .save = kvm_part_save_tsc,
	 .restore = kvm_part_restore_tsc},
	{"clock", PLAIN(struct kvm_clock_data, CLOCK), .restore = restore_clock},
	/* The local APIC takes its base from sregs; SET_REGS and SET_SREGS drop events that are pending. */
	{"sregs", true, true, KVM_PART_SREGS_SIZE, .up_to = true, .save = kvm_part_save_sregs,
	 .restore = kvm_part_restore_sregs},
	{"xcrs", true, true, PLAIN(struct kvm_xcrs, XCRS)},
	{"xsave", true, true, PLAIN(struct kvm_xsave, XSAVE)},
	{"regs", true, true, .size = sizeof(struct kvm_regs), .save = kvm_part_save_regs,
	 .restore = kvm_part_restore_regs},
	{"lapic", true, true, PLAIN(struct kvm_lapic_state, LAPIC)},
	/* Behind the APIC, whose mode decides what a TSC deadline means. */
	{"msrs", true, true, KVM_PART_MSRS_SIZE, .up_to = true, .save = kvm_part_save_msrs,
	 .restore = kvm_part_restore_msrs},
	{"debugregs", true, true, PLAIN(struct kvm_debugregs, DEBUGREGS)},
	{"events", true, true, PLAIN(struct kvm_vcpu_events, VCPU_EVENTS)},
	{"stub", true, true, .size = KVM_PART_STUB_SIZE, .save = kvm_part_save_stub,
	 .restore = kvm_part_restore_stub},
	{"mp", true, true, PLAIN(struct kvm_mp_state, MP_STATE)},
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))
#define PART_MAX KVM_PART_MSRS_SIZE

static int part_fd(const struct kvm_machine *m, const struct kvm_vcpu *v)
{
	return v ? v->fd : m->vm_fd;
}

static int save_part(struct kvm_machine *m, struct kvm_vcpu *v, const struct kvm_part *p, uint8_t *buf)
{
	if (p->save)
		return p->save(m, v, buf);
	memset(buf, 0, p->size);
	memcpy(buf, &p->first, sizeof(p->first));
	return ioctl(part_fd(m, v), p->get, buf) < 0 ? -errno : (int)p->size;
}

static int restore_part(struct kvm_machine *m, struct kvm_vcpu *v, const struct kvm_part *p,
                        const struct record *rec)
{
	_Alignas(64) uint8_t buf[PART_MAX];

	memcpy(buf, rec->bytes, rec->len); /* aligned as the structs want it */
	if (p->restore)
		return p->restore(m, v, buf, rec->len);
	return ioctl(part_fd(m, v), p->set, buf) < 0 ? -errno : 0;
}

/* ---- walking the list: the machine's parts, each vcpu's, each device's ---- */

struct cursor {
	struct kvm_machine *m;
	enum kvm_parts which;
	unsigned part, vcpu, device;
};

struct place {
	const struct kvm_part *part;     /* NULL: a device's */
	const struct dev_part *device;
	struct kvm_vcpu *v;              /* NULL: the machine's or a device's */
	const char *name;
	uint32_t index;
};

/* Parts of a kind stand together in the list: the machine's first. False at the end. */
static bool next_place(struct cursor *c, struct place *ret)
{
	const struct dev_bus *bus = c->m->cfg.bus;

	for (; c->part < PARTS; c->part++, c->vcpu = 0) {
		const struct kvm_part *p = &parts[c->part];

		if ((c->which == KVM_PARTS_RESET && !p->at_reset) ||
		    c->vcpu >= (p->per_vcpu ? c->m->vcpu_count : 1))
			continue;
		*ret = (struct place){.part = p, .name = p->name, .index = c->vcpu,
		                      .v = p->per_vcpu ? &c->m->vcpu[c->vcpu] : NULL};
		c->vcpu++;
		return true;
	}
	if (c->which == KVM_PARTS_RESET || c->device >= bus->parts)
		return false;
	*ret = (struct place){.device = &bus->part[c->device], .name = bus->part[c->device].name};
	c->device++;
	return true;
}

int kvm_parts_save(struct kvm_machine *m, enum kvm_parts which, struct records *ret, struct error *err)
{
	_Alignas(64) uint8_t buf[PART_MAX];
	struct cursor c = {.m = m, .which = which};
	bool held = m->time.held;
	struct place at;
	int rc = 0;

	/* Clocks that were taken down for the stop are to be kept as they run. */
	kvm_clock_release(m);
	/* It makes KVM take a pending INIT or SIPI, which changes what the other calls give. */
	for (unsigned i = 0; i < m->vcpu_count; i++)
		ioctl(m->vcpu[i].fd, KVM_GET_MP_STATE, buf);
	while (rc >= 0 && next_place(&c, &at)) {
		if (at.device)
			at.device->save(at.device->dev, buf);
		rc = at.device ? (int)at.device->size : save_part(m, at.v, at.part, buf);
		if (rc >= 0)
			rc = records_add(ret, at.name, at.index, buf, (uint32_t)rc);
		if (rc < 0)
			error_set(err, -rc, "the machine's state cannot be read (%s %u): %s", at.name,
			          at.index, strerror(-rc));
	}
	if (held)
		kvm_clock_hold(m);
	return rc < 0 ? rc : 0;
}

static bool fits(const struct place *at, const struct record *rec)
{
	uint32_t size = at->device ? at->device->size : at->part->size;
	bool up_to = at->part && at->part->up_to;

	return strcmp(rec->name, at->name) == 0 && rec->index == at->index &&
	       (up_to ? rec->len <= size : rec->len == size);
}

static int check(struct kvm_machine *m, enum kvm_parts which, const uint8_t *bytes, size_t len,
                 struct error *err)
{
	struct cursor c = {.m = m, .which = which};
	struct record rec = {.name = "nothing"};
	struct place at;
	size_t pos = 0;

	while (next_place(&c, &at))
		if (records_next(bytes, len, &pos, &rec) != 1 || !fits(&at, &rec))
			return error_set(err, EINVAL,
			                 "the snapshot is of another machine: it has %s %u, not %s %u",
			                 rec.name, rec.index, at.name, at.index);
	if (pos != len)
		return error_set(err, EINVAL, "the snapshot has more parts than this machine");
	return 0;
}

static int restore_place(struct kvm_machine *m, const struct place *at, const struct record *rec,
                         struct error *err)
{
	int rc = at->device ? at->device->restore(at->device->dev, rec->bytes)
	                    : restore_part(m, at->v, at->part, rec);

	if (rc == -EXDEV)
		return error_set(err, EXDEV, "the snapshot was made on a CPU with other features");
	if (rc < 0)
		return error_set(err, -rc, "the machine's state cannot be set (%s %u): %s", at->name,
		                 at->index, strerror(-rc));
	return 0;
}

int kvm_parts_restore(struct kvm_machine *m, enum kvm_parts which, const uint8_t *bytes, size_t len,
                      struct error *err)
{
	struct cursor c = {.m = m, .which = which};
	bool held = m->time.held;
	struct record rec;
	struct place at;
	size_t pos = 0;
	int rc = check(m, which, bytes, len, err);

	if (rc < 0)
		return rc;
	/* All clocks are parts: what was taken down need not be put back first. */
	if (which == KVM_PARTS_ALL)
		kvm_clock_drop(m);
	else
		kvm_clock_release(m);
	for (unsigned i = 0; rc == 0 && i < m->vcpu_count; i++)
		rc = kvm_part_begin_vcpu(&m->vcpu[i]);
	if (rc < 0)
		return error_set(err, -rc, "the vcpus cannot be taken out of debugging: %s", strerror(-rc));
	while (rc == 0 && next_place(&c, &at)) {
		records_next(bytes, len, &pos, &rec);
		rc = restore_place(m, &at, &rec, err);
	}
	atomic_store(&m->guest_request, KVM_REQUEST_NONE);
	for (unsigned i = 0; i < m->vcpu_count; i++)
		kvm_state_forget(&m->vcpu[i]);
	if (held)
		kvm_clock_hold(m);
	return rc;
}
