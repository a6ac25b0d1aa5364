#include "cli/coredump.h"

#include "base/bytes.h"
#include "cli/coremap.h"
#include "cli/corenotes.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096
#define CHUNK (64 * 1024)
#define MAX_PATH 4096

/*
 * The file: ELF header, program headers (the notes, then one per run), the notes, and from data_at on the
 * runs one behind the other, page by page.
 */
struct dump {
	const struct cli_coredump *cfg;
	struct cli_coremap map;
	uint8_t *head;             /* everything before data_at */
	size_t head_len;
	uint64_t data_at;
	int fd;
	uint8_t chunk[CHUNK];
};

static int write_at(const struct dump *d, const void *bytes, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(d->fd, (const uint8_t *)bytes + done, len - done, (off_t)(at + done));

		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			return -EIO;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* ---- the head ---- */

static Elf64_Phdr run_header(const struct cli_coremap_run *run, uint64_t offset)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | (run->writable ? PF_W : 0) | (run->executable ? PF_X : 0),
		.p_offset = offset,
		.p_vaddr = run->gva,
		.p_paddr = run->gpa,
		.p_filesz = run->size,
		.p_memsz = run->size,
		.p_align = PAGE,
	};
}

static void fill_headers(struct dump *d, size_t notes_at, size_t notes_len)
{
	Elf64_Ehdr eh = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(eh),
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)(d->map.count + 1),
	};
	Elf64_Phdr ph = {
		.p_type = PT_NOTE,
		.p_offset = notes_at,
		.p_filesz = notes_len,
		.p_align = 4,
	};
	uint8_t *at = d->head + sizeof(eh);
	uint64_t offset = d->data_at;

	memcpy(d->head, &eh, sizeof(eh));
	memcpy(at, &ph, sizeof(ph));
	for (unsigned i = 0; i < d->map.count; i++) {
		at += sizeof(ph);
		ph = run_header(&d->map.run[i], offset);
		memcpy(at, &ph, sizeof(ph));
		offset += d->map.run[i].size;
	}
}

static int make_head(struct dump *d)
{
	size_t notes_at = sizeof(Elf64_Ehdr) + (d->map.count + 1) * sizeof(Elf64_Phdr);
	size_t notes_len;

	d->head = calloc(1, notes_at + cli_corenotes_room(d->cfg->cpus));
	if (d->head == NULL)
		return -ENOMEM;
	notes_len = cli_corenotes_fill(d->cfg, d->head + notes_at);
	d->head_len = notes_at + notes_len;
	d->data_at = bytes_align_up(d->head_len, PAGE);
	fill_headers(d, notes_at, notes_len);
	return 0;
}

/* ---- the data ---- */

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

/* len is a multiple of PAGE. Runs of pages that are not all zeros, each in one write. */
static int write_sparse(const struct dump *d, const uint8_t *bytes, size_t len, uint64_t at)
{
	size_t from = 0, to;
	int rc = 0;

	while (rc == 0 && from < len) {
		while (from < len && is_zero(bytes + from))
			from += PAGE;
		for (to = from; to < len && !is_zero(bytes + to);)
			to += PAGE;
		if (to > from)
			rc = write_at(d, bytes + from, to - from, at + from);
		from = to;
	}
	return rc;
}

static int write_run(struct dump *d, const struct cli_coremap_run *run, uint64_t at)
{
	const struct x86_phys_reader *reader = &d->cfg->reader;
	int rc = 0;

	for (uint64_t done = 0; rc == 0 && done < run->size; done += CHUNK) {
		size_t len = run->size - done < CHUNK ? (size_t)(run->size - done) : CHUNK;

		rc = reader->read(reader->ctx, run->gpa + done, d->chunk, len);
		if (rc == 0)
			rc = write_sparse(d, d->chunk, len, at + done);
	}
	return rc;
}

static int write_all(struct dump *d)
{
	uint64_t at = d->data_at;
	int rc = write_at(d, d->head, d->head_len, 0);

	for (unsigned i = 0; rc == 0 && i < d->map.count; i++) {
		rc = write_run(d, &d->map.run[i], at);
		at += d->map.run[i].size;
	}
	/* Zeros at the end are a hole as well, but the file has its length. */
	if (rc == 0 && ftruncate(d->fd, (off_t)at) < 0)
		rc = -errno;
	return rc;
}

static int make_map(struct dump *d)
{
	const struct cli_coredump *cfg = d->cfg;
	struct x86_paging paging;

	d->map.run = calloc(CLI_COREDUMP_RUNS, sizeof(d->map.run[0]));
	if (d->map.run == NULL)
		return -ENOMEM;
	d->map.max = CLI_COREDUMP_RUNS;
	d->map.max_bytes = 4 * guest_mem_size(cfg->mem);
	x86_paging_from_state(cfg->state[cfg->current], cfg->layout, &paging);
	cli_coremap_fill(&d->map, &paging, &cfg->reader, cfg->mem);
	return 0;
}

/* Into an open file. */
static int dump_to(struct dump *d)
{
	int rc = make_map(d);

	if (rc == 0)
		rc = make_head(d);
	if (rc == 0)
		rc = write_all(d);
	free(d->map.run);
	free(d->head);
	return rc;
}

static int dump_to_file(struct dump *d, const char *tmp)
{
	int rc;

	/* Guest memory is nobody else's business: 0600. A left-over of a killed run is replaced. */
	if (unlink(tmp) < 0 && errno != ENOENT)
		return -errno;
	d->fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (d->fd < 0)
		return -errno;
	rc = dump_to(d);
	if (close(d->fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(tmp, d->cfg->path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(tmp);
	return rc;
}

int cli_coredump_write(const struct cli_coredump *cfg, struct error *err)
{
	struct dump *d;
	char tmp[MAX_PATH];
	int rc, n = snprintf(tmp, sizeof(tmp), "%s.tmp", cfg->path);

	if (n < 0 || (size_t)n >= sizeof(tmp))
		return error_set(err, ENAMETOOLONG, "cannot write a core: the file name is too long");
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return error_set(err, ENOMEM, "cannot write core file %s: no memory", cfg->path);
	d->cfg = cfg;
	rc = dump_to_file(d, tmp);
	if (rc == 0 && d->map.cut)
		rc = 1;
	free(d);
	if (rc < 0)
		return error_set(err, -rc, "cannot write core file %s: %s", cfg->path, strerror(-rc));
	return rc;
}
