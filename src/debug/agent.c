#include "debug/agent.h"

#include "base/bytes.h"
#include "debug/agent_op.h"
#include "debug/agent_printf.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- variables ---- */

int64_t debug_agent_var_get(const struct debug_agent_vars *vars, uint16_t number)
{
	for (unsigned i = 0; vars && i < vars->count; i++)
		if (vars->var[i].number == number)
			return vars->var[i].value;
	return 0;
}

int debug_agent_var_set(struct debug_agent_vars *vars, uint16_t number, int64_t value)
{
	unsigned i = 0;

	while (vars && i < vars->count && vars->var[i].number != number)
		i++;
	if (!vars || i == DEBUG_AGENT_VARS)
		return -ENOSPC;
	vars->var[i].number = number;
	vars->var[i].value = value;
	if (i == vars->count)
		vars->count++;
	return 0;
}

/* ---- the instructions ---- */

struct debug_agent_machine {
	const struct debug_agent *a;
	const struct debug_agent_io *io;
	struct error *err;
	unsigned pc;             /* of the next instruction */
	unsigned at;             /* of this one */
	unsigned depth;
	bool ended;
	size_t room;             /* bytes that may yet be printed */
	uint64_t stack[DEBUG_AGENT_STACK];
};

static uint64_t *top(struct debug_agent_machine *m)
{
	return &m->stack[m->depth - 1];
}

static uint64_t pop(struct debug_agent_machine *m)
{
	return m->stack[--m->depth];
}

static int push(struct debug_agent_machine *m, uint64_t value)
{
	m->stack[m->depth++] = value;
	return 0;
}

/* Two are taken: b from the top, a below it. */
#define BINARY(name, expression)                             \
	static int run_##name(struct debug_agent_machine *m, uint64_t arg) \
	{                                                      \
		uint64_t b = pop(m), a = *top(m);              \
                                                               \
		(void)arg;                                     \
		*top(m) = (expression);                        \
		return 0;                                      \
	}

/* C leaves shifts by the width and beyond open: here all bits have gone. */
static uint64_t shift_left(uint64_t a, uint64_t n)
{
	return n < 64 ? a << n : 0;
}

static uint64_t shift_right(uint64_t a, uint64_t n, bool negative)
{
	uint64_t fill = negative ? UINT64_MAX : 0;

	if (n >= 64)
		return fill;
	return n == 0 ? a : a >> n | fill << (64 - n);
}

BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a * b)
BINARY(lsh, shift_left(a, b))
BINARY(rsh_signed, shift_right(a, b, (int64_t)a < 0))
BINARY(rsh_unsigned, shift_right(a, b, false))
BINARY(bit_and, a & b)
BINARY(bit_or, a | b)
BINARY(bit_xor, a ^ b)
BINARY(equal, a == b)
BINARY(less_signed, (int64_t)a < (int64_t)b)
BINARY(less_unsigned, a < b)

static int divide(struct debug_agent_machine *m, bool is_signed, bool remainder)
{
	uint64_t b = pop(m), a = *top(m);

	if (b == 0)
		return error_set(m->err, EDOM, "division by zero (byte %u of the expression)", m->at);
	if (!is_signed)
		*top(m) = remainder ? a % b : a / b;
	else if (b == UINT64_MAX) /* by -1: the one quotient that does not fit wraps */
		*top(m) = remainder ? 0 : 0 - a;
	else
		*top(m) = (uint64_t)(remainder ? (int64_t)a % (int64_t)b : (int64_t)a / (int64_t)b);
	return 0;
}

#define DIVISION(name, is_signed, remainder)                 \
	static int run_##name(struct debug_agent_machine *m, uint64_t arg) \
	{                                                      \
		(void)arg;                                     \
		return divide(m, is_signed, remainder);        \
	}

DIVISION(div_signed, true, false)
DIVISION(div_unsigned, false, false)
DIVISION(rem_signed, true, true)
DIVISION(rem_unsigned, false, true)

static int run_log_not(struct debug_agent_machine *m, uint64_t arg)
{
	(void)arg;
	*top(m) = !*top(m);
	return 0;
}

static int run_bit_not(struct debug_agent_machine *m, uint64_t arg)
{
	(void)arg;
	*top(m) = ~*top(m);
	return 0;
}

static int run_zero_ext(struct debug_agent_machine *m, uint64_t bits)
{
	if (bits < 64)
		*top(m) &= (UINT64_C(1) << bits) - 1;
	return 0;
}

static int run_ext(struct debug_agent_machine *m, uint64_t bits)
{
	uint64_t sign = UINT64_C(1) << ((bits - 1) & 63);

	run_zero_ext(m, bits);
	if (bits < 64)
		*top(m) = (*top(m) ^ sign) - sign;
	return 0;
}

