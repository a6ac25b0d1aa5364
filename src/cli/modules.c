#include "cli/modules.h"
#include "cli/image.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* A module's file name ends at the first blank; an initrd's is the whole. */
static int open_one(const struct cli_module *from, struct boot_image *image, struct boot_module *module,
                    struct error *err)
{
	size_t len = from->has_text ? strcspn(from->value, " ") : strlen(from->value);
	char path[PATH_MAX];
	int rc;

	if (len >= sizeof(path))
		return error_set(err, ENAMETOOLONG, "%.60s...: the file name is too long", from->value);
	memcpy(path, from->value, len);
	path[len] = '\0';
	rc = cli_image_open(path, image, err);
	if (rc < 0)
		return rc;
	image->name = from->value;
	*module = (struct boot_module){.bytes = image->bytes, .size = image->size,
	                               .text = from->has_text ? from->value : NULL};
	return 0;
}

int cli_modules_open(const struct cli_options *opt, struct cli_modules *ret, struct error *err)
{
	*ret = (struct cli_modules){.count = 0};
	for (unsigned i = 0; i < opt->module_count; i++) {
		int rc = open_one(&opt->module[i], &ret->image[i], &ret->module[i], err);

		if (rc < 0) {
			cli_modules_close(ret);
			return rc;
		}
		ret->count++;
	}
	return 0;
}

void cli_modules_close(struct cli_modules *m)
{
	for (unsigned i = 0; i < m->count; i++)
		cli_image_close(&m->image[i]);
	m->count = 0;
}
