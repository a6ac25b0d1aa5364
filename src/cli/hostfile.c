#include "cli/hostfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES 8 /* openat2() asks for another one when something moved while it looked */

/* ---- the table ---- */

int cli_maps_clean(const char *path, char ret[PATH_MAX])
{
	size_t len = 0;

	for (;;) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 0)
			break;
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			if (len == 0)
				return -EPERM;
			while (ret[--len] != '/')
				;
		} else if (!(n == 1 && path[0] == '.')) {
			if (len + 1 + n >= PATH_MAX)
				return -ENAMETOOLONG;
			ret[len] = '/';
			memcpy(ret + len + 1, path, n);
			len += n + 1;
		}
		path += n;
	}
	if (len == 0)
		ret[len++] = '/';
	ret[len] = '\0';
	return 0;
}

/* Takes the guest's part and ":ro" off the end of spec. */
static int split(const char *spec, struct cli_map *map, struct error *err)
{
	size_t len = strlen(spec);
	char *colon, *host = map->host;

	map->read_only = len > 3 && strcmp(spec + len - 3, ":ro") == 0;
	if (map->read_only)
		len -= 3;
	if (len >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "--map: the names are too long");
	memcpy(host, spec, len);
	host[len] = '\0';
	colon = strrchr(host, ':');
	if (!colon || colon == host || colon[1] == '\0')
		return error_set(err, EINVAL, "bad --map '%.80s': expected HOST:GUEST or HOST:GUEST:ro",
				 spec);
	if (cli_maps_clean(colon + 1, map->guest) < 0)
		return error_set(err, EINVAL, "bad --map '%.80s': the guest's path leads above its root",
				 spec);
	*colon = '\0';
	return 0;
}

static int open_path(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A file is mapped by its folder and its name, so that it may come into being later. */
static int open_parent(struct cli_map *map)
{
	char host[PATH_MAX], *slash;

	if (realpath(map->host, host))
		memcpy(map->host, host, strlen(host) + 1);
	else if (errno != ENOENT)
		return -errno;
	memcpy(host, map->host, strlen(map->host) + 1);
	slash = strrchr(host, '/');
	if (strlen(slash ? slash + 1 : host) > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(map->leaf, slash ? slash + 1 : host, strlen(slash ? slash + 1 : host) + 1);
	if (map->leaf[0] == '\0' || strcmp(map->leaf, ".") == 0 || strcmp(map->leaf, "..") == 0)
		return -ENOENT;
	if (!slash)
		return open_path(".");
	slash[slash == host] = '\0';
	return open_path(host);
}

int cli_maps_add(struct cli_maps *maps, const char *spec, struct error *err)
{
	struct cli_map *map = &maps->map[maps->count];
	int rc;

	if (maps->count == CLI_MAPS_MAX)
		return error_set(err, ENOSPC, "more than %d host files are mapped", CLI_MAPS_MAX);
	*map = (struct cli_map){.dir = -1};
	rc = split(spec, map, err);
	if (rc < 0)
		return rc;
	map->dir = open_path(map->host);
	if (map->dir == -ENOTDIR || map->dir == -ENOENT)
		map->dir = open_parent(map);
	if (map->dir < 0)
		return error_set(err, -map->dir, "--map %.120s: %s", spec, strerror(-map->dir));
	maps->count++;
	return 0;
}

void cli_maps_fini(struct cli_maps *maps)
{
	for (unsigned i = 0; i < maps->count; i++)
		close(maps->map[i].dir);
	maps->count = 0;
}

/* What is mapped nearest above a clean path, and the rest of the path below it ("." for the thing itself). */
static const struct cli_map *find(const struct cli_maps *maps, const char *path, const char **ret_rest)
{
	const struct cli_map *best = NULL;
	size_t best_len = 0;

	for (unsigned i = 0; i < maps->count; i++) {
		const struct cli_map *m = &maps->map[i];
		size_t len = strcmp(m->guest, "/") == 0 ? 0 : strlen(m->guest);

		if (strncmp(path, m->guest, len) != 0 || (path[len] != '/' && path[len] != '\0') ||
		    (best && len < best_len) || (m->leaf[0] && path[len] != '\0'))
			continue;
		best = m;
		best_len = len;
		*ret_rest = path[len] == '/' && path[len + 1] ? path + len + 1 : ".";
	}
	if (best && best->leaf[0])
		*ret_rest = best->leaf;
	return best;
}

/* ---- opening below a directory ---- */

/* Component by component; a symbolic link is not followed anywhere. */
static int open_stepwise(int dir, const char *path, int flags, mode_t mode)
{
	char name[NAME_MAX + 1];
	int at = dir, next;

	for (;;) {
		size_t n = strcspn(path, "/");
		bool last = path[n] == '\0';

		if (n == 0 || n > NAME_MAX || (n == 2 && path[0] == '.' && path[1] == '.')) {
			next = -EPERM;
			break;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		next = openat(at, name, O_NOFOLLOW | O_CLOEXEC | (last ? flags : O_PATH | O_DIRECTORY), mode);
		next = next < 0 ? -errno : next;
		if (last || next < 0)
			break;
		if (at != dir)
			close(at);
		at = next;
		path += n + 1;
	}
	if (at != dir)
		close(at);
	return next;
}

static int open_beneath(struct cli_maps *maps, int dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
			       .mode = flags & O_CREAT ? (uint64_t)mode : 0,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	long fd = -1;

	for (int i = 0; i < TRIES && !maps->no_openat2; i++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN)
			break;
	}
	if (maps->no_openat2 || errno == ENOSYS) {
		maps->no_openat2 = true;
		return open_stepwise(dir, path, flags, mode);
	}
	return errno == EXDEV ? -EPERM : -errno;
}

/* Neither devices nor pipes nor sockets: opening them acts, and reading them may wait for ever. */
static int check_kind(int fd, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return -errno;
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) ? 0 : -EPERM;
}

static int check_before(struct cli_maps *maps, int dir, const char *path, int flags)
{
	struct stat st;
	int rc, fd = open_beneath(maps, dir, path, O_PATH, 0);

	if (fd < 0)
		return fd == -ENOENT && (flags & O_CREAT) ? 0 : fd;
	rc = check_kind(fd, &st);
	close(fd);
	return rc;
}

static bool wants_to_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT));
}

