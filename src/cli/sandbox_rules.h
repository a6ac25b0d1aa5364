/*
 * Which system calls each kind of thread keeps: one table, made into BPF programs when trapline is built
 * (sandbox_compile.c), so that the start of a guest pays nothing for it.
 */
#ifndef CLI_SANDBOX_RULES_H
#define CLI_SANDBOX_RULES_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The programs. _FILES: with the calls that make new files, rename and remove them, and open none that exist.
 * _MAPS: with all that --map needs as well. Landlock says which files.
 */
enum cli_sandbox_filter {
	CLI_FILTER_MAIN, CLI_FILTER_MAIN_FILES, CLI_FILTER_VCPU, CLI_FILTER_VCPU_FILES, CLI_FILTER_VCPU_MAPS,
	CLI_FILTER_CONSOLE, CLI_FILTER_COUNT
};

enum cli_rule_test {
	CLI_RULE_ANY,   /* whatever the arguments */
	CLI_RULE_IS,    /* the argument is the value */
	CLI_RULE_LACKS, /* the argument has no bit of the value */
	CLI_RULE_SELF   /* the argument is our process id: filled in when the program is loaded */
};

struct cli_sandbox_rule {
	unsigned filters;       /* bits 1 << enum cli_sandbox_filter */
	int call;
	enum cli_rule_test test;
	unsigned arg;           /* 0.. */
	uint64_t value;
};

/*
 * KVM's requests come on top (kvm/ioctls.h). Everything else raises SIGSYS. Several rows of one call: any of
 * them suffices.
 */
extern const struct cli_sandbox_rule cli_sandbox_rules[];
extern const size_t cli_sandbox_rules_count;

/* Stands for our process id in the compiled programs; above any process id (proc(5), pid_max). */
#define CLI_SANDBOX_SELF 0x7ffffff3u

struct cli_sandbox_program { const struct sock_filter *code; unsigned short len; };

/* In the file that sandbox_compile.c writes. */
extern const struct cli_sandbox_program cli_sandbox_programs[CLI_FILTER_COUNT];

#endif
