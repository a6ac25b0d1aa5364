/*
 * qSearch:memory and qCRC: any length, a slice at a time, so that neither the machine's lock is held for long
 * nor a ctrl-C waits. The first slice is done when the request comes; debug_session_serve() does one more at
 * each call. The reply is owed meanwhile, so no other request comes in between.
 */
#ifndef DEBUG_SCAN_H
#define DEBUG_SCAN_H

#include "debug/memory.h"
#include <trapline/rsp.h>

struct debug_session;

struct debug_scan {
	const struct rsp_request *req; /* NULL: none is under way */
	struct debug_view view;
	uint64_t at;                   /* how far it has come */
	uint32_t crc;
	uint32_t table[8][256];        /* of the CRC: by bytes, eight at a time; made when first needed */
};

/* Begin; one of the handlers of requests (debug/internal.h). */
void debug_scan_search(struct debug_session *s, const struct rsp_request *req);
void debug_scan_crc(struct debug_session *s, const struct rsp_request *req);

/* One slice more; gives the reply with the last one. None under way: nothing. */
void debug_scan_go_on(struct debug_session *s);
/* The client does not want it any more: an error is the reply. */
void debug_scan_abort(struct debug_session *s);

#endif
