#include "cli/machine.h"

#include "base/log.h"
#include "boot/symbols.h"
#include "cli/console.h"
#include "cli/debug_cmd.h"
#include "cli/devices.h"
#include "cli/hermit.h"
#include "cli/image.h"
#include "cli/input.h"
#include "cli/memory.h"
#include "cli/modules.h"
#include "cli/output.h"
#include "cli/postmortem.h"
#include "cli/sandbox_plan.h"
#include "cli/snapshot.h"
#include "cli/stats.h"
#include "cli/stub.h"
#include "cli/symbols.h"
#include "cli/tap.h"
#include "cli/terminal.h"
#include "cli/wires.h"
#include "kvm/machine.h"
#include "server/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_KILLED 137 /* as a shell tells of a program that SIGKILL ended */

struct machine {
	struct cli_options own;   /* the user's, with what a snapshot says */
	const struct cli_options *opt;
	struct cli_snapshot restored;
	enum cli_gdb gdb;
	struct server_address address; /* where gdb is not CLI_GDB_OFF */
	struct boot_image image, symbols_file; /* the kernel; --symbols */
	const struct boot_image *symbols;      /* the one that has them */
	struct cli_modules modules;
	struct cli_hermit hermit;
	struct guest_mem mem;
	struct cli_devices dev;
	struct cli_tap tap;
	struct boot_entry entry;
	struct kvm_probe probe;
	struct kvm_machine *kvm;
	struct cli_wires wires;
	struct debug_session *session;
	struct server_loop *loop;
	struct cli_stub *stub;
	struct cli_console *console;
	struct cli_sandbox sandbox;
	struct cli_input input;
	bool input_ready;
	int output_fd;            /* of --output, -1: none */
	/* `trapline debug`: the private socket's directory, our child (0: none), readable at its end. */
	char socket_dir[sizeof(((struct server_address *)0)->path)];
	pid_t debugger;
	int debugger_fd;
	int signal_fd, signal_id;
	int signal;               /* that ended us, 0: none */
	bool quit;                /* the user's key ended us */
	char image_path[PATH_MAX]; /* absolute */
	char cmdline[BOOT_CMDLINE_MAX]; /* given by a debugger's "run"; "": the one we were started with */
};

/* ---- putting together ---- */

static const char *current_cmdline(void *ctx)
{
	const struct machine *m = ctx;

	return m->cmdline[0] ? m->cmdline : m->opt->cmdline;
}

static int load(struct machine *m, struct error *err)
{
	struct boot_options opt = {
		.cmdline = current_cmdline(m),
		.module = m->modules.module, .module_count = m->modules.count,
		.cpus = m->opt->cpus, .virtio = cli_tap_place(&m->tap)
	};

	if (m->hermit.active)
		cli_hermit_boot(&m->hermit, m->probe.tsc_khz, &opt);
	return boot_load(&m->image, &opt, &m->mem, &m->entry, err);
}

/* kvm_hooks.reload: everything as at the first start, the debugger's points excepted (they are wishes). */
static int reload(void *ctx, struct x86_state *ret_entry, struct error *err)
{
	struct machine *m = ctx;
	int rc;

	if (m->opt->kernel == NULL)
		return error_set(err, ENOTSUP, "there is no kernel to start again: none was given");
	cli_devices_reset(&m->dev);
	cli_tap_reset(&m->tap);
	if (m->hermit.active)
		cli_hermit_reset(&m->hermit);
	guest_mem_clear(&m->mem);
	rc = load(m, err);
	if (rc == 0)
		*ret_entry = m->entry.state;
	return rc;
}

static int add_devices(struct machine *m, struct error *err)
{
	const struct dev_host host = cli_wires_host(&m->wires);
	int rc;

	m->wires = (struct cli_wires){.console = m->console, .no_reboot = m->opt->no_reboot};
	rc = cli_devices_init(&m->dev, &host, m->opt->memory, m->opt->cpus,
	                      m->hermit.active ? &m->hermit : NULL, &m->mem, err);
	return rc == 0 ? cli_tap_attach(&m->tap, &m->dev, &m->mem, m->loop, &m->wires, err) : rc;
}

/* kvm_hooks.confine */
static int confine(void *ctx, bool vcpu)
{
	return cli_sandbox_enter_thread(&((struct machine *)ctx)->sandbox,
	                                vcpu ? CLI_THREAD_VCPU : CLI_THREAD_MAIN);
}

static int confine_console(void *ctx)
{
	return cli_sandbox_enter_thread(&((struct machine *)ctx)->sandbox, CLI_THREAD_CONSOLE);
}

