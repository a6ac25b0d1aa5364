/*
 * Host I/O (GDB manual, "Host I/O Packets"): the one file there is, is the image that the guest was loaded
 * from, under the very path that exec-file told. Its bytes are those in memory: nothing is opened.
 */
#include "debug/internal.h"

#include <string.h>

/* GDB's own numbers (GDB manual, "Errno Values", "Open Flags", "mode_t Values"). */
enum { FILE_ENOENT = 2, FILE_EBADF = 9, FILE_EINVAL = 22, FILE_EMFILE = 24, FILE_EROFS = 30 };
#define OPEN_WRITES 0xe0bu /* all but O_RDONLY: write only, both, append, create, truncate, exclusive */
#define MODE_READABLE_FILE 0100444u

#define STAT_SIZE 64

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

/* A path in hex: is it the image's? */
static bool take_image_path(struct args *a, const char *path)
{
	size_t len = strlen(path);

	if ((size_t)(a->end - a->at) < 2 * len)
		return false;
	for (size_t i = 0; i < len; i++, a->at += 2)
		if (hex_digit(a->at[0]) != (unsigned char)path[i] >> 4 ||
		    hex_digit(a->at[1]) != (path[i] & 15))
			return false;
	if (a->at < a->end && *a->at != ',')
		return false;
	a->at += a->at < a->end;
	return true;
}

static void fail(struct debug_session *s, int error)
{
	rsp_reply_file(s->engine, -1, error, NULL, 0);
}

/* The handle that a packet begins with. */
static bool take_handle(struct debug_session *s, struct args *a, unsigned *ret)
{
	uint64_t fd;

	if (!take_number(a, &fd) || fd >= DEBUG_MAX_FILES || !s->file_open[fd]) {
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

static void do_open(struct debug_session *s, struct args *a)
{
	uint64_t flags;

	if (!take_image_path(a, s->cfg.image_path)) {
		fail(s, FILE_ENOENT);
		return;
	}
	if (!take_number(a, &flags) || (flags & OPEN_WRITES)) {
		fail(s, FILE_EROFS);
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
	s->file_open[fd] = false;
	rsp_reply_file(s->engine, 0, 0, NULL, 0);
}

/* "FD,COUNT,OFFSET"; librsp cuts what does not fit the packet. */
static void do_pread(struct debug_session *s, struct args *a)
{
	uint64_t count, offset;
	size_t left = 0;
	unsigned fd;

	if (!take_handle(s, a, &fd))
		return;
	if (!take_number(a, &count) || !take_number(a, &offset)) {
		fail(s, FILE_EINVAL);
		return;
	}
	if (offset < s->cfg.image_size)
		left = s->cfg.image_size - (size_t)offset;
	else
		offset = 0;
	rsp_reply_file(s->engine, 0, 0, s->cfg.image_bytes + offset, count < left ? (size_t)count : left);
}

static void put_be(uint8_t *p, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		p[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

/* struct stat of the protocol: big-endian, packed (GDB manual, "struct stat"). */
static void reply_stat(struct debug_session *s)
{
	uint64_t size = s->cfg.image_size;
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
		reply_stat(s);
}

static void do_stat(struct debug_session *s, struct args *a)
{
	if (take_image_path(a, s->cfg.image_path))
		reply_stat(s);
	else
		fail(s, FILE_ENOENT);
}

static void do_readlink(struct debug_session *s, struct args *a)
{
	fail(s, take_image_path(a, s->cfg.image_path) ? FILE_EINVAL : FILE_ENOENT);
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

/* An image that a debugger for x86-64 can read. */
bool debug_file_offered(const struct debug_config *cfg)
{
	static const uint8_t elf64[5] = { 0x7f, 'E', 'L', 'F', 2 };

	return cfg->image_path && cfg->image_path[0] == '/' && cfg->image_size > sizeof(elf64) &&
	       memcmp(cfg->image_bytes, elf64, sizeof(elf64)) == 0;
}
