#include "../cmocka_all.h"
#include "base/error.h"
#include <errno.h>
#include <string.h>

static void test_set_and_wrap(void **state)
{
	struct error e;

	(void)state;
	assert_int_equal(error_set(&e, ENOENT, "%s: not found", "kernel.elf"), -ENOENT);
	assert_int_equal(e.code, ENOENT);
	assert_int_equal(error_wrap(&e, "cannot boot"), -ENOENT);
	assert_string_equal(e.text, "cannot boot: kernel.elf: not found");
	assert_int_equal(error_set(NULL, EIO, "x"), -EIO);
	assert_int_equal(error_wrap(NULL, "x"), -EIO);
}

static void test_long_text_is_cut(void **state)
{
	struct error e;
	char big[2 * ERROR_TEXT_MAX];

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	error_set(&e, EIO, "%s", big);
	assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
	error_wrap(&e, "%s", big);
	assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_and_wrap), cmocka_unit_test(test_long_text_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
