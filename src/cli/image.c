#include "cli/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map_file(int fd, const char *path, struct boot_image *ret, struct error *err)
{
	struct stat st;
	void *bytes;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "%s: not a regular file", path);
	if (st.st_size == 0)
		return error_set(err, EINVAL, "%s: the file is empty", path);
	if ((uint64_t)st.st_size > CLI_IMAGE_MAX)
		return error_set(err, EFBIG, "%s: %lld bytes is too large for a kernel (at most 1 GiB)", path,
		                 (long long)st.st_size);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return error_set(err, errno, "%s: cannot map it: %s", path, strerror(errno));
	*ret = (struct boot_image){.bytes = bytes, .size = (size_t)st.st_size, .name = path};
	return 0;
}

int cli_image_open(const char *path, struct boot_image *ret, struct error *err)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	rc = map_file(fd, path, ret, err);
	close(fd);
	return rc;
}

void cli_image_close(struct boot_image *image)
{
	if (image->bytes != NULL)
		munmap((void *)(uintptr_t)image->bytes, image->size);
	image->bytes = NULL;
}
