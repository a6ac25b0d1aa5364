/*
 * Hermit image archives: a gzip-compressed tar with a kernel, files for it, and hermit.toml that says how
 * they belong together. Everything is unpacked into memory; nothing touches the disk. Untrusted input: all of
 * it.
 */
#ifndef CLI_ARCHIVE_H
#define CLI_ARCHIVE_H

#include "boot/loader.h"

#define CLI_ARCHIVE_UNPACKED_MAX (512ull << 20) /* bytes: what unpacks to more is refused */
#define CLI_ARCHIVE_FILES_MAX 4096u
#define CLI_ARCHIVE_WORDS_MAX 128u
#define CLI_ARCHIVE_TEXT_MAX 65536u

struct cli_archive_file {
	const char *path;
	const uint8_t *bytes;
	size_t size;
}; /* path: absolute, clean */

struct cli_archive_words {
	unsigned count;
	const char *word[CLI_ARCHIVE_WORDS_MAX];
};

/* hermit.toml. Text lies in text[]. */
struct cli_archive_config {
	const char *version, *kernel; /* NULL: not given */
	struct cli_archive_words kernel_args, app_args, env;
	const char *memory; /* at least; as --memory has it. NULL: no wish */
	uint64_t cpus;      /* at least; 0: no wish */
	char text[CLI_ARCHIVE_TEXT_MAX];
	size_t text_used;
};

struct cli_archive {
	uint8_t *tar; /* unpacked; owned, like the table and its paths */
	size_t size;
	struct cli_archive_file *file;
	unsigned count;
	struct cli_archive_config config;
	const struct cli_archive_file *kernel;
};

/* True for gzip's magic number. */
bool cli_archive_probe(const struct boot_image *image);

/*
 * Unpacks and reads it all. 0, or negative errno with text: -EINVAL (broken or incomplete), -EFBIG (unpacks
 * to too much), -ENOMEM. *ret is zeroed on failure; cli_archive_free() takes zeroed ones.
 */
int cli_archive_open(const struct boot_image *image, struct cli_archive *ret, struct error *err);
/* The same, and makes *ret_kernel the kernel inside, under the archive's name, which errors name too. */
int cli_archive_kernel(const struct boot_image *image, struct cli_archive *ret, struct boot_image *ret_kernel,
		       struct error *err);
void cli_archive_free(struct cli_archive *a);

/* By an absolute, clean path; NULL: no such file. The last of several with one name counts. */
const struct cli_archive_file *cli_archive_find(const struct cli_archive *a, const char *path);

/* archive_toml.c: reads the text of a hermit.toml. 0, or -EINVAL with text that names the line. */
int cli_archive_config(const char *text, size_t len, struct cli_archive_config *ret, struct error *err);

#endif
