/* What the target's callbacks lead to: which events stop the machine, and what is told when it has parked. */
#ifndef DEBUG_EVENT_SINK_H
#define DEBUG_EVENT_SINK_H

#include "debug/internal.h"

/* struct debug_sink's two functions; ctx is the session. */
enum debug_verdict debug_event_happened(void *ctx, const struct debug_event *ev);
void debug_event_stopped(void *ctx);

/* The machine is reset while parked: points, reports and hits start anew. */
void debug_event_after_reset(struct debug_session *s);
/* The machine, parked, is at another moment; its memory has no int3 of ours. */
void debug_event_after_restore(struct debug_session *s);

/* No client any more, and the machine is parked: it ends, stays or runs on. */
void debug_event_settle(struct debug_session *s);

#endif
