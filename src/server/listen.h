/*
 * Where debuggers connect: TCP (loopback unless a host is named), a unix socket (mode 0600), standard
 * input and output, or a tty. Knows nothing of packets.
 */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

enum server_kind { SERVER_TCP, SERVER_UNIX, SERVER_STDIO, SERVER_TTY };

struct server_address {
	enum server_kind kind;
	char host[64];       /* TCP: numeric address or name; "127.0.0.1" by default */
	uint16_t port;       /* TCP: 0 picks one */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* UNIX, TTY */
};

/*
 * ":PORT", "PORT", "HOST:PORT", "[V6]:PORT", "unix:PATH", "stdio", "/dev/..." (a tty). Pure.
 * 0 or -EINVAL with text.
 */
int server_address_parse(const char *text, struct server_address *ret, struct error *err);

struct server_listener {
	struct server_address address; /* with the port that was picked */
	int fd;                        /* to poll for a client; -1 for STDIO (a client is there at once) */
};

/* A connection: two descriptors that may be the same. -1: none. */
struct server_client { int in, out; };

/*
 * Starts to listen. Descriptors are close-on-exec and non-blocking. An existing socket file that nobody
 * listens on is replaced. A host that is not loopback is allowed; server_listener_is_wide() tells, for
 * the warning. 0 or negative errno with text (port in use: says so and what to do).
 */
int server_listen(const struct server_address *address, struct server_listener *ret, struct error *err);
void server_listener_close(struct server_listener *l); /* removes the socket's file; NULL and twice: fine */
bool server_listener_is_wide(const struct server_listener *l);

/*
 * The client that waits: TCP_NODELAY set, non-blocking, close-on-exec. For STDIO the process's own
 * descriptors 0 and 1 (duplicated; 1 then points at 2, so that guest output can not mix in), for a TTY the
 * device in raw mode. -EAGAIN when nobody waits, other negative errno with text.
 */
int server_accept(struct server_listener *l, struct server_client *ret, struct error *err);
void server_client_close(struct server_client *c);

/* What to type after "target remote " ("127.0.0.1:1234", "PATH"); size >= 128. For STDIO "|". */
void server_listener_target(const struct server_listener *l, char *buf, unsigned size);

#endif
