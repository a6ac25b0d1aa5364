/*
 * Hermit image archives. The first byte chooses: the rest is the archive itself, or the tar in it (packed
 * here, since no fuzzer makes good checksums of compressed data), or the text of hermit.toml.
 */
#include "cli/archive.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PACKED_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static bool is_inside(const struct cli_archive *a, const struct cli_archive_file *f)
{
	return f->bytes >= a->tar && f->size <= a->size && (size_t)(f->bytes - a->tar) <= a->size - f->size;
}

static void open_archive(const uint8_t *bytes, size_t size)
{
	const struct boot_image image = {.bytes = bytes, .size = size, .name = "fuzz"};
	struct cli_archive a;
	struct error err = {0};
	int rc = cli_archive_open(&image, &a, &err);

	if (rc < 0) {
		must(err.code == -rc && err.text[0] && a.count == 0 && a.tar == NULL);
		return;
	}
	must(a.kernel && is_inside(&a, a.kernel) && a.config.kernel && a.config.version);
	for (unsigned i = 0; i < a.count; i++) {
		must(is_inside(&a, &a.file[i]) && a.file[i].path[0] == '/' &&
		     !strstr(a.file[i].path, "/../"));
		must(cli_archive_find(&a, a.file[i].path) >= &a.file[i]);
	}
	cli_archive_free(&a);
}

/* Stored, not compressed: quick, and mutations stay what they are. */
static void pack_and_open(const uint8_t *tar, size_t size)
{
	static uint8_t packed[PACKED_MAX];
	z_stream z = {.next_in = (Bytef *)(uintptr_t)tar,
		      .avail_in = (uInt)size,
		      .next_out = packed,
		      .avail_out = PACKED_MAX};

	must(deflateInit2(&z, 0, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	if (deflate(&z, Z_FINISH) == Z_STREAM_END)
		open_archive(packed, z.total_out);
	deflateEnd(&z);
}

static void check_word(const struct cli_archive_config *c, const char *word)
{
	must(!word || (word >= c->text && word < c->text + c->text_used &&
		       memchr(word, '\0', (size_t)(c->text + c->text_used - word))));
}

static void check_words(const struct cli_archive_config *c, const struct cli_archive_words *w)
{
	must(w->count <= CLI_ARCHIVE_WORDS_MAX);
	for (unsigned i = 0; i < w->count; i++)
		check_word(c, w->word[i]);
}

static void read_config(const char *text, size_t size)
{
	static struct cli_archive_config c;
	struct error err = {0};
	int rc = cli_archive_config(text, size, &c, &err);

	must(rc == 0 || (err.code == -rc && err.text[0]));
	if (rc < 0)
		return;
	must(c.text_used <= sizeof(c.text));
	check_word(&c, c.version);
	check_word(&c, c.kernel);
	check_word(&c, c.memory);
	check_words(&c, &c.kernel_args);
	check_words(&c, &c.app_args);
	check_words(&c, &c.env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 3 == 0)
		open_archive(data + 1, size - 1);
	else if (data[0] % 3 == 1)
		pack_and_open(data + 1, size - 1);
	else
		read_config((const char *)data + 1, size - 1);
	return 0;
}
