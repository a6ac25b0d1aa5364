/* Snapshots as files: --restore and --snapshot-out. */
#ifndef CLI_SNAPSHOT_H
#define CLI_SNAPSHOT_H

#include "cli/options.h"
#include "kvm/snapshot.h"

/* A checked file, mapped. All zero: none. */
struct cli_snapshot {
	const uint8_t *bytes;
	size_t size;
	struct snapfile file;
};

/*
 * The file of --restore, if there is one; memory and CPUs of the run become the snapshot's. 0, or negative
 * errno with one line that begins with the path: no file, no snapshot, not what the user said it is. close
 * takes one that is not open.
 */
int cli_snapshot_open(struct cli_options *opt, struct cli_snapshot *ret, struct error *err);
void cli_snapshot_close(struct cli_snapshot *s);

/* Memory regions as the snapshot has them; without one there are none. Errors of guest_mem_add(). */
int cli_snapshot_add_memory(const struct cli_snapshot *s, struct guest_mem *mem, struct error *err);

/*
 * The machine, not yet started, becomes what the file holds, which is closed; a kernel that was loaded is
 * there for its symbols (moved by *ret_bias) and for a reset. Nothing without --restore. Errors as above.
 */
int cli_snapshot_load(struct cli_snapshot *s, const struct cli_options *opt, struct kvm_machine *m,
                      uint64_t *ret_bias, struct error *err);

/*
 * The machine's snapshot of that name, into the file: whole or not at all, private to the user. Machine's
 * lock held. 0, or negative errno with text.
 */
int cli_snapshot_write(struct kvm_machine *m, const char *name, uint64_t bias, const char *path,
                       struct error *err);

#endif
