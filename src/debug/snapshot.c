/*
 * "monitor snapshot". What the debugger has wished stays as it is: a snapshot holds the guest's own bytes
 * only, and the points of the present are made true again in what has been put back.
 */
#include "debug/event.h"
#include "debug/monitor.h"

#include <inttypes.h>
#include <string.h>

#define ROWS 64
#define NAME_MAX_LEN 31

static void help(struct debug_text *out)
{
	debug_text_add(out, "monitor snapshot save NAME      keep the machine as it is now\n"
	                    "monitor snapshot restore NAME   put it back; points stay as they are\n"
	                    "monitor snapshot list\n"
	                    "monitor snapshot delete NAME\n"
	                    "monitor snapshot write NAME     to the file of --snapshot-out\n");
}

/* A name goes into messages and lists: it is to be one word. */
static bool good_name(const char *name)
{
	static const char *const good = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_LEN && strspn(name, good) == len;
}

static uint64_t pc_of_cpu0(struct debug_session *s)
{
	const struct x86_state *st = debug_get(s, 0, X86_GROUP_CORE | X86_GROUP_SYSTEM);

	return st ? x86_linear_pc(st) : 0;
}

static void save(struct debug_session *s, const char *name, struct debug_text *out)
{
	struct error err;
	int rc;

	debug_int3_lift_all(&s->points.int3);
	rc = s->cfg.ops->snapshot_save(s->cfg.target, name, &err);
	debug_int3_unlift(&s->points.int3);
	if (rc < 0)
		debug_text_add(out, "no snapshot: %s\n", err.text);
	else
		debug_text_add(out, "snapshot '%s' saved, cpu0 at 0x%" PRIx64 "\n", name, pc_of_cpu0(s));
}

static void put_back(struct debug_session *s, const char *name, struct debug_text *out)
{
	uint64_t pages = 0;
	struct error err;
	int rc;

	debug_int3_lift_all(&s->points.int3);
	rc = s->cfg.ops->snapshot_restore(s->cfg.target, name, &pages, &err);
	if (rc < 0) {
		debug_int3_unlift(&s->points.int3);
		debug_text_add(out, "not restored: %s\n", err.text);
		return;
	}
	debug_event_after_restore(s);
	debug_text_add(out, "snapshot '%s' restored, %" PRIu64 " pages; cpu0 stands at 0x%" PRIx64, name,
	               pages, pc_of_cpu0(s));
	debug_text_add(out, ". In GDB: maintenance flush register-cache\n");
}

static void forget(struct debug_session *s, const char *name, struct debug_text *out)
{
	struct error err;

	if (s->cfg.ops->snapshot_delete(s->cfg.target, name, &err) < 0)
		debug_text_add(out, "not deleted: %s\n", err.text);
	else
		debug_text_add(out, "snapshot '%s' deleted\n", name);
}

static void write_file(struct debug_session *s, const char *name, struct debug_text *out)
{
	const char *path;
	struct error err;

	if (!s->cfg.write_snapshot)
		debug_text_add(out, "not written: trapline was not given --snapshot-out=FILE\n");
	else if (s->cfg.write_snapshot(s->cfg.ctx, name, &path, &err) < 0)
		debug_text_add(out, "not written: %s\n", err.text);
	else
		debug_text_add(out, "snapshot '%s' written to %s\n", name, path);
}

static void list(struct debug_session *s, struct debug_text *out)
{
	struct debug_snapshot rows[ROWS];
	unsigned n = s->cfg.ops->snapshot_list(s->cfg.target, rows, ROWS);

	if (n == 0)
		debug_text_add(out, "no snapshots\n");
	for (unsigned i = 0; i < n && i < ROWS; i++)
		debug_text_add(out, "%-31s cpu0 at 0x%016" PRIx64 " %" PRIu64 " KiB of memory\n",
		               rows[i].name, rows[i].pc, rows[i].pages * 4);
}

static const struct verb {
	const char *name;
	void (*fn)(struct debug_session *s, const char *name, struct debug_text *out);
} verbs[] = {
	{ "save", save }, { "restore", put_back }, { "delete", forget }, { "write", write_file },
};

void debug_monitor_snapshot(struct debug_session *s, const char *args, struct debug_text *out)
{
	size_t word = strcspn(args, " \t");
	const char *name = args + word + strspn(args + word, " \t");

	if (!s->cfg.ops->snapshot_save) {
		debug_text_add(out, "this machine has no snapshots\n");
		return;
	}
	if (word == 4 && memcmp(args, "list", 4) == 0 && !*name) {
		list(s, out);
		return;
	}
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strlen(verbs[i].name) != word || memcmp(args, verbs[i].name, word) != 0)
			continue;
		if (good_name(name))
			verbs[i].fn(s, name, out);
		else
			debug_text_add(out,
			               "a snapshot's name is 1 to %d letters, digits, '.', '_' and '-'\n",
			               NAME_MAX_LEN);
		return;
	}
	help(out);
}
