/* Z and z. */
#include "debug/internal.h"

static void remove_wish(struct debug_session *s, const struct rsp_request *req)
{
	debug_points_remove(&s->points, req->u.point.type, req->u.point.addr, req->u.point.kind);
}

void debug_point_insert(struct debug_session *s, const struct rsp_request *req)
{
	int rc, vcpu = debug_request_vcpu(s, &req->tid);
	struct debug_codes codes = { req->u.point.conditions, req->u.point.commands,
	                             req->u.point.condition_count, req->u.point.command_count,
	                             req->u.point.persist };
	struct error err;

	if (vcpu < 0)
		return;
	s->map_vcpu = (unsigned)vcpu;
	debug_points_drop_kept(&s->points, &req->u.point.addr); /* the new one speaks for it */
	rc = debug_points_insert(&s->points, req->u.point.type, req->u.point.addr, req->u.point.kind, &err);
	if (rc == 0 && req->u.point.type <= RSP_POINT_HW) {
		rc = debug_points_program(&s->points, req->u.point.type, req->u.point.addr, &codes, &err);
		if (rc < 0)
			remove_wish(s, req);
	}
	debug_reply_result(s, rc, &err);
}

void debug_point_remove(struct debug_session *s, const struct rsp_request *req)
{
	remove_wish(s, req);
	debug_points_drop_kept(&s->points, &req->u.point.addr);
	rsp_reply_ok(s->engine);
}
