/* "monitor" commands (qRcmd): words in, text out. */
#ifndef DEBUG_MONITOR_H
#define DEBUG_MONITOR_H

#include "debug/internal.h"
#include "debug/text.h"
#include "x86/cpumode.h"

/* The text of "monitor regs": st needs all groups that could be had (groups says which). */
void debug_monitor_regs(const struct x86_state *st, unsigned groups, struct debug_text *t);

/* "monitor snapshot": save, restore, list, delete, write. */
void debug_monitor_snapshot(struct debug_session *s, const char *args, struct debug_text *out);

/* "monitor kaslr": evidence, then the lines to type, or why they cannot be known. */
void debug_monitor_kaslr(struct debug_session *s, unsigned vcpu, struct debug_text *out);

/* "monitor break": all points; (drop) those of a client that has left go. */
void debug_monitor_break(struct debug_session *s, const char *arg, struct debug_text *out);

/* "monitor pending": what becomes of breakpoints that are waiting for their page. */
void debug_monitor_pending(struct debug_session *s, const char *arg, struct debug_text *out);

/* "monitor watch": the watchpoints, or (changes, writes) what counts as a hit. */
void debug_monitor_watch(struct debug_session *s, const char *arg, struct debug_text *out);

/* The text of "monitor walk": every level of the page walk, decoded. */
void debug_monitor_walk(const struct debug_view *v, uint64_t gva, struct debug_text *t);

#endif
