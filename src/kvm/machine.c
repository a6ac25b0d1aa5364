#include "kvm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Pages below 4 GiB that VMX needs for real mode (api.rst, KVM_SET_TSS_ADDR): above any RAM of ours. */
#define TSS_ADDR 0xfffbd000u
#define IDENTITY_MAP_ADDR 0xfffbc000ull

static const struct { long cap; const char *name; } required[] = {
	{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
	{KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR"},
	{KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"},
	{KVM_CAP_PIT2, "KVM_CAP_PIT2"},
	{KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"},
	{KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE"},
	{KVM_CAP_XSAVE, "KVM_CAP_XSAVE"},
	{KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS"},
	{KVM_CAP_DEBUGREGS, "KVM_CAP_DEBUGREGS"},
	{KVM_CAP_SET_GUEST_DEBUG, "KVM_CAP_SET_GUEST_DEBUG"},
	{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
};

static int check_required(int kvm_fd, struct error *err)
{
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, required[i].cap) <= 0)
			return error_set(err, ENOTSUP, "this KVM lacks %s: a newer Linux kernel is needed",
			                 required[i].name);
	return 0;
}

static int sys_failed(struct error *err, const char *what)
{
	int code = errno;

	return error_set(err, code, "%s: %s", what, strerror(code));
}

static int open_kvm(struct kvm_machine *m, struct error *err)
{
	int size, rc;

	m->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm_fd < 0)
		return sys_failed(err, "cannot open /dev/kvm");
	rc = check_required(m->kvm_fd, err);
	if (rc < 0)
		return rc;
	size = ioctl(m->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		return error_set(err, ENOTSUP, "KVM_GET_VCPU_MMAP_SIZE gives %d", size);
	m->run_size = (size_t)size;
	return 0;
}

static int create_vm(struct kvm_machine *m, struct error *err)
{
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	struct kvm_enable_cap cap = {.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = {1}};
	uint64_t identity = IDENTITY_MAP_ADDR;

	m->vm_fd = ioctl(m->kvm_fd, KVM_CREATE_VM, 0);
	if (m->vm_fd < 0)
		return sys_failed(err, "cannot create a virtual machine");
	if (ioctl(m->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
	    ioctl(m->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDR) < 0)
		return sys_failed(err, "cannot place KVM's own pages");
	if (ioctl(m->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return sys_failed(err, "cannot create the interrupt controllers");
	if (ioctl(m->vm_fd, KVM_CREATE_PIT2, &pit) < 0)
		return sys_failed(err, "cannot create the timer");
	m->sregs2 = ioctl(m->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SREGS2) > 0;
	/* Older kernels lack it: then the report of a failed emulation has no instruction bytes. */
	if (m->probe.emulation_failure_exit)
		ioctl(m->vm_fd, KVM_ENABLE_CAP, &cap);
	m->msr_exits = m->probe.caps.msr_exit && kvm_catch_enable(m);
	return 0;
}

static int add_slots(struct kvm_machine *m, struct error *err)
{
	int rc = kvm_slots_set(m, KVM_SLOTS_PLAIN);

	return rc < 0 ? error_set(err, -rc, "KVM refuses the guest's memory: %s", strerror(-rc)) : 0;
}

static int load_cpuid(struct kvm_machine *m, struct error *err)
{
	m->cpuid = calloc(1, sizeof(*m->cpuid) + KVM_CPUID_ROWS * sizeof(m->cpuid->entries[0]));
	if (m->cpuid == NULL)
		return error_set(err, ENOMEM, "no memory for the CPUID table");
	m->cpuid->nent = KVM_CPUID_ROWS;
	if (ioctl(m->kvm_fd, KVM_GET_SUPPORTED_CPUID, m->cpuid) < 0)
		return sys_failed(err, "KVM_GET_SUPPORTED_CPUID");
	kvm_state_layout(m->cpuid, &m->layout);
	return 0;
}

static int build(struct kvm_machine *m, struct error *err)
{
	int rc = open_kvm(m, err);

	if (rc == 0)
		rc = create_vm(m, err);
	if (rc == 0)
		rc = add_slots(m, err);
	if (rc == 0)
		rc = load_cpuid(m, err);
	for (unsigned i = 0; rc == 0 && i < m->cfg.vcpus; i++) {
		rc = kvm_vcpu_open(m, i, err);
		m->vcpu_count = i + 1;
	}
	if (rc == 0)
		rc = kvm_reset_save(m, err);
	return rc;
}

int kvm_machine_new(const struct kvm_config *cfg, struct kvm_machine **ret, struct error *err)
{
	struct kvm_machine *m;
	int rc;

	if (cfg->vcpus < 1 || cfg->vcpus > DEBUG_MAX_VCPUS || cfg->vcpus > cfg->probe->max_vcpus)
		return error_set(err, EINVAL, "%u vcpus: this host can have 1 to %u", cfg->vcpus,
		                 cfg->probe->max_vcpus < DEBUG_MAX_VCPUS ? cfg->probe->max_vcpus
		                                                         : (unsigned)DEBUG_MAX_VCPUS);
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return error_set(err, ENOMEM, "no memory for the machine");
	m->cfg = *cfg;
	m->time.runs = cfg->time_runs;
	m->probe = *cfg->probe;
	m->sync_regs = m->probe.sync_regs;
	m->kvm_fd = m->vm_fd = -1;
	m->pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC); /* the sandbox opens nothing */
	m->elected = -1;
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->irq_lock, NULL);
	pthread_cond_init(&m->answered, NULL);
	pthread_mutex_init(&m->protect.lock, NULL);
	m->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = m->end_fd < 0 ? sys_failed(err, "eventfd") : build(m, err);
	if (rc < 0) {
		kvm_machine_free(m);
		return rc;
	}
	*ret = m;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void kvm_machine_stop_threads(struct kvm_machine *m)
{
	if (m == NULL)
		return;
	kvm_machine_end(m);
	kvm_runctl_join(m);
}

void kvm_machine_free(struct kvm_machine *m)
{
	if (m == NULL)
		return;
	kvm_machine_stop_threads(m);
	for (unsigned i = 0; i < m->vcpu_count; i++)
		kvm_vcpu_close(&m->vcpu[i]);
	close_fd(m->vm_fd);
	close_fd(m->kvm_fd);
	close_fd(m->pagemap_fd);
	close_fd(m->end_fd);
	pthread_cond_destroy(&m->answered);
	pthread_mutex_destroy(&m->protect.lock);
	kvm_protect_free(m);
	pthread_mutex_destroy(&m->lock);
	pthread_mutex_destroy(&m->irq_lock);
	kvm_snapshot_free_all(m);
	records_free(&m->power_on);
	free(m->part_msr);
	free(m->cpuid);
	free(m);
}

const struct x86_layout *kvm_machine_layout(const struct kvm_machine *m)
{
	return &m->layout;
}

void kvm_machine_set_sink(struct kvm_machine *m, const struct debug_sink *sink)
{
	m->sink = *sink;
}

int kvm_machine_start(struct kvm_machine *m, const struct x86_state *entry, bool stopped, struct error *err)
{
	int rc = entry != NULL ? kvm_state_set_entry(m, entry, err) : 0;

	if (rc < 0)
		return rc;
	if (stopped)
		kvm_clock_hold(m);
	for (unsigned i = 0; !stopped && i < m->vcpu_count; i++)
		m->vcpu[i].plan.move = DEBUG_RUN;
	return kvm_runctl_start(m, err);
}

void kvm_machine_lock(struct kvm_machine *m)
{
	pthread_mutex_lock(&m->lock);
}

void kvm_machine_unlock(struct kvm_machine *m)
{
	pthread_mutex_unlock(&m->lock);
}

void kvm_machine_irq(struct kvm_machine *m, unsigned line, bool level)
{
	struct kvm_irq_level irq = {.irq = line, .level = level};
	uint64_t bit = line < 64 ? 1ull << line : 0;

	if (level)
		atomic_fetch_or(&m->lines, bit);
	else
		atomic_fetch_and(&m->lines, ~bit);
	/* Only a line that does not exist can fail, and devices name theirs as constants. */
	pthread_mutex_lock(&m->irq_lock);
	ioctl(m->vm_fd, KVM_IRQ_LINE, &irq);
	pthread_mutex_unlock(&m->irq_lock);
}

void kvm_machine_poke(struct kvm_machine *m)
{
	atomic_store(&m->work, true);
	pthread_mutex_lock(&m->lock);
	kvm_vcpu_poke(m);
	pthread_mutex_unlock(&m->lock);
}

void kvm_machine_idle(struct kvm_machine *m)
{
	kvm_clock_hold(m);
}

void kvm_machine_guest_exit(struct kvm_machine *m, uint32_t status)
{
	atomic_store(&m->guest_status, status);
	atomic_store(&m->guest_request, KVM_REQUEST_EXIT);
}

void kvm_machine_guest_reset(struct kvm_machine *m)
{
	int none = KVM_REQUEST_NONE;

	/* An exit that was asked for first wins. */
	atomic_compare_exchange_strong(&m->guest_request, &none, KVM_REQUEST_RESET);
}

int kvm_machine_end_fd(const struct kvm_machine *m)
{
	return m->end_fd;
}

void kvm_machine_end(struct kvm_machine *m)
{
	pthread_mutex_lock(&m->lock);
	kvm_runctl_end(m);
	pthread_mutex_unlock(&m->lock);
}

bool kvm_machine_ended(const struct kvm_machine *m)
{
	return __atomic_load_n(&m->ended, __ATOMIC_RELAXED);
}
