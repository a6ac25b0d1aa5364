/* What a user writes behind --gdb=: the forms of an address. Pure. */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include "base/error.h"
#include <stdint.h>
#include <sys/un.h>

enum server_kind { SERVER_TCP, SERVER_UNIX, SERVER_STDIO, SERVER_TTY };

struct server_address {
	enum server_kind kind;
	char host[64]; /* TCP: numeric address (IPv6 without brackets) or name; "127.0.0.1" by default */
	uint16_t port;       /* TCP: 0 picks one */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* UNIX, TTY; NUL-terminated */
};

/*
 * ":PORT", "PORT", "HOST:PORT", "[V6]:PORT", "unix:PATH", "stdio", "/dev/..." (a tty).
 * 0 or -EINVAL with text; *ret untouched on failure.
 */
int server_address_parse(const char *text, struct server_address *ret, struct error *err);

/*
 * The same the other way, as it is typed after gdb's "target remote " and for messages: "127.0.0.1:1234",
 * "[::1]:1234", PATH; "|" for STDIO. Cut when size is short; 128 always suffices.
 */
void server_address_format(const struct server_address *address, char *buf, unsigned size);

#endif
