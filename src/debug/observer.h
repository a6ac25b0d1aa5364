/*
 * A client that looks on while another one controls the machine. It has an engine of its own and shares the
 * session: its requests are answered by the session's handlers, in its stead and with its own settings, where
 * they only read; everything else is refused in words. A "continue" resumes nothing: it is answered by the
 * next stop. "?" tells the last one.
 *
 * What is read needs the machine parked, or (in non-stop) the vcpu that it is read from; while it runs the
 * answer is an error. Every function is called with the target's lock held.
 */
#ifndef DEBUG_OBSERVER_H
#define DEBUG_OBSERVER_H

#include "debug/session.h"

#define DEBUG_OBSERVER_FILES 4

struct debug_observer {
	struct rsp_engine *engine;     /* borrowed; made with debug_observer_features() */
	bool file_open[DEBUG_OBSERVER_FILES];
	bool leaves;                   /* it has detached: close when its output is sent */
	bool waits;                    /* has continued, and is owed the next stop */
	unsigned seen;                 /* stops that there had been by then */
};

/* The rsp_feature bits for its engine. */
uint32_t debug_observer_features(const struct debug_session *s);

void debug_observer_init(struct debug_observer *o, struct rsp_engine *e);

/* The machine stands since it has continued: debug_observer_stopped() would answer it. */
bool debug_observer_due(const struct debug_session *s, const struct debug_observer *o);
/* Answers it then, by the last stop. Its reply is in its output afterwards. */
void debug_observer_stopped(struct debug_session *s, struct debug_observer *o);

/* Takes requests from its engine until that wants more input. Replies are in its output afterwards. */
void debug_observer_serve(struct debug_session *s, struct debug_observer *o);

#endif
