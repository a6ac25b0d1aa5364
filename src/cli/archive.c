#include "cli/archive.h"
#include "cli/hostfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define BLOCK 512u
#define FIRST_SIZE (1u << 20)
#define GZIP_ONLY (15 + 16) /* zlib: the largest window, a gzip header */

bool cli_archive_probe(const struct boot_image *image)
{
	return image->size >= 3 && memcmp(image->bytes, "\x1f\x8b\x08", 3) == 0;
}

/* ---- gzip ---- */

static int grow(struct cli_archive *a, size_t *room, struct error *err)
{
	size_t more = *room ? *room * 2 : FIRST_SIZE;
	uint8_t *bytes;

	if (*room >= CLI_ARCHIVE_UNPACKED_MAX)
		return error_set(err, EFBIG, "the archive unpacks to more than %llu MiB",
				 CLI_ARCHIVE_UNPACKED_MAX >> 20);
	bytes = realloc(a->tar, more);
	if (!bytes)
		return error_set(err, ENOMEM, "no memory to unpack the archive");
	a->tar = bytes;
	*room = more;
	return 0;
}

static int unpack(const struct boot_image *image, struct cli_archive *a, struct error *err)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)image->bytes, .avail_in = (uInt)image->size};
	size_t room = 0;
	int rc = 0, zrc = Z_OK;

	if (image->size > UINT32_MAX || inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return error_set(err, ENOMEM, "the archive cannot be unpacked");
	while (rc == 0 && zrc == Z_OK) {
		if (a->size == room)
			rc = grow(a, &room, err);
		if (rc < 0)
			break;
		z.next_out = a->tar + a->size;
		z.avail_out = (uInt)(room - a->size);
		zrc = inflate(&z, Z_NO_FLUSH);
		a->size = room - z.avail_out;
	}
	inflateEnd(&z);
	if (rc == 0 && zrc != Z_STREAM_END)
		rc = error_set(err, EINVAL, "a broken archive: %s",
			       zrc == Z_BUF_ERROR ? "it is cut short" : "its compressed data is damaged");
	return rc;
}

/* ---- tar: POSIX ustar, with GNU's and POSIX's ways to write long names ---- */

struct entry {
	const uint8_t *head, *bytes;
	size_t size;
	char kind;
};

/* Octal digits up to a blank or NUL. False for what is no number. */
static bool read_octal(const uint8_t *field, size_t len, uint64_t *ret)
{
	uint64_t n = 0;
	size_t i = 0;

	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		n = n << 3 | (uint64_t)(field[i] - '0');
	*ret = n;
	return i == len || field[i] == ' ' || field[i] == '\0';
}

