#include "cli/hermit.h"

#include "base/parse.h"
#include "cli/image.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- words ---- */

static int add_word(struct cli_hermit_words *w, const char *word, const char *what, struct error *err)
{
	if (w->count == CLI_HERMIT_WORDS)
		return error_set(err, E2BIG, "more than %d %s: Hermit's limit", CLI_HERMIT_WORDS, what);
	w->word[w->count++] = word;
	return 0;
}

/* Words between blanks; at (with room for the text and its NUL) keeps their bytes. */
static int add_split(struct cli_hermit_words *w, const char *text, char *at, struct error *err)
{
	int rc = 0;

	memcpy(at, text, strlen(text) + 1);
	for (char *save = NULL, *word = strtok_r(at, " ", &save); word && rc == 0;
	     word = strtok_r(NULL, " ", &save))
		rc = add_word(w, word, "arguments", err);
	return rc;
}

static int join(const struct cli_archive_words *words, char *buf, size_t size, struct error *err)
{
	size_t used = 0;

	for (unsigned i = 0; i < words->count; i++) {
		size_t len = strlen(words->word[i]);

		if (len + 2 > size - used)
			return error_set(err, E2BIG, "hermit.toml: the kernel's arguments are too long");
		if (used)
			buf[used++] = ' ';
		memcpy(buf + used, words->word[i], len + 1);
		used += len;
	}
	return 0;
}

/*
 * What --append says is the kernel's; what stands behind "--" the application's, or, where one more "--"
 * stands among that, the kernel's up to there. An archive's arguments count where the user gave none.
 */
static int take_arguments(struct cli_hermit *h, const struct cli_options *opt, struct error *err)
{
	unsigned split = 0;
	size_t used = opt->append_len;
	int rc = add_word(&h->argv, opt->kernel, "arguments", err);

	memcpy(h->kernel_args, opt->cmdline, used);
	h->kernel_args[used] = '\0';
	if (used == 0 && opt->arg_count == 0)
		rc = join(&h->archive.config.kernel_args, h->kernel_args, sizeof(h->kernel_args), err);
	while (split < opt->arg_count && strcmp(opt->arg[split], "--") != 0)
		split++;
	for (unsigned i = 0; split < opt->arg_count && i < split; i++) {
		size_t len = strlen(opt->arg[i]), at = strlen(h->kernel_args);

		/* The command line, which holds them all, is no longer than this. */
		if (at)
			h->kernel_args[at++] = ' ';
		memcpy(h->kernel_args + at, opt->arg[i], len + 1);
	}
	if (rc == 0)
		rc = add_split(&h->argv, h->kernel_args, h->split, err);
	h->kernel_words = h->argv.count;
	for (unsigned i = split < opt->arg_count ? split + 1 : 0; rc == 0 && i < opt->arg_count; i++)
		rc = add_word(&h->argv, opt->arg[i], "arguments", err);
	for (unsigned i = 0;
	     rc == 0 && opt->arg_count == 0 && !opt->append_len && i < h->archive.config.app_args.count; i++)
		rc = add_word(&h->argv, h->archive.config.app_args.word[i], "arguments", err);
	return rc;
}

static bool same_key(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

/* A later row of the same name replaces an earlier one. */
static int add_env(struct cli_hermit_words *w, const char *row, struct error *err)
{
	for (unsigned i = 0; i < w->count; i++)
		if (same_key(row, w->word[i])) {
			w->word[i] = row;
			return 0;
		}
	return add_word(w, row, "environment variables", err);
}

static int take_environment(struct cli_hermit *h, const struct cli_options *opt, struct error *err)
{
	const struct cli_archive_words *packed = &h->archive.config.env;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < packed->count; i++)
		rc = strchr(packed->word[i], '=') ? add_env(&h->env, packed->word[i], err)
						  : error_set(err, EINVAL,
							      "hermit.toml: '%.60s' in env_vars is no "
							      "NAME=VALUE",
							      packed->word[i]);
	for (unsigned i = 0; rc == 0 && i < opt->env_count; i++) {
		if (strcmp(opt->env[i], "host") != 0)
			rc = add_env(&h->env, opt->env[i], err);
		else
			for (char **e = environ; rc == 0 && *e; e++)
				rc = strchr(*e, '=') ? add_env(&h->env, *e, err) : 0;
	}
	return rc;
}

