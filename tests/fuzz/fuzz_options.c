/*
 * The command line: arguments with a NUL behind each. What is taken must be whole; what is not, has a text;
 * the texts of --help fit whatever they are asked for.
 */
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ARGS 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *environment;

static void must(bool truth)
{
	if (!truth)
		abort();
}

static char *look_up(const char *name)
{
	must(*name != '\0');
	return environment;
}

static void check_taken(const struct cli_options *o)
{
	bool machine = o->command == CLI_RUN || o->command == CLI_DEBUG;
	char text[4096];

	must(o->command < CLI_COMMAND_COUNT && o->topic < CLI_COMMAND_COUNT);
	if (machine) {
		must(o->kernel == NULL || *o->kernel != '\0');
		must(o->memory >= CLI_MIN_MEMORY && o->memory <= CLI_MAX_MEMORY && o->memory % 4096 == 0);
		must(o->cpus >= 1 && o->cpus <= 64 && o->module_count <= BOOT_MODULES_MAX);
		must(memchr(o->cmdline, '\0', sizeof(o->cmdline)) != NULL && o->eval_count <= CLI_MAX_EVALS);
	}
	cli_options_help(o->topic, text, sizeof(text));
	must(strlen(text) < sizeof(text) && text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cli_options o, untouched;
	struct error err = {0};
	char *argv[MAX_ARGS + 2] = {(char[]){"trapline"}}, *text = malloc(size + 1), *at = text;
	int argc = 1;

	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&o, 0x5a, sizeof(o));
	untouched = o;
	environment = size > 0 && data[0] % 2 ? text : NULL;
	while (argc <= MAX_ARGS && at < text + size) {
		argv[argc++] = at;
		at += strlen(at) + 1;
	}
	if (cli_options_parse(argc, argv, look_up, &o, &err) == 0) {
		check_taken(&o);
	} else {
		must(err.text[0] != '\0' && memchr(err.text, '\0', sizeof(err.text)) != NULL);
		must(memcmp(&o, &untouched, sizeof(o)) == 0);
	}
	free(text);
	return 0;
}
