/* Stop replies: what a report looks like to a client. */
#ifndef DEBUG_STOP_REPLY_H
#define DEBUG_STOP_REPLY_H

#include "debug/internal.h"

/* Answers the resume that is owed: the report becomes the last one and its vcpu the current one. */
void debug_stop_reply(struct debug_session *s, const struct debug_report *r);

/* A stop reply for the request that is owed and nothing else; the same as %Stop: false without room. */
void debug_stop_tell(struct debug_session *s, const struct debug_report *r);
bool debug_stop_notify(struct debug_session *s, const struct debug_report *r);

/* A report of nothing in particular: the machine is stopped, in this vcpu. */
struct debug_report debug_stop_plain(enum debug_report_kind kind, unsigned vcpu);

/*
 * GDB's signal number for a report; LLDB's description of it, cut to size: of a watchpoint its address, 0
 * and its address in decimal, of a death the words, else "". (LLDB describes breakpoints and steps itself;
 * where they come with words, LLDB 22 does not name the breakpoint.)
 */
uint8_t debug_stop_signal(const struct debug_report *r);
void debug_stop_describe(const struct debug_report *r, char *buf, size_t size);
enum rsp_stop_reason debug_stop_reason(const struct debug_report *r);

#endif
