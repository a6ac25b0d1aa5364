/*
 * The command line: one table of options, from which parsing, --help and the check of the man page follow.
 * Pure: nothing here prints, exits or opens.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/error.h"
#include "boot/loader.h"
#include "cli/hostfile.h"
#include "server/address.h"
#include <stdbool.h>

#define CLI_DEFAULT_MEMORY (128ull << 20)
#define CLI_MIN_MEMORY (1ull << 20)
#define CLI_MAX_MEMORY (1ull << 40)
#define CLI_DEFAULT_ADDRESS ":1234"
#define CLI_MAX_EVALS 16
#define CLI_MAX_WORDS 128
#define CLI_UHYVE_ADDRESS ":6677" /* where --gdb-port listens without a number */

enum cli_command { CLI_RUN, CLI_DEBUG, CLI_DOCTOR, CLI_INFO, CLI_HELP, CLI_VERSION, CLI_COMMAND_COUNT };

enum cli_gdb {
	CLI_GDB_OFF,
	CLI_GDB_WAIT,   /* --gdb: nothing runs before a debugger says so */
	CLI_GDB_ATTACH  /* --gdb-attach: the guest runs, a debugger may come and go */
};

/* DEFAULT: on, but in builds that cannot bear it (cli/sandbox.h). */
enum cli_sandbox_option { CLI_SANDBOX_DEFAULT, CLI_SANDBOX_ON, CLI_SANDBOX_OFF };

/* Where relocatable Hermit kernels go. DEFAULT: to random places, but not under a debugger. */
enum cli_aslr { CLI_ASLR_DEFAULT, CLI_ASLR_ON, CLI_ASLR_OFF };

/* A file for the guest: --initrd FILE, or --module 'FILE TEXT', all of which the guest gets as its text. */
struct cli_module { const char *value; bool has_text; };

/* Strings are borrowed from argv, but for cmdline. */
struct cli_options {
	enum cli_command command;
	enum cli_command topic;        /* CLI_HELP: which command; CLI_HELP itself for the overview */
	const char *kernel;            /* CLI_RUN, CLI_DEBUG, CLI_INFO: never NULL, but see restore */
	char cmdline[BOOT_CMDLINE_MAX];/* --append and what follows "--", joined by blanks */
	size_t append_len;             /* how much of it is from --append */
	const char *arg[CLI_MAX_WORDS];/* what follows "--"; words beyond are in cmdline alone */
	unsigned arg_count;
	const char *map[CLI_MAPS_MAX]; /* HOST:GUEST[:ro] */
	unsigned map_count;
	const char *env[CLI_MAX_WORDS];/* NAME=VALUE, or "host" */
	unsigned env_count;
	enum cli_aslr aslr;
	const char *output;            /* "none", "stdio" or a file; NULL: standard output */
	const char *tap;               /* IFACE[,MAC]; NULL: no network */
	bool stats;                    /* tell exits and run times at the end */
	struct cli_module module[BOOT_MODULES_MAX];
	unsigned module_count;
	uint64_t memory;               /* bytes, a multiple of 4096 */
	unsigned cpus;
	bool memory_given, cpus_given;
	enum cli_gdb gdb;
	bool gdb_is_default;           /* from the environment: options override it */
	struct server_address gdb_address; /* where gdb is not CLI_GDB_OFF */
	bool gdb_read_only;            /* debuggers may look and not touch */
	const char *gdb_log;           /* packet trace; NULL: none */
	const char *restore;           /* snapshot to start from, CLI_RUN also without a kernel; NULL: none */
	const char *snapshot_out;      /* where "monitor snapshot write" writes; NULL: nowhere */
	const char *symbols;           /* ELF file with the kernel's symbols; NULL: the kernel itself */
	const char *core;              /* where a dying guest leaves its core; NULL: nowhere */
	bool time_runs;                /* guest time goes on while a debugger holds the guest */
	enum cli_sandbox_option sandbox;
	bool no_reboot;                /* a reset ends the program */
	int verbosity;                 /* -1 -q, 0, 1 -v, 2 -vv */
	bool json;                     /* CLI_DOCTOR */
	bool lldb;                     /* CLI_DEBUG from here on */
	const char *debugger;          /* program to start; NULL: gdb or lldb */
	const char *eval[CLI_MAX_EVALS]; /* debugger commands to run once connected */
	unsigned eval_count;
};

/*
 * argv as main() gets it; env looks up an environment variable (NULL: none is looked at). 0, or -EINVAL with
 * text that names the argument and where help is (exit status CLI_EXIT_USAGE). *ret is untouched on failure.
 */
int cli_options_parse(int argc, char *const argv[], char *(*env)(const char *name), struct cli_options *ret,
                      struct error *err);

/* Exit statuses other than the guest's own. */
enum { CLI_EXIT_FAILURE = 1, CLI_EXIT_USAGE = 2 };

/* ---- the tables, for help and tests ---- */

enum cli_argument {
	CLI_ARG_NONE,
	CLI_ARG_REQUIRED,
	CLI_ARG_OPTIONAL, /* only as --name=VALUE */
	CLI_ARG_NUMBER    /* optional; a number may also be the next argument */
};

struct cli_option {
	const char *name;       /* without "--" */
	char letter;            /* 0: none */
	enum cli_argument kind;
	const char *argument;   /* name of the value in help; NULL with CLI_ARG_NONE */
	unsigned commands;      /* bit (1 << enum cli_command) where it is valid */
	const char *help;       /* one line */
	int (*set)(struct cli_options *opt, const char *value, struct error *err);
};

struct cli_command_info {
	const char *name;
	const char *operands;   /* as in a synopsis: "KERNEL [-- ARGS]"; "" */
	const char *help;       /* one line */
};

const struct cli_option *cli_options_table(size_t *ret_count);
extern const struct cli_command_info cli_options_commands[CLI_COMMAND_COUNT];

/*
 * The text of --help for a command (CLI_HELP: the overview), NUL-terminated, cut when size is short (4096
 * suffices).
 */
void cli_options_help(enum cli_command topic, char *buf, size_t size);

#endif
