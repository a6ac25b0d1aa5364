/* The device tree that Hermit kernels are given (Devicetree Specification 0.4, made with libfdt). */
#ifndef BOOT_FDT_H
#define BOOT_FDT_H

#include "boot/loader.h"

#define BOOT_FDT_ARGS_MAX 8192 /* bytes of /chosen/bootargs with the NUL */

/*
 * Writes a whole tree of `size` bytes: memory, processors, command line, environment, mount points. 0, or
 * -E2BIG with text: it does not fit. buf is undefined then.
 */
int boot_fdt_build(const struct boot_options *opt, const struct guest_mem *mem, void *buf, size_t size,
		   struct error *err);

/*
 * The text of /chosen/bootargs: kernel arguments, "env=K=V" for each of the environment, and behind " -- "
 * the application's; words that a shell would take apart are quoted. 0 or -E2BIG with text.
 */
int boot_fdt_args(const struct boot_options *opt, char *buf, size_t size, struct error *err);

#endif
