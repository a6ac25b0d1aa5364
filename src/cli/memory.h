/* The machine's memory: how much the user asked for, where the kernel wants it. */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include "cli/options.h"

/*
 * Adds it: for a Hermit kernel where that wants it, at a random place unless it is debugged or the user wants
 * it otherwise; for others as on a PC. 0 or negative errno with text.
 */
int cli_memory_add(const struct cli_options *opt, bool hermit, bool debugged, const struct boot_image *image,
		   struct guest_mem *mem, struct error *err);

#endif
