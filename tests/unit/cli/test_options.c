#include "../cmocka_all.h"

#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGS 64

/* The environment that the parser sees; NULL: none. */
static char *(*lookup)(const char *name);

static int parse(const char *const *args, struct cli_options *ret, struct error *err)
{
	static char name[] = "trapline";
	char *argv[MAX_ARGS + 2] = {name};
	int argc = 1;

	for (; args[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)args[argc - 1];
	return cli_options_parse(argc, argv, lookup, ret, err);
}

static struct cli_options must_parse(const char *const *args)
{
	struct cli_options opt;
	struct error err;

	if (parse(args, &opt, &err) < 0)
		fail_msg("%s", err.text);
	return opt;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void defaults(void **state)
{
	struct cli_options opt = must_parse(ARGS("run", "k.elf"));

	(void)state;
	assert_int_equal(opt.command, CLI_RUN);
	assert_string_equal(opt.kernel, "k.elf");
	assert_string_equal(opt.cmdline, "");
	assert_int_equal(opt.memory, 128 << 20);
	assert_int_equal(opt.cpus, 1);
	assert_int_equal(opt.gdb, CLI_GDB_OFF);
	assert_null(opt.gdb_log);
	assert_null(opt.core);
	assert_false(opt.no_reboot);
	assert_false(opt.time_runs);
	assert_int_equal(opt.verbosity, 0);
}

static void every_option_of_run(void **state)
{
	struct cli_options opt = must_parse(ARGS("run", "-m64M", "-c", "4", "--gdb=:9000", "--gdb-log", "log",
						 "--core=core", "--no-reboot",
						 "--guest-time=run", "k.elf", "-vv", "--append",
						 "a b", "--", "c", "--gdb-attach", "-q"));

	(void)state;
	assert_int_equal(opt.memory, 64 << 20);
	assert_int_equal(opt.cpus, 4);
	assert_int_equal(opt.gdb, CLI_GDB_WAIT);
	assert_int_equal(opt.gdb_address.kind, SERVER_TCP);
	assert_int_equal(opt.gdb_address.port, 9000);
	assert_string_equal(opt.gdb_log, "log");
	assert_string_equal(opt.core, "core");
	assert_true(opt.no_reboot);
	assert_true(opt.time_runs);
	assert_string_equal(opt.kernel, "k.elf");
	assert_string_equal(opt.cmdline, "a b c --gdb-attach -q");
	assert_int_equal(opt.verbosity, 2);
}

static void restore_needs_no_kernel(void **state)
{
	struct cli_options opt = must_parse(ARGS("run", "--restore", "s", "--snapshot-out=o"));

	(void)state;
	assert_null(opt.kernel);
	assert_string_equal(opt.restore, "s");
	assert_string_equal(opt.snapshot_out, "o");
	assert_false(opt.memory_given || opt.cpus_given);
	opt = must_parse(ARGS("run", "--restore", "s", "-m128M", "-c1", "k"));
	assert_string_equal(opt.kernel, "k");
	assert_true(opt.memory_given && opt.cpus_given);
}

static char *environment(const char *name)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
		{"HERMIT_MEMORY_SIZE", "64M"},
		{"HERMIT_CPU_COUNT", "3"},
		{"HERMIT_GDB_PORT", "4321"},
		{"HERMIT_MEM", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return (char *)(uintptr_t)rows[i].value;
	return NULL;
}

static void uhyves_names(void **state)
{
	struct cli_options opt =
		must_parse(ARGS("run", "--memory-size", "64M", "--cpu-count=2", "--map", "a:/b:ro", "-s",
				"77", "--file-mapping=c:/d", "--env", "A=1", "-e", "host", "-o", "none",
				"--stats", "--no-aslr", "-a", "k1 k2", "k", "--", "x", "y z"));

	(void)state;
	assert_true(opt.memory == 64 << 20 && opt.cpus == 2 && opt.gdb == CLI_GDB_WAIT &&
		    opt.gdb_address.port == 77);
	assert_true(opt.map_count == 2 && opt.env_count == 2 && opt.stats && opt.aslr == CLI_ASLR_OFF);
	assert_string_equal(opt.map[1], "c:/d");
	assert_string_equal(opt.env[1], "host");
	assert_string_equal(opt.output, "none");
	assert_string_equal(opt.cmdline, "k1 k2 x y z");
	assert_int_equal(opt.append_len, 5);
	assert_true(opt.arg_count == 2 && strcmp(opt.arg[1], "y z") == 0);
	opt = must_parse(ARGS("run", "-s", "k"));
	assert_true(opt.gdb_address.port == 6677 && strcmp(opt.kernel, "k") == 0);
	assert_int_equal(must_parse(ARGS("run", "--gdb-port=5", "k")).gdb_address.port, 5);
	assert_int_equal(must_parse(ARGS("run", "-s6", "k")).gdb_address.port, 6);
}

static void variables(void **state)
{
	struct cli_options opt;

	(void)state;
	lookup = environment;
	opt = must_parse(ARGS("run", "k"));
	assert_true(opt.memory == 64 << 20 && opt.cpus == 3 && opt.gdb == CLI_GDB_WAIT);
	assert_int_equal(opt.gdb_address.port, 4321);
	opt = must_parse(ARGS("run", "-c1", "--gdb-attach=:9", "k"));
	assert_true(opt.cpus == 1 && opt.gdb == CLI_GDB_ATTACH && opt.gdb_address.port == 9);
	assert_int_equal(must_parse(ARGS("doctor")).gdb, CLI_GDB_OFF);
	lookup = NULL;
}

static void spellings(void **state)
{
	static const char *const forms[][4] = {
		{"run", "--memory=1G", "k"}, {"run", "--memory", "1G", "k"}, {"run", "-m1G", "k"},
		{"run", "-m", "1G", "k"}, {"run", "k", "-vm1024M"}, {"run", "-m1GiB", "--", "k"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		const char *args[5] = {forms[i][0], forms[i][1], forms[i][2], forms[i][3]};
		struct cli_options opt = must_parse(args);

		assert_int_equal(opt.memory, 1ull << 30);
		assert_string_equal(opt.kernel, "k");
	}
	assert_int_equal(must_parse(ARGS("run", "-m", "1025K", "k")).memory, 1028 * 1024);
	assert_int_equal(must_parse(ARGS("run", "-q", "k")).verbosity, -1);
}

static void gdb_addresses(void **state)
{
	struct cli_options opt = must_parse(ARGS("run", "--gdb", "k"));

	(void)state;
	assert_string_equal(opt.kernel, "k"); /* an optional value stands behind "=" only */
	assert_string_equal(opt.gdb_address.host, "127.0.0.1");
	assert_int_equal(opt.gdb_address.port, 1234);
	opt = must_parse(ARGS("run", "--gdb-attach=unix:/run/x", "k"));
	assert_int_equal(opt.gdb, CLI_GDB_ATTACH);
	assert_int_equal(opt.gdb_address.kind, SERVER_UNIX);
	opt = must_parse(ARGS("run", "--gdb=stdio", "k"));
	assert_int_equal(opt.gdb_address.kind, SERVER_STDIO);
}

static void modules(void **state)
{
	struct cli_options opt = must_parse(ARGS("run", "-i", "a b", "--initrd=c", "--module", "d e f", "k"));
	static const char *bad[] = {"--initrd=", "--module=", "--module= x"};
	const char *many[2 * BOOT_MODULES_MAX + 5] = {"run", "k"};
	struct error err;

	(void)state;
	assert_int_equal(opt.module_count, 3);
	assert_string_equal(opt.module[0].value, "a b");
	assert_false(opt.module[0].has_text || opt.module[1].has_text);
	assert_string_equal(opt.module[1].value, "c");
	assert_string_equal(opt.module[2].value, "d e f");
	assert_true(opt.module[2].has_text);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse(ARGS("run", "k", bad[i]), &opt, &err), -EINVAL);
	for (unsigned i = 0; i <= BOOT_MODULES_MAX; i++)
		many[2 + i] = "-im";
	assert_int_equal(parse(many, &opt, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 32 initrds"));
	many[2 + BOOT_MODULES_MAX] = NULL;
	assert_int_equal(parse(many, &opt, &err), 0);
}

static void debug_options(void **state)
{
	struct cli_options opt = must_parse(ARGS("debug", "--lldb", "-e", "b main", "--eval=c", "--debugger",
	                                         "lldb-15", "-c2", "k", "--", "x"));

	(void)state;
	assert_int_equal(opt.command, CLI_DEBUG);
	assert_true(opt.lldb);
	assert_int_equal(opt.eval_count, 2);
	assert_string_equal(opt.eval[0], "b main");
	assert_string_equal(opt.eval[1], "c");
	assert_string_equal(opt.debugger, "lldb-15");
	assert_string_equal(opt.cmdline, "x");
	assert_int_equal(opt.cpus, 2);
}

static void other_commands(void **state)
{
	struct { const char *args[4]; enum cli_command command, topic; } rows[] = {
		{{"help"}, CLI_HELP, CLI_HELP},
		{{"--help"}, CLI_HELP, CLI_HELP},
		{{"-h"}, CLI_HELP, CLI_HELP},
		{{"help", "run"}, CLI_HELP, CLI_RUN},
		{{"run", "--help"}, CLI_HELP, CLI_RUN},
		{{"run", "-vh", "--nonsense"}, CLI_HELP, CLI_RUN},
		{{"debug", "k", "--help"}, CLI_HELP, CLI_DEBUG},
		{{"help", "doctor"}, CLI_HELP, CLI_DOCTOR},
		{{"help", "--help"}, CLI_HELP, CLI_HELP},
		{{"version"}, CLI_VERSION, CLI_HELP},
		{{"--version"}, CLI_VERSION, CLI_HELP},
		{{"-V"}, CLI_VERSION, CLI_HELP},
		{{"doctor"}, CLI_DOCTOR, CLI_HELP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cli_options opt = must_parse(rows[i].args);

		assert_int_equal(opt.command, rows[i].command);
		assert_int_equal(opt.topic, rows[i].topic);
	}
	assert_true(must_parse(ARGS("doctor", "--json")).json);
	assert_false(must_parse(ARGS("doctor")).json);
}

struct bad_case { const char *args[5], *says; };

static const struct bad_case bad[] = {
	{{NULL}, "no command given (see 'trapline help')"},
	{{"k.elf"}, "unknown command 'k.elf'"},
	{{"run"}, "no kernel given (see 'trapline help run')"},
	{{"debug"}, "no kernel given (see 'trapline help debug')"},
	{{"run", ""}, "empty name"},
	{{"run", "k", "l"}, "unexpected argument 'l': arguments for the guest go behind '--'"},
	{{"doctor", "x"}, "unexpected argument 'x'"},
	{{"help", "run", "x"}, "unexpected argument 'x'"},
	{{"help", "frob"}, "unknown command 'frob'"},
	{{"run", "--frob", "k"}, "unknown option '--frob' (see 'trapline help run')"},
	{{"run", "--frob=1", "k"}, "unknown option '--frob'"},
	{{"run", "--mem", "k"}, "unknown option '--mem'"},
	{{"run", "-z", "k"}, "unknown option '-z'"},
	{{"run", "--lldb", "k"}, "unknown option '--lldb'"},
	{{"debug", "--gdb", "k"}, "unknown option '--gdb'"},
	{{"run", "k", "-m"}, "option -m needs a value: SIZE"},
	{{"run", "k", "--core"}, "option --core needs a value: FILE"},
	{{"run", "k", "--core="}, "empty file name in --core"},
	{{"run", "k", "--restore="}, "empty file name in --restore"},
	{{"run", "k", "--snapshot-out", ""}, "empty file name in --snapshot-out"},
	{{"debug", "--restore", "s"}, "no kernel given"},
	{{"run", "k", "--no-reboot=1"}, "option --no-reboot takes no value"},
	{{"run", "k", "-m", "0"}, "too small"},
	{{"run", "k", "-m", "128"}, "memory size '128' is too small (128 bytes, at least 1M)"},
	{{"run", "k", "-m", "2T"}, "too large"},
	{{"run", "k", "-m", "99999999T"}, "out of range"},
	{{"run", "k", "-m", "lots"}, "bad memory size 'lots'"},
	{{"run", "k", "-m", "-1"}, "bad memory size '-1'"},
	{{"run", "k", "--guest-time=stop"}, "bad value 'stop' of --guest-time: expected freeze or run"},
	{{"run", "k", "-c", "0"}, "bad number of cpus '0': expected 1 to 64"},
	{{"run", "k", "-c", "65"}, "expected 1 to 64"},
	{{"run", "k", "--gdb=:99999"}, "out of range"},
	{{"run", "k", "--gdb="}, "bad debugger address"},
	{{"run", "k", "--gdb", "--gdb-attach"}, "exclude each other"},
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cli_options opt;
		struct error err = {0};

		memset(&opt, 0x5a, sizeof(opt));
		if (parse(bad[i].args, &opt, &err) != -EINVAL)
			fail_msg("row %zu was taken", i);
		if (strstr(err.text, bad[i].says) == NULL)
			fail_msg("row %zu: '%s' is not in: %s", i, bad[i].says, err.text);
		assert_int_equal(opt.cpus, 0x5a5a5a5a); /* untouched */
	}
}

static void limits(void **state)
{
	static char longest[BOOT_CMDLINE_MAX + 1];
	const char *args[MAX_ARGS] = {"debug", "k"};
	struct cli_options opt;
	struct error err;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 2);
	assert_int_equal(strlen(must_parse(ARGS("run", "k", "--", longest)).cmdline), BOOT_CMDLINE_MAX - 1);
	assert_int_equal(parse(ARGS("run", "k", "-a", "y", "--", longest), &opt, &err), -EINVAL);
	assert_non_null(strstr(err.text, "command line is too long"));
	for (int i = 0; i < CLI_MAX_EVALS; i++)
		args[2 + i] = "-ec";
	assert_int_equal(must_parse(args).eval_count, CLI_MAX_EVALS);
	args[2 + CLI_MAX_EVALS] = "-ec";
	assert_int_equal(parse(args, &opt, &err), -EINVAL);
}

static void help_names_every_option(void **state)
{
	char text[4096], name[64];
	size_t count;
	const struct cli_option *o = cli_options_table(&count);

	(void)state;
	for (int c = 0; c < CLI_COMMAND_COUNT; c++) {
		cli_options_help((enum cli_command)c, text, sizeof(text));
		assert_true(strlen(text) < sizeof(text) - 1);
		for (size_t i = 0; i < count && c != CLI_HELP; i++) {
			snprintf(name, sizeof(name), "--%s", o[i].name);
			if (o[i].commands & 1u << c &&
			    (strstr(text, name) == NULL || strstr(text, o[i].help) == NULL))
				fail_msg("%s is not in the help of %s", name, cli_options_commands[c].name);
		}
		for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
			if (strcspn(line, "\n") > 100)
				fail_msg("too wide: %.100s", line);
	}
	cli_options_help(CLI_HELP, text, sizeof(text));
	for (int c = 0; c < CLI_COMMAND_COUNT; c++)
		assert_non_null(strstr(text, cli_options_commands[c].name));
	cli_options_help(CLI_RUN, text, 10);
	assert_int_equal(strlen(text), 9);
}

/* The manual's source is given as TRAPLINE_MAN. */
static void manual_names_every_option_and_command(void **state)
{
	static char page[65536];
	const char *path = getenv("TRAPLINE_MAN");
	char want[64];
	size_t count, len;
	const struct cli_option *o = cli_options_table(&count);
	FILE *f;

	(void)state;
	if (path == NULL)
		skip();
	f = fopen(path, "r");
	assert_non_null(f);
	len = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	assert_true(len > 0 && len < sizeof(page) - 1);
	for (size_t i = 0; i < count; i++) {
		char *p = want;

		p += snprintf(p, sizeof(want), "Fl ");
		if (o[i].letter != 0)
			p += sprintf(p, "%c , Fl ", o[i].letter);
		p += sprintf(p, "\\-");
		for (const char *c = o[i].name; *c != '\0'; c++)
			p += sprintf(p, *c == '-' ? "\\-" : "%c", *c);
		if (strstr(page, want) == NULL)
			fail_msg("the manual has no '%s'", want);
	}
	for (int c = 0; c < CLI_COMMAND_COUNT; c++) {
		snprintf(want, sizeof(want), "Cm %s", cli_options_commands[c].name);
		if (strstr(page, want) == NULL)
			fail_msg("the manual has no '%s'", want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_option_of_run),
		cmocka_unit_test(restore_needs_no_kernel),
		cmocka_unit_test(uhyves_names),
		cmocka_unit_test(variables),
		cmocka_unit_test(spellings),
		cmocka_unit_test(gdb_addresses),
		cmocka_unit_test(modules),
		cmocka_unit_test(debug_options),
		cmocka_unit_test(other_commands),
		cmocka_unit_test(refuses),
		cmocka_unit_test(limits),
		cmocka_unit_test(help_names_every_option),
		cmocka_unit_test(manual_names_every_option_and_command),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
