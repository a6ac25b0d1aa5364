#include "vm.h"
#include "debug/session.h"
#include "dev/debug_exit.h"
#include "base/bytes.h"
#include "dev/debugcon.h"
#include "dev/reset.h"
#include "dev/serial.h"
#include "boot/symbols.h"
#include "kvm/machine.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BYTES_MAX 8192   /* the longest reply, console text and guest output that tests look at */

struct vm {
	struct vm_config cfg;
	struct guest_mem mem;
	struct dev_bus bus;
	struct dev_host host;
	struct dev_serial serial;
	struct dev_reset reset;
	struct boot_entry entry;
	struct kvm_machine *kvm;
	struct debug_session *session;
	struct debug_sink inner;
	struct rsp_engine engine;
	struct x86_regs regs;
	bool told_stop;              /* machine's lock: the stop in progress has its event */

	pthread_mutex_t lock;        /* all below; taken inside the machine's */
	pthread_cond_t changed;
	bool have_event, ended;
	struct debug_event event;
	uint32_t status;
	size_t console_len, output_len, wire_len;
	bool reply_ready, notice_ready;
	char notice[BYTES_MAX];      /* of non-stop: at most one is under way */
	char reply[BYTES_MAX], handed[BYTES_MAX], console[BYTES_MAX], output[BYTES_MAX], wire[2 * BYTES_MAX];
	uint8_t in[DEBUG_PACKET_SIZE + 64], out[2 * DEBUG_PACKET_SIZE + 1024];
};

/* ---- the machine's side ---- */

static void host_irq(void *ctx, unsigned line, bool level)
{
	kvm_machine_irq(((struct vm *)ctx)->kvm, line, level);
}

static void append(char *text, size_t *len, const void *bytes, size_t n)
{
	if (n > BYTES_MAX - 1 - *len)
		n = BYTES_MAX - 1 - *len;
	memcpy(text + *len, bytes, n);
	*len += n;
	text[*len] = '\0';
}

static void host_output(void *ctx, const void *bytes, size_t len)
{
	struct vm *vm = ctx;

	pthread_mutex_lock(&vm->lock);
	append(vm->output, &vm->output_len, bytes, len);
	pthread_mutex_unlock(&vm->lock);
}

static void host_exit(void *ctx, uint32_t status)
{
	kvm_machine_guest_exit(((struct vm *)ctx)->kvm, status);
}

static void host_reset(void *ctx)
{
	kvm_machine_guest_reset(((struct vm *)ctx)->kvm);
}

static int load(struct vm *vm, struct error *err)
{
	struct boot_options opt = {.cmdline = ""};
	int rc = boot_load(vm->cfg.image, &opt, &vm->mem, &vm->entry, err);

	if (rc == 0 && vm->cfg.entry != NULL &&
	    boot_symbol_find(vm->cfg.image, vm->cfg.entry, &vm->entry.state.rip) < 0)
		rc = error_set(err, ENOENT, "%s has no symbol %s", vm->cfg.image->name, vm->cfg.entry);
	return rc;
}

static int reload(void *ctx, struct x86_state *ret_entry, struct error *err)
{
	struct vm *vm = ctx;
	int rc;

	dev_serial_reset(&vm->serial);
	dev_reset_reset(&vm->reset);
	guest_mem_clear(&vm->mem);
	rc = load(vm, err);
	if (rc == 0)
		*ret_entry = vm->entry.state;
	return rc;
}

/* ---- what the stub says ---- */

static unsigned nibble(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10) & 15;
}

static void take_console(struct vm *vm, const char *hex)
{
	for (; hex[0] && hex[1]; hex += 2) {
		char c = (char)(nibble(hex[0]) << 4 | nibble(hex[1]));

		append(vm->console, &vm->console_len, &c, 1);
	}
}

/* Runs expanded (GDB manual, "Overview"): c*N is c and N - 29 more. No reply looked at is binary. */
static void expand(const char *body, size_t len, char *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < BYTES_MAX - 128; i++) {
		if (body[i] != '*' || i == 0 || i + 1 == len) {
			ret[n++] = body[i];
			continue;
		}
		for (int more = body[++i] - 29; more > 0; more--, n++)
			ret[n] = ret[n - 1];
	}
	ret[n] = '\0';
}

