/*
 * QCatchSyscalls: a breakpoint of ours where SYSCALL leads in 64-bit mode (SDM 3A 5.8.8; LSTAR). The number
 * is in rax there, as Linux has it. The way back is not told: a kernel has several.
 */
#include "debug/catch.h"

#include "debug/catch_internal.h"
#include <string.h>

uint64_t debug_catch_syscall_target(struct debug_session *s, unsigned vcpu)
{
	const struct x86_state *st = NULL;

	if (s->catches.syscalls.on)
		st = debug_get(s, vcpu, X86_GROUP_CORE | X86_GROUP_SYSTEM | X86_GROUP_MSR);
	if (!st || !(st->efer & X86_EFER_SCE) || !(st->msr_valid & 1u << X86_MSR_LSTAR))
		return 0;
	return st->msr[X86_MSR_LSTAR];
}

bool debug_catch_syscall_wanted(const struct debug_session *s, uint64_t number)
{
	const struct debug_catch_syscalls *c = &s->catches.syscalls;

	for (unsigned i = 0; c->on && i < c->count; i++)
		if (c->number[i] == number)
			return true;
	return c->on && c->count == 0;
}

bool debug_catch_moved_entry(const struct debug_session *s, const struct debug_caught *a)
{
	return s->catches.syscalls.on && a->kind == DEBUG_CATCH_MSR && a->at == DEBUG_CATCH_LSTAR;
}

void debug_catch_syscalls(struct debug_session *s, const struct rsp_request *req)
{
	struct debug_catch_syscalls *c = &s->catches.syscalls;
	struct error err;
	int rc;

	c->on = req->u.syscalls.on;
	c->count = 0;
	for (size_t i = 0; i < req->u.syscalls.count && c->count < DEBUG_CATCH_SYSCALLS; i++)
		c->number[c->count++] = req->u.syscalls.number[i].addr;
	rc = debug_catch_tell_target(s, &err);
	if (rc < 0)
		c->on = false;
	debug_catch_settle(s);
	debug_reply_result(s, rc, &err);
}
