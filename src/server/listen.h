/*
 * Where debuggers connect: TCP (loopback unless a host is named), a unix socket (mode 0600), standard
 * input and output, or a tty. Knows nothing of packets.
 */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "server/address.h"
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

struct server_listener {
	struct server_address address; /* with the port that was picked */
	int fd;                        /* to poll for a client; -1 for STDIO (a client is there at once) */
	/* private to listen.c */
	bool used;                     /* STDIO: its one client has come */
	int null_fd;                   /* STDIO: /dev/null, which takes the place of standard input */
	dev_t dev;                     /* UNIX: which file is ours */
	ino_t ino;
	struct termios saved;          /* TTY: its mode before */
};

/*
 * A connection: two descriptors that may be the same. -1: none. Sockets may be in either mode (the pump
 * passes MSG_DONTWAIT); everything else is non-blocking.
 */
struct server_client { int in, out; };

/*
 * Starts to listen. Descriptors are close-on-exec and non-blocking. An existing socket file that nobody
 * listens on is replaced. A host that is not loopback is allowed; server_listener_is_wide() tells, for
 * the warning. A tty goes into raw mode (its speed stays as it is). 0 or negative errno with text (port in
 * use: says so and what to do). The process must ignore SIGPIPE when a client can be a pipe or a tty.
 */
int server_listen(const struct server_address *address, struct server_listener *ret, struct error *err);

/* Removes the socket's file if it is still ours, gives a tty its mode back; NULL and twice: fine. */
void server_listener_close(struct server_listener *l);
bool server_listener_is_wide(const struct server_listener *l);

/*
 * The client that waits: TCP_NODELAY set, close-on-exec. For STDIO the process's own descriptors 0 and 1
 * (duplicated; 0 then points at /dev/null and 1 at 2, so that guest input and output can not mix in), once;
 * for a TTY the device, when bytes wait. -EAGAIN when nobody waits. Other negative errno with text: no
 * client will come any more (STDIO for the second time: -ENOTCONN; a tty that hung up: -EIO), or
 * the process is short of something.
 */
int server_accept(struct server_listener *l, struct server_client *ret, struct error *err);
void server_client_close(struct server_client *c);

/* What to type after "target remote " (server_address_format); size >= 128. */
void server_listener_target(const struct server_listener *l, char *buf, unsigned size);

#endif
