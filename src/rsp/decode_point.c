/*
 * Conditions and commands of a breakpoint (GDB manual, "Packets", Z0): ";X LEN,BYTES..." and ";cmds:PERSIST,
 * X LEN,BYTES..." in any order. GDB puts the expressions of one list side by side, the manual a ';' between.
 */
#include "rsp/decode.h"

#include "rsp/engine.h"

bool rsp_decode_take_code(struct rsp_cursor *c, struct rsp_code *ret)
{
	struct rsp_cursor digits;
	uint32_t len;
	uint8_t *bytes;

	if (!rsp_cursor_char(c, 'X') || !rsp_cursor_hex32(c, &len) || !rsp_cursor_char(c, ',') || len == 0 ||
	    len > rsp_cursor_left(c) / 2)
		return false;
	digits = (struct rsp_cursor){c->at, c->at + 2 * (size_t)len};
	if (!rsp_cursor_hex_bytes(&digits, &bytes, &ret->len))
		return false;
	ret->bytes = bytes;
	c->at += 2 * (size_t)len;
	return true;
}

static bool take_list(struct rsp_cursor *c, struct rsp_code *list, size_t *count)
{
	while (c->at < c->end && *c->at == 'X') {
		if (*count == RSP_MAX_CODES || !rsp_decode_take_code(c, &list[*count]))
			return false;
		++*count;
	}
	return true;
}

static enum rsp_decoded refuse(struct rsp_engine *e, const char *why)
{
	rsp_reply_error(e, RSP_ERROR_MALFORMED, why);
	return RSP_ANSWERED;
}

/* Whoever sends them without having been offered them must not get a breakpoint that stops always. */
static enum rsp_decoded finish_code(struct rsp_engine *e, const struct rsp_request *req)
{
	if (req->u.point.condition_count > 0 && !(e->cfg.features & RSP_F_COND_BREAK))
		return refuse(e, "conditions are not supported");
	if (req->u.point.command_count > 0 && !(e->cfg.features & RSP_F_BREAK_CMDS))
		return refuse(e, "commands are not supported");
	if (req->u.point.type > RSP_POINT_HW)
		return refuse(e, "watchpoints take no conditions");
	return RSP_DECODED;
}

enum rsp_decoded rsp_decode_point_code(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	bool commands = false;
	uint32_t persist;

	req->u.point.conditions = e->conditions;
	req->u.point.commands = e->commands;
	while (c->at < c->end) {
		if (!rsp_cursor_char(c, ';'))
			return RSP_MALFORMED;
		if (rsp_cursor_text(c, "cmds:")) {
			if (!rsp_cursor_hex32(c, &persist) || !rsp_cursor_char(c, ','))
				return RSP_MALFORMED;
			req->u.point.persist = persist != 0;
			commands = true;
		}
		if (c->at == c->end || *c->at != 'X')
			return RSP_MALFORMED;
		if (!(commands ? take_list(c, e->commands, &req->u.point.command_count)
		               : take_list(c, e->conditions, &req->u.point.condition_count)))
			return RSP_MALFORMED;
	}
	return finish_code(e, req);
}
