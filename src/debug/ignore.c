#include "debug/ignore.h"

#include "base/parse.h"
#include "debug/internal.h"
#include "debug/text.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

static struct debug_ignore *find(const struct debug_ignores *g, uint64_t gva)
{
	for (unsigned i = 0; i < g->count; i++)
		if (g->row[i].gva == gva)
			return (struct debug_ignore *)&g->row[i];
	return NULL;
}

static void drop(struct debug_ignores *g, struct debug_ignore *row)
{
	*row = g->row[--g->count];
}

int debug_ignore_set(struct debug_ignores *g, uint64_t gva, uint64_t count)
{
	struct debug_ignore *row = find(g, gva);

	if (count == 0) {
		if (row)
			drop(g, row);
		return 0;
	}
	if (!row && g->count == DEBUG_MAX_IGNORES)
		return -ENOSPC;
	if (!row)
		row = &g->row[g->count++];
	*row = (struct debug_ignore){ .gva = gva, .left = count };
	return 0;
}

uint64_t debug_ignore_left(const struct debug_ignores *g, uint64_t gva)
{
	const struct debug_ignore *row = find(g, gva);

	return row ? row->left : 0;
}

bool debug_ignore_take(struct debug_ignores *g, uint64_t gva)
{
	struct debug_ignore *row = find(g, gva);

	if (!row)
		return false;
	if (--row->left == 0)
		drop(g, row);
	return true;
}

/* ---- monitor ignore ---- */

static void list(const struct debug_ignores *g, struct debug_text *out)
{
	if (g->count == 0)
		debug_text_add(out, "no hits are ignored: monitor ignore ADDRESS COUNT\n");
	for (unsigned i = 0; i < g->count; i++)
		debug_text_add(out, "0x%016" PRIx64 "  the next %" PRIu64 " hits are ignored\n",
		               g->row[i].gva, g->row[i].left);
}

/* "ADDRESS COUNT" */
static bool take_words(const char *arg, uint64_t *ret_gva, uint64_t *ret_count)
{
	char address[32];
	size_t len = strcspn(arg, " \t");

	if (len == 0 || len >= sizeof(address))
		return false;
	memcpy(address, arg, len);
	address[len] = '\0';
	arg += len + strspn(arg + len, " \t");
	return parse_address(address, ret_gva) == 0 && parse_u64(arg, 0, UINT64_MAX, ret_count) == 0;
}

void debug_monitor_ignore(struct debug_session *s, const char *arg, struct debug_text *out)
{
	uint64_t gva, count;

	if (!arg[0])
		list(&s->ignores, out);
	else if (!take_words(arg, &gva, &count))
		debug_text_add(out, "ignore takes an address and a count: monitor ignore 0x100000 99\n");
	else if (count > 0 && !s->caps.step)
		debug_text_add(out, "to ignore a hit needs single-stepping, which does not work here\n");
	else if (debug_ignore_set(&s->ignores, gva, count) < 0)
		debug_text_add(out, "hits are ignored at %d addresses already\n", DEBUG_MAX_IGNORES);
	else if (count == 0)
		debug_text_add(out, "0x%" PRIx64 ": no hit is ignored\n", gva);
	else
		debug_text_add(out, "0x%" PRIx64 ": the next %" PRIu64 " hits are ignored\n", gva, count);
}
