/* What the files of this layer know of each other's engine. Not installed. */
#ifndef RSP_ENGINE_H
#define RSP_ENGINE_H

#include "rsp/writer.h"
#include <trapline/rsp.h>

/*
 * Whose move it is (rsp_engine.turn).
 * FEED: the client's; a packet may be received.
 * READY: a request was decoded and waits for rsp_engine_next(); no byte is taken, so that an interrupt
 *        which follows the request also comes out after it.
 * OWED: the caller has the request. Bytes between packets are taken, packets are not.
 */
enum rsp_turn { RSP_TURN_FEED, RSP_TURN_READY, RSP_TURN_OWED };

/* Codes of the errors that the engine itself reports. They are Linux's, as those of other stubs are. */
#define RSP_ERROR_MALFORMED 0x16 /* EINVAL */
#define RSP_ERROR_TOO_LONG 0x07  /* E2BIG */
#define RSP_ERROR_NO_MORE 0x04   /* ends LLDB's process list */

/* A client that LLDB's own packets have given away. It takes reason: fields and no swbreak. */
bool rsp_engine_is_lldb(const struct rsp_engine *e);

/*
 * A reply in the making. False when none is owed (counted as misuse): write nothing then. Its body has room
 * for packet_size bytes. rsp_engine_close_reply() sends it and gives the turn to the client; an overflow
 * becomes an error reply.
 */
bool rsp_engine_open_reply(struct rsp_engine *e, struct rsp_writer *ret_w);
void rsp_engine_close_reply(struct rsp_engine *e, struct rsp_writer *w);

/* A packet that is no reply ('O'). Same rules, the turn does not change. */
void rsp_engine_open_packet(struct rsp_engine *e, struct rsp_writer *ret_w);
void rsp_engine_close_packet(struct rsp_engine *e, struct rsp_writer *w);

/*
 * A notification (GDB manual, "Notification Packets"): at any time, the turn does not change, and the last
 * reply stays the one that is sent again. open: false when the reply that may be owed would lack room.
 * close: false when it did not fit; nothing is sent then.
 */
bool rsp_engine_open_notice(struct rsp_engine *e, struct rsp_writer *ret_w);
bool rsp_engine_close_notice(struct rsp_engine *e, struct rsp_writer *w);

/* Bytes that may be added to the output in all. */
size_t rsp_engine_out_room(const struct rsp_engine *e);

/* The error forms of reply.c, for a writer. */
void rsp_reply_write_error(const struct rsp_engine *e, struct rsp_writer *w, unsigned code, const char *text);

#endif
