/* A kernel image in the program's memory, for the loaders. */
#ifndef CLI_IMAGE_H
#define CLI_IMAGE_H

#include "boot/loader.h"

#define CLI_IMAGE_MAX (1ull << 30) /* bytes; a larger file is no kernel */

/*
 * Maps the file read-only (a private mapping). path is borrowed as the image's name. 0 or negative errno with
 * text. A file that shrinks while it is mapped is the user's own doing.
 */
int cli_image_open(const char *path, struct boot_image *ret, struct error *err);
void cli_image_close(struct boot_image *image);

#endif