/* kvm_hooks.work */
static void work(void *ctx)
{
	cli_tap_work(&((struct machine *)ctx)->tap);
}

static int create_kvm(struct machine *m, struct error *err)
{
	struct kvm_config cfg = {
		.vcpus = m->opt->cpus,
		.mem = &m->mem,
		.bus = &m->dev.bus,
		.probe = &m->probe,
		.time_runs = m->opt->time_runs,
		.all_start = m->entry.all_cpus,
		.hooks = {.ctx = m, .reload = reload, .confine = confine, .work = work},
	};
	int rc = kvm_machine_new(&cfg, &m->kvm, err);

	m->wires.kvm = m->kvm;
	return rc;
}

static int find_symbol(void *ctx, const char *name, uint64_t *ret)
{
	return boot_symbol_find(((struct machine *)ctx)->symbols, name, ret);
}

static int set_cmdline(void *ctx, const char *text, struct error *err)
{
	struct machine *m = ctx;
	size_t len = strlen(text);

	if (len >= sizeof(m->cmdline))
		return error_set(err, E2BIG, "the command line has %zu bytes, more than %zu", len,
				 sizeof(m->cmdline) - 1);
	memcpy(m->cmdline, text, len + 1);
	return m->hermit.active ? cli_hermit_set_args(&m->hermit, text, err) : 0;
}

static struct cli_postmortem postmortem(struct machine *m)
{
	return (struct cli_postmortem){
		.opt = m->opt,
		.event = debug_session_death(m->session),
		.ops = kvm_machine_ops(),
		.target = m->kvm,
		.layout = kvm_machine_layout(m->kvm),
		.mem = &m->mem,
		.image = m->symbols, .entry = &m->entry,
	};
}

static int write_core(void *ctx, unsigned vcpu, const char **ret_path, struct error *err)
{
	struct machine *m = ctx;
	const struct cli_postmortem pm = postmortem(m);

	*ret_path = m->opt->core;
	return cli_postmortem_core(&pm, vcpu, err);
}

/* Only to where the user said, since it is a debugger that asks. */
static int write_snapshot(void *ctx, const char *name, const char **ret_path, struct error *err)
{
	struct machine *m = ctx;

	*ret_path = m->opt->snapshot_out;
	return cli_snapshot_write(m->kvm, name, m->entry.bias, m->opt->snapshot_out, err);
}

static void print_kept(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	log_lines(LOG_ERROR, "dprintf: ", text, len);
}

static int create_session(struct machine *m, struct error *err)
{
	struct debug_config cfg = {
		.ops = kvm_machine_ops(),
		.target = m->kvm,
		.caps = &m->probe.caps,
		.layout = kvm_machine_layout(m->kvm),
		.mem = &m->mem,
		.image_path = m->symbols->name != NULL ? realpath(m->symbols->name, m->image_path) : NULL,
		.image_bytes = m->symbols->bytes, .image_size = m->symbols->size,
		.image_bias = m->entry.bias,
		.starts_running = m->gdb != CLI_GDB_WAIT, .stay_stopped = m->gdb == CLI_GDB_WAIT,
		.read_only = m->opt->gdb_read_only,
		.hypercall = cli_hermit_hypercall,
		.hypercalls = m->hermit.active ? CLI_HERMIT_HYPERCALLS : 0,
		.launched = m->opt->command == CLI_DEBUG,
		.ctx = m, .symbol = find_symbol, .cmdline = current_cmdline,
		.set_cmdline = set_cmdline,
		.print = print_kept,
		.write_core = m->opt->core != NULL ? write_core : NULL,
		.write_snapshot = m->opt->snapshot_out != NULL ? write_snapshot : NULL,
	};
	struct cli_stub_config stub = {
		.address = m->gdb != CLI_GDB_OFF ? &m->address : NULL,
		.machine = m->kvm,
		.loop = m->loop,
		.log_path = m->opt->gdb_log,
	};

	m->session = debug_session_new(&cfg);
	if (m->session == NULL)
		return error_set(err, ENOMEM, "no memory for the debug session");
	stub.session = m->session;
	return cli_stub_new(&stub, &m->stub, err);
}

/* ---- the loop's sources ---- */

/* A debugger of ours goes on without the machine: it is the user who ends it. */
static void on_end(void *ctx)
{
	struct machine *m = ctx;

	if (m->debugger == 0)
		server_loop_quit(m->loop);
}

static void on_debugger_end(void *ctx)
{
	server_loop_quit(((struct machine *)ctx)->loop);
}

