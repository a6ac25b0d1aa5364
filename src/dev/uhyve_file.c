/* uhyve's calls for files: from the guest's structures to struct dev_uhyve_files and back. */
#include "dev/uhyve_call.h"

#include <errno.h>

#define ATTR_SIZE 120u
#define DENTS_MAX 32768u /* bytes of directory entries in one call */

/* Results of the calls that interface 3 added: which one, and its value. */
enum { RESULT_SUCCESS = 1, RESULT_ERROR = 2, DENTS_END = 2, DENTS_ERROR = 3 };

/* The text at a physical address. 0, -EFAULT, -ENAMETOOLONG (no NUL near enough) or -ENOENT (empty). */
static int read_path(struct dev_uhyve *u, uint64_t gpa, char path[DEV_UHYVE_PATH_MAX])
{
	size_t len = 0;

	/* By single bytes at a page's end, since memory may end there. */
	while (len < DEV_UHYVE_PATH_MAX) {
		size_t step = DEV_UHYVE_PATH_MAX - len, page = 4096 - (size_t)((gpa + len) & 4095);
		char *nul;

		step = step < page ? step : page;
		if (guest_mem_read(u->cfg.mem, gpa + len, path + len, step) < 0)
			return -EFAULT;
		nul = memchr(path + len, '\0', step);
		if (nul)
			return nul == path ? -ENOENT : 0;
		len += step;
	}
	return -ENAMETOOLONG;
}

/* ---- interface 1, and what interface 2 took over ---- */

void dev_uhyve_write_v1(struct dev_uhyve_call *c)
{
	/* There is no room for a result: the guest takes it that everything was written. */
	dev_uhyve_transfer(c->u, DEV_UHYVE_WRITE, dev_uhyve_i32(c, 0), dev_uhyve_u64(c, 4),
			   dev_uhyve_u64(c, 12), true);
}

void dev_uhyve_read_v1(struct dev_uhyve_call *c)
{
	dev_uhyve_put(c, 20,
		      dev_uhyve_transfer(c->u, DEV_UHYVE_READ, dev_uhyve_i32(c, 0), dev_uhyve_u64(c, 4),
					 dev_uhyve_u64(c, 12), true),
		      8);
}

void dev_uhyve_lseek_v1(struct dev_uhyve_call *c)
{
	const struct dev_uhyve_files *f = c->u->cfg.files;
	int64_t at =
		f->lseek(f->ctx, dev_uhyve_i32(c, 0), (int64_t)dev_uhyve_u64(c, 4), dev_uhyve_i32(c, 12));

	dev_uhyve_put(c, 4, at < 0 ? -1 : at, 8);
}

void dev_uhyve_open(struct dev_uhyve_call *c)
{
	const struct dev_uhyve_files *f = c->u->cfg.files;
	char path[DEV_UHYVE_PATH_MAX];
	int rc = read_path(c->u, dev_uhyve_u64(c, 0), path);

	if (rc == 0)
		rc = f->open(f->ctx, path, dev_uhyve_i32(c, 8), (unsigned)dev_uhyve_i32(c, 12));
	dev_uhyve_put(c, 16, rc, 4);
}

void dev_uhyve_close(struct dev_uhyve_call *c)
{
	const struct dev_uhyve_files *f = c->u->cfg.files;
	int fd = dev_uhyve_i32(c, 0);

	dev_uhyve_put(c, 4, fd >= 0 && fd <= 2 ? 0 : f->close(f->ctx, fd), 4);
}

void dev_uhyve_unlink(struct dev_uhyve_call *c)
{
	const struct dev_uhyve_files *f = c->u->cfg.files;
	char path[DEV_UHYVE_PATH_MAX];
	int rc = read_path(c->u, dev_uhyve_u64(c, 0), path);

	dev_uhyve_put(c, 8, rc == 0 ? f->unlink(f->ctx, path) : rc, 4);
}

/* ---- interface 2 ---- */

void dev_uhyve_write_v2(struct dev_uhyve_call *c)
{
	dev_uhyve_put(c, 8,
		      dev_uhyve_transfer(c->u, DEV_UHYVE_WRITE, dev_uhyve_i32(c, 24), dev_uhyve_u64(c, 16),
					 dev_uhyve_u64(c, 0), false),
		      8);
}

void dev_uhyve_read_v2(struct dev_uhyve_call *c)
{
	dev_uhyve_put(c, 8,
		      dev_uhyve_transfer(c->u, DEV_UHYVE_READ, dev_uhyve_i32(c, 24), dev_uhyve_u64(c, 16),
					 dev_uhyve_u64(c, 0), false),
		      8);
}

