#include "cli/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int cli_trace_open(const char *path, int *ret_fd, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	*ret_fd = fd;
	return 0;
}

void cli_trace(void *ctx, bool to_client, const char *text, size_t len)
{
	const char *mark = to_client ? "<- " : "-> ";
	int fd = *(const int *)ctx;

	if (write(fd, mark, 3) < 0 || write(fd, text, len) < 0 || write(fd, "\n", 1) < 0)
		return; /* a log that cannot be written is not worth a guest */
}
