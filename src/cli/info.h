/* `trapline info`: what an image is and how it would be booted. Loads it, runs nothing and needs no KVM. */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include "boot/loader.h"
#include "cli/options.h"

#define CLI_INFO_TEXT 16384

/*
 * The text, NUL-terminated, cut where it does not fit. symbols: the file that has them, or the image itself.
 * 0, or the error of boot_load() with its text: what would not boot in a machine of 3 GiB.
 */
int cli_info_text(const struct boot_image *image, const struct boot_image *symbols, char *buf, size_t size,
                  struct error *err);

/* Prints it for the options' kernel. Returns the exit status. */
int cli_info_run(const struct cli_options *opt);

#endif
