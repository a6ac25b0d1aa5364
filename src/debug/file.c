/*
 * Host I/O (GDB manual, "Host I/O Packets"): the one file there is, is the image that the guest was loaded
 * from, under the very path that exec-file told. Its bytes are those in memory: nothing is opened. The list
 * of mappings (maps.c) is made when it is opened.
 */
#include "debug/internal.h"

#include <string.h>

/* GDB's own numbers (GDB manual, "Errno Values", "Open Flags", "mode_t Values"). */
enum { FILE_ENOENT = 2, FILE_EBADF = 9, FILE_EINVAL = 22, FILE_EMFILE = 24, FILE_EROFS = 30 };
#define OPEN_WRITES 0xe0bu /* all but O_RDONLY: write only, both, append, create, truncate, exclusive */
#define MODE_READABLE_FILE 0100444u

#define STAT_SIZE 64

/* What GDB's generate-core-file asks for, by the process id that it knows the machine by. */
#define MAPS_PATH "/proc/1/maps"
#define MAPS_FD DEBUG_MAX_FILES

struct args { const char *at, *end; };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number, and the comma or the end behind it. */
static bool take_number(struct args *a, uint64_t *ret)
{
	uint64_t n = 0;
	const char *p = a->at;

	for (; p < a->end && hex_digit(*p) >= 0; p++) {
		if (n >> 60)
			return false;
		n = n << 4 | (unsigned)hex_digit(*p);
	}
	if (p == a->at || (p < a->end && *p != ','))
		return false;
	a->at = p < a->end ? p + 1 : p;
	*ret = n;
	return true;
}

/* A path in hex: is it this one? If so it is taken, with the comma behind it. */
static bool take_path(struct args *a, const char *path)
{
	size_t len = strlen(path);
	const char *at = a->at;

	if ((size_t)(a->end - at) < 2 * len)
		return false;
	for (size_t i = 0; i < len; i++, at += 2)
		if (hex_digit(at[0]) != (unsigned char)path[i] >> 4 || hex_digit(at[1]) != (path[i] & 15))
			return false;
	if (at < a->end && *at != ',')
		return false;
	a->at = at + (at < a->end);
	return true;
}

static void fail(struct debug_session *s, int error)
{
	rsp_reply_file(s->engine, -1, error, NULL, 0);
}

static bool is_open(const struct debug_session *s, uint64_t fd)
{
	return fd == MAPS_FD ? s->maps_len > 0 : fd < DEBUG_MAX_FILES && s->file_open[fd];
}

/* The handle that a packet begins with. */
static bool take_handle(struct debug_session *s, struct args *a, unsigned *ret)
{
	uint64_t fd;

	if (!take_number(a, &fd) || !is_open(s, fd)) {
		fail(s, FILE_EBADF);
		return false;
	}
	*ret = (unsigned)fd;
	return true;
}

/* ---- the operations ---- */

/* Whose file system: the machine has but this one. */
static void do_setfs(struct debug_session *s, struct args *a)
{
	(void)a;
	rsp_reply_file(s->engine, 0, 0, NULL, 0);
}

/* A snapshot: what was open of an older one becomes this one. */
static void open_maps(struct debug_session *s)
{
	s->maps_len = debug_maps_write(s, s->maps, sizeof(s->maps));
	if (s->maps_len > 0)
		rsp_reply_file(s->engine, MAPS_FD, 0, NULL, 0);
	else
		fail(s, FILE_ENOENT);
}

static void do_open(struct debug_session *s, struct args *a)
{
	bool maps = take_path(a, MAPS_PATH);
	uint64_t flags;

	if (!maps && !take_path(a, s->cfg.image_path)) {
		fail(s, FILE_ENOENT);
		return;
	}
	if (!take_number(a, &flags) || (flags & OPEN_WRITES)) {
		fail(s, FILE_EROFS);
		return;
	}
	if (maps) {
		open_maps(s);
		return;
	}
	for (unsigned i = 0; i < DEBUG_MAX_FILES; i++) {
		if (s->file_open[i])
			continue;
		s->file_open[i] = true;
		rsp_reply_file(s->engine, i, 0, NULL, 0);
		return;
	}
	fail(s, FILE_EMFILE);
}

