/* Accesses of the debugger to what is not RAM. */
#include "kvm/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#define LAPIC_SIZE 0x1000u
#define APIC_BASE_MASK 0xffffff000ull
#define IOAPIC 0xfec00000ull /* KVM's (ioapic.h, IOAPIC_DEFAULT_BASE_ADDRESS) */
#define IOAPIC_SIZE 0x100u

/* As KVM keeps the page: reading it has no effect, unlike a guest's read (api.rst, KVM_GET_LAPIC). */
static int read_lapic(struct kvm_vcpu *v, unsigned offset, void *buf, unsigned len, struct error *err)
{
	struct kvm_lapic_state s;

	if (ioctl(v->fd, KVM_GET_LAPIC, &s) < 0)
		return error_set(err, EIO, "KVM_GET_LAPIC: %s", strerror(errno));
	kvm_clock_show_timer(v, &s);
	/* KVM_APIC_REG_SIZE: what lies behind is reserved and reads as nothing. */
	memset(buf, 0, len);
	if (offset + len <= sizeof(s.regs))
		memcpy(buf, s.regs + offset, len);
	return 0;
}

int kvm_mmio_access(struct kvm_vcpu *v, uint64_t gpa, void *buf, unsigned len, bool write, struct error *err)
{
	uint64_t lapic;
	bool there;

	if (kvm_state_get(v, X86_GROUP_SYSTEM) < 0)
		return error_set(err, EIO, "the vcpu's state cannot be read");
	lapic = v->state.apic_base & APIC_BASE_MASK;
	if (gpa >= lapic && gpa - lapic < LAPIC_SIZE && !write)
		return read_lapic(v, (unsigned)(gpa - lapic), buf, len, err);
	if (gpa >= lapic && gpa - lapic < LAPIC_SIZE)
		return error_set(err, EACCES, "the local APIC cannot be written from outside");
	if (gpa >= IOAPIC && gpa - IOAPIC < IOAPIC_SIZE)
		return error_set(err, EACCES, "the I/O APIC cannot be accessed from outside");
	there = write ? dev_bus_write(v->m->cfg.bus, DEV_MMIO, gpa, buf, len)
	              : dev_bus_read(v->m->cfg.bus, DEV_MMIO, gpa, buf, len);
	return there ? 0 : error_set(err, ENXIO, "there is no device at 0x%" PRIx64, gpa);
}
