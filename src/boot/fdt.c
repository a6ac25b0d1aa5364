#include "boot/fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

struct writer {
	char *at;
	size_t room;
	bool full;
};

static void put(struct writer *w, const char *text, size_t len)
{
	if (len >= w->room) {
		w->full = true;
		return;
	}
	memcpy(w->at, text, len);
	w->at += len;
	w->room -= len;
}

static void put_text(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

/* As the guest's splitter takes words apart: like a shell, but without variables. */
static void put_word(struct writer *w, const char *word, size_t len)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%^";

	if (len > 0 && strspn(word, plain) >= len) {
		put(w, word, len);
		return;
	}
	put_text(w, "'");
	for (size_t i = 0; i < len; i++)
		if (word[i] == '\'')
			put_text(w, "'\\''");
		else
			put(w, word + i, 1);
	put_text(w, "'");
}

static void put_environment(struct writer *w, const struct boot_words *env)
{
	for (unsigned i = 0; i < env->count; i++) {
		const char *row = env->word[i], *equals = strchr(row, '=');

		put_text(w, " env=");
		put_word(w, row, equals ? (size_t)(equals - row) : strlen(row));
		put_text(w, "=");
		if (equals)
			put_word(w, equals + 1, strlen(equals + 1));
	}
}

int boot_fdt_args(const struct boot_options *opt, char *buf, size_t size, struct error *err)
{
	struct writer w = {.at = buf, .room = size, .full = size == 0};

	put_text(&w, opt->cmdline ? opt->cmdline : "");
	if (opt->hermit) {
		const struct boot_words *args = &opt->hermit->args;

		put_environment(&w, &opt->hermit->env);
		put_text(&w, args->count ? " --" : "");
		for (unsigned i = 0; i < args->count; i++) {
			put_text(&w, " ");
			put_word(&w, args->word[i], strlen(args->word[i]));
		}
	}
	if (w.full)
		return error_set(err, E2BIG,
				 "arguments and environment are longer than the %zu bytes that "
				 "there are for them",
				 size - 1);
	*w.at = '\0';
	return 0;
}

static int add_memory(void *fdt, const struct guest_mem *mem)
{
	int rc = 0;

	for (unsigned i = 0; i < mem->count && rc == 0; i++) {
		fdt64_t reg[2] = {cpu_to_fdt64(mem->region[i].gpa), cpu_to_fdt64(mem->region[i].size)};
		char name[32];

		snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)mem->region[i].gpa);
		rc = fdt_begin_node(fdt, name);
		if (rc == 0)
			rc = fdt_property_string(fdt, "device_type", "memory");
		if (rc == 0)
			rc = fdt_property(fdt, "reg", reg, sizeof(reg));
		if (rc == 0)
			rc = fdt_end_node(fdt);
	}
	return rc;
}

static int add_cpus(void *fdt, unsigned cpus)
{
	int rc = fdt_begin_node(fdt, "cpus");

	if (rc == 0)
		rc = fdt_property_u32(fdt, "#address-cells", 1);
	if (rc == 0)
		rc = fdt_property_u32(fdt, "#size-cells", 0);
	for (unsigned i = 0; i < (cpus ? cpus : 1) && rc == 0; i++) {
		char name[32];

		snprintf(name, sizeof(name), "cpu@%x", i);
		rc = fdt_begin_node(fdt, name);
		if (rc == 0)
			rc = fdt_property_string(fdt, "device_type", "cpu");
		if (rc == 0)
			rc = fdt_property_u32(fdt, "reg", i);
		if (rc == 0)
			rc = fdt_end_node(fdt);
	}
	return rc == 0 ? fdt_end_node(fdt) : rc;
}

static int add_rate(void *fdt, uint32_t khz)
{
	int rc = fdt_begin_node(fdt, "hermit,tsc");

	if (rc == 0)
		rc = fdt_property_u32(fdt, "khz", khz);
	return rc == 0 ? fdt_end_node(fdt) : rc;
}

/* A list of strings: each with its NUL. */
static int add_mounts(void *fdt, const struct boot_words *mounts)
{
	char list[4096];
	size_t used = 0;
	int rc;

	for (unsigned i = 0; i < mounts->count; i++) {
		size_t len = strlen(mounts->word[i]) + 1;

		if (len > sizeof(list) - used)
			return -FDT_ERR_NOSPACE;
		memcpy(list + used, mounts->word[i], len);
		used += len;
	}
	rc = fdt_begin_node(fdt, "uhyve,mounts");
	if (rc == 0)
		rc = fdt_property(fdt, "mounts", list, (int)used);
	return rc == 0 ? fdt_end_node(fdt) : rc;
}

static int add_chosen(void *fdt, const char *args)
{
	int rc = fdt_begin_node(fdt, "chosen");

	if (rc == 0)
		rc = fdt_property(fdt, "bootargs", args, (int)strlen(args) + 1);
	return rc == 0 ? fdt_end_node(fdt) : rc;
}

static int begin(void *fdt, size_t size)
{
	int rc = fdt_create(fdt, (int)size);

	if (rc == 0)
		rc = fdt_finish_reservemap(fdt);
	if (rc == 0)
		rc = fdt_begin_node(fdt, "");
	if (rc == 0)
		rc = fdt_property_string(fdt, "compatible", "hermit,uhyve");
	if (rc == 0)
		rc = fdt_property_u32(fdt, "#address-cells", 2);
	return rc == 0 ? fdt_property_u32(fdt, "#size-cells", 2) : rc;
}

int boot_fdt_build(const struct boot_options *opt, const struct guest_mem *mem, void *buf, size_t size,
		   struct error *err)
{
	const struct boot_hermit *h = opt->hermit;
	char args[BOOT_FDT_ARGS_MAX];
	int rc = boot_fdt_args(opt, args, sizeof(args), err);

	if (rc < 0)
		return rc;
	memset(buf, 0, size);
	rc = begin(buf, size);
	if (rc == 0)
		rc = add_memory(buf, mem);
	if (rc == 0)
		rc = add_cpus(buf, opt->cpus);
	if (rc == 0 && h && h->tsc_khz)
		rc = add_rate(buf, h->tsc_khz);
	if (rc == 0 && h && h->mounts.count)
		rc = add_mounts(buf, &h->mounts);
	if (rc == 0)
		rc = add_chosen(buf, args);
	if (rc == 0)
		rc = fdt_end_node(buf);
	if (rc == 0)
		rc = fdt_finish(buf);
	return rc ? error_set(err, E2BIG, "the device tree does not fit its %zu bytes: %s", size,
			      fdt_strerror(rc))
		  : 0;
}
