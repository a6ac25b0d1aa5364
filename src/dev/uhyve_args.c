/* Arguments and environment by the calls of interface 1: first their sizes, then their bytes. */
#include "dev/uhyve_call.h"

/* struct of Cmdsize: count and sizes of the arguments, then the same of the environment. */
#define SIZES (4u + 4 * DEV_UHYVE_WORDS_MAX)

/*
 * Kernels of that time leave out the NULL behind the environment, and programs run over its end when it is
 * short. Empty rows, which programs skip, make it long enough.
 */
#define ENV_MIN 16u

static unsigned row_count(const struct dev_uhyve_words *w, unsigned min)
{
	unsigned n = w->count < min ? min : w->count;

	return n < DEV_UHYVE_WORDS_MAX ? n : DEV_UHYVE_WORDS_MAX;
}

static const char *row(const struct dev_uhyve_words *w, unsigned i)
{
	return i < w->count ? w->word[i] : "";
}

static void put_sizes(uint8_t *at, const struct dev_uhyve_words *w, unsigned min)
{
	unsigned n = row_count(w, min);

	bytes_put_le32(at, n);
	for (unsigned i = 0; i < n; i++)
		bytes_put_le32(at + 4 + 4 * i, (uint32_t)strlen(row(w, i)) + 1);
}

void dev_uhyve_cmdsize(struct dev_uhyve_call *c)
{
	uint8_t sizes[2 * SIZES] = {0};

	put_sizes(sizes, &c->u->cfg.args, 0);
	put_sizes(sizes + SIZES, &c->u->cfg.env, ENV_MIN);
	guest_mem_write(c->u->cfg.mem, c->at, sizes, sizeof(sizes));
}

/* The guest made an array of pointers to buffers of these sizes. One that points nowhere is left out. */
static void put_words(struct dev_uhyve *u, uint64_t array, const struct dev_uhyve_words *w, unsigned min)
{
	unsigned n = row_count(w, min);

	for (unsigned i = 0; i < n; i++) {
		uint8_t pointer[8];

		if (guest_mem_read(u->cfg.mem, array + 8 * i, pointer, sizeof(pointer)) == 0)
			guest_mem_write(u->cfg.mem, bytes_get_le64(pointer), row(w, i),
					strlen(row(w, i)) + 1);
	}
}

void dev_uhyve_cmdval(struct dev_uhyve_call *c)
{
	put_words(c->u, dev_uhyve_u64(c, 0), &c->u->cfg.args, 0);
	put_words(c->u, dev_uhyve_u64(c, 8), &c->u->cfg.env, ENV_MIN);
}