static void take_body(struct vm *vm, const char *body, size_t len)
{
	char text[BYTES_MAX];

	expand(body, len, text);
	if (body[-1] == '%') {
		memcpy(vm->notice, text, sizeof(text));
		vm->notice_ready = true;
		pthread_cond_broadcast(&vm->changed);
		return;
	}
	if (text[0] == 'O' && text[1] != 'K') {
		take_console(vm, text + 1);
		return;
	}
	memcpy(vm->reply, text, sizeof(text));
	vm->reply_ready = true;
	pthread_cond_broadcast(&vm->changed);
}

static void take_packets(struct vm *vm)
{
	char *start, *end;

	for (;;) {
		for (start = vm->wire; start < vm->wire + vm->wire_len; start++)
			if (*start == '$' || *start == '%')
				break;
		start = start < vm->wire + vm->wire_len ? start : NULL;
		end = start ? memchr(start, '#', vm->wire_len - (size_t)(start - vm->wire)) : NULL;
		if (end == NULL || end + 3 > vm->wire + vm->wire_len)
			return;
		take_body(vm, start + 1, (size_t)(end - start - 1));
		end += 3;
		vm->wire_len -= (size_t)(end - vm->wire);
		memmove(vm->wire, end, vm->wire_len);
	}
}

/* Machine's lock held. */
static void drain(struct vm *vm)
{
	const uint8_t *bytes;
	size_t len;

	pthread_mutex_lock(&vm->lock);
	while (bytes = rsp_engine_output(&vm->engine, &len), len > 0) {
		if (len > sizeof(vm->wire) - vm->wire_len)
			len = sizeof(vm->wire) - vm->wire_len;
		if (len == 0)
			break;
		memcpy(vm->wire + vm->wire_len, bytes, len);
		vm->wire_len += len;
		rsp_engine_sent(&vm->engine, len);
		take_packets(vm);
	}
	pthread_mutex_unlock(&vm->lock);
}

static enum debug_verdict sink_event(void *ctx, const struct debug_event *ev)
{
	struct vm *vm = ctx;
	enum debug_verdict verdict = vm->inner.event(vm->inner.ctx, ev);

	if (vm->cfg.trace)
		printf("      event %d cpu%u pc=0x%" PRIx64 " dr6=%" PRIx64 " -> %s\n", ev->kind, ev->vcpu,
		       ev->pc, ev->dr6, verdict == DEBUG_STOP ? "stop" : "go");
	pthread_mutex_lock(&vm->lock);
	if (verdict == DEBUG_STOP && !vm->told_stop) {
		vm->told_stop = vm->have_event = true;
		vm->event = *ev;
	}
	if (ev->kind == DEBUG_EVENT_EXITED) {
		vm->ended = true;
		vm->status = ev->status;
		pthread_cond_broadcast(&vm->changed);
	}
	pthread_mutex_unlock(&vm->lock);
	drain(vm);
	return verdict;
}

static void sink_stopped(void *ctx)
{
	struct vm *vm = ctx;

	vm->inner.stopped(vm->inner.ctx);
	vm->told_stop = false;
	drain(vm);
}

/* ---- life ---- */

#define DMA_PORT 0x1f0

/* A device that writes to memory by itself: the byte 0x5a, to the physical address written to its port. */
static void dma_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	struct vm *vm = dev;
	const uint8_t byte = 0x5a;

	if (offset == 0 && len == 4)
		guest_mem_write(&vm->mem, bytes_get_le32(data), &byte, 1);
}

static void dma_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	(void)dev;
	(void)offset;
	memset(data, 0, len);
}

static int attach_dma(struct vm *vm)
{
	static const struct dev_ops ops = {.read = dma_read, .write = dma_write};
	struct dev_range range = {.space = DEV_PORT, .base = DMA_PORT, .size = 4, .ops = &ops, .dev = vm,
	                          .name = "memory writer"};

	return dev_bus_add(&vm->bus, &range);
}

