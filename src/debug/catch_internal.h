/* Between the files of the catches. */
#ifndef DEBUG_CATCH_INTERNAL_H
#define DEBUG_CATCH_INTERNAL_H

#include "debug/catch_expr.h"
#include "debug/eval.h"

/* What has been caught, as conditions and texts see it. */
struct debug_catch_scene {
	struct debug_eval eval;       /* first: the context of its functions */
	struct debug_caught caught;   /* EXCEPTION, IRQ: at is the vector */
	uint64_t error, old;          /* error code; CR3 before */
	uint64_t pc;                  /* EXCEPTION, IRQ: what was interrupted */
	uint64_t fault;               /* vector 14: CR2 */
	bool framed;                  /* pc and error could be read */
};

/* True when this catch is about that. */
bool debug_catch_matches(const struct debug_session *s, const struct debug_catch *c,
                         const struct debug_caught *caught);
/* The catch that stops the machine for this; NULL. Counts. */
struct debug_catch *debug_catch_decide(struct debug_session *s, struct debug_catch_scene *scene);
/* One line of what happened. */
void debug_catch_describe(const struct debug_catch_scene *scene, const struct debug_event *ev, char *buf,
                          size_t size);

/* catch_step.c: what the vcpu has just done, by what was seen coming. False: nothing. */
bool debug_catch_came(struct debug_session *s, const struct debug_event *ev, struct debug_catch_scene *scene);
/* catch_gate.c: the vector whose gate leads to pc on this vcpu, with what its frame tells. */
bool debug_catch_entered(struct debug_session *s, const struct debug_event *ev,
                         struct debug_catch_scene *scene);
/* Of what the list says the target is to come out for. 0 or negative errno with text. */
int debug_catch_tell_target(struct debug_session *s, struct error *err);

/* catch_syscall.c: where SYSCALL leads on this vcpu; 0: nowhere, or nobody wants to know. */
uint64_t debug_catch_syscall_target(struct debug_session *s, unsigned vcpu);
bool debug_catch_syscall_wanted(const struct debug_session *s, uint64_t number);
/* The guest has written LSTAR, and the breakpoint is to follow. */
bool debug_catch_moved_entry(const struct debug_session *s, const struct debug_caught *a);

/* Some gate that was looked for is there now. */
bool debug_catch_gate_appeared(struct debug_session *s, unsigned vcpu);

#endif
