/* Between the files of the tracepoints. */
#ifndef DEBUG_TRACE_INTERNAL_H
#define DEBUG_TRACE_INTERNAL_H

#include "debug/internal.h"
#include "debug/text.h"

/* The run ends; its points are in the way until the machine parks, which is brought about. */
void debug_trace_end(struct debug_session *s, enum debug_trace_end end, uint32_t point, const char *text);

/* points: trace_point.c. One request's handler each. */
debug_handler debug_trace_define, debug_trace_actions, debug_trace_source, debug_trace_variable,
	debug_trace_enable, debug_trace_read_only;
struct debug_trace_point *debug_trace_find(struct debug_trace *t, uint32_t number, uint64_t addr);

/* trace_status.c, trace_upload.c, trace_frame.c */
debug_handler debug_trace_status, debug_trace_hits, debug_trace_value;
debug_handler debug_trace_first_point, debug_trace_next_point, debug_trace_first_var, debug_trace_next_var,
	debug_trace_buffer;
debug_handler debug_trace_select;

/* trace_collect.c: one frame of this point, at a hit or a step. False: the run has ended. */
bool debug_trace_collect(struct debug_session *s, unsigned point, unsigned vcpu, uint64_t pc, bool step);
/* Its condition, if it has one. One that cannot be evaluated ends the run. */
bool debug_trace_holds(struct debug_session *s, unsigned point, unsigned vcpu);

/* One block of a frame: 'R' registers, 'M' memory, 'V' variable. */
struct debug_trace_block {
	char kind;
	uint64_t addr;        /* M; V: number */
	uint32_t len;         /* M, R: bytes of data */
	uint32_t data;        /* their place in the frame */
	int64_t value;        /* V */
};

/* The block at *at, which is moved behind it. False: no more. */
bool debug_trace_block(const struct debug_session *s, const struct debug_trace_frame *f, uint32_t *at,
                       struct debug_trace_block *ret);

#endif
