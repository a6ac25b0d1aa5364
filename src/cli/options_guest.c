#include "cli/options_guest.h"

#include <errno.h>
#include <string.h>

#define UHYVE_TAP "tap10" /* of --net=tap */

int cli_options_guest_map(struct cli_options *opt, const char *value, struct error *err)
{
	if (opt->map_count == CLI_MAPS_MAX)
		return error_set(err, EINVAL, "more than %d host files are mapped", CLI_MAPS_MAX);
	opt->map[opt->map_count++] = value;
	return 0;
}

int cli_options_guest_env(struct cli_options *opt, const char *value, struct error *err)
{
	const char *equals = strchr(value, '=');

	if (strcmp(value, "host") != 0 && (!equals || equals == value))
		return error_set(err, EINVAL,
				 "bad environment variable '%.60s': expected NAME=VALUE, or host for "
				 "all of trapline's own",
				 value);
	if (opt->env_count == CLI_MAX_WORDS)
		return error_set(err, EINVAL, "more than %d environment variables", CLI_MAX_WORDS);
	opt->env[opt->env_count++] = value;
	return 0;
}

int cli_options_guest_output(struct cli_options *opt, const char *value, struct error *err)
{
	if (*value == '\0')
		return error_set(err, EINVAL, "empty file name in --output");
	opt->output = value;
	return 0;
}

int cli_options_guest_tap(struct cli_options *opt, const char *value, struct error *err)
{
	if (*value == '\0')
		return error_set(err, EINVAL, "empty name of an interface in --tap");
	opt->tap = value;
	return 0;
}

int cli_options_guest_net(struct cli_options *opt, const char *value, struct error *err)
{
	if (strcmp(value, "tap") == 0)
		return cli_options_guest_tap(opt, UHYVE_TAP, err);
	if (strncmp(value, "tap:", 4) == 0)
		return cli_options_guest_tap(opt, value + 4, err);
	return error_set(err, EINVAL, "bad network '%.60s': expected tap or tap:IFACE", value);
}

int cli_options_guest_stats(struct cli_options *opt, const char *value, struct error *err)
{
	(void)value, (void)err;
	opt->stats = true;
	return 0;
}

int cli_options_guest_aslr(struct cli_options *opt, const char *value, struct error *err)
{
	(void)value, (void)err;
	opt->aslr = CLI_ASLR_ON;
	return 0;
}

int cli_options_guest_no_aslr(struct cli_options *opt, const char *value, struct error *err)
{
	(void)value, (void)err;
	opt->aslr = CLI_ASLR_OFF;
	return 0;
}

static int set_file(const char **file, const char *value, const char *option, struct error *err)
{
	if (*value == '\0')
		return error_set(err, EINVAL, "empty file name in --%s", option);
	*file = value;
	return 0;
}

int cli_options_guest_restore(struct cli_options *opt, const char *value, struct error *err)
{
	return set_file(&opt->restore, value, "restore", err);
}

int cli_options_guest_snapshot_out(struct cli_options *opt, const char *value, struct error *err)
{
	return set_file(&opt->snapshot_out, value, "snapshot-out", err);
}