static bool sum_is_right(const uint8_t *head)
{
	uint64_t said, sum = 0;

	for (unsigned i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : head[i];
	return read_octal(head + 148, 8, &said) && said == sum;
}

/* 1 and the entry at *at, which moves behind it; 0 at the end; -EINVAL. */
static int next_entry(const struct cli_archive *a, size_t *at, struct entry *ret)
{
	static const uint8_t zeros[BLOCK];
	uint64_t size;

	if (a->size - *at < BLOCK || memcmp(a->tar + *at, zeros, BLOCK) == 0)
		return 0;
	ret->head = a->tar + *at;
	if (!sum_is_right(ret->head) || !read_octal(ret->head + 124, 12, &size) ||
	    size > a->size - *at - BLOCK)
		return -EINVAL;
	ret->bytes = ret->head + BLOCK;
	ret->size = (size_t)size;
	ret->kind = (char)ret->head[156];
	size = (size + BLOCK - 1) / BLOCK * BLOCK;
	*at += BLOCK;
	*at = size < a->size - *at ? *at + (size_t)size : a->size;
	return 1;
}

/* The value of "path" in the records "LENGTH KEY=VALUE\n" of a pax header. Empty: it has none. */
static void pax_path(const struct entry *e, char name[PATH_MAX])
{
	size_t at = 0;

	while (at < e->size) {
		size_t len = 0, i = at;

		for (; i < e->size && e->bytes[i] >= '0' && e->bytes[i] <= '9' && len < e->size; i++)
			len = len * 10 + (size_t)(e->bytes[i] - '0');
		if (i == e->size || e->bytes[i] != ' ' || len > e->size - at || len < i - at + 2)
			return;
		i++;
		if (len - (i - at) > 6 && memcmp(e->bytes + i, "path=", 5) == 0 &&
		    at + len - 1 - (i + 5) < PATH_MAX) {
			memcpy(name, e->bytes + i + 5, at + len - 1 - (i + 5));
			name[at + len - 1 - (i + 5)] = '\0';
		}
		at += len;
	}
}

static void header_name(const uint8_t *head, char name[PATH_MAX])
{
	size_t prefix = memcmp(head + 257, "ustar", 6) == 0 ? strnlen((const char *)head + 345, 155) : 0;
	size_t len = strnlen((const char *)head, 100);

	memcpy(name, head + 345, prefix);
	name[prefix] = '/';
	memcpy(name + prefix + 1, head, len);
	name[prefix + 1 + len] = '\0';
}

static int add_file(struct cli_archive *a, const struct entry *e, const char *name, struct error *err)
{
	char clean[PATH_MAX];
	char *path;

	if (cli_maps_clean(name, clean) < 0)
		return error_set(err, EINVAL, "a broken archive: the path '%.80s' leads out of it", name);
	if (a->count == CLI_ARCHIVE_FILES_MAX)
		return error_set(err, EINVAL, "more than %u files in the archive", CLI_ARCHIVE_FILES_MAX);
	path = strdup(clean);
	if (!path)
		return error_set(err, ENOMEM, "no memory for the archive's files");
	a->file[a->count++] = (struct cli_archive_file){.path = path, .bytes = e->bytes, .size = e->size};
	return 0;
}

static int read_tar(struct cli_archive *a, struct error *err)
{
	char name[PATH_MAX] = "";
	struct entry e;
	size_t at = 0;
	int rc, more;

	a->file = calloc(CLI_ARCHIVE_FILES_MAX, sizeof(*a->file));
	if (!a->file)
		return error_set(err, ENOMEM, "no memory for the archive's files");
	while ((more = next_entry(a, &at, &e)) > 0) {
		if (e.kind == 'L' && e.size < PATH_MAX) {
			memcpy(name, e.bytes, e.size);
			name[e.size] = '\0';
			continue;
		}
		if (e.kind == 'x') {
			pax_path(&e, name);
			continue;
		}
		if (name[0] == '\0')
			header_name(e.head, name);
		/* Folders and links are nothing that a guest is shown. */
		rc = e.kind == '0' || e.kind == '\0' ? add_file(a, &e, name, err) : 0;
		if (rc < 0)
			return rc;
		name[0] = '\0';
	}
	return more < 0 ? error_set(err, EINVAL, "not a tar archive inside, or a damaged one") : 0;
}

/* ---- together ---- */

const struct cli_archive_file *cli_archive_find(const struct cli_archive *a, const char *path)
{
	for (unsigned i = a->count; i-- > 0;)
		if (strcmp(a->file[i].path, path) == 0)
			return &a->file[i];
	return NULL;
}

static int read_config(struct cli_archive *a, struct error *err)
{
	const struct cli_archive_file *toml = cli_archive_find(a, "/hermit.toml");
	struct cli_archive_config *c = &a->config;
	char path[PATH_MAX];
	int rc;

	if (!toml)
		return error_set(err, EINVAL, "a compressed file without hermit.toml: not a Hermit image");
	rc = cli_archive_config((const char *)toml->bytes, toml->size, c, err);
	if (rc < 0)
		return rc;
	if (!c->version || strcmp(c->version, "1") != 0)
		return error_set(err, EINVAL, "hermit.toml: version '%.20s': trapline knows version 1",
				 c->version ? c->version : "");
	if (!c->kernel)
		return error_set(err, EINVAL, "hermit.toml names no kernel");
	if (cli_maps_clean(c->kernel, path) == 0)
		a->kernel = cli_archive_find(a, path);
	return a->kernel ? 0
			 : error_set(err, EINVAL, "hermit.toml: no kernel '%.80s' in the archive", c->kernel);
}

int cli_archive_open(const struct boot_image *image, struct cli_archive *ret, struct error *err)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = unpack(image, ret, err);
	if (rc == 0)
		rc = read_tar(ret, err);
	if (rc == 0)
		rc = read_config(ret, err);
	if (rc < 0)
		cli_archive_free(ret);
	return rc;
}

int cli_archive_kernel(const struct boot_image *image, struct cli_archive *ret, struct boot_image *ret_kernel,
		       struct error *err)
{
	const char *name = image->name;
	int rc = cli_archive_open(image, ret, err);

	if (rc < 0)
		return error_wrap(err, "%s", name);
	*ret_kernel =
		(struct boot_image){.bytes = ret->kernel->bytes, .size = ret->kernel->size, .name = name};
	return 0;
}

void cli_archive_free(struct cli_archive *a)
{
	for (unsigned i = 0; i < a->count; i++)
		free((char *)(uintptr_t)a->file[i].path);
	free(a->file);
	free(a->tar);
	memset(a, 0, sizeof(*a));
}
