#include "debug/turn.h"

#include "debug/resume.h"
#include "debug/ring.h"

#define NOBODY (-1)

static bool moves(const struct debug_session *s, unsigned vcpu)
{
	return vcpu < s->vcpu_count && s->plan[vcpu].move != DEBUG_HOLD;
}

/* Parked, and would execute something if it were let. */
static bool awake(struct debug_session *s, unsigned vcpu)
{
	enum debug_vcpu_state state = s->cfg.ops->vcpu_state(s->cfg.target, vcpu);

	if (debug_ring_blind(s, vcpu))
		return false; /* no end of a step would be heard of */
	return state == DEBUG_VCPU_STOPPED || (!s->plan[vcpu].sleeps && state != DEBUG_VCPU_RUNNING);
}

static unsigned count_moves(const struct debug_session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->vcpu_count; i++)
		n += moves(s, i);
	return n;
}

/* The first one behind vcpu `from`, itself last; NOBODY when all sleep. */
static int next_in_ring(struct debug_session *s, unsigned from)
{
	for (unsigned n = 1; n <= s->vcpu_count; n++) {
		unsigned i = (from + n) % s->vcpu_count;

		if (moves(s, i) && awake(s, i))
			return (int)i;
	}
	return NOBODY;
}

/* Those that are awake and have not the turn wait for it; those that sleep go on sleeping. */
static void hold_others(struct debug_session *s)
{
	for (unsigned i = 0; i < s->vcpu_count; i++)
		if (moves(s, i) && (int)i != s->turn && awake(s, i))
			s->plan[i].move = DEBUG_HOLD;
}

void debug_turn_plan(struct debug_session *s)
{
	unsigned last = s->turn < 0 ? s->vcpu_count - 1 : (unsigned)s->turn;

	s->turn = NOBODY;
	if (s->points.step_watch == 0 || count_moves(s) < 2)
		return;
	s->turn = next_in_ring(s, last);
	s->turn_left = DEBUG_TURN_STEPS;
	hold_others(s);
}

void debug_turn_stepped(struct debug_session *s, unsigned vcpu)
{
	bool holder = s->turn == (int)vcpu;

	if (s->vcpu_count < 2 || s->points.step_watch == 0 || s->run != DEBUG_RUN_FREE || s->over >= 0)
		return;
	if (holder && --s->turn_left > 0 && awake(s, vcpu))
		return;
	debug_resume_plan(s);
	if (count_moves(s) < 2)
		return;
	if (holder || s->turn < 0) {
		s->turn = next_in_ring(s, vcpu);
		s->turn_left = DEBUG_TURN_STEPS;
	}
	hold_others(s);
	s->cfg.ops->resume(s->cfg.target, s->plan, s->vcpu_count);
}
