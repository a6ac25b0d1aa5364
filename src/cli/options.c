#include "cli/options.h"

#include "base/bytes.h"
#include "base/parse.h"
#include "cli/options_guest.h"
#include "debug/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RUN (1u << CLI_RUN)
#define DEBUG (1u << CLI_DEBUG)
#define BOTH (RUN | DEBUG)
#define DOCTOR (1u << CLI_DOCTOR)
#define ALL (RUN | DEBUG | DOCTOR | 1u << CLI_INFO | 1u << CLI_HELP | 1u << CLI_VERSION)

const struct cli_command_info cli_options_commands[CLI_COMMAND_COUNT] = {
	[CLI_RUN] = {"run", "KERNEL [-- ARGS]", "boot a kernel in a virtual machine"},
	[CLI_DEBUG] = {"debug", "KERNEL [-- ARGS]", "boot a kernel with gdb or lldb attached to it"},
	[CLI_DOCTOR] = {"doctor", "", "tell what this host's KVM can do, and what to do about the rest"},
	[CLI_INFO] = {"info", "KERNEL", "tell what a kernel is and how it would be booted"},
	[CLI_HELP] = {"help", "[COMMAND]", "show the options of a command"},
	[CLI_VERSION] = {"version", "", "print the version"},
};

/* ---- setters ---- */

static int set_memory(struct cli_options *opt, const char *value, struct error *err)
{
	uint64_t n;

	switch (parse_size(value, 0, UINT64_MAX, &n)) {
	case 0:
		break;
	case -ERANGE:
		return error_set(err, EINVAL, "memory size '%.40s' is out of range", value);
	default:
		return error_set(err, EINVAL, "bad memory size '%.40s': expected a number and K, M, G or T",
				 value);
	}
	if (n < CLI_MIN_MEMORY)
		return error_set(err, EINVAL, "memory size '%.40s' is too small (%llu bytes, at least 1M)",
				 value, (unsigned long long)n);
	if (n > CLI_MAX_MEMORY)
		return error_set(err, EINVAL, "memory size '%.40s' is too large (at most 1T)", value);
	opt->memory = bytes_align_up(n, 4096);
	opt->memory_given = true;
	return 0;
}

static int set_cpus(struct cli_options *opt, const char *value, struct error *err)
{
	uint64_t n;

	if (parse_u64(value, 1, DEBUG_MAX_VCPUS, &n) < 0)
		return error_set(err, EINVAL, "bad number of cpus '%.40s': expected 1 to %d", value,
				 DEBUG_MAX_VCPUS);
	opt->cpus = (unsigned)n;
	opt->cpus_given = true;
	return 0;
}

static int set_gdb_mode(struct cli_options *opt, enum cli_gdb mode, const char *value, struct error *err)
{
	if (opt->gdb != CLI_GDB_OFF && opt->gdb != mode && !opt->gdb_is_default)
		return error_set(err, EINVAL, "--gdb and --gdb-attach exclude each other");
	opt->gdb = mode;
	opt->gdb_is_default = false;
	return server_address_parse(value != NULL ? value : CLI_DEFAULT_ADDRESS, &opt->gdb_address, err);
}

static int set_gdb(struct cli_options *opt, const char *value, struct error *err)
{
	return set_gdb_mode(opt, CLI_GDB_WAIT, value, err);
}

static int set_gdb_attach(struct cli_options *opt, const char *value, struct error *err)
{
	return set_gdb_mode(opt, CLI_GDB_ATTACH, value, err);
}

static int set_gdb_port(struct cli_options *opt, const char *value, struct error *err)
{
	char address[16];
	uint64_t port = 0;

	if (value && parse_u64(value, 0, 65535, &port) < 0)
		return error_set(err, EINVAL, "bad port '%.40s': expected 0 to 65535", value);
	snprintf(address, sizeof(address), ":%u", (unsigned)port);
	return set_gdb_mode(opt, CLI_GDB_WAIT, value ? address : CLI_UHYVE_ADDRESS, err);
}

static int set_file(const char **file, const char *value, const char *what, struct error *err)
{
	if (*value == '\0')
		return error_set(err, EINVAL, "empty %s", what);
	*file = value;
	return 0;
}

static int set_gdb_log(struct cli_options *opt, const char *value, struct error *err)
{
	return set_file(&opt->gdb_log, value, "file name in --gdb-log", err);
}

/* on or off; -1 with text when it is neither. */
static int on_or_off(const char *value, const char *name, struct error *err)
{
	if (strcmp(value, "on") == 0)
		return 1;
	if (strcmp(value, "off") == 0)
		return 0;
	return error_set(err, EINVAL, "bad value '%.40s' of --%s: expected on or off", value, name);
}

