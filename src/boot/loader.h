/*
 * Loaders: (image bytes, options, guest memory) -> the state in which the first vcpu enters the guest.
 * No file, no KVM, no exit: everything here runs under a fuzzer. Untrusted input: the image.
 */
#ifndef BOOT_LOADER_H
#define BOOT_LOADER_H

#include "base/error.h"
#include "mem/guest_mem.h"
#include "x86/state.h"

#define BOOT_CMDLINE_MAX 4096   /* bytes with the NUL */
#define BOOT_SEGMENTS_MAX 64
#define BOOT_MODULES_MAX 32

struct boot_image {
	const uint8_t *bytes;   /* borrowed; the whole file */
	size_t size;
	const char *name;       /* for messages */
};

/* A file that goes along with the kernel: an initrd, a Multiboot module. Bytes and text are borrowed. */
struct boot_module {
	const uint8_t *bytes;
	size_t size;
	const char *text;       /* the module's own command line, shorter than BOOT_CMDLINE_MAX; NULL = "" */
};

struct boot_words { const char *const *word; unsigned count; };

/* What only Hermit kernels are given. Everything is borrowed. */
struct boot_hermit {
	struct boot_words args;  /* the application's, without its name */
	struct boot_words env;   /* "KEY=VALUE" */
	struct boot_words mounts;/* guest directories with host files behind them */
	uint32_t tsc_khz;        /* 0 = not known */
	uint64_t time_ns;        /* of the boot, since 1970 */
};

/* A virtio device in memory, for the tables that tell. */
struct boot_virtio { uint64_t base; uint32_t size; unsigned line; };

struct boot_options {
	const char *cmdline;    /* NUL-terminated; NULL = "" */
	const struct boot_hermit *hermit; /* NULL: nothing */
	const struct boot_module *module;
	unsigned module_count;  /* at most BOOT_MODULES_MAX */
	unsigned cpus;          /* for the tables that tell; 0 = 1 */
	const struct boot_virtio *virtio; /* NULL: there is none */
};

struct boot_segment { uint64_t gva, gpa, file_offset, file_size, mem_size; uint32_t flags; }; /* PF_* */

struct boot_entry {
	const char *format;     /* "ELF64 executable", ...; static */
	const char *protocol;   /* how it is entered: "PVH", "Multiboot 1", ...; static */
	uint64_t entry;         /* guest-linear address of the first instruction */
	uint64_t bias;          /* added to the image's own addresses; 0 for ET_EXEC */
	bool all_cpus;          /* every vcpu starts in this state, its number in RSI; else the first alone */
	unsigned segment_count;
	struct boot_segment segment[BOOT_SEGMENTS_MAX];
	struct x86_state state; /* CORE and SYSTEM filled */
};

/*
 * Recognises the image, checks it, copies it into mem and builds tables and entry state (doc/boot.md).
 * 0, or negative errno with err telling what is wrong with the image: -ENOEXEC (not an image we know),
 * -EINVAL (lying or truncated), -ENOMEM (does not fit the guest's memory), -E2BIG (command line).
 * mem may be partly written on failure. *ret untouched on failure.
 */
int boot_load(const struct boot_image *image, const struct boot_options *opt, struct guest_mem *mem,
              struct boot_entry *ret, struct error *err);

#endif
