#include "base/log.h"
#include "cli/doctor.h"
#include "cli/info.h"
#include "cli/machine.h"
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exit statuses: the guest's own, or CLI_EXIT_FAILURE with a line on stderr, or CLI_EXIT_USAGE likewise. */

static int print(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return 0;
	log_error("cannot write to standard output: %s", strerror(errno));
	return CLI_EXIT_FAILURE;
}

static int do_machine(const struct cli_options *opt)
{
	static const enum log_level levels[] = {LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG};
	struct error err = {0};
	int rc;

	log_set_level(levels[opt->verbosity + 1]);
	rc = cli_machine_run(opt, &err);
	if (rc >= 0)
		return rc;
	log_error("%s", err.text);
	return CLI_EXIT_FAILURE;
}

static int do_doctor(const struct cli_options *opt)
{
	return cli_doctor_run(opt->json);
}

static int do_info(const struct cli_options *opt)
{
	return cli_info_run(opt);
}

static int do_help(const struct cli_options *opt)
{
	char text[4096];

	cli_options_help(opt->topic, text, sizeof(text));
	return print(text);
}

static int do_version(const struct cli_options *opt)
{
	(void)opt;
	return print("trapline " TRAPLINE_VERSION "\n");
}

int main(int argc, char *argv[])
{
	static int (*const run[CLI_COMMAND_COUNT])(const struct cli_options *) = {
		[CLI_RUN] = do_machine,
		[CLI_DEBUG] = do_machine,
		[CLI_DOCTOR] = do_doctor,
		[CLI_INFO] = do_info,
		[CLI_HELP] = do_help,
		[CLI_VERSION] = do_version,
	};
	struct cli_options opt;
	struct error err = {0};

	if (cli_options_parse(argc, argv, getenv, &opt, &err) < 0) {
		log_error("%s", err.text);
		return CLI_EXIT_USAGE;
	}
	return run[opt.command](&opt);
}
