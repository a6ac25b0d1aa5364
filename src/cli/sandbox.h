/*
 * What is left of our rights once a guest runs (SECURITY.md, "The sandbox"). In this order:
 *
 *   cli_sandbox_init(), cli_sandbox_allow()...   while the machine is put together
 *   cli_sandbox_close_inherited()                before anything of ours is opened
 *   cli_sandbox_enter_process()                  main thread, before there are others
 *   cli_sandbox_enter_thread()                   each thread, before the first guest instruction
 *
 * A thread that makes another system call afterwards ends the process: one line that names call and thread,
 * then SIGSYS.
 */
#ifndef CLI_SANDBOX_H
#define CLI_SANDBOX_H

#include "base/error.h"
#include "cli/landlock.h"

#define CLI_SANDBOX_PATHS 40

enum cli_sandbox_thread { CLI_THREAD_MAIN, CLI_THREAD_VCPU, CLI_THREAD_CONSOLE };

struct cli_sandbox {
	bool on;
	bool main_files, vcpu_files;  /* threads that make or remove files by name */
	bool vcpu_maps;               /* that open any of those which Landlock leaves */
	bool signals_child;           /* a debugger of ours lives outside */
	struct cli_landlock_path path[CLI_SANDBOX_PATHS];
	unsigned paths;
};

/* False where trapline was built with instrumentation that makes calls of its own (sanitizers, coverage). */
bool cli_sandbox_default(void);

void cli_sandbox_init(struct cli_sandbox *sb, bool on);
void cli_sandbox_fini(struct cli_sandbox *sb); /* the descriptors of paths */

/*
 * A file, or a directory with all below it, stays reachable. rights: enum cli_landlock_right. 0 also where
 * the sandbox is off and where the path does not exist (nothing can then be made of it). -ENOSPC, or what
 * open() says, with text.
 */
int cli_sandbox_allow(struct cli_sandbox *sb, const char *path, unsigned rights, struct error *err);
/* The same for the directory that a file is in. */
int cli_sandbox_allow_beside(struct cli_sandbox *sb, const char *file, unsigned rights, struct error *err);

/* Closes whatever our parent left open above standard error. */
void cli_sandbox_close_inherited(const struct cli_sandbox *sb);

/* No new privileges, no core and no ptrace of us, only the allowed paths. 0 or negative errno with text. */
int cli_sandbox_enter_process(struct cli_sandbox *sb, struct error *err);

/* The calling thread's system calls. 0 or negative errno. Does nothing where the sandbox is off. */
int cli_sandbox_enter_thread(const struct cli_sandbox *sb, enum cli_sandbox_thread thread);

/* True when the running kernel filters system calls. */
bool cli_sandbox_available(void);

#endif
