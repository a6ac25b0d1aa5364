/*
 * Landlock (Documentation/userspace-api/landlock.rst): the files that this process and its later threads may
 * still reach, by raw system calls since libc has none. Whatever the running kernel's version knows is
 * handled; what it does not know stays as it was.
 */
#ifndef CLI_LANDLOCK_H
#define CLI_LANDLOCK_H

#include <stdbool.h>

/* What a path is allowed for; a directory and everything below it, or one file. */
enum cli_landlock_right {
	CLI_LANDLOCK_READ = 1 << 0,        /* open to read, list directories */
	CLI_LANDLOCK_WRITE = 1 << 1,       /* open to write, truncate */
	CLI_LANDLOCK_MAKE = 1 << 2,        /* make regular files and directories, rename */
	CLI_LANDLOCK_REMOVE = 1 << 3,      /* remove files */
	CLI_LANDLOCK_REMOVE_DIR = 1 << 4   /* remove empty directories */
};

struct cli_landlock_path { int fd; unsigned rights; }; /* fd: O_PATH */

/* The kernel's Landlock version; 0: none, or switched off. */
int cli_landlock_version(void);

/*
 * Confines this thread and those it will make, for good: only these paths, no TCP, no abstract unix sockets,
 * and (no_signals) no signals to processes outside. PR_SET_NO_NEW_PRIVS is set. 0, -EOPNOTSUPP without
 * Landlock, or another negative errno.
 */
int cli_landlock_enter(const struct cli_landlock_path *path, unsigned count, bool no_signals);

#endif
