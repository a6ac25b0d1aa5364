/* The file that debuggers get the guest's symbols from: --symbols, or the kernel itself. */
#ifndef CLI_SYMBOLS_H
#define CLI_SYMBOLS_H

#include "boot/loader.h"
#include "cli/options.h"

/*
 * *ret: what has the symbols, --symbols' file or, without the option, the kernel. The file, an ELF file for
 * x86, is mapped as *file, to be closed with cli_image_close(); without it that is left alone. 0 or negative
 * errno with text.
 */
int cli_symbols_open(const struct cli_options *opt, const struct boot_image *kernel, struct boot_image *file,
                     const struct boot_image **ret, struct error *err);

/* The file that a debugger is to load; NULL: what has the symbols is no ELF file. */
const char *cli_symbols_program(const struct boot_image *symbols);

#endif
