#include "../cmocka_all.h"

#include "server/address.h"

#include <errno.h>
#include <string.h>

struct good_case {
	const char *text;
	enum server_kind kind;
	const char *host;
	uint16_t port;
	const char *path;
	const char *target;
};

static const struct good_case good[] = {
	{":1234", SERVER_TCP, "127.0.0.1", 1234, "", "127.0.0.1:1234"},
	{"1234", SERVER_TCP, "127.0.0.1", 1234, "", "127.0.0.1:1234"},
	{":0", SERVER_TCP, "127.0.0.1", 0, "", "127.0.0.1:0"},
	{"65535", SERVER_TCP, "127.0.0.1", 65535, "", "127.0.0.1:65535"},
	{"localhost:9", SERVER_TCP, "localhost", 9, "", "localhost:9"},
	{"0.0.0.0:1234", SERVER_TCP, "0.0.0.0", 1234, "", "127.0.0.1:1234"},
	{"[::1]:1234", SERVER_TCP, "::1", 1234, "", "[::1]:1234"},
	{"[::]:1234", SERVER_TCP, "::", 1234, "", "[::1]:1234"},
	{"[fe80::1%eth0]:1", SERVER_TCP, "fe80::1%eth0", 1, "", "[fe80::1%eth0]:1"},
	{"a-host.example:80", SERVER_TCP, "a-host.example", 80, "", "a-host.example:80"},
	{"unix:/run/t.sock", SERVER_UNIX, "", 0, "/run/t.sock", "/run/t.sock"},
	{"unix:rel", SERVER_UNIX, "", 0, "rel", "rel"},
	{"stdio", SERVER_STDIO, "", 0, "", "|"},
	{"/dev/ttyS0", SERVER_TTY, "", 0, "/dev/ttyS0", "/dev/ttyS0"},
};

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		const struct good_case *c = &good[i];
		struct server_address a;
		struct error err = {0};
		char target[128];

		if (server_address_parse(c->text, &a, &err) != 0)
			fail_msg("%s: %s", c->text, err.text);
		assert_int_equal(a.kind, c->kind);
		assert_string_equal(a.host, c->host);
		assert_int_equal(a.port, c->port);
		assert_string_equal(a.path, c->path);
		server_address_format(&a, target, sizeof(target));
		assert_string_equal(target, c->target);
	}
}

struct bad_case { const char *text, *says; };

static const struct bad_case bad[] = {
	{"", "expected :PORT"},
	{":", "expected :PORT"},
	{"host", "expected :PORT"},
	{"host:", "expected :PORT"},
	{":65536", "out of range"},
	{":99999999999999999999", "out of range"},
	{":12x", "expected :PORT"},
	{":-1", "expected :PORT"},
	{"::1:1234", "expected :PORT"},
	{"[::1]", "expected :PORT"},
	{"[::1]1234", "expected :PORT"},
	{"[]:1", "expected :PORT"},
	{"[::1:1234", "expected :PORT"},
	{"a b:1", "expected :PORT"},
	{"/run/t.sock", "write unix:/run/t.sock"},
	{"unix:", "empty path"},
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct server_address a;
		struct error err = {0};

		memset(&a, 0x5a, sizeof(a));
		if (server_address_parse(bad[i].text, &a, &err) != -EINVAL)
			fail_msg("'%s' was taken", bad[i].text);
		if (strstr(err.text, bad[i].says) == NULL)
			fail_msg("'%s': text was: %s", bad[i].text, err.text);
		assert_int_equal(a.port, 0x5a5a); /* untouched */
	}
}

static void refuses_what_does_not_fit(void **state)
{
	struct server_address a;
	struct error err;
	char text[256] = "unix:";

	(void)state;
	memset(text + 5, 'p', sizeof(a.path) - 1);
	text[5 + sizeof(a.path) - 1] = '\0';
	assert_int_equal(server_address_parse(text, &a, &err), 0);
	assert_int_equal(strlen(a.path), sizeof(a.path) - 1);
	strcat(text, "p");
	assert_int_equal(server_address_parse(text, &a, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too long"));
	memset(text, 'h', 64);
	memcpy(text + 64, ":1", 3);
	assert_int_equal(server_address_parse(text, &a, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too long"));
	assert_int_equal(server_address_parse(text + 1, &a, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_what_does_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