static int read_memory(struct debug_agent_machine *m, size_t size)
{
	uint8_t bytes[8];
	int rc = m->io->read_mem(m->io->ctx, *top(m), bytes, size, m->err);

	if (rc == 0)
		*top(m) = bytes_get_le(bytes, (unsigned)size);
	return rc;
}

#define REFERENCE(name, size)                                \
	static int run_##name(struct debug_agent_machine *m, uint64_t arg) \
	{                                                      \
		(void)arg;                                     \
		return read_memory(m, size);                   \
	}

REFERENCE(ref8, 1)
REFERENCE(ref16, 2)
REFERENCE(ref32, 4)
REFERENCE(ref64, 8)

static int run_const(struct debug_agent_machine *m, uint64_t value)
{
	return push(m, value);
}

static int run_reg(struct debug_agent_machine *m, uint64_t number)
{
	uint64_t value = 0;
	int rc = m->io->read_reg(m->io->ctx, (unsigned)number, &value, m->err);

	return rc < 0 ? rc : push(m, value);
}

static int run_goto(struct debug_agent_machine *m, uint64_t target)
{
	m->pc = (unsigned)target;
	return 0;
}

static int run_if_goto(struct debug_agent_machine *m, uint64_t target)
{
	if (pop(m) != 0)
		m->pc = (unsigned)target;
	return 0;
}

static int run_end(struct debug_agent_machine *m, uint64_t arg)
{
	(void)arg;
	m->ended = true;
	return 0;
}

static int run_dup(struct debug_agent_machine *m, uint64_t arg)
{
	(void)arg;
	return push(m, *top(m));
}

static int run_pop(struct debug_agent_machine *m, uint64_t arg)
{
	(void)arg;
	pop(m);
	return 0;
}

static int run_pick(struct debug_agent_machine *m, uint64_t n)
{
	return push(m, m->stack[m->depth - 1 - n]);
}

static int run_swap(struct debug_agent_machine *m, uint64_t arg)
{
	uint64_t b = pop(m), a = *top(m);

	(void)arg;
	*top(m) = b;
	return push(m, a);
}

/* a b c => c a b */
static int run_rot(struct debug_agent_machine *m, uint64_t arg)
{
	uint64_t *p = top(m) - 2, c = p[2];

	(void)arg;
	p[2] = p[1];
	p[1] = p[0];
	p[0] = c;
	return 0;
}

static int run_getv(struct debug_agent_machine *m, uint64_t number)
{
	return push(m, (uint64_t)debug_agent_var_get(m->io->vars, (uint16_t)number));
}

/* The value stays. */
static int run_setv(struct debug_agent_machine *m, uint64_t number)
{
	int rc = debug_agent_var_set(m->io->vars, (uint16_t)number, (int64_t)*top(m));

	return rc == 0 ? 0 : error_set(m->err, -rc, "no room for trace-state variable %u", (unsigned)number);
}

static int record(struct debug_agent_machine *m, enum debug_agent_record what, uint64_t at, uint64_t len)
{
	return m->io->record ? m->io->record(m->io->ctx, what, at, len, m->err) : 0;
}

static int run_trace(struct debug_agent_machine *m, uint64_t arg)
{
	uint64_t len = pop(m);

	(void)arg;
	return record(m, DEBUG_AGENT_MEMORY, pop(m), len);
}

static int run_tracenz(struct debug_agent_machine *m, uint64_t arg)
{
	uint64_t len = pop(m);

	(void)arg;
	return record(m, DEBUG_AGENT_STRING, pop(m), len);
}

/* trace_quick, trace16: the address stays. */
static int run_trace_quick(struct debug_agent_machine *m, uint64_t len)
{
	return record(m, DEBUG_AGENT_MEMORY, *top(m), len);
}

static int run_tracev(struct debug_agent_machine *m, uint64_t number)
{
	return record(m, DEBUG_AGENT_VAR, number, 0);
}

/* Operand: count of arguments, length of the format. From the top: function, channel, first argument ... */
static int run_printf(struct debug_agent_machine *m, uint64_t arg)
{
	const char *format = (const char *)m->a->code + m->pc;
	unsigned count = (unsigned)(arg >> 16);
	uint64_t args[DEBUG_AGENT_ARGS];

	m->pc += (unsigned)(arg & 0xffff);
	m->depth -= 2;
	for (unsigned i = 0; i < count; i++)
		args[i] = pop(m);
	return debug_agent_printf(format, args, m->io, &m->room, m->err);
}

/*
 * By opcode. tracev pushes nothing: the manual's table says it does, but GDB generates it behind a getv
 * whose value it then uses, and gdbserver does not push either.
 */
