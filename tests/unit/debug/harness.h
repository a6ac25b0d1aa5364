/* A fake machine, a session and an engine put together, and a client's side of the wire. */
#ifndef TESTS_DEBUG_HARNESS_H
#define TESTS_DEBUG_HARNESS_H

#include "debug/session.h"
#include "fake_target.h"

#include <stdio.h>

struct harness {
	struct fake_target f;
	struct debug_session *s;
	struct rsp_engine e;
	size_t wire_len;
	bool connected, closed;              /* closed: the session wished so */
	unsigned split;                      /* bytes are fed: 0 whole, 1 one by one, else random pieces */
	uint32_t seed;
	unsigned turns;                      /* the machine gets after each packet */
	bool stay_stopped, read_only;
	char printed[1024];                  /* with no client; '|' for the end of a line */
	uint8_t in[DEBUG_PACKET_SIZE + 64], out[2 * DEBUG_PACKET_SIZE + 1024];
	uint8_t wire[4 * DEBUG_PACKET_SIZE]; /* what the client has received and not yet read */
};

/* fake_init() first may be altered (caps, code) until harness_open() makes the session. */
void harness_init(struct harness *h, unsigned vcpus);
void harness_open(struct harness *h, bool running);
void harness_fini(struct harness *h);

void harness_connect(struct harness *h);     /* and switches acknowledgements off */
void harness_disconnect(struct harness *h);

/* Raw bytes to the session, no turns of the machine. Dropped when no client is connected. */
void harness_feed(struct harness *h, const void *bytes, size_t len);
/* One packet, framed; then the machine's turns. */
void harness_send(struct harness *h, const char *payload, size_t len);
void harness_run(struct harness *h, unsigned turns);

/*
 * The next packet that the client received: run lengths expanded, NUL-terminated; a notification with its
 * '%' in front. False: there is none.
 */
bool harness_receive(struct harness *h, char *buf, size_t size, size_t *ret_len);

/* send + receive; "" when nothing came. Static buffer. */
const char *harness_ask(struct harness *h, const char *payload);

/* True when the code page is byte for byte the image. */
bool harness_clean(const struct harness *h);

#endif
