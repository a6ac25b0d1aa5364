/* `trapline info`: what an image is and how it would be booted. Loads it, runs nothing and needs no KVM. */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include "boot/loader.h"

#define CLI_INFO_TEXT 16384

/*
 * The text, NUL-terminated, cut where it does not fit. 0, or the error of boot_load() with its text: what
 * would not boot in a machine of 3 GiB.
 */
int cli_info_text(const struct boot_image *image, char *buf, size_t size, struct error *err);

/* Prints it for a file. Returns the exit status. */
int cli_info_run(const char *path);

#endif
