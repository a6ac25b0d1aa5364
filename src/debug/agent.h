/*
 * Agent expressions: the bytecode that GDB sends for conditions, commands and tracepoints (GDB manual,
 * appendix "The GDB Agent Expression Mechanism"; the opcodes' numbers are those of GDB's own table).
 *
 * Pure. Checked once: every byte belongs to a known instruction, every jump lands on one, no path runs off
 * the end, the depth of the stack is the same by whatever way an instruction is reached, never below what
 * it takes nor above DEBUG_AGENT_STACK. Evaluated then without such checks, within bounds on steps and
 * output.
 * Floating point is refused: GDB does not generate it.
 */
#ifndef DEBUG_AGENT_H
#define DEBUG_AGENT_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEBUG_AGENT_MAX 4096     /* bytes of one expression */
#define DEBUG_AGENT_STACK 64
#define DEBUG_AGENT_STEPS 20000
#define DEBUG_AGENT_OUTPUT 4096  /* bytes printed by one evaluation */
#define DEBUG_AGENT_VARS 64

/* Trace-state variables. One that was never set reads as 0. */
struct debug_agent_vars {
	unsigned count;
	struct { uint16_t number; int64_t value; } var[DEBUG_AGENT_VARS];
};

int64_t debug_agent_var_get(const struct debug_agent_vars *vars, uint16_t number);
/* 0, or -ENOSPC. */
int debug_agent_var_set(struct debug_agent_vars *vars, uint16_t number, int64_t value);

/* What a tracing instruction wants kept. */
enum debug_agent_record { DEBUG_AGENT_MEMORY, DEBUG_AGENT_STRING /* up to a NUL */, DEBUG_AGENT_VAR };

/* What an evaluation works on. A member that may be NULL says so. Failures: negative errno, with text. */
struct debug_agent_io {
	void *ctx;
	/* Register of the target description, zero-extended; at most 64 bits wide. */
	int (*read_reg)(void *ctx, unsigned number, uint64_t *ret, struct error *err);
	/* All of it or nothing. */
	int (*read_mem)(void *ctx, uint64_t addr, void *buf, size_t len, struct error *err);
	void (*print)(void *ctx, const char *text, size_t len);   /* NULL: what is printed is dropped */
	/* NULL: tracing instructions do nothing. at: address or number of the variable; len: of memory. */
	int (*record)(void *ctx, enum debug_agent_record what, uint64_t at, uint64_t len, struct error *err);
	struct debug_agent_vars *vars;                            /* NULL: none; setv fails */
};

/* A checked expression. Borrows its bytes. */
struct debug_agent {
	const uint8_t *code;
	uint16_t len;
	bool has_value;   /* something is on the stack wherever it ends */
};

/* 0, or -EINVAL with text that names the byte and the reason. */
int debug_agent_check(const uint8_t *code, size_t len, struct debug_agent *ret, struct error *err);

/*
 * 0, or an error with text: -EFAULT (memory), -EDOM (division by zero), -ELOOP (too many steps), -EFBIG (too
 * much output), -ENOSPC (variables), or what a callback says. *ret_value (may be NULL) is the top of the
 * stack, 0 when it is empty.
 */
int debug_agent_eval(const struct debug_agent *a, const struct debug_agent_io *io, uint64_t *ret_value,
                     struct error *err);

/* Name of an opcode ("ref32"); NULL when there is none. Static. */
const char *debug_agent_op_name(uint8_t op);

#endif
