/*
 * --core=FILE: an ELF core of a dead guest, as gdb takes one: "gdb KERNEL FILE".
 *
 * Notes: NT_PRSTATUS, NT_PRFPREG and NT_X86_XSTATE for each vcpu (the one that died first, which makes it
 * gdb's current thread), NT_PRPSINFO, and NT_AUXV for a kernel that was moved. Segments: what the page tables
 * of the current vcpu map to RAM, at its virtual addresses. Pages of zeros are holes in the file.
 */
#ifndef CLI_COREDUMP_H
#define CLI_COREDUMP_H

#include "base/error.h"
#include "mem/guest_mem.h"
#include "x86/paging.h"
#include "x86/state.h"

struct cli_coredump {
	const char *path;
	const struct x86_layout *layout;
	const struct guest_mem *mem;            /* where RAM is */
	struct x86_phys_reader reader; /* its bytes, as the guest wrote them: no breakpoints in them */
	unsigned cpus, current;
	const struct x86_state *const *state; /* by cpu, all but DEBUG groups; NULL: left out (not current) */
	int signal;                             /* host's number: SIGSEGV, ... */
	const char *kernel, *cmdline;           /* for NT_PRPSINFO */
	uint64_t entry, bias;                   /* struct boot_entry's */
};

/*
 * Writes FILE.tmp and renames it to FILE: there is a whole core or none. 0; 1: written, but the guest
 * maps more than a core holds (CLI_COREDUMP_RUNS, four times its RAM), the rest is left out; negative errno
 * with text. SIGXFSZ must be ignored.
 */
#define CLI_COREDUMP_RUNS 16384
int cli_coredump_write(const struct cli_coredump *cfg, struct error *err);

#endif
