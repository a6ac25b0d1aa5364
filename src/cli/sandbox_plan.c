#include "cli/sandbox_plan.h"

#include "base/log.h"

/* Written beside its name and renamed (coredump.c). */
static int allow_core(struct cli_sandbox *sb, const char *core, bool debugged, struct error *err)
{
	sb->main_files = true;
	sb->vcpu_files |= debugged; /* "monitor core" */
	return cli_sandbox_allow_beside(
		sb, core, CLI_LANDLOCK_WRITE | CLI_LANDLOCK_MAKE | CLI_LANDLOCK_REMOVE, err);
}

/* Likewise; the thread that attends the debugger writes it (snapshot.c). */
static int allow_snapshot(struct cli_sandbox *sb, const char *file, struct error *err)
{
	sb->main_files = sb->vcpu_files = true;
	return cli_sandbox_allow_beside(
		sb, file, CLI_LANDLOCK_WRITE | CLI_LANDLOCK_MAKE | CLI_LANDLOCK_REMOVE, err);
}

/* The socket's file goes at the end, and of `trapline debug` the directory that was made for it. */
static int allow_socket(struct cli_sandbox *sb, const char *path, const char *dir, struct error *err)
{
	int rc;

	sb->main_files = true;
	rc = cli_sandbox_allow_beside(sb, path, CLI_LANDLOCK_REMOVE, err);
	if (rc == 0 && *dir != '\0')
		rc = cli_sandbox_allow_beside(sb, dir, CLI_LANDLOCK_REMOVE_DIR, err);
	return rc;
}

int cli_sandbox_plan(struct cli_sandbox *sb, const struct cli_options *opt,
                     const struct server_address *port, const char *socket_dir, struct error *err)
{
	int rc = 0;

	if (opt->sandbox == CLI_SANDBOX_OFF)
		log_warn("the sandbox is off: what a hostile guest breaks out of runs with all your rights");
	else if (!sb->on)
		log_info("sandbox: off, since this build is instrumented");
	sb->signals_child = opt->command == CLI_DEBUG;
	if (opt->core != NULL)
		rc = allow_core(sb, opt->core, port != NULL, err);
	if (rc == 0 && opt->snapshot_out != NULL)
		rc = allow_snapshot(sb, opt->snapshot_out, err);
	if (rc == 0 && port != NULL && port->kind == SERVER_UNIX)
		rc = allow_socket(sb, port->path, socket_dir, err);
	return rc;
}
