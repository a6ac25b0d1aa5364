/* From the body of a packet to a request: the table of packets and its decoders. */
#ifndef RSP_DECODE_H
#define RSP_DECODE_H

#include "rsp/cursor.h"

/*
 * Decodes the packet in e->frame. A request makes the turn READY; what the engine answers itself, cannot
 * decode or does not know is answered at once. whole: false for a packet longer than the limit.
 */
void rsp_decode_packet(struct rsp_engine *e, bool whole);

/* The request in e->req wants a reply: all but "k" and "R". */
bool rsp_decode_owes_reply(const struct rsp_engine *e);

enum rsp_decoded {
	RSP_DECODED,   /* *req is a request */
	RSP_ANSWERED,  /* the decoder has replied */
	RSP_MALFORMED  /* an error reply is due */
};

/*
 * One decoder: c holds what follows the packet's name, req->kind is the row's, req->tid is set, the rest is
 * zero. A request must have taken all of c, unless the rest is its payload.
 */
typedef enum rsp_decoded rsp_decode_fn(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req);

/* What may follow the name. */
enum rsp_match {
	RSP_MATCH_EXACT, /* nothing */
	RSP_MATCH_LIST,  /* nothing, or ':' ';' ',' and more */
	RSP_MATCH_ARGS   /* anything */
};

struct rsp_packet_row {
	enum rsp_kind kind;
	enum rsp_match match;
	uint8_t name_len;
	const char *advert;    /* for qSupported; NULL: none */
	rsp_decode_fn *decode;
};

/* The row whose name begins the packet, or NULL; beside it, its public half. */
const struct rsp_packet_row *rsp_packet_find(const struct rsp_frame *packet,
                                             const struct rsp_packet_info **ret_info);
/* Row i of rsp_packet_table(). */
const struct rsp_packet_row *rsp_packet_row(size_t i);

/* What follows the kind of a Z or z packet. */
rsp_decode_fn rsp_decode_point_code;
/* "XLEN,BYTES": one agent expression. */
bool rsp_decode_take_code(struct rsp_cursor *c, struct rsp_code *ret);
rsp_decode_fn rsp_decode_trace, rsp_decode_catch_syscalls;

rsp_decode_fn rsp_decode_plain, rsp_decode_regs, rsp_decode_reg, rsp_decode_reg_write, rsp_decode_mem_read,
	rsp_decode_mem_ranges, rsp_decode_mem_write, rsp_decode_mem_write_binary, rsp_decode_point,
	rsp_decode_thread, rsp_decode_set_thread, rsp_decode_kill, rsp_decode_restart, rsp_decode_detach,
	rsp_decode_extended;
rsp_decode_fn rsp_decode_vcont, rsp_decode_resume, rsp_decode_resume_signal, rsp_decode_vcont_query;
rsp_decode_fn rsp_decode_supported, rsp_decode_noack, rsp_decode_empty, rsp_decode_end_of_threads,
	rsp_decode_thread_extra, rsp_decode_xfer, rsp_decode_monitor, rsp_decode_search, rsp_decode_crc,
	rsp_decode_flag, rsp_decode_qemu_supported, rsp_decode_run, rsp_decode_file, rsp_decode_attached;
rsp_decode_fn rsp_decode_lldb_mode, rsp_decode_echo, rsp_decode_process_list, rsp_decode_process_end,
	rsp_decode_register_info, rsp_decode_region, rsp_decode_save_regs, rsp_decode_restore_regs,
	rsp_decode_allocate, rsp_decode_deallocate, rsp_decode_lenient, rsp_decode_no_plugins;

#endif
