/*
 * Tracepoints: what is to be collected where, the run, what was collected. The machine never stops for one:
 * a hit is collected in the thread of the vcpu that hit, which then steps over it as over a breakpoint whose
 * condition does not hold. All under the session's lock, so frames stand in the order of the hits.
 *
 * While a run goes on its places are points of the list of breakpoints, of their own use (breakpoint.h).
 * When it ends by itself (full, passes, an error) the next parking takes them out.
 */
#ifndef DEBUG_TRACE_H
#define DEBUG_TRACE_H

#include "debug/agent.h"
#include "debug/trace_ring.h"
#include <trapline/rsp.h>

#define DEBUG_TRACE_POINTS 128
#define DEBUG_TRACE_ITEMS 1024
#define DEBUG_TRACE_STORE 131072
#define DEBUG_TRACE_STEPS 100000        /* most steps of one hit */
#define DEBUG_TRACE_FRAME_MAX 0x20000   /* most bytes of one frame */
#define DEBUG_TRACE_NOTE 256

enum debug_trace_what {
	DEBUG_TRACE_CONDITION, DEBUG_TRACE_REGS, DEBUG_TRACE_MEMORY, DEBUG_TRACE_CODE, DEBUG_TRACE_SOURCE
};

/* One thing that the client said of a tracepoint, in the order it came. */
struct debug_trace_item {
	uint8_t what;
	bool stepping;
	uint16_t point;      /* index */
	int32_t base;
	uint64_t offset, len;   /* MEMORY; SOURCE: place in its text, whole length */
	char type[8];           /* SOURCE */
	uint32_t at, size;      /* its bytes in the store */
};

struct debug_trace_point {
	uint32_t number;
	uint64_t addr;
	bool enabled, conditional;
	uint64_t step, pass;
	uint64_t hits, usage;   /* usage: bytes collected */
};

struct debug_trace_variable { uint16_t number; bool builtin; int64_t initial; char name[64]; };

enum debug_trace_end {
	DEBUG_TRACE_NOT_RUN, DEBUG_TRACE_STOPPED, DEBUG_TRACE_FULL, DEBUG_TRACE_PASSED,
	DEBUG_TRACE_LEFT, DEBUG_TRACE_ERROR
};

/* What one vcpu is collecting while stepping. */
struct debug_trace_stepping { uint16_t point; uint32_t left; };

struct debug_trace {
	unsigned points, items, variables, ranges;
	uint32_t stored;
	bool running, planted, disconnected, circular;
	bool replant;               /* its points went with the client's: back at the next parking */
	uint32_t size;              /* wished; of the ring at the next start */
	enum debug_trace_end end;
	uint32_t end_point;
	char end_text[DEBUG_TRACE_NOTE];
	char user[DEBUG_TRACE_NOTE], notes[DEBUG_TRACE_NOTE], stop_notes[DEBUG_TRACE_NOTE];
	uint64_t start_us, stop_us; /* since 1970 */
	int64_t selected;           /* frame that the client looks at; -1: the machine */
	unsigned upload;            /* next piece of qTsP, qTsV */
	uint32_t stage_len;
	uint32_t regs_size;         /* of a frame's registers: a client's description may differ later */
	struct debug_trace_point point[DEBUG_TRACE_POINTS];
	struct debug_trace_item item[DEBUG_TRACE_ITEMS];
	struct debug_trace_variable variable[DEBUG_AGENT_VARS];
	struct rsp_range range[RSP_MAX_RANGES];   /* read-only: served live under a frame */
	uint8_t store[DEBUG_TRACE_STORE];
	uint8_t stage[DEBUG_TRACE_FRAME_MAX];     /* the frame that is being collected */
	struct debug_trace_ring ring;
};

struct debug_session;
struct debug_text;

void debug_trace_init(struct debug_trace *t);

/* RSP_TRACE. */
void debug_trace_request(struct debug_session *s, const struct rsp_request *req);

/* A vcpu stands at a tracepoint's place: everything that is to be collected there is. */
void debug_trace_hit(struct debug_session *s, unsigned vcpu, uint64_t addr);
/* A vcpu has made a step. True: its while-stepping has just ended, and it need not step for us any more. */
bool debug_trace_stepped(struct debug_session *s, unsigned vcpu, uint64_t pc);

/* Parked: points that a run needs no more go, those that it lost come back. settle leaves it to the caller
 * to make memory agree. */
void debug_trace_settle(struct debug_session *s);
void debug_trace_parked(struct debug_session *s);
/* A run that goes on when its client has left. */
bool debug_trace_alone(const struct debug_session *s);
/* The client leaves: the run ends, unless it is to go on without one. */
void debug_trace_client_left(struct debug_session *s);

/* Under a selected frame: answers what is about registers, memory, running. False: not its business. */
bool debug_trace_frame_answers(struct debug_session *s, const struct rsp_request *req);
/* qXfer:traceframe-info:read */
void debug_trace_info(struct debug_session *s);
/* "monitor trace" */
void debug_monitor_trace(struct debug_session *s, struct debug_text *out);

#endif
