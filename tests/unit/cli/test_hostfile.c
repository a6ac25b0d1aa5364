/* --map: what is mapped, what is below it, and what leads out of it; with openat2() and without. */
#include "../cmocka_all.h"

#include "cli/hostfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rig {
	char base[64];
	char spec[PATH_MAX];
	struct cli_maps maps;
	struct error err;
};

static const char *path(struct rig *g, const char *rest)
{
	static char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s/%s", g->base, rest);
	return text;
}

static void make_file(struct rig *g, const char *name)
{
	int fd = open(path(g, name), O_WRONLY | O_CREAT, 0644);

	assert_true(fd >= 0 && write(fd, "bytes", 5) == 5);
	close(fd);
}

static int setup(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	snprintf(g->base, sizeof(g->base), "/tmp/trapline-maps-XXXXXX");
	assert_non_null(mkdtemp(g->base));
	assert_int_equal(mkdir(path(g, "dir"), 0755), 0);
	assert_int_equal(mkdir(path(g, "dir/sub"), 0755), 0);
	make_file(g, "outside");
	make_file(g, "dir/file");
	make_file(g, "dir/sub/deep");
	assert_int_equal(symlink("file", path(g, "dir/near")), 0);
	assert_int_equal(symlink("../outside", path(g, "dir/far")), 0);
	assert_int_equal(symlink("..", path(g, "dir/up")), 0);
	assert_int_equal(symlink("/proc/self", path(g, "dir/proc")), 0);
	assert_int_equal(symlink("loop", path(g, "dir/loop")), 0);
	assert_int_equal(mkfifo(path(g, "dir/fifo"), 0644), 0);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct rig *g = *state;
	char command[128];

	cli_maps_fini(&g->maps);
	snprintf(command, sizeof(command), "rm -r %s", g->base);
	assert_int_equal(system(command), 0);
	free(g);
	return 0;
}

static int map(struct rig *g, const char *host, const char *rest)
{
	snprintf(g->spec, sizeof(g->spec), "%s/%s:%s", g->base, host, rest);
	return cli_maps_add(&g->maps, g->spec, &g->err);
}

