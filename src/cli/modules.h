/* The files that go along with a kernel: initrds and modules, in the program's memory. */
#ifndef CLI_MODULES_H
#define CLI_MODULES_H

#include "cli/options.h"

struct cli_modules {
	unsigned count;
	struct boot_image image[BOOT_MODULES_MAX];
	struct boot_module module[BOOT_MODULES_MAX]; /* of the images and of the options' texts */
};

/* Maps all that the options name. On failure nothing stays open. Errors of cli_image_open(). */
int cli_modules_open(const struct cli_options *opt, struct cli_modules *ret, struct error *err);
void cli_modules_close(struct cli_modules *m); /* zeroed ones are fine */

#endif
