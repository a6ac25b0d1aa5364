/*
 * Bytes between a client's descriptors and an engine. One thread at a time per client. The lock of the
 * session must be held around read and flush (they touch the engine) and not around wait.
 */
#ifndef SERVER_PUMP_H
#define SERVER_PUMP_H

#include "server/listen.h"
#include <trapline/rsp.h>

/*
 * A bounded gap of received bytes that the engine did not take yet (it owes a reply), kept per client.
 */
struct server_pump {
	struct server_client client;
	uint8_t buf[65536];
	size_t start, len;   /* bytes read and not yet fed */
};

void server_pump_init(struct server_pump *p, struct server_client client);

/*
 * Feeds what is buffered, then reads without blocking while the engine takes bytes. 1: something was fed,
 * 0: nothing there, -EPIPE: the client is gone (end of file or error).
 */
int server_pump_read(struct server_pump *p, struct rsp_engine *e);

/*
 * Sends all of the engine's output, in as few writes as the descriptor allows. A client that takes
 * nothing for SERVER_SEND_LIMIT_MS is given up: -ETIMEDOUT. -EPIPE: gone. 0: all sent.
 */
#define SERVER_SEND_LIMIT_MS 5000
int server_pump_flush(struct server_pump *p, struct rsp_engine *e);

/*
 * Waits until the client has sent something or wake_fd is readable (-1: none). Looks for spin_us
 * microseconds without sleeping first. 1: client, 0: wake_fd or a signal.
 */
int server_pump_wait(struct server_pump *p, int wake_fd, unsigned spin_us);

#endif
