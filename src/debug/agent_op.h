/* Inside of the agent expressions: the table of opcodes, for agent.c and agent_check.c. */
#ifndef DEBUG_AGENT_OP_H
#define DEBUG_AGENT_OP_H

#include "debug/agent.h"

struct debug_agent_machine;

/* arg: the operand bytes, big-endian. 0 or a negative errno with text. */
typedef int debug_agent_run(struct debug_agent_machine *m, uint64_t arg);

/* operand: bytes behind the opcode; in, out: of the stack. No run: known, but not to be had. */
struct debug_agent_op { const char *name; uint8_t operand, in, out; debug_agent_run *run; };

/* The row of an opcode; NULL when there is none. */
const struct debug_agent_op *debug_agent_op(uint8_t op);

static inline uint64_t debug_agent_operand(const uint8_t *at, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | at[i];
	return v;
}

#endif