static int set_gdb_allow_write(struct cli_options *opt, const char *value, struct error *err)
{
	int on = on_or_off(value, "gdb-allow-write", err);

	opt->gdb_read_only = on == 0;
	return on < 0 ? on : 0;
}

static int set_core(struct cli_options *opt, const char *value, struct error *err)
{
	return set_file(&opt->core, value, "file name in --core", err);
}

static int set_symbols(struct cli_options *opt, const char *value, struct error *err)
{
	return set_file(&opt->symbols, value, "file name in --symbols", err);
}

static int set_debugger(struct cli_options *opt, const char *value, struct error *err)
{
	return set_file(&opt->debugger, value, "program name in --debugger", err);
}

int cli_options_append(struct cli_options *opt, const char *value, struct error *err)
{
	size_t have = strlen(opt->cmdline), more = strlen(value), blank = have > 0;

	if (have + blank + more >= sizeof(opt->cmdline))
		return error_set(err, EINVAL, "the guest's command line is too long (at most %zu bytes)",
		                 sizeof(opt->cmdline) - 1);
	if (blank)
		opt->cmdline[have] = ' ';
	memcpy(opt->cmdline + have + blank, value, more + 1);
	return 0;
}

static int add_module(struct cli_options *opt, const char *value, bool has_text, struct error *err)
{
	if (*value == '\0' || *value == ' ')
		return error_set(err, EINVAL, "empty file name in --%s", has_text ? "module" : "initrd");
	if (opt->module_count == BOOT_MODULES_MAX)
		return error_set(err, EINVAL, "more than %d initrds and modules", BOOT_MODULES_MAX);
	opt->module[opt->module_count++] = (struct cli_module){.value = value, .has_text = has_text};
	return 0;
}

static int set_initrd(struct cli_options *opt, const char *value, struct error *err)
{
	return add_module(opt, value, false, err);
}

static int set_module(struct cli_options *opt, const char *value, struct error *err)
{
	return add_module(opt, value, true, err);
}

static int set_eval(struct cli_options *opt, const char *value, struct error *err)
{
	if (opt->eval_count == CLI_MAX_EVALS)
		return error_set(err, EINVAL, "more than %d debugger commands: put them in a file and use "
		                 "'source FILE'", CLI_MAX_EVALS);
	opt->eval[opt->eval_count++] = value;
	return 0;
}

static int set_sandbox(struct cli_options *opt, const char *value, struct error *err)
{
	int on = on_or_off(value, "sandbox", err);

	if (on < 0)
		return on;
	opt->sandbox = on ? CLI_SANDBOX_ON : CLI_SANDBOX_OFF;
	return 0;
}

static int set_no_reboot(struct cli_options *opt, const char *value, struct error *err)
{
	(void)value, (void)err;
	opt->no_reboot = true;
	return 0;
}

static int set_guest_time(struct cli_options *opt, const char *value, struct error *err)
{
	if (strcmp(value, "freeze") != 0 && strcmp(value, "run") != 0)
		return error_set(err, EINVAL, "bad value '%.40s' of --guest-time: expected freeze or run",
		                 value);
	opt->time_runs = strcmp(value, "run") == 0;
	return 0;
}

static int set_json(struct cli_options *opt, const char *value, struct error *err)
{
	(void)value, (void)err;
	opt->json = true;
	return 0;
}

static int set_lldb(struct cli_options *opt, const char *value, struct error *err)
{
	(void)value, (void)err;
	opt->lldb = true;
	return 0;
}

static int set_verbose(struct cli_options *opt, const char *value, struct error *err)
{
	(void)value, (void)err;
	if (opt->verbosity < 2)
		opt->verbosity++;
	return 0;
}

static int set_quiet(struct cli_options *opt, const char *value, struct error *err)
{
	(void)value, (void)err;
	opt->verbosity = -1;
	return 0;
}

static int set_help(struct cli_options *opt, const char *value, struct error *err)
{
	(void)value, (void)err;
	opt->topic = opt->command;
	opt->command = CLI_HELP;
	return 0;
}