void dev_uhyve_lseek_v2(struct dev_uhyve_call *c)
{
	const struct dev_uhyve_files *f = c->u->cfg.files;

	dev_uhyve_put(
		c, 0,
		f->lseek(f->ctx, dev_uhyve_i32(c, 12), (int64_t)dev_uhyve_u64(c, 0), dev_uhyve_i32(c, 8)), 8);
}

/* ---- interface 3 ---- */

static void put_result(struct dev_uhyve_call *c, unsigned offset, int rc)
{
	dev_uhyve_put(c, offset + 4, rc < 0 ? -rc : 0, 4);
	dev_uhyve_put(c, offset, rc < 0 ? RESULT_ERROR : RESULT_SUCCESS, 4);
}

static int put_attr(struct dev_uhyve *u, uint64_t gpa, const struct dev_uhyve_attr *a)
{
	uint8_t b[ATTR_SIZE] = {0};

	bytes_put_le64(b, a->dev);
	bytes_put_le64(b + 8, a->ino);
	bytes_put_le64(b + 16, a->nlink);
	bytes_put_le32(b + 24, a->mode);
	bytes_put_le32(b + 28, a->uid);
	bytes_put_le32(b + 32, a->gid);
	bytes_put_le64(b + 40, a->rdev);
	bytes_put_le64(b + 48, (uint64_t)a->size);
	bytes_put_le64(b + 56, (uint64_t)a->blksize);
	bytes_put_le64(b + 64, (uint64_t)a->blocks);
	bytes_put_le64(b + 72, (uint64_t)a->atime.sec);
	bytes_put_le32(b + 80, (uint32_t)a->atime.nsec);
	bytes_put_le64(b + 88, (uint64_t)a->mtime.sec);
	bytes_put_le32(b + 96, (uint32_t)a->mtime.nsec);
	bytes_put_le64(b + 104, (uint64_t)a->ctime.sec);
	bytes_put_le32(b + 112, (uint32_t)a->ctime.nsec);
	return guest_mem_write(u->cfg.mem, gpa, b, sizeof(b));
}

void dev_uhyve_stat(struct dev_uhyve_call *c)
{
	const struct dev_uhyve_files *f = c->u->cfg.files;
	char path[DEV_UHYVE_PATH_MAX];
	struct dev_uhyve_attr attr;
	int rc = read_path(c->u, dev_uhyve_u64(c, 0), path);

	if (rc == 0 && (uint32_t)dev_uhyve_i32(c, 8) > 1)
		rc = -EINVAL;
	if (rc == 0)
		rc = f->stat(f->ctx, path, dev_uhyve_i32(c, 8) == 0, &attr);
	if (rc == 0)
		rc = put_attr(c->u, dev_uhyve_u64(c, 16), &attr);
	put_result(c, 24, rc);
}

void dev_uhyve_fstat(struct dev_uhyve_call *c)
{
	const struct dev_uhyve_files *f = c->u->cfg.files;
	struct dev_uhyve_attr attr;
	int rc = f->fstat(f->ctx, dev_uhyve_i32(c, 0), &attr);

	if (rc == 0)
		rc = put_attr(c->u, dev_uhyve_u64(c, 8), &attr);
	put_result(c, 16, rc);
}

void dev_uhyve_mkdir(struct dev_uhyve_call *c)
{
	const struct dev_uhyve_files *f = c->u->cfg.files;
	char path[DEV_UHYVE_PATH_MAX];
	int rc = read_path(c->u, dev_uhyve_u64(c, 0), path);

	put_result(c, 16, rc == 0 ? f->mkdir(f->ctx, path) : rc);
}

void dev_uhyve_getdents(struct dev_uhyve_call *c)
{
	const struct dev_uhyve_files *f = c->u->cfg.files;
	uint64_t want = dev_uhyve_u64(c, 16);
	uint8_t bytes[DENTS_MAX];
	int64_t got = -EFAULT;

	want = want < DENTS_MAX ? want : DENTS_MAX;
	/* Entries that were read and cannot be stored would be lost: the place is looked at first. */
	if (guest_mem_contains(c->u->cfg.mem, dev_uhyve_u64(c, 8), want))
		got = f->getdents(f->ctx, dev_uhyve_i32(c, 0), bytes, (size_t)want);
	if (got > 0 && guest_mem_write(c->u->cfg.mem, dev_uhyve_u64(c, 8), bytes, (size_t)got) < 0)
		got = -EFAULT;
	if (got < 0)
		dev_uhyve_put(c, 32, -got, 4);
	else
		dev_uhyve_put(c, 32, got, 8);
	dev_uhyve_put(c, 24, got < 0 ? DENTS_ERROR : got == 0 ? DENTS_END : RESULT_SUCCESS, 4);
}