static int add_devices(struct vm *vm, struct error *err)
{
	vm->host = (struct dev_host){.ctx = vm, .irq = host_irq, .output = host_output, .exit = host_exit,
	                             .reset = host_reset};
	dev_serial_init(&vm->serial, &vm->host, DEV_SERIAL_IRQ);
	dev_reset_init(&vm->reset, &vm->host);
	if (dev_serial_attach(&vm->serial, &vm->bus, DEV_SERIAL_PORT) < 0 ||
	    dev_debugcon_attach(&vm->host, &vm->bus) < 0 || dev_debug_exit_attach(&vm->host, &vm->bus) < 0 ||
	    dev_reset_attach(&vm->reset, &vm->bus) < 0 || attach_dma(vm) < 0)
		return error_set(err, ENOSPC, "the devices do not fit their bus");
	return 0;
}

static int create(struct vm *vm, struct error *err)
{
	struct kvm_config kvm = {.vcpus = vm->cfg.cpus, .mem = &vm->mem, .bus = &vm->bus,
	                         .probe = vm->cfg.probe, .hooks = {.ctx = vm, .reload = reload}};
	struct debug_sink sink = {.ctx = vm, .event = sink_event, .stopped = sink_stopped};
	struct debug_config debug = {.ops = kvm_machine_ops(), .caps = &vm->cfg.probe->caps, .mem = &vm->mem};
	int rc = guest_mem_add(&vm->mem, 0, VM_RAM, err);

	if (rc == 0)
		rc = load(vm, err);
	if (rc == 0)
		rc = add_devices(vm, err);
	if (rc == 0)
		rc = kvm_machine_new(&kvm, &vm->kvm, err);
	if (rc < 0)
		return rc;
	debug.target = vm->kvm;
	debug.layout = kvm_machine_layout(vm->kvm);
	x86_regs_init(&vm->regs, debug.layout);
	vm->session = debug_session_new(&debug);
	if (vm->session == NULL)
		return error_set(err, ENOMEM, "no memory for the session");
	debug_session_sink(vm->session, &vm->inner);
	kvm_machine_set_sink(vm->kvm, &sink);
	return kvm_machine_start(vm->kvm, &vm->entry.state, true, err);
}

int vm_new(const struct vm_config *cfg, struct vm **ret, struct error *err)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int rc;

	if (vm == NULL)
		return error_set(err, ENOMEM, "no memory");
	vm->cfg = *cfg;
	pthread_mutex_init(&vm->lock, NULL);
	pthread_cond_init(&vm->changed, NULL);
	guest_mem_init(&vm->mem);
	dev_bus_init(&vm->bus);
	rc = create(vm, err);
	if (rc < 0) {
		vm_free(vm);
		return rc;
	}
	vm_connect(vm);
	*ret = vm;
	return 0;
}

void vm_free(struct vm *vm)
{
	if (vm == NULL)
		return;
	kvm_machine_stop_threads(vm->kvm);
	debug_session_free(vm->session);
	kvm_machine_free(vm->kvm);
	dev_serial_fini(&vm->serial);
	dev_reset_fini(&vm->reset);
	guest_mem_fini(&vm->mem);
	pthread_cond_destroy(&vm->changed);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
}

/* ---- the debugger's side ---- */

static void feed(struct vm *vm, const char *bytes, size_t len)
{
	kvm_machine_lock(vm->kvm);
	while (len > 0) {
		size_t n = rsp_engine_feed(&vm->engine, bytes, len);

		debug_session_serve(vm->session);
		drain(vm);
		if (n == 0)
			break; /* a test that sends while a reply is owed */
		bytes += n;
		len -= n;
	}
	kvm_machine_unlock(vm->kvm);
}

void vm_send(struct vm *vm, const char *body)
{
	char packet[BYTES_MAX];
	uint8_t sum = 0;
	int n;

	for (const char *c = body; *c; c++)
		sum = (uint8_t)(sum + (uint8_t)*c);
	n = snprintf(packet, sizeof(packet), "$%s#%02x", body, sum);
	pthread_mutex_lock(&vm->lock);
	vm->reply_ready = vm->have_event = false;
	pthread_mutex_unlock(&vm->lock);
	feed(vm, packet, (size_t)n);
}

void vm_interrupt(struct vm *vm)
{
	feed(vm, "\003", 1);
}

static struct timespec deadline(const struct vm *vm)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += vm->cfg.limit_s;
	return t;
}

