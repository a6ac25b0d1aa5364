/* uhyve's hypercalls as a table: structures in, structures out, over files that remember what was asked. */
#include "../cmocka_all.h"
#include "base/bytes.h"
#include "dev/uhyve.h"
#include "fake_host.h"
#include <errno.h>
#include <stdio.h>

#define RAM 0x10000u
#define AT 0x1000u /* where parameters are put */
#define BUFFER 0x2000u
#define PATH 0x3000u
#define OTHER_PAGE 0x8000u

struct rig {
	struct fake_host host;
	struct dev_uhyve_cpu cpu;
	struct dev_uhyve_files files;
	struct dev_uhyve u;
	struct dev_bus bus;
	struct guest_mem mem;
	uint64_t rdi;
	unsigned number;
	bool ended;
	/* What the files were asked last, and what they answer. */
	char path[64], written[64];
	int fd, flags, whence, pieces;
	unsigned mode;
	int64_t offset, answer;
	size_t len, total;
};

static unsigned number(void *ctx)
{
	return ((struct rig *)ctx)->number;
}
static uint64_t rdi(void *ctx)
{
	return ((struct rig *)ctx)->rdi;
}
static bool ended(void *ctx)
{
	return ((struct rig *)ctx)->ended;
}

/* Virtual 0x100000.. is the buffer's page, behind it comes one from elsewhere; nothing else. */
static int translate(void *ctx, uint64_t gva, uint64_t *ret)
{
	(void)ctx;
	if (gva < 0x100000 || gva >= 0x102000)
		return -EFAULT;
	*ret = gva < 0x101000 ? gva - 0x100000 + BUFFER : gva - 0x101000 + OTHER_PAGE;
	return 0;
}

static int f_open(void *ctx, const char *path, int flags, unsigned mode)
{
	struct rig *g = ctx;

	snprintf(g->path, sizeof(g->path), "%s", path);
	g->flags = flags;
	g->mode = mode;
	return (int)g->answer;
}

static int f_close(void *ctx, int fd)
{
	struct rig *g = ctx;

	g->fd = fd;
	return (int)g->answer;
}

static int64_t f_read(void *ctx, int fd, void *buf, size_t len)
{
	struct rig *g = ctx;

	g->fd = fd;
	g->len = len;
	g->pieces++;
	memset(buf, 'a' + g->pieces - 1, len);
	g->total += len;
	return g->answer ? g->answer : (int64_t)len;
}

static int64_t f_write(void *ctx, int fd, const void *buf, size_t len)
{
	struct rig *g = ctx;

	g->fd = fd;
	g->pieces++;
	memcpy(g->written, buf, len < sizeof(g->written) ? len : sizeof(g->written));
	g->total += len;
	return g->answer ? g->answer : (int64_t)len;
}

static int64_t f_lseek(void *ctx, int fd, int64_t offset, int whence)
{
	struct rig *g = ctx;

	g->fd = fd;
	g->offset = offset;
	g->whence = whence;
	return g->answer;
}

static int f_path(void *ctx, const char *path)
{
	return f_open(ctx, path, 0, 0);
}

static int f_stat(void *ctx, const char *path, bool follow, struct dev_uhyve_attr *ret)
{
	*ret = (struct dev_uhyve_attr){.dev = 1,
				       .ino = 2,
				       .nlink = 3,
				       .mode = 4,
				       .uid = 5,
				       .gid = 6,
				       .rdev = 7,
				       .size = 8,
				       .blksize = 9,
				       .blocks = 10,
				       .atime = {11, 12},
				       .mtime = {13, 14},
				       .ctime = {15, 16}};
	return f_open(ctx, path, follow, 0);
}

static int f_fstat(void *ctx, int fd, struct dev_uhyve_attr *ret)
{
	((struct rig *)ctx)->fd = fd;
	return f_stat(ctx, "", false, ret);
}

static int64_t f_getdents(void *ctx, int fd, void *buf, size_t len)
{
	struct rig *g = ctx;

	g->fd = fd;
	g->len = len;
	memset(buf, 'd', len);
	return g->answer;
}

static int setup(void **state)
{
	static const char *const args[] = {"image", "one"}, *const env[] = {"A=1"};
	static struct rig g;
	struct dev_uhyve_config cfg = {.host = &g.host.host,
				       .cpu = &g.cpu,
				       .files = &g.files,
				       .mem = &g.mem,
				       .args = {args, 2},
				       .env = {env, 1}};

	memset(&g, 0, sizeof(g));
	fake_host_init(&g.host);
	g.cpu = (struct dev_uhyve_cpu){&g, number, rdi, translate, ended};
	g.files = (struct dev_uhyve_files){&g,     f_open, f_close, f_read,  f_write,   f_lseek,
					   f_path, f_path, f_stat,  f_fstat, f_getdents};
	guest_mem_init(&g.mem);
	assert_int_equal(guest_mem_add(&g.mem, 0, RAM, NULL), 0);
	dev_bus_init(&g.bus);
	dev_uhyve_init(&g.u, &cfg);
	assert_int_equal(dev_uhyve_attach(&g.u, &g.bus), 0);
	*state = &g;
	return 0;
}

