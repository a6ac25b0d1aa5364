/*
 * A Hermit guest's file calls, any of them with any path, over a private folder: cli/guestfile.c and
 * cli/hostfile.c with the host's real files below.
 *
 * The input is lines: first the set-up (bit 0: no openat2, 1: an old kernel's mount point, 2: an archive,
 * 3: nothing at the root), then one call a line; see step(). Held: what is opened or told of lies inside what
 * is mapped, whatever the links and dots; it is a file or a folder; what is mapped read-only stays as it was,
 * and so does what lies beside; numbers of descriptors keep to their table, and every host descriptor is
 * closed in the end.
 */
#include "cli/guestfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINES 64
#define SECRET "nobody's business"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char base[256];
static struct cli_guestfiles g;

#define must(truth) must_at(truth, __LINE__)

static void must_at(bool truth, int at)
{
	if (truth)
		return;
	fprintf(stderr, "fuzz_files.c:%d does not hold (%s)\n", at, strerror(errno));
	abort();
}

/* ---- the folder ---- */

static const char *below(const char *name)
{
	static char path[sizeof(base) + 32];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void put_file(const char *name, const char *text)
{
	int fd = open(below(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void remove_tree(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    unlinkat(fd, e->d_name, 0) < 0)
			remove_tree(fd, e->d_name);
	if (d)
		closedir(d);
	must(unlinkat(dir, name, fd < 0 ? 0 : AT_REMOVEDIR) == 0 || errno == ENOENT);
}

/* in: what the guest may change. The links of it lead out, in circles and to files of its own. */
static void make_in(void)
{
	char out[sizeof(base) + 32];

	snprintf(out, sizeof(out), "%s", below("out/secret"));
	must(mkdir(below("in"), 0700) == 0 && mkdir(below("in/d"), 0700) == 0);
	put_file("in/f", "text of f\n");
	put_file("in/d/g", "text of g\n");
	must(symlink("../out/secret", below("in/up")) == 0 && symlink(out, below("in/far")) == 0 &&
	     symlink("loop", below("in/loop")) == 0 && symlink("d/g", below("in/near")) == 0 &&
	     symlink("../../out", below("in/d/o")) == 0 && symlink("..", below("in/d/p")) == 0 &&
	     mkfifo(below("in/pipe"), 0600) == 0);
	put_file("one", "1");
}

static void remove_all(void)
{
	remove_tree(AT_FDCWD, base);
}

static void make_base(void)
{
	const char *tmp = getenv("TMPDIR");
	char real[PATH_MAX];

	snprintf(base, sizeof(base), "%.200s/trapline-fuzz-XXXXXX", tmp ? tmp : P_tmpdir);
	must(mkdtemp(base) != NULL && realpath(base, real) != NULL && strlen(real) < sizeof(base));
	memcpy(base, real, strlen(real) + 1);
	must(atexit(remove_all) == 0);
	must(mkdir(below("out"), 0700) == 0 && mkdir(below("ro"), 0700) == 0);
	put_file("out/secret", SECRET);
	put_file("ro/r", SECRET);
}

static void must_hold(const char *name, const char *folder)
{
	char text[64] = "";
	int fd = open(below(name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC), entries = 0;
	DIR *d;

	must(fd >= 0 && read(fd, text, sizeof(text)) == (ssize_t)strlen(SECRET) &&
	     memcmp(text, SECRET, strlen(SECRET)) == 0);
	close(fd);
	d = opendir(below(folder));
	must(d != NULL);
	while (readdir(d))
		entries++;
	closedir(d);
	must(entries == 3); /* itself, the one above, the file */
}

/* ---- what is held against it ---- */

/* Whatever has been opened. */
static void must_be_inside(int fd)
{
	char link[64], path[PATH_MAX];
	struct stat st;
	ssize_t n;
	int flags = fcntl(fd, F_GETFL);

	must(fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)));
	must(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	must(n > (ssize_t)strlen(base) && memcmp(path, base, strlen(base)) == 0);
	path[n] = '\0';
	if (strncmp(path + strlen(base), "/ro", 3) == 0)
		must((flags & O_ACCMODE) == O_RDONLY);
	else
		must(strncmp(path + strlen(base), "/in", 3) == 0 ||
		     strncmp(path + strlen(base), "/one", 4) == 0);
}

static void must_be_clean(const char *path)
{
	char clean[PATH_MAX], again[PATH_MAX];
	int rc = cli_maps_clean(path, clean);

	must(rc == 0 || rc == -EPERM || rc == -ENAMETOOLONG);
	if (rc < 0)
		return;
	must(clean[0] == '/' && strlen(clean) < PATH_MAX && !strstr(clean, "//") && !strstr(clean, "/./") &&
	     !strstr(clean, "/../"));
	must(cli_maps_clean(clean, again) == 0 && strcmp(clean, again) == 0);
}

static void must_be_known(int64_t rc)
{
	must(rc <= INT32_MAX && rc > -4096);
}

/* ---- the calls ---- */

static int number(const uint8_t *p, size_t len)
{
	return len > 0 ? p[0] - '0' : -1;
}

static void do_open(const uint8_t *p, size_t len, const char *path)
{
	static const int bits[] = {O_CREAT, O_EXCL, O_TRUNC, O_APPEND,
				   O_DIRECTORY, O_PATH, O_NOFOLLOW, O_ASYNC};
	int flags = len > 0 ? p[0] & 3 : 0, fd;

	for (unsigned i = 0; i < 8; i++)
		flags |= len > 1 && p[1] & 1u << i ? bits[i] : 0;
	fd = g.ops.open(&g, path, flags, len > 0 ? p[0] * 67u : 0);
	must_be_known(fd);
	if (fd < 0)
		return;
	must(fd >= CLI_GUESTFILE_FIRST && fd < CLI_GUESTFILE_FIRST + CLI_GUESTFILE_MAX);
	if (g.file[fd - CLI_GUESTFILE_FIRST].host >= 0)
		must_be_inside(g.file[fd - CLI_GUESTFILE_FIRST].host);
	else
		must(g.file[fd - CLI_GUESTFILE_FIRST].member && (flags & O_ACCMODE) == O_RDONLY);
}

static void do_stat(const char *path, bool follow)
{
	struct dev_uhyve_attr attr = {.ino = UINT64_MAX};
	struct stat out, secret;
	int rc = g.ops.stat(&g, path, follow, &attr);

	must_be_known(rc);
	must(stat(below("out"), &out) == 0 && stat(below("out/secret"), &secret) == 0);
	if (rc == 0)
		must(attr.ino != UINT64_MAX && attr.ino != out.st_ino && attr.ino != secret.st_ino);
	else
		must(attr.ino == UINT64_MAX);
}

static void do_map(const char *guest)
{
	char spec[sizeof(base) + 64 + 256];
	struct error err = {0};

	snprintf(spec, sizeof(spec), "%s:%.200s", below("in/d"), guest);
	must(cli_maps_add(&g.maps, spec, &err) == 0 || err.text[0]);
}

static void do_bytes(uint8_t what, const uint8_t *p, size_t len)
{
	uint8_t bytes[300];
	int fd = number(p, len);
	size_t want = len > 1 ? p[1] : 0;
	int64_t n;

	if (what == 'w') {
		must_be_known(n = g.ops.write(&g, fd, p, len));
		must(n <= (int64_t)len);
		return;
	}
	memset(bytes, 0x5a, sizeof(bytes));
	n = what == 'r' ? g.ops.read(&g, fd, bytes, want) : g.ops.getdents(&g, fd, bytes, want);
	must_be_known(n);
	must(n <= (int64_t)want && bytes[want] == 0x5a);
}

static void do_seek(const uint8_t *p, size_t len)
{
	int64_t offset = 0;

	memcpy(&offset, len > 2 ? p + 2 : p, len > 2 ? (len - 2 < 8 ? len - 2 : 8) : 0);
	must(g.ops.lseek(&g, number(p, len), offset, len > 1 ? p[1] - '0' : 0) > -4096);
}

/* One call: a letter, what it takes in one or two characters, and a path or bytes. */
static void step(const uint8_t *p, size_t len)
{
	char path[DEV_UHYVE_PATH_MAX];
	size_t head = p[0] == 'o' ? 3 : 1, n = len > head ? len - head : 0;

	n = n < sizeof(path) ? n : sizeof(path) - 1;
	memcpy(path, p + (n ? head : 0), n);
	path[n] = '\0';
	if (strchr("outlmA", p[0]) && path[0] == '\0')
		return; /* the device asks for none */
	must_be_clean(path);
	switch (p[0]) {
	case 'o':
		do_open(p + 1, len - 1, path);
		break;
	case 't':
	case 'l':
		do_stat(path, p[0] == 't');
		break;
	case 'u':
		must_be_known(g.ops.unlink(&g, path));
		break;
	case 'm':
		must_be_known(g.ops.mkdir(&g, path));
		break;
	case 'A':
		do_map(path);
		break;
	case 'r':
	case 'w':
	case 'g':
		do_bytes(p[0], p + 1, len - 1);
		break;
	case 's':
		do_seek(p + 1, len - 1);
		break;
	case 'c':
		must_be_known(g.ops.close(&g, number(p + 1, len - 1)));
		must(len < 2 || g.ops.close(&g, number(p + 1, len - 1)) == -EBADF);
		break;
	}
}

/* ---- the run ---- */

static void set_up(unsigned bits)
{
	static const uint8_t text[] = "of the archive";
	static struct cli_archive_file members[] = {{"/in/a", text, sizeof(text)}, {"/a", text, 0}};
	static const struct cli_archive archive = {.file = members, .count = 2};
	static const char *const specs[][2] = {
		{"in", "/in"}, {"ro", "/ro:ro"}, {"one", "/one"}, {"in", "/"}, {"none", "/in/none:ro"}};
	struct error err = {0};

	cli_guestfiles_init(&g, NULL);
	g.maps.no_openat2 = bits & 1;
	g.old_mount = bits & 2;
	g.archive = bits & 4 ? &archive : NULL;
	for (unsigned i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		char spec[sizeof(base) + 64];

		snprintf(spec, sizeof(spec), "%s:%s", below(specs[i][0]), specs[i][1]);
		must((i == 3 && bits & 8) || cli_maps_add(&g.maps, spec, &err) == 0);
	}
}

static int lowest_free(void)
{
	int fd = dup(STDIN_FILENO);

	must(fd >= 0);
	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int free_before;

	if (base[0] == '\0')
		make_base();
	free_before = lowest_free();
	make_in();
	set_up(size > 0 ? data[0] : 0);
	for (unsigned i = 0; i < MAX_LINES && size > 0; i++) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		if (i > 0 && len > 0)
			step(data, len);
		len += end != NULL;
		data += len;
		size -= len;
	}
	cli_guestfiles_fini(&g);
	must(lowest_free() == free_before);
	must_hold("out/secret", "out");
	must_hold("ro/r", "ro");
	must(access(below("none"), F_OK) < 0);
	remove_tree(AT_FDCWD, below("in"));
	remove_tree(AT_FDCWD, below("one"));
	return 0;
}
