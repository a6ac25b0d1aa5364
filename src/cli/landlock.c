#include "cli/landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights and versions as landlock.rst numbers them: distributions' headers lag behind the kernels. */
#define FS_EXECUTE (1u << 0)
#define FS_WRITE_FILE (1u << 1)
#define FS_READ_FILE (1u << 2)
#define FS_READ_DIR (1u << 3)
#define FS_REMOVE_DIR (1u << 4)
#define FS_REMOVE_FILE (1u << 5)
#define FS_MAKE_DIR (1u << 7)
#define FS_MAKE_REG (1u << 8)
#define FS_VERSION_1 ((1u << 13) - 1)
#define FS_REFER (1u << 13)
#define FS_TRUNCATE (1u << 14)
#define FS_IOCTL_DEV (1u << 15)
#define NET_TCP 3u      /* bind, connect */
#define SCOPE_ABSTRACT 1u
#define SCOPE_SIGNAL 2u
#define OF_A_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

struct ruleset { uint64_t fs, net, scoped; };
struct path_beneath { uint64_t allowed; int32_t parent; } __attribute__((packed));

int cli_landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return version < 0 ? 0 : (int)version;
}

static struct ruleset handled(int version, bool no_signals)
{
	struct ruleset r = {.fs = FS_VERSION_1};

	if (version >= 2)
		r.fs |= FS_REFER;
	if (version >= 3)
		r.fs |= FS_TRUNCATE;
	if (version >= 4)
		r.net = NET_TCP;
	if (version >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (version >= 6)
		r.scoped = SCOPE_ABSTRACT | (no_signals ? SCOPE_SIGNAL : 0);
	return r;
}

/* The struct grew with the versions, and a kernel takes none of the bytes it does not know but zeros. */
static size_t ruleset_size(int version)
{
	return version >= 6 ? sizeof(struct ruleset) : version >= 4 ? 16 : 8;
}

static uint64_t fs_rights(unsigned rights)
{
	static const uint64_t of[] = {
		FS_READ_FILE | FS_READ_DIR, FS_WRITE_FILE | FS_TRUNCATE, FS_MAKE_REG | FS_MAKE_DIR | FS_REFER,
		FS_REMOVE_FILE, FS_REMOVE_DIR,
	};
	uint64_t fs = 0;

	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (rights & 1u << i)
			fs |= of[i];
	return fs;
}

static int add_path(int ruleset, const struct ruleset *r, const struct cli_landlock_path *path)
{
	struct path_beneath rule = {.allowed = fs_rights(path->rights) & r->fs, .parent = path->fd};
	struct stat st;

	if (fstat(path->fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= OF_A_FILE;
	if (rule.allowed == 0)
		return 0;
	return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

int cli_landlock_enter(const struct cli_landlock_path *path, unsigned count, bool no_signals)
{
	int version = cli_landlock_version(), fd, rc = 0;
	struct ruleset r = handled(version, no_signals);

	if (version == 0)
		return -EOPNOTSUPP;
	fd = (int)syscall(SYS_landlock_create_ruleset, &r, ruleset_size(version), 0);
	if (fd < 0)
		return -errno;
	for (unsigned i = 0; rc == 0 && i < count; i++)
		rc = add_path(fd, &r, &path[i]);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		rc = -errno;
	close(fd);
	return rc;
}