static int teardown(void **state)
{
	guest_mem_fini(&((struct rig *)*state)->mem);
	return 0;
}

static void put(struct rig *g, uint64_t at, uint64_t value, unsigned size)
{
	uint8_t b[8];

	bytes_put_le(b, value, size);
	assert_int_equal(guest_mem_write(&g->mem, at, b, size), 0);
}

static uint64_t get(struct rig *g, uint64_t at, unsigned size)
{
	uint8_t b[8];

	assert_int_equal(guest_mem_read(&g->mem, at, b, size), 0);
	return bytes_get_le(b, size);
}

static void text(struct rig *g, uint64_t at, const char *s)
{
	assert_int_equal(guest_mem_write(&g->mem, at, s, strlen(s) + 1), 0);
}

/* Interface 1 by the value written, 2 by RDI with rubbish written. */
static void call(struct rig *g, uint16_t port, uint64_t param)
{
	uint32_t eax = port < 0x1000 ? (uint32_t)param : 0x1234;

	g->rdi = port < 0x1000 ? 0xdeaddeaddeaddead : param;
	g->pieces = 0;
	g->total = 0;
	dev_bus_write(&g->bus, DEV_PORT, port, &eax, 4);
}

static void test_console_and_exit(void **state)
{
	struct rig *g = *state;

	port_out(&g->bus, 0x800, 'u');
	call(g, 0x1020, 0xabcd00 + 'v');
	text(g, BUFFER, "buffer");
	put(g, AT, BUFFER, 8);
	put(g, AT + 8, 3, 8);
	call(g, 0x880, AT);
	put(g, AT, 6, 8);
	put(g, AT + 8, BUFFER, 8);
	call(g, 0x1030, AT);
	assert_true(g->host.output_len == 11 && memcmp(g->host.output, "uvbufbuffer", 11) == 0);
	put(g, AT, (uint32_t)-3, 4);
	call(g, 0x540, AT);
	assert_true(g->host.exits == 1 && g->host.status == (uint32_t)-3);
	call(g, 0x1010, 0xffff00000007);
	assert_true(g->host.exits == 2 && g->host.status == 7);
}

static void test_open_close_unlink(void **state)
{
	static const uint16_t ports[2][3] = {{0x440, 0x480, 0x840}, {0x1110, 0x1120, 0x1150}};
	struct rig *g = *state;

	text(g, PATH, "a/file");
	for (int v = 0; v < 2; v++) {
		put(g, AT, PATH, 8);
		put(g, AT + 8, 0x241, 4);
		put(g, AT + 12, 0600, 4);
		g->answer = 5;
		call(g, ports[v][0], AT);
		assert_string_equal(g->path, "a/file");
		assert_true(g->flags == 0x241 && g->mode == 0600 && get(g, AT + 16, 4) == 5);
		put(g, AT, 5, 4);
		g->answer = -EBADF;
		call(g, ports[v][1], AT);
		assert_true(g->fd == 5 && (int32_t)get(g, AT + 4, 4) == -EBADF);
		put(g, AT, 1, 4);
		call(g, ports[v][1], AT);
		assert_true(g->fd == 5 && get(g, AT + 4, 4) == 0); /* the console stays */
		put(g, AT, PATH, 8);
		g->answer = -EROFS;
		call(g, ports[v][2], AT);
		assert_int_equal((int32_t)get(g, AT + 8, 4), -EROFS);
	}
}

static void test_bad_paths(void **state)
{
	static const struct {
		uint64_t at;
		int rc;
	} rows[] = {
		{RAM, -EFAULT},    {RAM - 3, -EFAULT}, {0x5000, -ENAMETOOLONG}, {UINT64_MAX - 2, -EFAULT},
		{0x4fff, -ENOENT},
	};
	struct rig *g = *state;

	assert_int_equal(guest_mem_fill(&g->mem, 0x5000, 'x', RAM - 0x5000), 0);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		put(g, AT, rows[i].at, 8);
		call(g, 0x1110, AT);
		assert_int_equal((int32_t)get(g, AT + 16, 4), rows[i].rc);
	}
}

