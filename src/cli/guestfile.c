#include "cli/guestfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INPUT_POLL_MS 100 /* the longest a wanted vcpu's thread waits, should its kick come too early */
#define FLAGS_KNOWN (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY)
#define OLD_MOUNT "/root"

static bool is_open(const struct cli_guestfile *f)
{
	return f->host >= 0 || f->member;
}

/* Lock held. NULL: no such descriptor. */
static struct cli_guestfile *lookup(struct cli_guestfiles *g, int fd)
{
	if (fd < CLI_GUESTFILE_FIRST || fd - CLI_GUESTFILE_FIRST >= CLI_GUESTFILE_MAX ||
	    !is_open(&g->file[fd - CLI_GUESTFILE_FIRST]))
		return NULL;
	return &g->file[fd - CLI_GUESTFILE_FIRST];
}

static void close_file(struct cli_guestfile *f)
{
	if (f->host >= 0)
		close(f->host);
	*f = (struct cli_guestfile){.host = -1};
}

/* ---- paths ---- */

typedef int path_call(struct cli_guestfiles *g, const char *path, void *arg);

/* Calls fn with the clean path and, for old kernels, once more below their mount point. */
static int with_path(struct cli_guestfiles *g, const char *path, path_call *fn, void *arg)
{
	char clean[PATH_MAX], mounted[PATH_MAX] = OLD_MOUNT;
	int rc = cli_maps_clean(path, clean);

	if (rc < 0)
		return rc;
	rc = fn(g, clean, arg);
	if (rc != -ENOENT || !g->old_mount)
		return rc;
	if (strlen(OLD_MOUNT) + strlen(clean) >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(mounted + strlen(OLD_MOUNT), clean, strlen(clean) + 1);
	return fn(g, mounted, arg);
}

/* ---- open and close ---- */

struct open_args {
	int flags;
	mode_t mode;
	struct cli_guestfile result;
};

static int open_path(struct cli_guestfiles *g, const char *path, void *arg)
{
	struct open_args *a = arg;
	const struct cli_archive_file *member;
	int fd = cli_maps_open(&g->maps, path, a->flags, a->mode);

	if (fd >= 0)
		a->result.host = fd;
	if (fd != -ENOENT)
		return fd < 0 ? fd : 0;
	member = g->archive ? cli_archive_find(g->archive, path) : NULL;
	if (!member)
		return -ENOENT;
	if ((a->flags & O_ACCMODE) != O_RDONLY || (a->flags & (O_TRUNC | O_CREAT)))
		return -EROFS;
	if (a->flags & O_DIRECTORY)
		return -ENOTDIR;
	a->result.member = member;
	return 0;
}

static int take_slot(struct cli_guestfiles *g, const struct cli_guestfile *f)
{
	for (int i = 0; i < CLI_GUESTFILE_MAX; i++)
		if (!is_open(&g->file[i])) {
			g->file[i] = *f;
			return i + CLI_GUESTFILE_FIRST;
		}
	return -EMFILE;
}

static int do_open(void *ctx, const char *path, int flags, unsigned mode)
{
	struct cli_guestfiles *g = ctx;
	struct open_args a = {.flags = flags & FLAGS_KNOWN, .mode = (mode_t)mode, .result = {.host = -1}};
	int fd;

	if ((a.flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT) ||
	    (a.flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	fd = with_path(g, path, open_path, &a);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&g->lock);
	fd = take_slot(g, &a.result);
	pthread_mutex_unlock(&g->lock);
	if (fd < 0)
		close_file(&a.result);
	return fd;
}

static int do_close(void *ctx, int fd)
{
	struct cli_guestfiles *g = ctx;
	struct cli_guestfile *f;

	pthread_mutex_lock(&g->lock);
	f = lookup(g, fd);
	if (f)
		close_file(f);
	pthread_mutex_unlock(&g->lock);
	return f ? 0 : -EBADF;
}

/* ---- bytes ---- */

/* Waits for input, but not when the debugger or the machine's end wants this thread: -EINTR then. */
static int64_t read_input(struct cli_guestfiles *g, void *buf, size_t len)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	ssize_t n;

	if (!g->unwanted)
		return 0;
	while (poll(&p, 1, INPUT_POLL_MS) <= 0)
		if (g->unwanted())
			return -EINTR;
	n = read(STDIN_FILENO, buf, len);
	return n < 0 ? -errno : n;
}

static int64_t read_member(struct cli_guestfile *f, void *buf, size_t len)
{
	uint64_t left = f->at < f->member->size ? f->member->size - f->at : 0;

	len = len < left ? len : (size_t)left;
	memcpy(buf, f->member->bytes + f->at, len);
	f->at += len;
	return (int64_t)len;
}

static int64_t do_read(void *ctx, int fd, void *buf, size_t len)
{
	struct cli_guestfiles *g = ctx;
	struct cli_guestfile *f;
	int64_t n = -EBADF;

	if (fd == 0)
		return len ? read_input(g, buf, len) : 0;
	pthread_mutex_lock(&g->lock);
	f = lookup(g, fd);
	if (f && f->member) {
		n = read_member(f, buf, len);
	} else if (f) {
		n = read(f->host, buf, len);
		n = n < 0 ? -errno : n;
	}
	pthread_mutex_unlock(&g->lock);
	return n;
}

static int64_t do_write(void *ctx, int fd, const void *buf, size_t len)
{
	struct cli_guestfiles *g = ctx;
	struct cli_guestfile *f;
	int64_t n = -EBADF;

	pthread_mutex_lock(&g->lock);
	f = lookup(g, fd);
	if (f && f->host >= 0) {
		n = write(f->host, buf, len);
		n = n < 0 ? -errno : n;
	}
	pthread_mutex_unlock(&g->lock);
	return n;
}

static int64_t seek_member(struct cli_guestfile *f, int64_t offset, int whence)
{
	int64_t base = whence == SEEK_SET   ? 0
		       : whence == SEEK_CUR ? (int64_t)f->at
					    : (int64_t)f->member->size;

	if (whence < SEEK_SET || whence > SEEK_END || __builtin_add_overflow(base, offset, &base) || base < 0)
		return -EINVAL;
	f->at = (uint64_t)base;
	return base;
}

static int64_t do_lseek(void *ctx, int fd, int64_t offset, int whence)
{
	struct cli_guestfiles *g = ctx;
	struct cli_guestfile *f;
	int64_t at = -EBADF;

	if (whence < SEEK_SET || whence > SEEK_END)
		return -EINVAL;
	pthread_mutex_lock(&g->lock);
	f = lookup(g, fd);
	if (f && f->member) {
		at = seek_member(f, offset, whence);
	} else if (f) {
		at = lseek(f->host, offset, whence);
		at = at < 0 ? -errno : at;
	}
	pthread_mutex_unlock(&g->lock);
	return at;
}

static int64_t do_getdents(void *ctx, int fd, void *buf, size_t len)
{
	struct cli_guestfiles *g = ctx;
	struct cli_guestfile *f;
	int64_t n = -EBADF;

	pthread_mutex_lock(&g->lock);
	f = lookup(g, fd);
	if (f && f->member) {
		n = -ENOTDIR;
	} else if (f) {
		n = syscall(SYS_getdents64, f->host, buf, len);
		n = n < 0 ? -errno : n;
	}
	pthread_mutex_unlock(&g->lock);
	return n;
}

/* ---- names and attributes ---- */

static void fill_attr(const struct stat *st, struct dev_uhyve_attr *ret)
{
	*ret = (struct dev_uhyve_attr){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.nlink = st->st_nlink,
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.rdev = st->st_rdev,
		.size = st->st_size,
		.blksize = st->st_blksize,
		.blocks = st->st_blocks,
		.atime = {st->st_atim.tv_sec, (int32_t)st->st_atim.tv_nsec},
		.mtime = {st->st_mtim.tv_sec, (int32_t)st->st_mtim.tv_nsec},
		.ctime = {st->st_ctim.tv_sec, (int32_t)st->st_ctim.tv_nsec},
	};
}

static void fill_member(const struct cli_archive_file *member, struct dev_uhyve_attr *ret)
{
	*ret = (struct dev_uhyve_attr){.nlink = 1,
				       .mode = S_IFREG | 0444,
				       .size = (int64_t)member->size,
				       .blksize = 512,
				       .blocks = (int64_t)((member->size + 511) / 512)};
}

struct stat_args {
	bool follow;
	struct dev_uhyve_attr *result;
};

static int stat_path(struct cli_guestfiles *g, const char *path, void *arg)
{
	struct stat_args *a = arg;
	const struct cli_archive_file *member;
	struct stat st;
	int rc = cli_maps_stat(&g->maps, path, a->follow, &st);

	if (rc == 0)
		fill_attr(&st, a->result);
	if (rc != -ENOENT)
		return rc;
	member = g->archive ? cli_archive_find(g->archive, path) : NULL;
	if (member)
		fill_member(member, a->result);
	return member ? 0 : -ENOENT;
}

static int do_stat(void *ctx, const char *path, bool follow, struct dev_uhyve_attr *ret)
{
	struct stat_args a = {follow, ret};

	return with_path(ctx, path, stat_path, &a);
}

static int do_fstat(void *ctx, int fd, struct dev_uhyve_attr *ret)
{
	struct cli_guestfiles *g = ctx;
	struct cli_guestfile *f;
	struct stat st;
	int rc = -EBADF;

	pthread_mutex_lock(&g->lock);
	f = lookup(g, fd);
	if (f && f->member) {
		fill_member(f->member, ret);
		rc = 0;
	} else if (f) {
		rc = fstat(f->host, &st) < 0 ? -errno : 0;
		if (rc == 0)
			fill_attr(&st, ret);
	}
	pthread_mutex_unlock(&g->lock);
	return rc;
}

static int unlink_path(struct cli_guestfiles *g, const char *path, void *arg)
{
	int rc = cli_maps_unlink(&g->maps, path);

	(void)arg;
	return rc == -ENOENT && g->archive && cli_archive_find(g->archive, path) ? -EROFS : rc;
}

static int do_unlink(void *ctx, const char *path)
{
	return with_path(ctx, path, unlink_path, NULL);
}

static int mkdir_path(struct cli_guestfiles *g, const char *path, void *arg)
{
	(void)arg;
	return cli_maps_mkdir(&g->maps, path, 0777);
}

static int do_mkdir(void *ctx, const char *path)
{
	return with_path(ctx, path, mkdir_path, NULL);
}

void cli_guestfiles_init(struct cli_guestfiles *g, bool (*unwanted)(void))
{
	*g = (struct cli_guestfiles){.unwanted = unwanted};
	pthread_mutex_init(&g->lock, NULL);
	for (int i = 0; i < CLI_GUESTFILE_MAX; i++)
		g->file[i].host = -1;
	g->ops = (struct dev_uhyve_files){.ctx = g,
					  .open = do_open,
					  .close = do_close,
					  .read = do_read,
					  .write = do_write,
					  .lseek = do_lseek,
					  .unlink = do_unlink,
					  .mkdir = do_mkdir,
					  .stat = do_stat,
					  .fstat = do_fstat,
					  .getdents = do_getdents};
}

void cli_guestfiles_close_all(struct cli_guestfiles *g)
{
	for (int i = 0; i < CLI_GUESTFILE_MAX; i++)
		close_file(&g->file[i]);
}

void cli_guestfiles_fini(struct cli_guestfiles *g)
{
	cli_guestfiles_close_all(g);
	cli_maps_fini(&g->maps);
	pthread_mutex_destroy(&g->lock);
}
