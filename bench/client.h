/*
 * A client of the remote protocol, as lean as can be: what is measured is the other side. Every request is
 * one send, every reply is checked; acknowledgements until QStartNoAckMode.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_BUFFER (1u << 20)

struct client {
	int fd;
	bool no_ack;
	size_t start, end;       /* unread bytes of in[] */
	const uint8_t *body;     /* the last packet, as on the wire, in in[] */
	size_t len;
	uint8_t *in, *out;
};

/* "unix:PATH" or "tcp:PORT" on this machine; tries again for wait_s seconds. 0 or negative errno. */
int client_open(struct client *c, const char *address, double wait_s);
void client_close(struct client *c);

/* Sends a packet (body without frame; binary bytes already escaped). 0 or negative errno. */
int client_send(struct client *c, const void *body, size_t len);
/* One byte outside packets: 0x03. */
int client_break(struct client *c);
/* Waits for a packet: c->body, c->len until the next call. 0, -EPIPE, -EBADMSG (checksum), -ETIMEDOUT. */
int client_receive(struct client *c);
/* Send and receive. */
int client_ask(struct client *c, const char *body);
/* As client_ask(), past console output ("O..." packets) to the stop reply. */
int client_resume(struct client *c, const char *body);
int client_wait_stop(struct client *c);

bool client_is(const struct client *c, const char *text);    /* the whole last packet */
bool client_begins(const struct client *c, const char *text);

/* The last packet's body with runs and escapes undone. Its length; at most max bytes are written. */
size_t client_decode(const struct client *c, uint8_t *buf, size_t max);
/* Digits of the last packet -> bytes (after client_decode). How many; stops at what is no digit. */
size_t client_unhex(const uint8_t *text, size_t len, uint8_t *buf, size_t max);
/* Hexadecimal number at text. */
uint64_t client_number(const char *text);

#endif