/* Interface 1 names buffers by virtual address: two pages that are not neighbours. */
static void test_virtual_buffers(void **state)
{
	struct rig *g = *state;

	put(g, AT, 9, 4);
	put(g, AT + 4, 0x100ff0, 8);
	put(g, AT + 12, 32, 8);
	call(g, 0x500, AT);
	assert_true(g->pieces == 2 && get(g, AT + 20, 8) == 32);
	assert_true(get(g, BUFFER + 0xff0, 1) == 'a' && get(g, BUFFER + 0xfff, 1) == 'a');
	assert_true(get(g, OTHER_PAGE, 1) == 'b' && get(g, OTHER_PAGE + 15, 1) == 'b');
	put(g, AT + 4, 0x101ff8, 8); /* the page behind is not mapped */
	call(g, 0x500, AT);
	assert_true(g->pieces == 1 && get(g, AT + 20, 8) == 8);
	put(g, AT + 4, 0x102000, 8);
	call(g, 0x500, AT);
	assert_true(g->pieces == 0 && (int64_t)get(g, AT + 20, 8) == -EFAULT);
	put(g, AT + 4, 0x100000, 8);
	call(g, 0x400, AT);
	assert_true(g->fd == 9 && g->total == 32);
}

struct io_row {
	uint64_t at, len;
	int64_t answer, want;
	int pieces;
};

static void test_transfers(void **state)
{
	static const struct io_row rows[] = {
		{BUFFER, 8, 0, 8, 1},
		{BUFFER, 8, 3, 3, 1},
		{BUFFER, 8, -EIO, -EIO, 1},
		{BUFFER, 0, 0, 0, 1},
		{BUFFER, 0, -EBADF, -EBADF, 1},
		{RAM, 8, 0, -EFAULT, 0},
		{RAM - 4, 8, 0, 4, 1},
		{RAM - 0x1000, 0x1000, 0, 0x1000, 1},
		{RAM - 0x1000, 1ull << 31, 0, 0x1000, 1},
		{UINT64_MAX - 3, 8, 0, -EFAULT, 0},
		{BUFFER, UINT64_MAX, 0, -EFAULT, 0},
		{BUFFER, UINT64_MAX - BUFFER, 0, RAM - BUFFER, (RAM - BUFFER) / 4096},
	};
	struct rig *g = *state;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		for (int reading = 0; reading < 2; reading++) {
			put(g, AT, rows[i].len, 8);
			put(g, AT + 8, 0x5555, 8);
			put(g, AT + 16, rows[i].at, 8);
			put(g, AT + 24, 7, 4);
			g->answer = rows[i].answer;
			call(g, reading ? 0x1130 : 0x1100, AT);
			if ((int64_t)get(g, AT + 8, 8) != rows[i].want || g->pieces != rows[i].pieces)
				fail_msg("row %u: %lld, %d pieces", i, (long long)get(g, AT + 8, 8),
					 g->pieces);
		}
}

static void test_the_end_of_the_machine(void **state)
{
	struct rig *g = *state;

	g->ended = true;
	put(g, AT, 8, 8);
	put(g, AT + 16, BUFFER, 8);
	put(g, AT + 24, 7, 4);
	call(g, 0x1100, AT);
	assert_true(g->pieces == 0 && get(g, AT + 8, 8) == 0);
}

static void test_lseek(void **state)
{
	struct rig *g = *state;

	put(g, AT, 7, 4);
	put(g, AT + 4, (uint64_t)-5, 8);
	put(g, AT + 12, 2, 4);
	g->answer = 100;
	call(g, 0x580, AT);
	assert_true(g->fd == 7 && g->offset == -5 && g->whence == 2 && get(g, AT + 4, 8) == 100);
	g->answer = -ESPIPE;
	call(g, 0x580, AT);
	assert_true(get(g, AT + 4, 8) == UINT64_MAX);
	put(g, AT, (uint64_t)-6, 8);
	put(g, AT + 8, 1, 4);
	put(g, AT + 12, 8, 4);
	call(g, 0x1140, AT);
	assert_true(g->fd == 8 && g->offset == -6 && g->whence == 1 && (int64_t)get(g, AT, 8) == -ESPIPE);
}

