/* hermit.toml: what is read, and how broken text is refused. The archives around it:
 * tests/cli/cases/hermit.py. */
#include "../cmocka_all.h"

#include "cli/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct cli_archive_config config;
static struct error err;

static int read_text(const char *text)
{
	return cli_archive_config(text, strlen(text), &config, &err);
}

static void test_everything(void **state)
{
	(void)state;
	assert_int_equal(read_text("# a comment\r\n"
				   "version = \"1\"\n\n"
				   "kernel='bin/\\kernel' # literal\n"
				   "other = 5\nmore = [1, true, \"x\"]\n"
				   "[input]\n"
				   "kernel_args = []\n"
				   "app_args = [\"one\", # first\n\n  'two', \"q\\\"\\\\\\t\",\n]\n"
				   "env_vars=[\"A=1\"]\n"
				   "[ requirements ]\n\tmemory = \"64M\"\n\tcpus = 3\n"
				   "[unknown]\nkernel = \"not this\"\ncpus = 9"),
			 0);
	assert_string_equal(config.version, "1");
	assert_string_equal(config.kernel, "bin/\\kernel");
	assert_string_equal(config.memory, "64M");
	assert_int_equal(config.cpus, 3);
	assert_int_equal(config.kernel_args.count, 0);
	assert_int_equal(config.app_args.count, 3);
	assert_string_equal(config.app_args.word[1], "two");
	assert_string_equal(config.app_args.word[2], "q\"\\\t");
	assert_string_equal(config.env.word[0], "A=1");
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(read_text(""), 0);
	assert_true(config.version == NULL && config.kernel == NULL && config.memory == NULL &&
		    config.cpus == 0);
	assert_int_equal(read_text("\n# nothing"), 0);
}

static void test_broken(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"a", "line 1: expected '='"},
		{"= 1", "expected a name"},
		{"\n\na = ", "line 3: expected a str"},
		{"a = \"x", "without end"},
		{"a = \"x\ny\"", "a string that"},
		{"a = \"\\q\"", "a string that"},
		{"a = \"\\", "a string that"},
		{"a = [1", "expected ',' or ']'"},
		{"a = [", "expected a string"},
		{"a = [1 2]", "expected ',' or ']'"},
		{"a = [[1]]", "expected a str"},
		{"[a", "expected ']'"},
		{"[]", "expected a name"},
		{"a = 1 b = 2", "the end of the"},
		{"\"a\" = 1", "keys in quotes"},
		{"a = -1", "expected a string"},
		{"a = 12345678901234567890", "the end of the line"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		if (read_text(rows[i].text) != -EINVAL || !strstr(err.text, rows[i].says))
			fail_msg("'%s': %s", rows[i].text, err.text);
}

static void test_limits(void **state)
{
	size_t len = 3 * CLI_ARCHIVE_TEXT_MAX;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, "a=\"", 3);
	text[CLI_ARCHIVE_TEXT_MAX + 2] = '"';
	assert_int_equal(cli_archive_config(text, CLI_ARCHIVE_TEXT_MAX + 3, &config, &err), 0);
	/* All is used: not even an empty string has room. */
	memcpy(text + CLI_ARCHIVE_TEXT_MAX + 3, "\nb=\"\"", 5);
	assert_int_equal(cli_archive_config(text, CLI_ARCHIVE_TEXT_MAX + 8, &config, &err), -EINVAL);
	text[CLI_ARCHIVE_TEXT_MAX + 2] = 'x';
	assert_int_equal(cli_archive_config(text, len, &config, &err), -EINVAL);
	memcpy(text, "[input]\napp_args=[", 18);
	for (unsigned i = 0; i < 129; i++)
		memcpy(text + 18 + 3 * i, "'',", 3);
	assert_int_equal(cli_archive_config(text, 18 + 3 * 129, &config, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 128"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
