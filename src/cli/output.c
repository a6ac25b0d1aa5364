#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int cli_output_open(const struct cli_options *opt, int fallback, int *ret_fd, int *ret_close,
		    struct error *err)
{
	const char *name = opt->output;
	int fd;

	*ret_close = -1;
	*ret_fd = fallback;
	if (!name || strcmp(name, "stdio") == 0)
		return 0;
	if (strcmp(name, "none") == 0 || strcmp(name, "None") == 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	else
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return error_set(err, errno, "--output %.200s: %s", name, strerror(errno));
	*ret_fd = *ret_close = fd;
	return 0;
}
