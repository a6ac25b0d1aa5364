#include "cli/symbols.h"

#include "boot/elf.h"
#include "cli/image.h"

int cli_symbols_open(const struct cli_options *opt, const struct boot_image *kernel, struct boot_image *file,
                     const struct boot_image **ret, struct error *err)
{
	struct boot_image own = {.size = 0};
	Elf64_Ehdr eh;
	int rc;

	if (opt->symbols == NULL) {
		*ret = kernel;
		return 0;
	}
	rc = cli_image_open(opt->symbols, &own, err);
	if (rc < 0)
		return rc;
	rc = boot_elf_header(&own, &eh, err);
	if (rc < 0) {
		cli_image_close(&own);
		return error_wrap(err, "--symbols: %s", opt->symbols);
	}
	*file = own;
	*ret = file;
	return 0;
}

const char *cli_symbols_program(const struct boot_image *symbols)
{
	return boot_elf_probe(symbols) ? symbols->name : NULL;
}