/* ---- files ---- */

/* Kernels mount folders: what is mapped is mounted itself, a file by the folder it is in. */
static int add_mount(struct cli_hermit *h, const char *path, bool is_file, struct error *err)
{
	size_t len = is_file ? (size_t)(strrchr(path, '/') - path) : strlen(path);
	char *at;

	if (len <= 1)
		return 0; /* the root cannot be mounted on */
	for (unsigned i = 0; i < h->mounts.count; i++)
		if (strncmp(h->mounts.word[i], path, len) == 0 && h->mounts.word[i][len] == '\0')
			return 0;
	if (h->mounts.count == CLI_MAPS_MAX)
		return error_set(err, E2BIG, "more than %d folders with files for the guest", CLI_MAPS_MAX);
	at = h->mount_text[h->mounts.count];
	memcpy(at, path, len);
	at[len] = '\0';
	h->mounts.word[h->mounts.count++] = at;
	return 0;
}

static int take_maps(struct cli_hermit *h, const struct cli_options *opt, struct error *err)
{
	struct cli_maps *maps = &h->files.maps;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < opt->map_count; i++) {
		rc = cli_maps_add(maps, opt->map[i], err);
		if (rc == 0)
			rc = add_mount(h, maps->map[i].guest, maps->map[i].leaf[0] != '\0', err);
	}
	for (unsigned i = 0; rc == 0 && i < h->archive.count; i++)
		rc = add_mount(h, h->archive.file[i].path, true, err);
	return rc;
}

/* ---- archive ---- */

static int check_requirements(const struct cli_archive_config *c, const struct cli_options *opt,
			      struct error *err)
{
	uint64_t memory = 0;

	if (c->memory && parse_size(c->memory, 0, CLI_MAX_MEMORY, &memory) < 0)
		return error_set(err, EINVAL, "hermit.toml: '%.40s' is no size of memory", c->memory);
	if (memory > opt->memory)
		return error_set(err, ENOMEM, "the image wants %s of memory: run with -m %s", c->memory,
				 c->memory);
	if (c->cpus > opt->cpus)
		return error_set(err, EINVAL, "the image wants %llu cpus: run with -c %llu",
				 (unsigned long long)c->cpus, (unsigned long long)c->cpus);
	return 0;
}

static int open_archive(struct cli_hermit *h, const struct cli_options *opt, struct boot_image *image,
			struct error *err)
{
	struct boot_image packed = *image;
	int rc = cli_archive_kernel(&packed, &h->archive, image, err);

	if (rc < 0)
		return rc;
	h->packed = packed;
	rc = check_requirements(&h->archive.config, opt, err);
	return rc < 0 ? error_wrap(err, "%s", image->name) : 0;
}

static int refuse_options(const struct cli_options *opt, struct error *err)
{
	if (opt->map_count)
		return error_set(err, EINVAL, "--map: only Hermit kernels can be given host files");
	if (opt->env_count)
		return error_set(err, EINVAL, "--env: only Hermit kernels have an environment");
	return 0;
}

int cli_hermit_open(struct cli_hermit *h, const struct cli_options *opt, bool input, struct boot_image *image,
		    struct error *err)
{
	struct boot_hermit_notes notes;
	struct error ignored;
	int rc = 0;

	if (cli_archive_probe(image))
		rc = open_archive(h, opt, image, err);
	if (rc < 0)
		return rc;
	if (!boot_hermit_probe(image))
		return refuse_options(opt, err);
	h->active = true;
	cli_guestfiles_init(&h->files, input ? kvm_machine_access_unwanted : NULL);
	h->files.archive = &h->archive;
	h->files.old_mount = boot_hermit_notes(image, &notes, &ignored) == 0 && !notes.has_kernel;
	rc = take_arguments(h, opt, err);
	if (rc == 0)
		rc = take_environment(h, opt, err);
	return rc == 0 ? take_maps(h, opt, err) : rc;
}