static const struct cli_option table[] = {
	{"memory", 'm', CLI_ARG_REQUIRED, "SIZE", BOTH, "guest memory, such as 64M or 2G (default 128M)",
	 set_memory},
	{"memory-size", 0, CLI_ARG_REQUIRED, "SIZE", BOTH, "the same as --memory", set_memory},
	{"cpus", 'c', CLI_ARG_REQUIRED, "N", BOTH, "number of virtual CPUs (default 1)", set_cpus},
	{"cpu-count", 0, CLI_ARG_REQUIRED, "N", BOTH, "the same as --cpus", set_cpus},
	{"append", 'a', CLI_ARG_REQUIRED, "TEXT", BOTH, "add to the guest's command line",
	 cli_options_append},
	{"initrd", 'i', CLI_ARG_REQUIRED, "FILE", BOTH, "give the kernel an initial RAM disk", set_initrd},
	{"module", 0, CLI_ARG_REQUIRED, "\"FILE TEXT\"", BOTH, "give the kernel a file, and a text with it",
	 set_module},
	{"gdb", 0, CLI_ARG_OPTIONAL, "ADDR", RUN, "wait for a debugger before the first instruction",
	 set_gdb},
	{"gdb-port", 's', CLI_ARG_NUMBER, "PORT", RUN, "the same as --gdb=:PORT (default 6677)",
	 set_gdb_port},
	{"gdb-attach", 0, CLI_ARG_OPTIONAL, "ADDR", RUN, "run, and let a debugger attach at any time",
	 set_gdb_attach},
	{"gdb-allow-write", 0, CLI_ARG_REQUIRED, "on|off", BOTH,
	 "whether debuggers may change the guest (default on)", set_gdb_allow_write},
	{"gdb-log", 0, CLI_ARG_REQUIRED, "FILE", BOTH, "write every debugger packet to FILE", set_gdb_log},
	{"symbols", 0, CLI_ARG_REQUIRED, "FILE", BOTH | 1u << CLI_INFO,
	 "ELF file with the kernel's symbols, such as Linux's vmlinux", set_symbols},
	{"core", 0, CLI_ARG_REQUIRED, "FILE", BOTH, "write an ELF core to FILE when the guest dies",
	 set_core},
	{"guest-time", 0, CLI_ARG_REQUIRED, "WHAT", BOTH,
	 "while a debugger holds the guest: freeze (default) or run", set_guest_time},
	{"sandbox", 0, CLI_ARG_REQUIRED, "on|off", BOTH, "whether the guest is confined (default on)",
	 set_sandbox},
	{"map", 0, CLI_ARG_REQUIRED, "HOST:GUEST[:ro]", BOTH, "let a Hermit guest use a file or folder",
	 cli_options_guest_map},
	{"file-mapping", 0, CLI_ARG_REQUIRED, "HOST:GUEST[:ro]", BOTH, "the same as --map",
	 cli_options_guest_map},
	{"env", 0, CLI_ARG_REQUIRED, "NAME=VALUE", BOTH, "set a Hermit guest's environment variable",
	 cli_options_guest_env},
	{"env-vars", 'e', CLI_ARG_REQUIRED, "NAME=VALUE", RUN, "the same as --env", cli_options_guest_env},
	{"aslr", 0, CLI_ARG_NONE, NULL, BOTH, "random load address of a Hermit kernel, debugged or not",
	 cli_options_guest_aslr},
	{"no-aslr", 0, CLI_ARG_NONE, NULL, BOTH, "never a random load address", cli_options_guest_no_aslr},
	{"output", 'o', CLI_ARG_REQUIRED, "FILE", BOTH, "guest output to a new file; stdio; none",
	 cli_options_guest_output},
	{"tap", 0, CLI_ARG_REQUIRED, "IFACE[,MAC]", BOTH, "a network card at the host's tap interface IFACE",
	 cli_options_guest_tap},
	{"net", 'n', CLI_ARG_REQUIRED, "tap:IFACE", BOTH, "the same as --tap=IFACE", cli_options_guest_net},
	{"stats", 0, CLI_ARG_NONE, NULL, BOTH, "tell exits and run times at the end",
	 cli_options_guest_stats},
	{"restore", 0, CLI_ARG_REQUIRED, "FILE", BOTH, "go on from a snapshot instead of booting",
	 cli_options_guest_restore},
	{"snapshot-out", 0, CLI_ARG_REQUIRED, "FILE", BOTH, "let 'monitor snapshot write' write to FILE",
	 cli_options_guest_snapshot_out},
	{"no-reboot", 0, CLI_ARG_NONE, NULL, BOTH, "end where the guest resets the machine", set_no_reboot},
	{"lldb", 0, CLI_ARG_NONE, NULL, DEBUG, "start lldb instead of gdb", set_lldb},
	{"debugger", 0, CLI_ARG_REQUIRED, "PROGRAM", DEBUG, "start PROGRAM as gdb (or, with --lldb, as lldb)",
	 set_debugger},
	{"eval", 'e', CLI_ARG_REQUIRED, "COMMAND", DEBUG, "run a debugger command once connected", set_eval},
	{"json", 0, CLI_ARG_NONE, NULL, DOCTOR, "print the answer as JSON", set_json},
	{"verbose", 'v', CLI_ARG_NONE, NULL, BOTH, "say more; twice: everything", set_verbose},
	{"quiet", 'q', CLI_ARG_NONE, NULL, BOTH, "say nothing but errors", set_quiet},
	{"help", 'h', CLI_ARG_NONE, NULL, ALL, "show this help", set_help},
};

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

const struct cli_option *cli_options_table(size_t *ret_count)
{
	*ret_count = TABLE_COUNT;
	return table;
}