static void on_quit_key(void *ctx)
{
	struct machine *m = ctx;

	m->quit = true;
	server_loop_quit(m->loop);
}

static void on_signal(void *ctx)
{
	struct machine *m = ctx;

	if (cli_terminal_take(m->signal_fd, &m->signal) == CLI_SIGNAL_END) {
		server_loop_quit(m->loop);
		return;
	}
	if (m->input_ready)
		cli_input_continued(&m->input);
	server_loop_arm(m->loop, m->signal_id);
}

/* Neither a debugger's line nor its terminal. */
static bool stdin_is_free(const struct machine *m)
{
	return m->opt->command == CLI_RUN && (m->gdb == CLI_GDB_OFF || m->address.kind != SERVER_STDIO);
}

static int add_sources(struct machine *m, struct error *err)
{
	int end_id = server_loop_add(m->loop, kvm_machine_end_fd(m->kvm), on_end, m);
	int rc;

	m->signal_id = server_loop_add(m->loop, m->signal_fd, on_signal, m);
	if (end_id < 0 || m->signal_id < 0)
		return error_set(err, ENOSPC, "cannot watch the machine's end");
	server_loop_arm(m->loop, end_id);
	server_loop_arm(m->loop, m->signal_id);
	/* A Hermit guest reads it by itself, line by line, from an ordinary terminal. */
	if (!stdin_is_free(m) || m->hermit.active)
		return 0;
	rc = cli_terminal_raw(err);
	if (rc == 0)
		rc = cli_input_init(&m->input, m->loop, &m->dev.serial, on_quit_key, m, err);
	m->input_ready = rc == 0;
	return rc;
}

/* ---- the end ---- */

static void tell_of_death(struct machine *m)
{
	const struct cli_postmortem pm = postmortem(m);

	cli_console_flush(m->console, -1);
	kvm_machine_lock(m->kvm);
	cli_postmortem(&pm);
	kvm_machine_unlock(m->kvm);
}

/* How the machine ended -> exit status. */
static int ending(struct machine *m)
{
	uint32_t status;

	if (m->quit)
		return 0;
	switch (cli_stub_end(m->stub, &status)) {
	case CLI_END_EXITED:
		return (int)(status & 0xff);
	case CLI_END_DIED:
		tell_of_death(m);
		return CLI_EXIT_FAILURE;
	default:
		return EXIT_KILLED;
	}
}

static int run(struct machine *m, struct error *err)
{
	int rc = 0;

	/* The debugger is not confined: it comes first, and waits for us at the listening socket. */
	if (m->opt->command == CLI_DEBUG)
		rc = cli_debug_cmd_start(m->opt, cli_symbols_program(m->symbols), m->address.path, m->loop,
		                         on_debugger_end, m, &m->debugger, &m->debugger_fd, err);
	if (rc == 0)
		rc = cli_sandbox_enter_process(&m->sandbox, err);
	if (rc == 0 && m->sandbox.on)
		cli_console_start(m->console, confine_console, m);
	if (rc == 0)
		rc = kvm_machine_start(m->kvm, m->opt->restore == NULL ? &m->entry.state : NULL,
		                       m->gdb == CLI_GDB_WAIT, err);
	if (rc < 0)
		return rc;
	if (m->opt->verbosity >= 0 && m->opt->command != CLI_DEBUG)
		cli_stub_tell(m->stub, m->gdb == CLI_GDB_WAIT);
	cli_stub_start(m->stub);
	rc = server_loop_run(m->loop);
	kvm_machine_stop_threads(m->kvm);
	if (rc < 0)
		return error_set(err, -rc, "cannot watch what happens: %s", strerror(-rc));
	rc = ending(m);
	if (m->opt->stats) {
		cli_console_flush(m->console, -1);
		cli_stats_print(m->kvm, m->opt->cpus, m->hermit.active ? &m->hermit.device : NULL);
	}
	if (m->debugger == 0)
		return rc;
	rc = cli_debug_cmd_wait(m->debugger, m->debugger_fd, m->signal != 0);
	m->debugger = 0;
	return rc;
}

/* Files may be named by descriptors that our parent left open; nothing else of it stays. */
static int open_files(struct machine *m, struct error *err)
{
	int rc = m->opt->kernel != NULL ? cli_image_open(m->opt->kernel, &m->image, err) : 0;

	if (rc == 0)
		rc = cli_symbols_open(m->opt, &m->image, &m->symbols_file, &m->symbols, err);
	if (rc == 0)
		rc = cli_snapshot_open(&m->own, &m->restored, err);
	if (rc == 0)
		rc = cli_modules_open(m->opt, &m->modules, err);
	if (rc == 0)
		cli_sandbox_close_inherited(&m->sandbox);
	return rc;
}

