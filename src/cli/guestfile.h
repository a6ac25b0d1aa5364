/*
 * A Hermit guest's descriptors: a bounded table of its own numbers, behind which are mapped host files
 * (cli/hostfile.h), files of its archive, and standard input. Implements struct dev_uhyve_files. Any vcpu's
 * thread; one lock inside.
 */
#ifndef CLI_GUESTFILE_H
#define CLI_GUESTFILE_H

#include "cli/archive.h"
#include "cli/hostfile.h"
#include "dev/uhyve.h"
#include <pthread.h>

#define CLI_GUESTFILE_FIRST 3
#define CLI_GUESTFILE_MAX 256

struct cli_guestfile {
	int host;
	const struct cli_archive_file *member;
	uint64_t at;
};

struct cli_guestfiles {
	struct cli_maps maps;
	const struct cli_archive *archive; /* NULL: none; borrowed */
	/* Whether the thread that waits for input is wanted elsewhere. NULL: there is no input. */
	bool (*unwanted)(void);
	bool old_mount; /* kernels before 0.10 leave out the "/root" where they have us mounted */
	pthread_mutex_t lock;
	struct cli_guestfile file[CLI_GUESTFILE_MAX];
	struct dev_uhyve_files ops;
};

/* unwanted: see above. With no maps; they are added to maps afterwards. */
void cli_guestfiles_init(struct cli_guestfiles *g, bool (*unwanted)(void));
void cli_guestfiles_close_all(struct cli_guestfiles *g); /* the guest starts anew */
void cli_guestfiles_fini(struct cli_guestfiles *g);

#endif