static const char *take(struct vm *vm, bool *flag, const char *text)
{
	struct timespec until = deadline(vm);
	bool ready;
	int rc = 0;

	pthread_mutex_lock(&vm->lock);
	while (!*flag && rc == 0)
		rc = pthread_cond_timedwait(&vm->changed, &vm->lock, &until);
	ready = *flag;
	*flag = false;
	memcpy(vm->handed, text, sizeof(vm->handed));
	pthread_mutex_unlock(&vm->lock);
	return ready ? vm->handed : NULL;
}

const char *vm_reply(struct vm *vm)
{
	return take(vm, &vm->reply_ready, vm->reply);
}

const char *vm_notice(struct vm *vm)
{
	const char *text = take(vm, &vm->notice_ready, vm->notice);

	return text != NULL ? strchr(text, ':') + 1 : NULL;
}

const char *vm_packet(struct vm *vm, const char *body)
{
	vm_send(vm, body);
	return vm_reply(vm);
}

const struct debug_event *vm_event(const struct vm *vm)
{
	return vm->have_event ? &vm->event : NULL;
}

const char *vm_console(const struct vm *vm)
{
	return vm->console;
}

const char *vm_output(struct vm *vm)
{
	return vm->output;
}

void vm_connect(struct vm *vm)
{
	struct rsp_config cfg = {.features = debug_session_features(vm->session), .in = vm->in,
	                         .in_size = sizeof(vm->in), .out = vm->out, .out_size = sizeof(vm->out),
	                         .packet_size = DEBUG_PACKET_SIZE};

	kvm_machine_lock(vm->kvm);
	rsp_engine_init(&vm->engine, &cfg);
	debug_session_connect(vm->session, &vm->engine);
	kvm_machine_unlock(vm->kvm);
	vm_packet(vm, "QStartNoAckMode");
	feed(vm, "+", 1);
	vm_packet(vm, "qSupported:swbreak+;hwbreak+;error-message+");
}

void vm_vanish(struct vm *vm)
{
	kvm_machine_lock(vm->kvm);
	debug_session_disconnect(vm->session);
	kvm_machine_unlock(vm->kvm);
}

int vm_leave(struct vm *vm)
{
	struct timespec until = deadline(vm);
	int rc = 0;

	vm_vanish(vm);
	pthread_mutex_lock(&vm->lock);
	while (!vm->ended && rc == 0)
		rc = pthread_cond_timedwait(&vm->changed, &vm->lock, &until);
	rc = vm->ended ? (int)(vm->status & 0xff) : -ETIMEDOUT;
	pthread_mutex_unlock(&vm->lock);
	return rc;
}

int vm_await(struct vm *vm, uint64_t gpa, uint64_t value)
{
	const uint64_t *at = guest_mem_window(&vm->mem, gpa, sizeof(*at));
	const struct timespec pause = {.tv_nsec = 1000000};
	time_t until = time(NULL) + (time_t)vm->cfg.limit_s;

	if (at == NULL)
		return -EFAULT;
	/* Guests tell by memory alone: looking is all there is. */
	while (__atomic_load_n(at, __ATOMIC_ACQUIRE) < value) {
		if (time(NULL) > until)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* The state letter of the thread with that name (proc(5), stat); 0 when there is none. */
static char thread_state(const char *name)
{
	struct dirent *entry;
	char path[300], text[200], state = 0;
	DIR *dir = opendir("/proc/self/task");

	while (dir != NULL && state == 0 && (entry = readdir(dir)) != NULL) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		if (fgets(text, sizeof(text), f) != NULL && strstr(text, name) != NULL)
			state = strchr(text, ')')[2];
		fclose(f);
	}
	if (dir != NULL)
		closedir(dir);
	return state;
}

int vm_await_sleep(struct vm *vm, unsigned cpu)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	time_t until = time(NULL) + (time_t)vm->cfg.limit_s;
	char name[20];

	snprintf(name, sizeof(name), "(vcpu%u)", cpu);
	while (thread_state(name) != 'S') {
		if (time(NULL) > until)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}

struct guest_mem *vm_mem(struct vm *vm)
{
	return &vm->mem;
}

const struct x86_regs *vm_regs(const struct vm *vm)
{
	return &vm->regs;
}
