/*
 * Bytes between a client's descriptors and an engine. One thread at a time per client. The lock of the
 * session must be held around read and flush (they touch the engine) and not around wait.
 *
 * The path of a step, with a socket: wait (one recv, which sleeps and fetches the packet), read (feeds it, no
 * system call), flush (one send); a read after that, to make sure, costs none either.
 */
#ifndef SERVER_PUMP_H
#define SERVER_PUMP_H

#include "server/listen.h"
#include <trapline/rsp.h>

#define SERVER_PUMP_SIZE 65536

/*
 * A bounded gap of received bytes that the engine did not take yet (it owes a reply), kept per client.
 */
struct server_pump {
	struct server_client client;
	unsigned send_limit_ms; /* SERVER_SEND_LIMIT_MS after init; tests set less */
	int limit_ms;           /* of one wait; 0, as after init: none */
	bool in_socket, out_socket;
	bool blocking;          /* in is a socket whose reads may wait */
	bool gone;              /* end of file or an error was seen */
	bool drained;           /* the last read has emptied the socket: the next says so unasked */
	uint16_t spin_failed;   /* how many waits the last look in vain was worth */
	uint16_t spin_rest;     /* waits still to come without a long look */
	size_t start, len;      /* bytes of buf that are read and not yet fed */
	uint8_t buf[SERVER_PUMP_SIZE];
};

/* The client stays the caller's to close. */
void server_pump_init(struct server_pump *p, struct server_client client);

/*
 * Feeds what is buffered; when nothing of it was left or nothing could be fed, reads once, without blocking,
 * and feeds that. 1: something was fed, 0: nothing there, -EPIPE: the client is gone (end of file,
 * error, or it goes on sending while it is owed a reply until buf is full).
 */
int server_pump_read(struct server_pump *p, struct rsp_engine *e);
/* A poll has just told that there is something: what the last read found says nothing about that. */
static inline void server_pump_readable(struct server_pump *p)
{
	p->drained = false;
}

/* The client has gone, perhaps behind bytes that are not read yet. */
bool server_pump_hung_up(const struct server_pump *p);

/*
 * Sends all of the engine's output, in as few writes as the descriptor allows. A client that takes
 * nothing for SERVER_SEND_LIMIT_MS is given up: -ETIMEDOUT. -EPIPE: gone. 0: all sent.
 */
#define SERVER_SEND_LIMIT_MS 5000
int server_pump_flush(struct server_pump *p, struct rsp_engine *e);

/* From now on a wait ends after ms milliseconds; 0: it does not. A system call when that changes. */
void server_pump_limit(struct server_pump *p, int ms);

/*
 * Waits until the client has sent something, the limit has passed or a signal comes. A signal just before the
 * wait is lost: who wants a waiting thread's attention repeats it. Looks for spin_us microseconds without
 * sleeping first, which pays where the client runs on another core; after a look in vain twice as many waits
 * as before, up to 1024, go without, so a client on the same core is hardly held up and a core is never kept
 * busy. 1: the client sent or is gone (read tells), also when bytes of before are still buffered: so not for
 * a machine that runs, whose engine may refuse them; 0: the limit or a signal.
 */
int server_pump_wait(struct server_pump *p, unsigned spin_us);

#endif
