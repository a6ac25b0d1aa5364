#include "server/address.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_HOST "127.0.0.1"

/* What the error texts offer. */
#define FORMS "expected :PORT, HOST:PORT, [IPV6]:PORT, unix:PATH, stdio or /dev/TTY"

static int parse_path(enum server_kind kind, const char *path, struct server_address *ret, struct error *err)
{
	size_t len = strlen(path);
	struct server_address a = {.kind = kind};

	if (len == 0)
		return error_set(err, EINVAL, "empty path in debugger address: %s", FORMS);
	if (len >= sizeof(a.path))
		return error_set(err, EINVAL, "path of debugger address is too long (%zu bytes, at most %zu)",
				 len, sizeof(a.path) - 1);
	memcpy(a.path, path, len + 1);
	*ret = a;
	return 0;
}

/* Letters of names and of numeric addresses; '%' is for the scope of a link-local one. */
static bool host_is_sane(const char *host, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)host[i]) && strchr(".-_:%", host[i]) == NULL)
			return false;
	return true;
}

/* Where host and port stand in text; false when the form is not one of ours. */
static bool split_host(const char *text, const char **host, size_t *host_len, const char **port)
{
	const char *colon;

	if (*text == '[') {
		const char *end = strchr(text, ']');

		if (end == NULL || end == text + 1 || end[1] != ':')
			return false;
		*host = text + 1;
		*host_len = (size_t)(end - *host);
		*port = end + 2;
		return true;
	}
	colon = strrchr(text, ':');
	*host = text;
	*host_len = colon == NULL ? 0 : (size_t)(colon - text);
	*port = colon == NULL ? text : colon + 1;
	return memchr(*host, ':', *host_len) == NULL; /* a bare IPv6 address is ambiguous */
}

static int parse_tcp(const char *text, struct server_address *ret, struct error *err)
{
	struct server_address a = {.kind = SERVER_TCP, .host = DEFAULT_HOST};
	const char *host, *port;
	size_t host_len;
	uint64_t n;

	if (!split_host(text, &host, &host_len, &port) || !host_is_sane(host, host_len))
		return error_set(err, EINVAL, "bad debugger address '%.80s': %s", text, FORMS);
	if (host_len >= sizeof(a.host))
		return error_set(err, EINVAL, "host of debugger address is too long (%zu bytes, at most %zu)",
		                 host_len, sizeof(a.host) - 1);
	switch (parse_u64(port, 0, UINT16_MAX, &n)) {
	case 0:
		break;
	case -ERANGE:
		return error_set(err, EINVAL, "port %.20s of debugger address is out of range (0 to 65535)",
				 port);
	default:
		return error_set(err, EINVAL, "bad debugger address '%.80s': %s", text, FORMS);
	}
	if (host_len > 0) {
		memcpy(a.host, host, host_len);
		a.host[host_len] = '\0';
	}
	a.port = (uint16_t)n;
	*ret = a;
	return 0;
}

int server_address_parse(const char *text, struct server_address *ret, struct error *err)
{
	static const char unix_prefix[] = "unix:";

	if (strcmp(text, "stdio") == 0) {
		*ret = (struct server_address){.kind = SERVER_STDIO};
		return 0;
	}
	if (strncmp(text, unix_prefix, sizeof(unix_prefix) - 1) == 0)
		return parse_path(SERVER_UNIX, text + sizeof(unix_prefix) - 1, ret, err);
	if (strncmp(text, "/dev/", 5) == 0)
		return parse_path(SERVER_TTY, text, ret, err);
	if (strchr(text, '/') != NULL)
		return error_set(err, EINVAL,
				 "bad debugger address '%.80s': for a socket file write unix:%.80s", text,
				 text);
	return parse_tcp(text, ret, err);
}

/* A wildcard is where we listen, not where one connects. */
static const char *reachable_host(const char *host)
{
	if (strcmp(host, "0.0.0.0") == 0)
		return DEFAULT_HOST;
	if (strcmp(host, "::") == 0)
		return "::1";
	return host;
}

void server_address_format(const struct server_address *address, char *buf, unsigned size)
{
	const char *host = reachable_host(address->host);

	switch (address->kind) {
	case SERVER_TCP:
		snprintf(buf, size, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, address->port);
		break;
	case SERVER_UNIX:
	case SERVER_TTY:
		snprintf(buf, size, "%s", address->path);
		break;
	case SERVER_STDIO:
		snprintf(buf, size, "|");
		break;
	}
}