static const struct debug_agent_op ops[] = {
	[0x01] = { "float", 0, 0, 0, NULL },
	[0x02] = { "add", 0, 2, 1, run_add },
	[0x03] = { "sub", 0, 2, 1, run_sub },
	[0x04] = { "mul", 0, 2, 1, run_mul },
	[0x05] = { "div_signed", 0, 2, 1, run_div_signed },
	[0x06] = { "div_unsigned", 0, 2, 1, run_div_unsigned },
	[0x07] = { "rem_signed", 0, 2, 1, run_rem_signed },
	[0x08] = { "rem_unsigned", 0, 2, 1, run_rem_unsigned },
	[0x09] = { "lsh", 0, 2, 1, run_lsh },
	[0x0a] = { "rsh_signed", 0, 2, 1, run_rsh_signed },
	[0x0b] = { "rsh_unsigned", 0, 2, 1, run_rsh_unsigned },
	[0x0c] = { "trace", 0, 2, 0, run_trace },
	[0x0d] = { "trace_quick", 1, 1, 1, run_trace_quick },
	[0x0e] = { "log_not", 0, 1, 1, run_log_not },
	[0x0f] = { "bit_and", 0, 2, 1, run_bit_and },
	[0x10] = { "bit_or", 0, 2, 1, run_bit_or },
	[0x11] = { "bit_xor", 0, 2, 1, run_bit_xor },
	[0x12] = { "bit_not", 0, 1, 1, run_bit_not },
	[0x13] = { "equal", 0, 2, 1, run_equal },
	[0x14] = { "less_signed", 0, 2, 1, run_less_signed },
	[0x15] = { "less_unsigned", 0, 2, 1, run_less_unsigned },
	[0x16] = { "ext", 1, 1, 1, run_ext },
	[0x17] = { "ref8", 0, 1, 1, run_ref8 },
	[0x18] = { "ref16", 0, 1, 1, run_ref16 },
	[0x19] = { "ref32", 0, 1, 1, run_ref32 },
	[0x1a] = { "ref64", 0, 1, 1, run_ref64 },
	[0x1b] = { "ref_float", 0, 1, 1, NULL },
	[0x1c] = { "ref_double", 0, 1, 1, NULL },
	[0x1d] = { "ref_long_double", 0, 1, 1, NULL },
	[0x1e] = { "l_to_d", 0, 1, 1, NULL },
	[0x1f] = { "d_to_l", 0, 1, 1, NULL },
	[0x20] = { "if_goto", 2, 1, 0, run_if_goto },
	[0x21] = { "goto", 2, 0, 0, run_goto },
	[0x22] = { "const8", 1, 0, 1, run_const },
	[0x23] = { "const16", 2, 0, 1, run_const },
	[0x24] = { "const32", 4, 0, 1, run_const },
	[0x25] = { "const64", 8, 0, 1, run_const },
	[0x26] = { "reg", 2, 0, 1, run_reg },
	[0x27] = { "end", 0, 0, 0, run_end },
	[0x28] = { "dup", 0, 1, 2, run_dup },
	[0x29] = { "pop", 0, 1, 0, run_pop },
	[0x2a] = { "zero_ext", 1, 1, 1, run_zero_ext },
	[0x2b] = { "swap", 0, 2, 2, run_swap },
	[0x2c] = { "getv", 2, 0, 1, run_getv },
	[0x2d] = { "setv", 2, 1, 1, run_setv },
	[0x2e] = { "tracev", 2, 0, 0, run_tracev },
	[0x2f] = { "tracenz", 0, 2, 0, run_tracenz },
	[0x30] = { "trace16", 2, 1, 1, run_trace_quick },
	[0x31] = { "invalid2", 0, 0, 0, NULL },
	[0x32] = { "pick", 1, 1, 2, run_pick },
	[0x33] = { "rot", 0, 3, 3, run_rot },
	[0x34] = { "printf", 3, 2, 0, run_printf },
};

const struct debug_agent_op *debug_agent_op(uint8_t op)
{
	return op < sizeof(ops) / sizeof(ops[0]) && ops[op].name ? &ops[op] : NULL;
}

const char *debug_agent_op_name(uint8_t op)
{
	return debug_agent_op(op) ? ops[op].name : NULL;
}

/* ---- evaluating ---- */

int debug_agent_eval(const struct debug_agent *a, const struct debug_agent_io *io, uint64_t *ret_value,
                     struct error *err)
{
	struct debug_agent_machine m;

	m.a = a;
	m.io = io;
	m.err = err;
	m.pc = m.depth = 0;
	m.ended = false;
	m.room = DEBUG_AGENT_OUTPUT;
	for (unsigned steps = 0; !m.ended; steps++) {
		const struct debug_agent_op *op = &ops[a->code[m.pc]];
		const uint8_t *arg = a->code + m.pc + 1;
		int rc;

		if (steps == DEBUG_AGENT_STEPS)
			return error_set(err, ELOOP, "the expression takes more than %d steps",
			                 DEBUG_AGENT_STEPS);
		m.at = m.pc;
		m.pc += 1u + op->operand;
		rc = op->run(&m, debug_agent_operand(arg, op->operand));
		if (rc < 0)
			return rc;
	}
	if (ret_value)
		*ret_value = m.depth > 0 ? *top(&m) : 0;
	return 0;
}