static int try(struct rig *g, const char *name, int flags)
{
	int fd = cli_maps_open(&g->maps, name, flags, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void test_clean(void **state)
{
	static const struct {
		const char *from, *to;
		int rc;
	} rows[] = {
		{"/a/b", "/a/b", 0},
		{"a/b/", "/a/b", 0},
		{"//a//./b/.", "/a/b", 0},
		{"", "/", 0},
		{"/", "/", 0},
		{"/a/..", "/", 0},
		{"/a/../b", "/b", 0},
		{"/a/b/../../c", "/c", 0},
		{"..", NULL, -EPERM},
		{"/../a", NULL, -EPERM},
		{"/a/../..", NULL, -EPERM},
		{"/...", "/...", 0},
		{"/..a/.b", "/..a/.b", 0},
	};
	char long_path[PATH_MAX + 10], ret[PATH_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(cli_maps_clean(rows[i].from, ret), rows[i].rc);
		if (rows[i].to)
			assert_string_equal(ret, rows[i].to);
	}
	memset(long_path, 'x', sizeof(long_path));
	long_path[PATH_MAX - 2] = '\0';
	assert_int_equal(cli_maps_clean(long_path, ret), 0);
	assert_int_equal(strlen(ret), PATH_MAX - 1);
	long_path[PATH_MAX - 2] = 'x';
	long_path[PATH_MAX - 1] = '\0';
	assert_int_equal(cli_maps_clean(long_path, ret), -ENAMETOOLONG);
}

struct open_row {
	const char *name;
	int flags, rc, rc_stepwise;
};

/* Without openat2() no symbolic link is followed, not even one that stays inside. */
static void test_below_a_folder(void **state)
{
	static const struct open_row rows[] = {
		{"/g/file", O_RDONLY, 0, 0},
		{"/g/sub/deep", O_RDWR, 0, 0},
		{"/g", O_RDONLY, 0, 0},
		{"/g", O_DIRECTORY, 0, 0},
		{"/g/file", O_DIRECTORY, -ENOTDIR, -ENOTDIR},
		{"/g", O_WRONLY, -EISDIR, -EISDIR},
		{"/g/none", O_RDONLY, -ENOENT, -ENOENT},
		{"/g/near", O_RDONLY, 0, -EPERM},
		{"/g/far", O_RDONLY, -EPERM, -EPERM},
		{"/g/far", O_WRONLY | O_CREAT, -EPERM, -EPERM},
		{"/g/up/outside", O_RDONLY, -EPERM, -ENOTDIR},
		{"/g/up", O_DIRECTORY, -EPERM, -EPERM},
		{"/g/proc/status", O_RDONLY, -EPERM, -ENOTDIR},
		{"/g/loop", O_RDONLY, -ELOOP, -EPERM},
		{"/g/fifo", O_RDONLY, -EPERM, -EPERM},
		{"/g/fifo", O_WRONLY, -EPERM, -EPERM},
		{"/g/file/x", O_RDONLY, -ENOTDIR, -ENOTDIR},
		{"/gg/file", O_RDONLY, -ENOENT, -ENOENT},
		{"/", O_RDONLY, -ENOENT, -ENOENT},
		{"/g/file", O_CREAT | O_EXCL | O_RDWR, -EEXIST, -EEXIST},
	};
	struct rig *g = *state;

	assert_int_equal(map(g, "dir", "/g"), 0);
	for (int stepwise = 0; stepwise < 2; stepwise++) {
		g->maps.no_openat2 = stepwise;
		for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
			int want = stepwise ? rows[i].rc_stepwise : rows[i].rc,
			    rc = try(g, rows[i].name, rows[i].flags);

			if (rc != want)
				fail_msg("%s, stepwise %d: %d, not %d", rows[i].name, stepwise, rc, want);
		}
	}
}

static void test_read_only(void **state)
{
	static const int writing[] = {O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_RDONLY | O_CREAT};
	struct rig *g = *state;

	assert_int_equal(map(g, "dir", "/g:ro"), 0);
	assert_int_equal(try(g, "/g/file", O_RDONLY), 0);
	for (unsigned i = 0; i < ARRAY_LEN(writing); i++)
		assert_int_equal(try(g, "/g/file", writing[i]), -EROFS);
	assert_int_equal(cli_maps_unlink(&g->maps, "/g/file"), -EROFS);
	assert_int_equal(cli_maps_mkdir(&g->maps, "/g/new", 0777), -EROFS);
	assert_int_equal(access(path(g, "dir/file"), F_OK), 0);
}

static void test_make_and_remove(void **state)
{
	struct rig *g = *state;
	struct stat st;

	assert_int_equal(map(g, "dir", "/"), 0);
	for (int stepwise = 0; stepwise < 2; stepwise++) {
		g->maps.no_openat2 = stepwise;
		assert_int_equal(try(g, "/sub/new", O_CREAT | O_WRONLY), 0);
		assert_true(stat(path(g, "dir/sub/new"), &st) == 0 && (st.st_mode & 07000) == 0);
		assert_int_equal(cli_maps_unlink(&g->maps, "/sub/new"), 0);
		assert_int_equal(cli_maps_unlink(&g->maps, "/sub/new"), -ENOENT);
		assert_int_equal(cli_maps_mkdir(&g->maps, "/sub/made", 0777), 0);
		assert_int_equal(cli_maps_mkdir(&g->maps, "/sub/made", 0777), -EEXIST);
		assert_int_equal(rmdir(path(g, "dir/sub/made")), 0);
		assert_int_equal(cli_maps_unlink(&g->maps, "/up/outside"), stepwise ? -ENOTDIR : -EPERM);
		assert_int_equal(cli_maps_mkdir(&g->maps, "/up/made", 0777), stepwise ? -ENOTDIR : -EPERM);
		assert_int_equal(cli_maps_unlink(&g->maps, "/"), -EPERM);
		assert_int_equal(symlink("../outside", path(g, "dir/to-go")), 0);
		assert_int_equal(cli_maps_unlink(&g->maps, "/to-go"), 0); /* the link, not what it leads to */
	}
	assert_true(access(path(g, "outside"), F_OK) == 0 && access(path(g, "made"), F_OK) < 0);
}

static void test_stat(void **state)
{
	struct rig *g = *state;
	struct stat st;

	assert_int_equal(map(g, "dir", "/g"), 0);
	for (int stepwise = 0; stepwise < 2; stepwise++) {
		g->maps.no_openat2 = stepwise;
		assert_true(cli_maps_stat(&g->maps, "/g/file", true, &st) == 0 && st.st_size == 5);
		assert_true(cli_maps_stat(&g->maps, "/g/near", false, &st) == 0 && S_ISLNK(st.st_mode));
		assert_int_equal(cli_maps_stat(&g->maps, "/g/near", true, &st), stepwise ? -ELOOP : 0);
		assert_int_equal(cli_maps_stat(&g->maps, "/g/far", true, &st), stepwise ? -ELOOP : -EPERM);
		assert_true(cli_maps_stat(&g->maps, "/g/far", false, &st) == 0 && S_ISLNK(st.st_mode));
		assert_int_equal(cli_maps_stat(&g->maps, "/g/up/outside", false, &st),
				 stepwise ? -ENOTDIR : -EPERM);
		assert_int_equal(cli_maps_stat(&g->maps, "/h", true, &st), -ENOENT);
	}
}

static void test_single_files(void **state)
{
	struct rig *g = *state;

	assert_int_equal(map(g, "outside", "one:ro"), 0);
	assert_int_equal(map(g, "fresh", "/x/two"), 0);
	assert_int_equal(try(g, "/one", O_RDONLY), 0);
	assert_int_equal(try(g, "/one/x", O_RDONLY), -ENOENT);
	assert_int_equal(try(g, "/one", O_RDWR), -EROFS);
	assert_int_equal(try(g, "/x", O_RDONLY), -ENOENT);
	assert_int_equal(try(g, "/x/two", O_RDONLY), -ENOENT);
	assert_int_equal(try(g, "/x/two", O_RDWR | O_CREAT), 0);
	assert_int_equal(access(path(g, "fresh"), F_OK), 0);
	assert_int_equal(cli_maps_unlink(&g->maps, "/x/two"), 0);
	/* Somebody puts a link in its place. */
	assert_int_equal(symlink("/etc/passwd", path(g, "fresh")), 0);
	assert_int_equal(try(g, "/x/two", O_RDONLY), -EPERM);
}

/* The nearest of several. */
static void test_several(void **state)
{
	struct rig *g = *state;

	assert_int_equal(map(g, "dir", "/:ro"), 0);
	assert_int_equal(map(g, "dir/sub", "/a/b"), 0);
	assert_int_equal(try(g, "/file", O_RDONLY), 0);
	assert_int_equal(try(g, "/file", O_RDWR), -EROFS);
	assert_int_equal(try(g, "/a/b/deep", O_RDWR), 0);
	assert_int_equal(try(g, "/a/c", O_RDONLY), -ENOENT);
}

static void test_bad_specs(void **state)
{
	static const struct {
		const char *spec;
		int rc;
		const char *text;
	} rows[] = {
		{"", -EINVAL, "HOST:GUEST"},
		{"a", -EINVAL, "HOST:GUEST"},
		{":/a", -EINVAL, "HOST:GUEST"},
		{"a:", -EINVAL, "HOST:GUEST"},
		{":ro", -EINVAL, "HOST:GUEST"},
		{"a:ro", -EINVAL, "HOST:GUEST"},
		{"/tmp:/..", -EINVAL, "above"},
		{"/tmp:/a/../..:ro", -EINVAL, "above"},
		{"/nonexistent/a/b:/c", -ENOENT, "No such file"},
	};
	struct rig *g = *state;

	for (unsigned i = 1; i < ARRAY_LEN(rows); i++) {
		int rc = cli_maps_add(&g->maps, rows[i].spec, &g->err);

		/* "a:ro" is the file a of this folder, mapped to the path "ro". */
		if (strcmp(rows[i].spec, "a:ro") == 0)
			continue;
		if (rc != rows[i].rc || !strstr(g->err.text, rows[i].text))
			fail_msg("'%s': %d, %s", rows[i].spec, rc, g->err.text);
	}
	cli_maps_fini(&g->maps);
	for (unsigned i = 0; i < CLI_MAPS_MAX; i++)
		assert_int_equal(map(g, "dir", "/g"), 0);
	assert_int_equal(map(g, "dir", "/g"), -ENOSPC);
}

/* Longer than any path the kernel takes, with the last "/" wherever a folder's name may end in a buffer. */
static void test_too_long(void **state)
{
	struct rig *g = *state;
	char name[PATH_MAX + 16];

	assert_int_equal(map(g, "dir", "/"), 0);
	for (size_t len = PATH_MAX - 8; len < sizeof(name); len++) {
		memset(name, 'a', len);
		for (size_t i = 0; i < len; i += 200)
			name[i] = '/';
		name[len - 3] = 'a';
		name[len - 2] = '/';
		name[len - 1] = 'a';
		name[len] = '\0';
		assert_true(cli_maps_unlink(&g->maps, name) < 0);
		assert_true(cli_maps_mkdir(&g->maps, name, 0700) < 0);
		assert_true(try(g, name, O_RDWR | O_CREAT) < 0);
		if (len > PATH_MAX + 2)
			assert_int_equal(cli_maps_unlink(&g->maps, name), -ENAMETOOLONG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test_setup_teardown(test_below_a_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_make_and_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_single_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_specs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