static void do_close(struct debug_session *s, struct args *a)
{
	unsigned fd;

	if (!take_handle(s, a, &fd))
		return;
	if (fd == MAPS_FD)
		s->maps_len = 0;
	else
		s->file_open[fd] = false;
	rsp_reply_file(s->engine, 0, 0, NULL, 0);
}

/* "FD,COUNT,OFFSET"; librsp cuts what does not fit the packet. */
static void do_pread(struct debug_session *s, struct args *a)
{
	uint64_t count, offset;
	const uint8_t *bytes = s->cfg.image_bytes;
	size_t size = s->cfg.image_size, left = 0;
	unsigned fd;

	if (!take_handle(s, a, &fd))
		return;
	if (!take_number(a, &count) || !take_number(a, &offset)) {
		fail(s, FILE_EINVAL);
		return;
	}
	if (fd == MAPS_FD) {
		bytes = (const uint8_t *)s->maps;
		size = s->maps_len;
	}
	if (offset < size)
		left = size - (size_t)offset;
	else
		offset = 0;
	rsp_reply_file(s->engine, 0, 0, bytes + offset, count < left ? (size_t)count : left);
}

static void put_be(uint8_t *p, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		p[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

/* struct stat of the protocol: big-endian, packed (GDB manual, "struct stat"). */
static void reply_stat(struct debug_session *s, uint64_t size)
{
	uint8_t st[STAT_SIZE] = { 0 };

	put_be(st + 8, MODE_READABLE_FILE, 4);
	put_be(st + 12, 1, 4);          /* links */
	put_be(st + 28, size, 8);
	put_be(st + 36, 4096, 8);       /* block size */
	put_be(st + 44, (size + 511) / 512, 8);
	rsp_reply_file(s->engine, 0, 0, st, sizeof(st));
}

static void do_fstat(struct debug_session *s, struct args *a)
{
	unsigned fd;

	if (take_handle(s, a, &fd))
		reply_stat(s, fd == MAPS_FD ? s->maps_len : s->cfg.image_size);
}

static void do_stat(struct debug_session *s, struct args *a)
{
	if (take_path(a, s->cfg.image_path))
		reply_stat(s, s->cfg.image_size);
	else
		fail(s, FILE_ENOENT);
}

static void do_readlink(struct debug_session *s, struct args *a)
{
	fail(s, take_path(a, s->cfg.image_path) ? FILE_EINVAL : FILE_ENOENT);
}

static void do_refuse(struct debug_session *s, struct args *a)
{
	(void)a;
	fail(s, FILE_EROFS);
}

static const struct { const char *name; void (*fn)(struct debug_session *s, struct args *a); } ops[] = {
	{ "setfs", do_setfs }, { "open", do_open }, { "close", do_close }, { "pread", do_pread },
	{ "fstat", do_fstat }, { "stat", do_stat }, { "lstat", do_stat }, { "readlink", do_readlink },
	{ "pwrite", do_refuse }, { "unlink", do_refuse },
};

void debug_file_request(struct debug_session *s, const struct rsp_request *req)
{
	struct args a = { req->u.file.args, req->u.file.args + req->u.file.args_len };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(ops[i].name, req->u.file.op) == 0) {
			ops[i].fn(s, &a);
			return;
		}
	}
	rsp_reply_empty(s->engine);
}

/* An image that a debugger can read who takes the registers for this architecture's. */
bool debug_file_offered(const struct debug_session *s)
{
	const struct debug_config *cfg = &s->cfg;
	const uint8_t elf[5] = { 0x7f, 'E', 'L', 'F', s->arch == X86_REGS_X86_64 ? 2 : 1 };

	return cfg->image_path && cfg->image_path[0] == '/' && cfg->image_size > sizeof(elf) &&
	       memcmp(cfg->image_bytes, elf, sizeof(elf)) == 0;
}
