/*
 * The host files that a guest may name: what --map gave, and nothing else. The only code that opens host
 * files on a guest's behalf. What is below a mapped directory is found from that directory's own descriptor
 * and cannot lead out of it: not by "..", not by a symbolic link (openat2(2), RESOLVE_BENEATH; on kernels
 * without it link by link, refusing symbolic ones).
 */
#ifndef CLI_HOSTFILE_H
#define CLI_HOSTFILE_H

#include "base/error.h"
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define CLI_MAPS_MAX 32

struct cli_map {
	char host[PATH_MAX];     /* as given, or where links lead from there */
	char guest[PATH_MAX];    /* absolute, clean */
	char leaf[NAME_MAX + 1]; /* of a single file, in dir; "" = dir itself is mapped */
	int dir;                 /* O_PATH */
	bool read_only;
};

struct cli_maps {
	unsigned count;
	struct cli_map map[CLI_MAPS_MAX];
	bool no_openat2; /* this kernel lacks it */
};

/*
 * HOST:GUEST or HOST:GUEST:ro. HOST is a directory, or a file, which need not exist. 0, or negative errno
 * with text: -EINVAL (not of that form), -ENOSPC (too many), or what opening HOST gave. fini takes zeroed
 * ones.
 */
int cli_maps_add(struct cli_maps *maps, const char *spec, struct error *err);
void cli_maps_fini(struct cli_maps *maps);

/*
 * Makes a guest's path absolute and clean ("." and ".." taken out by the text alone). 0, -EPERM (climbs over
 * the root), -ENAMETOOLONG.
 */
int cli_maps_clean(const char *path, char ret[PATH_MAX]);

/*
 * All take a clean path; negative errno on failure: -ENOENT (nothing is mapped there, or no such file),
 * -EROFS, -EPERM (leads out of what is mapped, or is neither a file nor a directory), others as the calls of
 * the same name. Any thread.
 */
int cli_maps_open(struct cli_maps *maps, const char *path, int flags, mode_t mode); /* a descriptor */
int cli_maps_stat(struct cli_maps *maps, const char *path, bool follow, struct stat *ret);
int cli_maps_unlink(struct cli_maps *maps, const char *path);
int cli_maps_mkdir(struct cli_maps *maps, const char *path, mode_t mode);

#endif
