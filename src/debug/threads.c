#include "debug/threads.h"

#include "debug/text.h"
#include <errno.h>
#include <string.h>

/*
 * A guest that has ended, and of which a client in extended mode knows that, has no threads: in non-stop GDB
 * would take them for new ones that run, as it does whatever gdbserver lists.
 */
static unsigned count(const struct debug_session *s)
{
	bool ended = s->killed || (s->run == DEBUG_RUN_PARKED && s->last.kind == DEBUG_REPORT_EXITED);

	return ended ? 0 : s->vcpu_count;
}

/* "cpu0 [halted]" */
static void describe(struct debug_session *s, unsigned vcpu, struct debug_text *t)
{
	static const char *const names[] = {
		[DEBUG_VCPU_RUNNING] = "running", [DEBUG_VCPU_STOPPED] = "stopped",
		[DEBUG_VCPU_HALTED] = "halted", [DEBUG_VCPU_WAIT_SIPI] = "waiting for SIPI",
	};
	enum debug_vcpu_state state = DEBUG_VCPU_RUNNING;

	/* One that is held for a moment runs for the client. */
	if (!s->nonstop || s->vcpu[vcpu].ask == DEBUG_ASK_HOLD)
		state = s->cfg.ops->vcpu_state(s->cfg.target, vcpu);

	debug_text_add(t, "cpu%u [%s]", vcpu, names[state]);
}

void debug_threads_set(struct debug_session *s, const struct rsp_request *req)
{
	if (debug_request_vcpu(s, &req->u.thread.tid) >= 0)
		rsp_reply_ok(s->engine);
}

void debug_threads_alive(struct debug_session *s, const struct rsp_request *req)
{
	debug_threads_set(s, req);
}

void debug_threads_current(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_current_thread(s->engine, s->current + 1);
}

void debug_threads_list(struct debug_session *s, const struct rsp_request *req)
{
	int64_t ids[DEBUG_MAX_VCPUS];

	(void)req;
	for (unsigned i = 0; i < count(s); i++)
		ids[i] = i + 1;
	rsp_reply_threads(s->engine, ids, count(s));
}

void debug_threads_extra(struct debug_session *s, const struct rsp_request *req)
{
	int vcpu = debug_request_vcpu(s, &req->u.thread.tid);
	struct debug_text t;
	char line[64];

	if (vcpu < 0)
		return;
	debug_text_init(&t, line, sizeof(line));
	describe(s, (unsigned)vcpu, &t);
	rsp_reply_hex(s->engine, line, t.len);
}

size_t debug_threads_xml(struct debug_session *s, char *buf, size_t size)
{
	const char *pid = rsp_engine_client(s->engine) & RSP_CLIENT_MULTIPROCESS ? "p1." : "";
	struct debug_text t;

	debug_text_init(&t, buf, size);
	debug_text_add(&t, "<?xml version=\"1.0\"?>\n<threads>\n");
	for (unsigned i = 0; i < count(s); i++) {
		debug_text_add(&t, "<thread id=\"%s%x\" core=\"%u\" name=\"cpu%u\">", pid, i + 1, i, i);
		describe(s, i, &t);
		debug_text_add(&t, "</thread>\n");
	}
	debug_text_add(&t, "</threads>\n");
	return t.len;
}
