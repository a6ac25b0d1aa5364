#include "cli/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (256 * 1024)

/* ---- reading ---- */

static int map_file(int fd, struct cli_snapshot *ret, struct error *err)
{
	struct stat st;
	void *bytes;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "not a regular file");
	if (st.st_size == 0)
		return error_set(err, EINVAL, "the file is empty");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return error_set(err, errno, "cannot map it: %s", strerror(errno));
	ret->bytes = bytes;
	ret->size = (size_t)st.st_size;
	return 0;
}

static int adopt(const struct snapfile *f, struct cli_options *opt, struct error *err)
{
	uint64_t memory = 0;

	for (unsigned i = 0; i < f->regions; i++)
		memory += f->region[i].size;
	if (f->vcpus < 1 || f->vcpus > DEBUG_MAX_VCPUS || memory > CLI_MAX_MEMORY)
		return error_set(err, EINVAL, "a snapshot of a machine with %u CPUs and %llu MiB of memory",
		                 f->vcpus, (unsigned long long)(memory >> 20));
	if (opt->memory_given && opt->memory != memory)
		return error_set(err, EINVAL, "a snapshot of a machine with %llu KiB of memory, not %llu",
		                 (unsigned long long)(memory >> 10), (unsigned long long)(opt->memory >> 10));
	if (opt->cpus_given && opt->cpus != f->vcpus)
		return error_set(err, EINVAL, "a snapshot of a machine with %u CPUs, not %u", f->vcpus,
		                 opt->cpus);
	opt->memory = memory;
	opt->cpus = f->vcpus;
	return 0;
}

int cli_snapshot_open(struct cli_options *opt, struct cli_snapshot *ret, struct error *err)
{
	const char *path = opt->restore;
	int rc, fd;

	if (path == NULL)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	rc = map_file(fd, ret, err);
	close(fd);
	if (rc == 0)
		rc = snapfile_open(ret->bytes, ret->size, &ret->file, err);
	if (rc == 0)
		rc = adopt(&ret->file, opt, err);
	if (rc < 0)
		cli_snapshot_close(ret);
	return rc < 0 ? error_wrap(err, "%s", path) : 0;
}

int cli_snapshot_add_memory(const struct cli_snapshot *s, struct guest_mem *mem, struct error *err)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < s->file.regions; i++)
		rc = guest_mem_add(mem, s->file.region[i].gpa, s->file.region[i].size, err);
	return rc;
}

int cli_snapshot_load(struct cli_snapshot *s, const struct cli_options *opt, struct kvm_machine *m,
                      uint64_t *ret_bias, struct error *err)
{
	int rc;

	if (s->bytes == NULL)
		return 0;
	rc = kvm_snapshot_load(m, &s->file, err);
	*ret_bias = s->file.bias;
	cli_snapshot_close(s);
	return rc < 0 ? error_wrap(err, "%s", opt->restore) : 0;
}

void cli_snapshot_close(struct cli_snapshot *s)
{
	if (s->bytes != NULL)
		munmap((void *)(uintptr_t)s->bytes, s->size);
	s->bytes = NULL;
}

/* ---- writing ---- */

struct output {
	int fd;
	size_t used;
	uint8_t buffer[BUFFER];
};

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int flush(struct output *o)
{
	int rc = write_all(o->fd, o->buffer, o->used);

	o->used = 0;
	return rc;
}

static int put(void *ctx, const void *bytes, size_t len)
{
	struct output *o = ctx;
	int rc = 0;

	if (len > BUFFER - o->used)
		rc = flush(o);
	if (rc == 0 && len > BUFFER)
		return write_all(o->fd, bytes, len);
	if (rc == 0) {
		memcpy(o->buffer + o->used, bytes, len);
		o->used += len;
	}
	return rc;
}

/* Guest memory is nobody else's business: 0600. A left-over of a killed run is replaced. */
static int write_beside(struct kvm_machine *m, const char *name, uint64_t bias, const char *tmp,
                        struct output *o, struct error *err)
{
	const struct snapfile_sink sink = {.ctx = o, .write = put};
	int rc;

	if (unlink(tmp) < 0 && errno != ENOENT)
		return error_set(err, errno, "%s", strerror(errno));
	o->fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (o->fd < 0)
		return error_set(err, errno, "%s", strerror(errno));
	rc = kvm_snapshot_write(m, name, bias, &sink, err);
	if (rc == 0) {
		rc = flush(o);
		error_set(err, -rc, "%s", strerror(-rc));
	}
	if (close(o->fd) < 0 && rc == 0)
		rc = error_set(err, errno, "%s", strerror(errno));
	return rc;
}

int cli_snapshot_write(struct kvm_machine *m, const char *name, uint64_t bias, const char *path,
                       struct error *err)
{
	char tmp[PATH_MAX];
	struct output *o;
	int rc, n = snprintf(tmp, sizeof(tmp), "%s.tmp", path);

	if (n < 0 || (size_t)n >= sizeof(tmp))
		return error_set(err, ENAMETOOLONG, "%s: the file name is too long", path);
	o = malloc(sizeof(*o));
	if (o == NULL)
		return error_set(err, ENOMEM, "no memory to write with");
	o->used = 0;
	rc = write_beside(m, name, bias, tmp, o, err);
	free(o);
	if (rc == 0 && rename(tmp, path) < 0)
		rc = error_set(err, errno, "%s", strerror(errno));
	if (rc < 0) {
		unlink(tmp);
		return error_wrap(err, "%s", path);
	}
	return 0;
}
