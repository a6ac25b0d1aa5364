/*
 * Turns. A watchpoint that is kept by comparing values after each step can name the vcpu that wrote only
 * where one vcpu steps at a time. So while there is such a point, one of the vcpus that are to move does
 * DEBUG_TURN_STEPS steps, then the next one, in a ring; the others are held meanwhile.
 *
 * A vcpu that sleeps (HLT, waiting for SIPI) has nothing to execute and could keep its turn for ever: it is
 * let sleep beside the others, and takes its place in the ring when its first step has woken it. Only that
 * one step goes on beside somebody else's; the first of the two to end is named if a value changed.
 */
#ifndef DEBUG_TURN_H
#define DEBUG_TURN_H

#include "debug/internal.h"

#define DEBUG_TURN_STEPS 16

/* Takes out of s->plan those whose turn it is not. Before the plan is given to the target. */
void debug_turn_plan(struct debug_session *s);

/* A step of this vcpu has ended with nothing to report: the turn may go to the next one. */
void debug_turn_stepped(struct debug_session *s, unsigned vcpu);

#endif
