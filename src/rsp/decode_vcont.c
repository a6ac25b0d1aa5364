/* Packets that let the target run (GDB manual, "Packets": vCont, c, C, s, S). */
#include "rsp/decode.h"

#include "rsp/engine.h"
#include <string.h>

struct action_row {
	char name;
	enum rsp_action_kind kind;
	bool signal;
	uint32_t feature;
};

/* GDB uses vCont only where c, C, s and S are all there; t costs nothing to list. */
static const struct action_row action_rows[] = {
	{'c', RSP_ACT_CONTINUE, false, 0},
	{'C', RSP_ACT_CONTINUE, true, 0},
	{'s', RSP_ACT_STEP, false, RSP_F_STEP},
	{'S', RSP_ACT_STEP, true, RSP_F_STEP},
	{'t', RSP_ACT_STOP, false, 0},
	{'r', RSP_ACT_RANGE, false, RSP_F_RANGE_STEP},
};
#define ACTION_ROWS (sizeof(action_rows) / sizeof(action_rows[0]))

static const struct rsp_tid all_threads = {RSP_TID_ALL, RSP_TID_ALL};

static bool have(const struct rsp_engine *e, const struct action_row *row)
{
	return (row->feature & ~e->cfg.features) == 0;
}

enum rsp_decoded rsp_decode_vcont_query(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	char text[sizeof("vCont") + 2 * ACTION_ROWS] = "vCont";
	size_t len = strlen(text);

	(void)c;
	(void)req;
	for (size_t i = 0; i < ACTION_ROWS; i++) {
		if (!have(e, &action_rows[i]))
			continue;
		text[len++] = ';';
		text[len++] = action_rows[i].name;
	}
	text[len] = '\0';
	rsp_reply_text(e, text);
	return RSP_ANSWERED;
}

static const struct action_row *find_action(struct rsp_cursor *c)
{
	for (size_t i = 0; i < ACTION_ROWS; i++)
		if (rsp_cursor_char(c, action_rows[i].name))
			return &action_rows[i];
	return NULL;
}

/* "c" "C05" "r10,20", each with ":THREAD" or without. */
static bool decode_action(const struct rsp_engine *e, struct rsp_cursor *c, struct rsp_action *ret)
{
	const struct action_row *row = find_action(c);
	struct rsp_action act = {.tid = all_threads};

	if (row == NULL || !have(e, row))
		return false;
	act.kind = row->kind;
	if (row->signal && !rsp_cursor_hex8(c, &act.signal))
		return false;
	if (row->kind == RSP_ACT_RANGE && !rsp_cursor_range(c, &act.start, &act.end))
		return false;
	if (rsp_cursor_char(c, ':') && !rsp_cursor_tid(c, &act.tid))
		return false;
	*ret = act;
	return true;
}

/* The rows of the table are named by the first action; decoding begins before it. */
enum rsp_decoded rsp_decode_vcont(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	size_t n = 0;

	c->at = e->frame.buf + strlen("vCont");
	while (c->at != c->end) {
		if (n == RSP_MAX_VCONT) {
			rsp_reply_error(e, RSP_ERROR_TOO_LONG, "too many actions in vCont");
			return RSP_ANSWERED;
		}
		if (!rsp_cursor_char(c, ';') || !decode_action(e, c, &e->actions[n]))
			return RSP_MALFORMED;
		n++;
	}
	req->u.resume.actions = e->actions;
	req->u.resume.count = n;
	return RSP_DECODED;
}

/*
 * What c, C, s, S mean in terms of vCont: the thread of Hc alone; without one, a step or a signal is for the
 * thread of Hg and the others continue.
 */
static void plan_resume(struct rsp_engine *e, enum rsp_action_kind kind, uint8_t signal,
                        struct rsp_request *req)
{
	struct rsp_action act = {.kind = kind, .signal = signal, .tid = e->resume};
	size_t n = 0;

	if (e->resume.tid > 0) {
		e->actions[n++] = act;
	} else {
		act.tid = e->general.tid > 0 ? e->general : (struct rsp_tid){1, RSP_TID_ANY};
		if (kind == RSP_ACT_STEP || signal != 0)
			e->actions[n++] = act;
		e->actions[n++] = (struct rsp_action){.kind = RSP_ACT_CONTINUE, .tid = all_threads};
	}
	req->u.resume.actions = e->actions;
	req->u.resume.count = n;
}

static enum rsp_decoded finish_resume(struct rsp_engine *e, struct rsp_cursor *c, uint8_t signal,
                                      struct rsp_request *req)
{
	bool step = (e->frame.buf[0] | 0x20) == 's';

	if (c->at != c->end)
		return RSP_MALFORMED;
	plan_resume(e, step ? RSP_ACT_STEP : RSP_ACT_CONTINUE, signal, req);
	return RSP_DECODED;
}

/* "c" "cADDR" "s" "sADDR" */
enum rsp_decoded rsp_decode_resume(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	req->u.resume.has_addr = rsp_cursor_hex(c, &req->u.resume.addr);
	return finish_resume(e, c, 0, req);
}

/* "C05" "C05;ADDR" "S05" "S05;ADDR" */
enum rsp_decoded rsp_decode_resume_signal(struct rsp_engine *e, struct rsp_cursor *c, struct rsp_request *req)
{
	uint8_t signal;

	if (!rsp_cursor_hex8(c, &signal))
		return RSP_MALFORMED;
	req->u.resume.has_addr = rsp_cursor_char(c, ';');
	if (req->u.resume.has_addr && !rsp_cursor_hex(c, &req->u.resume.addr))
		return RSP_MALFORMED;
	return finish_resume(e, c, signal, req);
}