void cli_hermit_close(struct cli_hermit *h, struct boot_image *image)
{
	if (h->active)
		cli_guestfiles_fini(&h->files);
	h->active = false;
	if (h->packed.bytes)
		*image = h->packed;
	h->packed.bytes = NULL;
	cli_archive_free(&h->archive);
}

int cli_hermit_confine(const struct cli_hermit *h, struct cli_sandbox *sb, struct error *err)
{
	int rc = 0;

	sb->vcpu_maps = h->files.maps.count > 0;
	for (unsigned i = 0; rc == 0 && i < h->files.maps.count; i++) {
		const struct cli_map *m = &h->files.maps.map[i];
		unsigned rights = CLI_LANDLOCK_READ;

		if (!m->read_only)
			rights |= CLI_LANDLOCK_WRITE | CLI_LANDLOCK_MAKE | CLI_LANDLOCK_REMOVE;
		/* A single file may yet be made, or be removed: that is its folder's affair. */
		rc = m->leaf[0] && !m->read_only ? cli_sandbox_allow_beside(sb, m->host, rights, err)
						 : cli_sandbox_allow(sb, m->host, rights, err);
	}
	return rc;
}

/* ---- the machine ---- */

void cli_hermit_boot(struct cli_hermit *h, uint32_t tsc_khz, struct boot_options *opt)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	h->boot = (struct boot_hermit){
		.args = {h->argv.word + h->kernel_words, h->argv.count - h->kernel_words},
		.env = {h->env.word, h->env.count},
		.mounts = {h->mounts.word, h->mounts.count},
		.tsc_khz = tsc_khz,
		.time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
	};
	opt->hermit = &h->boot;
	opt->cmdline = h->kernel_args;
}

static unsigned number(void *ctx)
{
	(void)ctx;
	return kvm_machine_access_vcpu();
}

static uint64_t rdi(void *ctx)
{
	(void)ctx;
	return kvm_machine_access_gpr(X86_RDI);
}

static int translate(void *ctx, uint64_t gva, uint64_t *ret_gpa)
{
	(void)ctx;
	return kvm_machine_access_translate(gva, ret_gpa);
}

static bool ended(void *ctx)
{
	(void)ctx;
	return kvm_machine_access_ended();
}

int cli_hermit_attach(struct cli_hermit *h, const struct dev_host *host, struct guest_mem *mem,
		      struct dev_bus *bus)
{
	struct dev_uhyve_config cfg = {.host = host,
				       .cpu = &h->cpu,
				       .files = &h->files.ops,
				       .mem = mem,
				       .args = {h->argv.word, h->argv.count},
				       .env = {h->env.word, h->env.count}};

	h->cpu = (struct dev_uhyve_cpu){.number = number, .rdi = rdi, .translate = translate, .ended = ended};
	dev_uhyve_init(&h->device, &cfg);
	return dev_uhyve_attach(&h->device, bus);
}

int cli_hermit_set_args(struct cli_hermit *h, const char *text, struct error *err)
{
	unsigned before = h->argv.count;
	int rc;

	h->argv.count = h->kernel_words;
	rc = add_split(&h->argv, text, h->split + BOOT_CMDLINE_MAX, err);
	if (rc < 0)
		h->argv.count = before;
	h->device.cfg.args.count = h->argv.count;
	return rc;
}

void cli_hermit_reset(struct cli_hermit *h)
{
	cli_guestfiles_close_all(&h->files);
}

const struct debug_catch_range cli_hermit_hypercall[CLI_HERMIT_HYPERCALLS] = {
	{DEBUG_CATCH_IO, DEV_UHYVE_PORTS_V1, DEV_UHYVE_PORTS_V1 + DEV_UHYVE_PORTS_V1_SIZE - 1},
	{DEBUG_CATCH_IO, DEV_UHYVE_PORTS_V2, DEV_UHYVE_PORTS_V2 + DEV_UHYVE_PORTS_V2_SIZE - 1},
};