int cli_maps_open(struct cli_maps *maps, const char *path, int flags, mode_t mode)
{
	const char *rest;
	const struct cli_map *m = find(maps, path, &rest);
	struct stat st;
	int rc, fd;

	if (!m)
		return -ENOENT;
	if (m->read_only && wants_to_write(flags))
		return -EROFS;
	rc = check_before(maps, m->dir, rest, flags);
	if (rc < 0)
		return rc;
	fd = open_beneath(maps, m->dir, rest, flags | O_NOCTTY | O_NONBLOCK, mode & 0777);
	if (fd < 0)
		return fd;
	rc = check_kind(fd, &st);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int cli_maps_stat(struct cli_maps *maps, const char *path, bool follow, struct stat *ret)
{
	const char *rest;
	const struct cli_map *m = find(maps, path, &rest);
	int fd, rc = 0;

	if (!m)
		return -ENOENT;
	fd = open_beneath(maps, m->dir, rest, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, ret) < 0)
		rc = -errno;
	else if (follow && S_ISLNK(ret->st_mode))
		rc = -ELOOP;
	close(fd);
	return rc;
}

/* The folder of a path's last component, and that component. A descriptor to close, or negative errno. */
static int open_folder(struct cli_maps *maps, const char *path, const char **ret_name)
{
	char folder[PATH_MAX];
	const char *rest, *slash;
	const struct cli_map *m = find(maps, path, &rest);

	if (!m)
		return -ENOENT;
	if (m->read_only)
		return -EROFS;
	if (strcmp(rest, ".") == 0)
		return -EPERM; /* what is mapped itself stays */
	slash = strrchr(rest, '/');
	*ret_name = slash ? slash + 1 : rest;
	if (!slash)
		return open_beneath(maps, m->dir, ".", O_PATH | O_DIRECTORY, 0);
	if ((size_t)(slash - rest) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, rest, (size_t)(slash - rest));
	folder[slash - rest] = '\0';
	return open_beneath(maps, m->dir, folder, O_PATH | O_DIRECTORY, 0);
}

int cli_maps_unlink(struct cli_maps *maps, const char *path)
{
	const char *name;
	int rc, dir = open_folder(maps, path, &name);

	if (dir < 0)
		return dir;
	rc = unlinkat(dir, name, 0) < 0 ? -errno : 0;
	close(dir);
	return rc;
}

int cli_maps_mkdir(struct cli_maps *maps, const char *path, mode_t mode)
{
	const char *name;
	int rc, dir = open_folder(maps, path, &name);

	if (dir < 0)
		return dir;
	rc = mkdirat(dir, name, mode) < 0 ? -errno : 0;
	close(dir);
	return rc;
}