static void test_attributes(void **state)
{
	static const struct {
		unsigned at, size;
		uint64_t value;
	} fields[] = {
		{0, 8, 1},   {8, 8, 2},   {16, 8, 3},  {24, 4, 4},   {28, 4, 5},   {32, 4, 6},
		{36, 4, 0},  {40, 8, 7},  {48, 8, 8},  {56, 8, 9},   {64, 8, 10},  {72, 8, 11},
		{80, 4, 12}, {88, 8, 13}, {96, 4, 14}, {104, 8, 15}, {112, 4, 16},
	};
	struct rig *g = *state;

	text(g, PATH, "file");
	put(g, AT, PATH, 8);
	put(g, AT + 16, BUFFER, 8);
	call(g, 0x1170, AT);
	assert_true(g->flags == 1 && get(g, AT + 24, 4) == 1);
	for (unsigned i = 0; i < ARRAY_LEN(fields); i++)
		assert_true(get(g, BUFFER + fields[i].at, fields[i].size) == fields[i].value);
	put(g, AT + 8, 1, 4);
	call(g, 0x1170, AT);
	assert_true(g->flags == 0 && get(g, AT + 24, 4) == 1);
	put(g, AT + 16, RAM - 119, 8);
	call(g, 0x1170, AT);
	assert_true(get(g, AT + 24, 4) == 2 && get(g, AT + 28, 4) == EFAULT);
	put(g, AT, 12, 4);
	put(g, AT + 8, BUFFER, 8);
	g->answer = -EBADF;
	call(g, 0x1180, AT);
	assert_true(g->fd == 12 && get(g, AT + 16, 4) == 2 && get(g, AT + 20, 4) == EBADF);
}

static void test_folders(void **state)
{
	struct rig *g = *state;

	text(g, PATH, "new");
	put(g, AT, PATH, 8);
	call(g, 0x1190, AT);
	assert_true(strcmp(g->path, "new") == 0 && get(g, AT + 16, 4) == 1);
	g->answer = -EEXIST;
	call(g, 0x1190, AT);
	assert_true(get(g, AT + 16, 4) == 2 && get(g, AT + 20, 4) == EEXIST);
	put(g, AT, 6, 4);
	put(g, AT + 8, BUFFER, 8);
	put(g, AT + 16, 100, 8);
	g->answer = 40;
	call(g, 0x1160, AT);
	assert_true(g->fd == 6 && g->len == 100 && get(g, AT + 24, 4) == 1 && get(g, AT + 32, 8) == 40);
	assert_true(get(g, BUFFER + 39, 1) == 'd' && get(g, BUFFER + 40, 1) == 0);
	g->answer = 0;
	call(g, 0x1160, AT);
	assert_int_equal(get(g, AT + 24, 4), 2);
	put(g, AT + 8, RAM - 10, 8);
	call(g, 0x1160, AT);
	assert_true(get(g, AT + 24, 4) == 3 && get(g, AT + 32, 4) == EFAULT);
}

static void test_arguments(void **state)
{
	struct rig *g = *state;

	call(g, 0x740, AT);
	assert_true(get(g, AT, 4) == 2 && get(g, AT + 4, 4) == 6 && get(g, AT + 8, 4) == 4);
	assert_true(get(g, AT + 516, 4) == 16 && get(g, AT + 520, 4) == 4 && get(g, AT + 524, 4) == 1);
	put(g, AT, 0x4000, 8);
	put(g, AT + 8, 0x4100, 8);
	put(g, 0x4000, 0x4800, 8);
	put(g, 0x4008, UINT64_MAX, 8); /* leads nowhere */
	put(g, 0x4100, 0x4900, 8);
	for (unsigned i = 1; i < 16; i++)
		put(g, 0x4100 + 8 * i, 0x4a00 + i, 8);
	put(g, 0x4a05, 'x', 1);
	call(g, 0x780, AT);
	assert_string_equal((char *)guest_mem_window(&g->mem, 0x4800, 8), "image");
	assert_string_equal((char *)guest_mem_window(&g->mem, 0x4900, 8), "A=1");
	assert_int_equal(get(g, 0x4a05, 1), 0);
	call(g, 0x740, RAM - 100); /* does not fit: nothing happens */
	call(g, 0x780, RAM - 8);
}

static void test_counts_and_bad_pointers(void **state)
{
	struct rig *g = *state;
	unsigned bad = 0;
	uint8_t in[4];

	while (dev_uhyve_call_name(bad + 1))
		bad++;
	g->number = 2;
	call(g, 0x1100, RAM - 8);
	call(g, 0x540, RAM);
	call(g, 0x540, UINT32_MAX);
	assert_true(g->host.exits == 0 && g->u.count[2][bad] == 3 && g->u.count[0][bad] == 0);
	call(g, 0x1010, 0);
	assert_true(g->u.count[2][11] == 1 && strcmp(dev_uhyve_call_name(11), "Exit (v2)") == 0);
	call(g, 0x404, AT);
	call(g, 0x1040, AT);
	assert_true(dev_bus_read(&g->bus, DEV_PORT, 0x400, in, 4) && bytes_get_le32(in) == UINT32_MAX);
	g->number = 1000;
	call(g, 0x1010, 0);
	assert_int_equal(g->host.exits, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_console_and_exit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_close_unlink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_virtual_buffers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transfers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_end_of_the_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lseek, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts_and_bad_pointers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
