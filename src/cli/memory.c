#include "cli/memory.h"
#include "boot/hermit.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* RAM below the hole for devices, and where the rest goes (doc/boot.md). */
#define LOW_RAM_END 0xc0000000ull
#define HIGH_RAM 0x100000000ull

static int add_hermit(const struct cli_options *opt, bool debugged, const struct boot_image *image,
		      struct guest_mem *mem, struct error *err)
{
	bool move = opt->aslr == CLI_ASLR_ON || (opt->aslr == CLI_ASLR_DEFAULT && !debugged);
	uint64_t random = 0;
	int rc;

	if (move && getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_set(err, errno, "no random numbers: %s", strerror(errno));
	rc = boot_hermit_memory(image, opt->memory, random, mem, err);
	return rc < 0 ? error_wrap(err, "%s", image->name) : 0;
}

int cli_memory_add(const struct cli_options *opt, bool hermit, bool debugged, const struct boot_image *image,
		   struct guest_mem *mem, struct error *err)
{
	uint64_t low = opt->memory < LOW_RAM_END ? opt->memory : LOW_RAM_END;
	int rc;

	if (hermit)
		return add_hermit(opt, debugged, image, mem, err);
	rc = guest_mem_add(mem, 0, low, err);
	if (rc == 0 && opt->memory > low)
		rc = guest_mem_add(mem, HIGH_RAM, opt->memory - low, err);
	return rc;
}