static int open_console(struct machine *m, struct error *err)
{
	bool stdio = m->gdb != CLI_GDB_OFF && m->address.kind == SERVER_STDIO;
	int fd, rc = cli_output_open(m->opt, stdio ? STDERR_FILENO : STDOUT_FILENO, &fd, &m->output_fd, err);

	if (rc < 0)
		return rc;
	m->console = cli_console_new(fd, err);
	return m->console == NULL ? -err->code : 0;
}

static int build(struct machine *m, struct error *err)
{
	int rc = open_files(m, err);

	if (rc == 0)
		rc = cli_debug_cmd_port(m->opt, &m->gdb, &m->address, m->socket_dir, err);
	if (rc == 0)
		rc = m->gdb != CLI_GDB_OFF ? kvm_probe_run(&m->probe, err) : kvm_probe_ask(&m->probe, err);
	if (rc == 0)
		rc = cli_sandbox_plan(&m->sandbox, m->opt, m->gdb != CLI_GDB_OFF ? &m->address : NULL,
		                      m->socket_dir, err);
	if (rc == 0)
		rc = cli_hermit_open(&m->hermit, m->opt, stdin_is_free(m), &m->image, err);
	if (rc == 0)
		rc = cli_hermit_confine(&m->hermit, &m->sandbox, err);
	if (rc == 0)
		rc = cli_tap_open(&m->tap, m->opt->tap, err);
	if (rc == 0)
		rc = cli_snapshot_add_memory(&m->restored, &m->mem, err);
	if (rc == 0 && m->mem.count == 0)
		rc = cli_memory_add(m->opt, m->hermit.active, m->gdb != CLI_GDB_OFF, &m->image, &m->mem, err);
	if (rc == 0)
		rc = m->opt->kernel != NULL ? load(m, err) : 0;
	if (rc == 0)
		rc = server_loop_new(&m->loop, err);
	if (rc == 0)
		rc = cli_terminal_signals(m->opt->command == CLI_DEBUG, &m->signal_fd, err);
	if (rc == 0)
		rc = open_console(m, err);
	if (rc == 0)
		rc = add_devices(m, err);
	if (rc == 0)
		rc = create_kvm(m, err);
	if (rc == 0)
		rc = cli_snapshot_load(&m->restored, m->opt, m->kvm, &m->entry.bias, err);
	if (rc == 0)
		rc = create_session(m, err);
	if (rc == 0)
		rc = add_sources(m, err);
	return rc;
}

static void take_apart(struct machine *m)
{
	kvm_machine_stop_threads(m->kvm);
	if (m->debugger > 0)
		cli_debug_cmd_wait(m->debugger, m->debugger_fd, true);
	if (m->debugger_fd >= 0)
		close(m->debugger_fd);
	if (m->input_ready)
		cli_input_fini(&m->input);
	cli_stub_free(m->stub);
	cli_debug_cmd_cleanup(m->socket_dir);
	debug_session_free(m->session);
	kvm_machine_free(m->kvm);
	cli_console_finish(m->console, m->signal != 0 ? 1000 : -1);
	cli_devices_fini(&m->dev);
	cli_tap_close(&m->tap);
	server_loop_free(m->loop);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
	if (m->output_fd >= 0)
		close(m->output_fd);
	guest_mem_fini(&m->mem);
	cli_modules_close(&m->modules);
	cli_hermit_close(&m->hermit, &m->image);
	cli_image_close(&m->image);
	cli_image_close(&m->symbols_file);
	cli_snapshot_close(&m->restored);
	cli_sandbox_fini(&m->sandbox);
	cli_terminal_restore();
}

int cli_machine_run(const struct cli_options *opt, struct error *err)
{
	struct machine *m = calloc(1, sizeof(*m));
	int rc, signal;

	if (m == NULL)
		return error_set(err, ENOMEM, "no memory for the machine");
	m->own = *opt;
	m->opt = &m->own;
	m->signal_fd = m->debugger_fd = m->output_fd = m->tap.fd = -1;
	guest_mem_init(&m->mem);
	cli_sandbox_init(&m->sandbox, opt->sandbox == CLI_SANDBOX_ON ||
	                              (opt->sandbox == CLI_SANDBOX_DEFAULT && cli_sandbox_default()));
	rc = build(m, err);
	if (rc == 0)
		rc = run(m, err);
	take_apart(m);
	signal = m->signal;
	free(m);
	if (signal != 0)
		cli_terminal_die(signal);
	return rc;
}
