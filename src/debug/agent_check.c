#include "debug/agent_op.h"

#include "debug/agent_printf.h"
#include <errno.h>
#include <string.h>

enum { OP_IF_GOTO = 0x20, OP_GOTO = 0x21, OP_EXT = 0x16, OP_END = 0x27, OP_PICK = 0x32, OP_PRINTF = 0x34 };

enum { NO_START = 0xff, NOT_SEEN = 0xfe }; /* in place of a depth */

struct check {
	const uint8_t *code;
	unsigned len;
	struct error *err;
	uint8_t depth[DEBUG_AGENT_MAX];     /* before the instruction that starts here */
	uint16_t todo[DEBUG_AGENT_MAX / 3 + 2]; /* not followed yet: one for each jump, and the start */
	unsigned todo_count;
	bool has_value;
};

static int bad(const struct check *c, unsigned at, const char *why)
{
	const char *name = debug_agent_op_name(c->code[at]);

	return error_set(c->err, EINVAL, "agent expression, byte %u (%s): %s", at,
	                 name ? name : "no opcode", why);
}

/* The format string of a printf is part of the instruction. */
static int check_printf(const struct check *c, unsigned at, unsigned *len)
{
	unsigned args = c->code[at + 1], size = (unsigned)debug_agent_operand(c->code + at + 2, 2);
	struct error why;

	if (c->len - at < 4 + size)
		return bad(c, at, "cut off");
	if (debug_agent_printf_check((const char *)c->code + at + 4, size, args, &why) < 0)
		return bad(c, at, why.text);
	*len += size;
	return 0;
}

/* One instruction, by itself: *ret_len bytes. */
static int check_one(struct check *c, unsigned at, unsigned *ret_len)
{
	const uint8_t *code = c->code + at;
	const struct debug_agent_op *op = debug_agent_op(code[0]);

	if (!op)
		return bad(c, at, "unknown");
	if (!op->run)
		return bad(c, at, "not supported: no floating point here");
	if (c->len - at < 1u + op->operand)
		return bad(c, at, "cut off");
	if (code[0] == OP_EXT && code[1] == 0)
		return bad(c, at, "no bits");
	*ret_len = 1u + op->operand;
	c->depth[at] = NOT_SEEN;
	return code[0] == OP_PRINTF ? check_printf(c, at, ret_len) : 0;
}

/* The instruction at `target` is reached with this depth. */
static int reach(struct check *c, unsigned from, unsigned target, unsigned depth)
{
	if (target >= c->len)
		return bad(c, from, "runs off the end");
	if (c->depth[target] == NO_START)
		return bad(c, from, "jumps into an instruction");
	if (c->depth[target] == NOT_SEEN) {
		c->depth[target] = (uint8_t)depth;
		c->todo[c->todo_count++] = (uint16_t)target;
	} else if (c->depth[target] != depth) {
		return bad(c, from, "the stack is not equally deep on all ways");
	}
	return 0;
}

/* Follows one instruction: the one behind it is the last that was put on the list, if any. */
static int follow_one(struct check *c, unsigned at)
{
	const uint8_t *code = c->code + at;
	const struct debug_agent_op *op = debug_agent_op(code[0]);
	unsigned depth = c->depth[at], in = op->in, size = 1u + op->operand;
	int rc = 0;

	if (code[0] == OP_PICK)
		in = code[1] + 1u;
	if (code[0] == OP_PRINTF) {
		in += code[1];
		size += (unsigned)debug_agent_operand(code + 2, 2);
	}
	if (depth < in)
		return bad(c, at, "takes more than is on the stack");
	if (code[0] == OP_END) {
		c->has_value &= depth > 0;
		return 0;
	}
	depth = code[0] == OP_PICK ? depth + 1 : depth - in + op->out;
	if (depth > DEBUG_AGENT_STACK)
		return bad(c, at, "the stack is too small");
	if (code[0] == OP_GOTO || code[0] == OP_IF_GOTO)
		rc = reach(c, at, (unsigned)debug_agent_operand(code + 1, 2), depth);
	if (rc == 0 && code[0] != OP_GOTO)
		rc = reach(c, at, at + size, depth);
	return rc;
}

int debug_agent_check(const uint8_t *code, size_t len, struct debug_agent *ret, struct error *err)
{
	struct check c = { .code = code, .len = (unsigned)len, .err = err, .has_value = true };
	int rc = 0;

	if (len == 0 || len > DEBUG_AGENT_MAX)
		return error_set(err, EINVAL, "an agent expression of %zu bytes: 1 to %d can be taken", len,
		                 DEBUG_AGENT_MAX);
	memset(c.depth, NO_START, sizeof(c.depth));
	for (unsigned at = 0, size = 0; at < c.len; at += size)
		if ((rc = check_one(&c, at, &size)) < 0)
			return rc;
	c.depth[0] = 0;
	c.todo[c.todo_count++] = 0;
	while (rc == 0 && c.todo_count > 0)
		rc = follow_one(&c, c.todo[--c.todo_count]);
	if (rc == 0)
		*ret = (struct debug_agent){ .code = code, .len = (uint16_t)len, .has_value = c.has_value };
	return rc;
}
