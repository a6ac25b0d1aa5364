/* R and vRun: the guest from its beginning. */
#include "debug/internal.h"

#include "debug/event.h"
#include "debug/nonstop.h"
#include "debug/text.h"
#include <errno.h>

static int reset(struct debug_session *s, struct error *err)
{
	int rc;

	if (!s->cfg.ops->reset)
		return error_set(err, ENOTSUP, "this machine cannot be reset");
	rc = s->cfg.ops->reset(s->cfg.target, err);
	if (rc == 0)
		debug_event_after_reset(s);
	return rc;
}

/* R: no reply is owed; the client asks "?" next. */
void debug_restart_request(struct debug_session *s, const struct rsp_request *req)
{
	struct error err;

	(void)req;
	if (s->run == DEBUG_RUN_PARKED)
		reset(s, &err);
}

/* The arguments of vRun, if there are any, become the guest's command line. */
static int take_arguments(struct debug_session *s, const struct rsp_request *req, struct error *err)
{
	struct debug_text t;

	if (req->u.run.argc == 0)
		return 0;
	if (!s->cfg.set_cmdline)
		return error_set(err, ENOTSUP, "this machine's command line cannot be changed");
	debug_text_init(&t, s->text, sizeof(s->text));
	for (size_t i = 0; i < req->u.run.argc; i++)
		debug_text_add(&t, "%s%s", i ? " " : "", req->u.run.argv[i]);
	return s->cfg.set_cmdline(s->cfg.ctx, s->text, err);
}

/* A file's name changes nothing: the machine has the one image that it was started with. */
void debug_restart_run(struct debug_session *s, const struct rsp_request *req)
{
	struct error err;
	int rc = take_arguments(s, req, &err);

	if (rc == 0)
		rc = reset(s, &err);
	if (rc < 0)
		debug_reply_error(s, &err);
	else if (s->nonstop)
		debug_nonstop_begin(s);
	else
		debug_stop_query(s, req);
	s->killed = s->killed && rc < 0;
}
