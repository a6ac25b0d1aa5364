/* cli_options_help(): the text of --help, from the tables of options.c. */
#include "cli/options.h"
#include "cli/text.h"

#include <stdio.h>

#define ADDRESSES \
	"\nADDR is :PORT or HOST:PORT (this machine only, unless HOST says otherwise; :0 picks a port),\n" \
	"unix:PATH, stdio or a tty such as /dev/ttyS0; without one, 127.0.0.1" CLI_DEFAULT_ADDRESS ".\n"
#define KEYS \
	"\nWhile the guest has the terminal, Ctrl-A x ends it and Ctrl-A h lists the other keys.\n"

static void add_option(struct cli_text *t, const struct cli_option *o)
{
	char letter[8] = "   ", left[64];
	const char *before = "", *after = "";

	if (o->letter != 0)
		snprintf(letter, sizeof(letter), "-%c,", o->letter);
	if (o->kind == CLI_ARG_REQUIRED)
		before = " ";
	if (o->kind == CLI_ARG_OPTIONAL)
		before = "[=", after = "]";
	snprintf(left, sizeof(left), "%s --%s%s%s%s", letter, o->name, before,
	         o->argument == NULL ? "" : o->argument, after);
	cli_text_add(t, "  %-26s %s\n", left, o->help);
}

static void add_overview(struct cli_text *t)
{
	cli_text_add(t, "trapline runs x86-64 kernels on KVM, with a debugger attached or without.\n\n");
	for (int i = 0; i < CLI_COMMAND_COUNT; i++) {
		const struct cli_command_info *c = &cli_options_commands[i];

		cli_text_add(t, "  trapline %-8s%-18s%s\n", c->name, c->operands, c->help);
	}
	cli_text_add(
		t, "\n'trapline help COMMAND' shows the options of a command; trapline(1) tells the rest.\n");
}

void cli_options_help(enum cli_command topic, char *buf, size_t size)
{
	struct cli_text t;
	const struct cli_command_info *c = &cli_options_commands[topic];
	size_t count;
	const struct cli_option *o = cli_options_table(&count);

	if (size == 0)
		return;
	cli_text_init(&t, buf, size);
	if (topic == CLI_HELP) {
		add_overview(&t);
		return;
	}
	cli_text_add(&t, "usage: trapline %s [OPTIONS]%s%s\n%s\n\n", c->name, *c->operands != '\0' ? " " : "",
	             c->operands, c->help);
	for (size_t i = 0; i < count; i++)
		if (o[i].commands & 1u << topic)
			add_option(&t, &o[i]);
	if (topic == CLI_RUN)
		cli_text_add(&t, ADDRESSES KEYS);
}
