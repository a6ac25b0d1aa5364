/*
 * What a Hermit kernel has around it: its archive, arguments and environment, mapped files, uhyve's
 * hypercalls. For other kernels nothing here is active.
 */
#ifndef CLI_HERMIT_H
#define CLI_HERMIT_H

#include "boot/hermit.h"
#include "cli/guestfile.h"
#include "cli/options.h"
#include "cli/sandbox.h"
#include "kvm/machine.h"

#define CLI_HERMIT_WORDS 128

struct cli_hermit_words {
	const char *word[CLI_HERMIT_WORDS];
	unsigned count;
};

struct cli_hermit {
	bool active;
	struct boot_image packed; /* the archive's file; bytes NULL: the image is none */
	struct cli_archive archive;
	struct cli_guestfiles files;
	struct dev_uhyve device;
	struct dev_uhyve_cpu cpu;
	struct boot_hermit boot;      /* points into what follows */
	struct cli_hermit_words argv; /* image, kernel's arguments, application's */
	struct cli_hermit_words env, mounts;
	unsigned kernel_words; /* of argv, with the image */
	char kernel_args[BOOT_CMDLINE_MAX];
	char split[2 * BOOT_CMDLINE_MAX]; /* text that words of argv point into */
	char mount_text[CLI_MAPS_MAX][PATH_MAX];
};

/*
 * Looks at an opened image. From an archive the kernel is taken: image then holds that, and
 * cli_hermit_close() must come before cli_image_close(). 0, or negative errno with text: a broken archive, an
 * option that only Hermit kernels have, a host file that cannot be mapped, more memory or processors wanted
 * than there are. input: the guest may read standard input. cli_hermit_close() takes zeroed and half-built
 * ones.
 */
int cli_hermit_open(struct cli_hermit *h, const struct cli_options *opt, bool input, struct boot_image *image,
		    struct error *err);
void cli_hermit_close(struct cli_hermit *h, struct boot_image *image);

/* The mapped files stay reachable in the sandbox. 0 or negative errno with text. */
int cli_hermit_confine(const struct cli_hermit *h, struct cli_sandbox *sb, struct error *err);

/* The rest only where active. */

/* Completes what the loader is told. tsc_khz: of the probe. */
void cli_hermit_boot(struct cli_hermit *h, uint32_t tsc_khz, struct boot_options *opt);
/* The hypercalls' ports. */
int cli_hermit_attach(struct cli_hermit *h, const struct dev_host *host, struct guest_mem *mem,
		      struct dev_bus *bus);
/* New arguments for the application, by a debugger's "run". 0 or -E2BIG with text. */
int cli_hermit_set_args(struct cli_hermit *h, const char *text, struct error *err);
/* The guest starts anew. */
void cli_hermit_reset(struct cli_hermit *h);

/* The ports of its hypercalls, for "monitor catch hypercall". */
#define CLI_HERMIT_HYPERCALLS 2
extern const struct debug_catch_range cli_hermit_hypercall[CLI_HERMIT_HYPERCALLS];

#endif
