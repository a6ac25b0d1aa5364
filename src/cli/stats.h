/* --stats: exits by kind and processor, hypercalls, and how long each processor ran. */
#ifndef CLI_STATS_H
#define CLI_STATS_H

#include "dev/uhyve.h"
#include "kvm/machine.h"

#define CLI_STATS_TEXT 16384

/*
 * The text, NUL-terminated, cut where it does not fit. The threads must have ended. hypercalls: NULL for
 * machines without them.
 */
void cli_stats_text(const struct kvm_machine *m, unsigned cpus, const struct dev_uhyve *hypercalls, char *buf,
		    size_t size);
/* Prints it to standard error. */
void cli_stats_print(const struct kvm_machine *m, unsigned cpus, const struct dev_uhyve *hypercalls);

#endif
