/* cli_options_parse(): argv and the environment to struct cli_options, by the table of options.c. */
#include "cli/options.h"
#include "cli/options_guest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct parser {
	int argc, at;          /* at: the next argument */
	char *const *argv;
	struct cli_options opt;
	struct error *err;
	enum cli_command command; /* stays, when --help turns opt.command */
	const char *topic;     /* operand of help */
};

static int usage(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int usage(struct parser *p, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(p->err, EINVAL, "%s (see 'trapline help %s')", text,
	                 cli_options_commands[p->command].name);
}

static const struct cli_option *find_option(const struct parser *p, const char *name, size_t len, char letter)
{
	size_t count;
	const struct cli_option *table = cli_options_table(&count);

	for (size_t i = 0; i < count; i++) {
		const struct cli_option *o = &table[i];

		if (!(o->commands & 1u << p->command))
			continue;
		if (name != NULL ? strlen(o->name) == len && memcmp(o->name, name, len) == 0
		                 : o->letter == letter)
			return o;
	}
	return NULL;
}

static const char *next_argument(struct parser *p)
{
	return p->at < p->argc ? p->argv[p->at++] : NULL;
}

static const char *next_number(struct parser *p)
{
	const char *arg = p->at < p->argc ? p->argv[p->at] : "";

	return *arg && strspn(arg, "0123456789") == strlen(arg) ? next_argument(p) : NULL;
}

static int parse_long(struct parser *p, const char *arg)
{
	const char *equals = strchr(arg, '='), *value = equals == NULL ? NULL : equals + 1;
	size_t len = equals == NULL ? strlen(arg) : (size_t)(equals - arg);
	const struct cli_option *o = find_option(p, arg + 2, len - 2, 0);

	if (o == NULL)
		return usage(p, "unknown option '%.*s'", len > 80 ? 80 : (int)len, arg);
	if (o->kind == CLI_ARG_NONE && value != NULL)
		return usage(p, "option --%s takes no value", o->name);
	if (o->kind == CLI_ARG_REQUIRED && value == NULL)
		value = next_argument(p);
	if (o->kind == CLI_ARG_REQUIRED && value == NULL)
		return usage(p, "option --%s needs a value: %s", o->name, o->argument);
	if (o->kind == CLI_ARG_NUMBER && value == NULL)
		value = next_number(p);
	return o->set(&p->opt, value, p->err);
}

/* "-v", "-vv", "-m64M", "-m 64M". */
static int parse_letters(struct parser *p, const char *arg)
{
	for (const char *c = arg + 1; *c != '\0'; c++) {
		const struct cli_option *o = find_option(p, NULL, 0, *c);
		const char *value = NULL;
		int rc;

		if (o == NULL)
			return usage(p, "unknown option '-%c'", *c);
		if (o->kind == CLI_ARG_REQUIRED) {
			value = c[1] != '\0' ? c + 1 : next_argument(p);
			if (value == NULL)
				return usage(p, "option -%c needs a value: %s", *c, o->argument);
		}
		if (o->kind == CLI_ARG_NUMBER)
			value = c[1] != '\0' ? c + 1 : next_number(p);
		rc = o->set(&p->opt, value, p->err);
		if (rc < 0 || value != NULL)
			return rc;
	}
	return 0;
}

static int parse_operand(struct parser *p, const char *arg)
{
	bool has_guest = p->command == CLI_RUN || p->command == CLI_DEBUG;

	if ((has_guest || p->command == CLI_INFO) && p->opt.kernel == NULL) {
		p->opt.kernel = arg;
		return 0;
	}
	if (p->command == CLI_HELP && p->topic == NULL) {
		p->topic = arg;
		return 0;
	}
	if (has_guest)
		return usage(p, "unexpected argument '%.80s': arguments for the guest go behind '--'", arg);
	return usage(p, "unexpected argument '%.80s'", arg);
}

static int add_guest_word(struct parser *p, const char *arg)
{
	if (p->opt.arg_count < CLI_MAX_WORDS)
		p->opt.arg[p->opt.arg_count++] = arg;
	return cli_options_append(&p->opt, arg, p->err);
}

/* What stands behind "--": the guest's arguments; elsewhere just operands. */
static int parse_rest(struct parser *p)
{
	const char *arg;
	int rc = 0;

	p->opt.append_len = strlen(p->opt.cmdline);
	while (rc == 0 && (arg = next_argument(p)) != NULL) {
		if (p->command == CLI_RUN || p->command == CLI_DEBUG)
			rc = p->opt.kernel == NULL ? parse_operand(p, arg) : add_guest_word(p, arg);
		else
			rc = parse_operand(p, arg);
	}
	return rc;
}

static int parse_arguments(struct parser *p)
{
	const char *arg;
	int rc = 0;

	while (rc == 0 && p->opt.command == p->command && (arg = next_argument(p)) != NULL) {
		if (strcmp(arg, "--") == 0)
			return parse_rest(p);
		if (strncmp(arg, "--", 2) == 0)
			rc = parse_long(p, arg);
		else if (arg[0] == '-' && arg[1] != '\0')
			rc = parse_letters(p, arg);
		else
			rc = parse_operand(p, arg);
	}
	p->opt.append_len = strlen(p->opt.cmdline);
	return rc;
}

/* uhyve's variables, of today and of its early days. What the command line says goes over them. */
static int take_environment(struct parser *p, char *(*env)(const char *name))
{
	static const struct { const char *variable, *option; } rows[] = {
		{"HERMIT_MEM", "memory"},      {"HERMIT_MEMORY_SIZE", "memory"}, {"HERMIT_CPUS", "cpus"},
		{"HERMIT_CPU_COUNT", "cpus"}, {"HERMIT_GDB_PORT", "gdb-port"},
	};

	for (size_t i = 0; env && i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value = env(rows[i].variable);
		const struct cli_option *o = find_option(p, rows[i].option, strlen(rows[i].option), 0);

		if (!value || *value == '\0' || !o)
			continue;
		if (o->set(&p->opt, value, p->err) < 0)
			return error_wrap(p->err, "%s in the environment", rows[i].variable);
	}
	p->opt.gdb_is_default = true;
	return 0;
}

static bool find_command(const char *name, enum cli_command *ret)
{
	static const struct { const char *name; enum cli_command command; } spellings[] = {
		{"-h", CLI_HELP}, {"--help", CLI_HELP}, {"-V", CLI_VERSION}, {"--version", CLI_VERSION},
	};

	for (int i = 0; i < CLI_COMMAND_COUNT; i++)
		if (strcmp(name, cli_options_commands[i].name) == 0) {
			*ret = (enum cli_command)i;
			return true;
		}
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		if (strcmp(name, spellings[i].name) == 0) {
			*ret = spellings[i].command;
			return true;
		}
	return false;
}

/* What must hold once everything is read. --help is content with anything. */
static int check(struct parser *p)
{
	if (p->opt.command == CLI_HELP && p->topic != NULL && !find_command(p->topic, &p->opt.topic))
		return usage(p, "unknown command '%.80s'", p->topic);
	if (p->opt.command != p->command)
		return 0;
	if ((p->command == CLI_RUN || p->command == CLI_DEBUG || p->command == CLI_INFO) &&
	    p->opt.kernel == NULL && !(p->command == CLI_RUN && p->opt.restore != NULL))
		return usage(p, "no kernel given");
	if (p->opt.kernel != NULL && *p->opt.kernel == '\0')
		return usage(p, "empty name of the kernel file");
	return 0;
}

int cli_options_parse(int argc, char *const argv[], char *(*env)(const char *name), struct cli_options *ret,
                      struct error *err)
{
	struct parser p = {
		.argc = argc,
		.at = 2,
		.argv = argv,
		.opt = {.topic = CLI_HELP, .memory = CLI_DEFAULT_MEMORY, .cpus = 1},
		.err = err,
	};
	int rc;

	if (argc < 2)
		return error_set(err, EINVAL, "no command given (see 'trapline help')");
	if (!find_command(argv[1], &p.command))
		return error_set(err, EINVAL,
				 "unknown command '%.80s' (see 'trapline help'; to boot a kernel: "
				 "'trapline run KERNEL')",
				 argv[1]);
	p.opt.command = p.command;
	rc = take_environment(&p, env);
	if (rc == 0)
		rc = parse_arguments(&p);
	if (rc == 0)
		rc = check(&p);
	if (rc == 0)
		*ret = p.opt;
	return rc;
}
