#include "debug/ring.h"

#include "debug/resume.h"
#include "debug/stop.h"
#include "debug/text.h"
#include "x86/cpumode.h"

/* SDM 3A 4.6: a supervisor-mode fetch from a user page faults with SMEP, else it is allowed. */
enum debug_ring debug_ring_of(void *ctx, uint64_t gva)
{
	struct debug_session *s = ctx;
	const struct x86_state *st = debug_get(s, s->map_vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	struct debug_view view;
	struct x86_walk walk;

	if (!st || debug_session_view(s, s->map_vcpu, false, &view, NULL) < 0 ||
	    view.paging.mode == X86_PAGING_NONE)
		return DEBUG_RING_KERNEL;
	debug_view_walk(&view, gva, &walk);
	if (walk.result != X86_WALK_OK || !walk.user)
		return DEBUG_RING_KERNEL;
	return st->cr4 & X86_CR4_SMEP ? DEBUG_RING_USER : DEBUG_RING_EITHER;
}

bool debug_ring_blind(struct debug_session *s, unsigned vcpu)
{
	const struct x86_state *st;

	if (s->cfg.caps->step_user)
		return false;
	st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM);
	return st && x86_mode_of(st) != X86_MODE_REAL && (st->seg[X86_CS].selector & 3) == 3;
}

static void say(struct debug_session *s, unsigned vcpu, const char *what)
{
	struct debug_text t;
	char line[240];

	debug_text_init(&t, line, sizeof(line));
	debug_text_add(&t, "trapline: cpu%u is in ring 3, where this host's KVM cannot single-step: %s\n",
	               vcpu, what);
	rsp_engine_console(s->engine, line, t.len);
}

/* Words and SIGINT: an error, or SIGTRAP while it steps through a range, has GDB ask for ever. */
bool debug_ring_refuses(struct debug_session *s, const struct rsp_request *req)
{
	for (unsigned i = 0; i < s->vcpu_count; i++) {
		const struct rsp_action *a = debug_resume_action(s, req, i);
		struct debug_report r = debug_stop_plain(DEBUG_REPORT_INTERRUPT, i);

		if (!a || (a->kind != RSP_ACT_STEP && a->kind != RSP_ACT_RANGE) || !debug_ring_blind(s, i))
			continue;
		say(s, i, "break in the kernel and continue");
		debug_stop_reply(s, &r);
		return true;
	}
	return false;
}

void debug_ring_entered(struct debug_session *s, unsigned vcpu)
{
	if (s->ring_told || !s->engine || !debug_resume_by_steps(s) || !debug_ring_blind(s, vcpu))
		return;
	s->ring_told = true;
	say(s, vcpu, "what is kept by stepping is not seen before the guest stops again");
}
