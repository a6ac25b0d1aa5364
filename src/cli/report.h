/* What is printed when a guest dies and no debugger is there to look at it. Pure. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "boot/symbols.h"
#include "x86/paging.h"
#include "x86/state.h"

#define CLI_REPORT_FRAMES 64  /* most frames of the backtrace */
#define CLI_REPORT_SIZE 16384 /* a buffer that always suffices */

struct cli_report {
	const struct x86_state *state;  /* CORE and SYSTEM */
	const struct x86_layout *layout;
	struct x86_phys_reader mem;
	const struct boot_image *image; /* for symbols; NULL: none */
	uint64_t bias;                  /* struct boot_entry's */
};

/*
 * Registers, control registers, segments, the bytes at the instruction, and a backtrace along frame
 * pointers with the names of functions. NUL-terminated lines, cut when size is short. Returns the length.
 */
size_t cli_report_format(const struct cli_report *r, char *buf, size_t size);

#endif
