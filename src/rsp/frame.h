/*
 * Frames: the only place that knows the bytes which delimit, acknowledge, escape and repeat
 * (GDB manual, "Overview" of the remote protocol).
 */
#ifndef RSP_FRAME_H
#define RSP_FRAME_H

#include <trapline/rsp.h>

enum rsp_frame_event {
	RSP_FRAME_NONE,      /* all bytes taken, nothing complete */
	RSP_FRAME_PACKET,    /* buf[0..len) is a good body, buf[len] is NUL */
	RSP_FRAME_BAD,       /* a packet with a wrong checksum */
	RSP_FRAME_LONG,      /* a good packet that was longer than size; the start of it is in buf */
	RSP_FRAME_ACK,
	RSP_FRAME_NAK,
	RSP_FRAME_INTERRUPT, /* 0x03 between packets */
	RSP_FRAME_JUNK       /* bytes between packets that mean nothing: as many as were taken */
};

/* buf must have size + 1 bytes. */
void rsp_frame_init(struct rsp_frame *f, uint8_t *buf, size_t size);

/*
 * Takes bytes up to and including the next event. Returns how many: at least one of len > 0, except that
 * RSP_FRAME_BAD may come before a '$' that is left.
 */
size_t rsp_frame_feed(struct rsp_frame *f, const uint8_t *bytes, size_t len, enum rsp_frame_event *ret_event);

/* Not inside a packet: the next byte is '$', an acknowledgement, an interrupt or junk. */
bool rsp_frame_idle(const struct rsp_frame *f);

/* Sum of the bytes modulo 256. */
uint8_t rsp_frame_sum(const uint8_t *bytes, size_t len);

/* Replaces runs in body by their short form, in place; returns the new length, never above len. */
size_t rsp_frame_squeeze(uint8_t *body, size_t len);

/*
 * Makes a frame of a body of len bytes that stands at frame + 1: squeezed, between '$' and its checksum.
 * Returns the frame's length; frame must have len + 4 bytes.
 */
size_t rsp_frame_close(uint8_t *frame, size_t len);

#endif
