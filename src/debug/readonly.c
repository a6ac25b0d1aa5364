#include "debug/readonly.h"

#include <errno.h>
#include <string.h>

static const bool harmless[RSP_KIND_COUNT] = {
	[RSP_QUERY_HALT] = true,     [RSP_READ_REGS] = true,       [RSP_READ_REG] = true,
	[RSP_READ_MEM] = true,       [RSP_READ_RANGES] = true,     [RSP_INSERT_POINT] = true,
	[RSP_REMOVE_POINT] = true,   [RSP_RESUME] = true,          [RSP_SET_THREAD] = true,
	[RSP_THREAD_ALIVE] = true,   [RSP_CURRENT_THREAD] = true,  [RSP_LIST_THREADS] = true,
	[RSP_THREAD_EXTRA] = true,   [RSP_XFER_READ] = true,       [RSP_MONITOR] = true,
	[RSP_OFFSETS] = true,        [RSP_ATTACHED] = true,        [RSP_SEARCH_MEM] = true,
	[RSP_CRC] = true,            [RSP_PHYS_MODE_QUERY] = true, [RSP_PHYS_MODE_SET] = true,
	[RSP_DETACH] = true,         [RSP_EXTENDED] = true,        [RSP_VFILE] = true,
	[RSP_HOST_INFO] = true,      [RSP_PROCESS_INFO] = true,    [RSP_REGISTER_INFO] = true,
	[RSP_REGION_INFO] = true,    [RSP_THREAD_STOP] = true,     [RSP_THREADS_JSON] = true,
	[RSP_WATCH_INFO] = true,     [RSP_SERVER_VERSION] = true,  [RSP_SAVE_REGS] = true,
	[RSP_CATCH_SYSCALLS] = true,
	[RSP_NON_STOP] = true,       [RSP_NEXT_STOP] = true,       [RSP_INTERRUPT_ALL] = true,
};

static const struct { const char *name; bool with_argument; } commands[] = {
	{ "break", true }, { "catch", true }, { "cr3", true }, { "exits", true }, { "help", true },
	{ "ignore", true }, { "kaslr", true }, { "mode", true }, { "phys", true }, { "regs", true },
	{ "step-interrupts", true }, { "time", false }, { "uncatch", true }, { "walk", true },
};

bool debug_readonly_allows_command(const char *name, const char *arg)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].with_argument || *arg == '\0';
	return false;
}

struct debug_caps debug_readonly_caps(const struct debug_caps *caps)
{
	struct debug_caps c = *caps;

	c.int3 = false;
	return c;
}

bool debug_readonly_refuses(struct debug_session *s, const struct rsp_request *req)
{
	if (!s->cfg.read_only)
		return false;
	/* "c ADDR" and "s ADDR" write the pc. */
	if ((unsigned)req->kind < RSP_KIND_COUNT && harmless[req->kind] &&
	    !(req->kind == RSP_RESUME && req->u.resume.has_addr))
		return false;
	if (req->kind != RSP_RESTART) /* no reply is owed to that */
		rsp_reply_error(s->engine, EPERM, DEBUG_READONLY_TEXT);
	return true;
}
