#include "debug/catch_expr.h"

#include "base/bytes.h"
#include "base/parse.h"
#include "debug/agent.h"
#include <errno.h>
#include <string.h>

/* GDB manual, "Bytecode Descriptions". */
enum {
	OP_ADD = 0x02, OP_SUB, OP_MUL, OP_DIV = 0x06, OP_REM = 0x08, OP_LSH, OP_RSH = 0x0b, OP_NOT = 0x0e,
	OP_AND, OP_OR, OP_XOR, OP_BITS, OP_EQUAL, OP_LESS = 0x15, OP_REF8 = 0x17, OP_REF64 = 0x1a,
	OP_IF_GOTO = 0x20, OP_GOTO, OP_CONST8, OP_CONST64 = 0x25, OP_REG, OP_END, OP_SWAP = 0x2b
};

struct parser {
	const char *at, *word;   /* word: where the last one began */
	const struct x86_regs *regs;
	uint8_t *code;
	size_t size, len;
	unsigned depth;
	int rc;              /* the first failure stays */
	struct error *err;
};

static const struct { const char *name; uint16_t number; } names[] = {
	{ "value", DEBUG_CATCH_VALUE }, { "addr", DEBUG_CATCH_ADDR }, { "error", DEBUG_CATCH_ERROR },
	{ "vector", DEBUG_CATCH_VECTOR }, { "write", DEBUG_CATCH_WRITE },
};

/* A level of binding: its operators, and what they become. The longer of two that begin alike is first. */
struct operator { const char *text; uint8_t level, op[3]; };

static const struct operator operators[] = {
	{ "||", 1, { 0 } }, { "&&", 2, { 0 } }, { "==", 6, { OP_EQUAL } }, { "!=", 6, { OP_EQUAL, OP_NOT } },
	{ "<<", 8, { OP_LSH } }, { ">>", 8, { OP_RSH } }, { "<=", 7, { OP_SWAP, OP_LESS, OP_NOT } },
	{ ">=", 7, { OP_LESS, OP_NOT } }, { "<", 7, { OP_LESS } }, { ">", 7, { OP_SWAP, OP_LESS } },
	{ "|", 3, { OP_OR } }, { "^", 4, { OP_XOR } }, { "&", 5, { OP_AND } }, { "+", 9, { OP_ADD } },
	{ "-", 9, { OP_SUB } }, { "*", 10, { OP_MUL } }, { "/", 10, { OP_DIV } }, { "%", 10, { OP_REM } },
};

#define LEVEL_OR 1
#define LEVEL_AND 2
#define LEVEL_MAX 10

static void expression(struct parser *p, unsigned level);

static void fail(struct parser *p, const char *what)
{
	if (p->rc == 0)
		p->rc = error_set(p->err, EINVAL, "%s at '%.20s' of the condition", what,
		                  *p->at ? p->at : "the end");
}

static void emit(struct parser *p, uint64_t value, unsigned bytes)
{
	if (p->rc == 0 && bytes > p->size - p->len)
		p->rc = error_set(p->err, ENOSPC, "the condition is too long");
	for (unsigned i = bytes; p->rc == 0 && i > 0; i--)
		p->code[p->len++] = (uint8_t)(value >> (i - 1) * 8);
}

static void skip(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
}

static bool take(struct parser *p, char c)
{
	skip(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

static void want(struct parser *p, char c)
{
	char text[] = "' ' expected";

	text[1] = c;
	if (p->rc == 0 && !take(p, c))
		fail(p, text);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void number(struct parser *p, const char *word)
{
	uint64_t value;

	if (parse_u64(word, 0, UINT64_MAX, &value) < 0) {
		p->at = p->word;
		fail(p, "not a number");
		return;
	}
	emit(p, OP_CONST64, 1);
	emit(p, value, 8);
}

static void reg(struct parser *p, const char *word)
{
	const struct x86_reg *r = x86_regs_find(p->regs, word);

	if (!r || r->bits > 64) {
		p->at = p->word;
		fail(p, r ? "too wide a register" : "no such register");
		return;
	}
	emit(p, OP_REG, 1);
	emit(p, r->number, 2);
}

/* u8[...] and its like; false: the word is another. */
static bool memory(struct parser *p, const char *word)
{
	static const char *const sizes[] = { "u8", "u16", "u32", "u64" };

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(word, sizes[i]) != 0)
			continue;
		want(p, '[');
		expression(p, 1);
		want(p, ']');
		emit(p, OP_REF8 + i, 1);
		return true;
	}
	return false;
}

static void named(struct parser *p, const char *word)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(word, names[i].name) != 0)
			continue;
		emit(p, OP_REG, 1);
		emit(p, names[i].number, 2);
		return;
	}
	if (!memory(p, word))
		reg(p, word);
}

static void primary(struct parser *p)
{
	char word[24];
	size_t len = 0;

	if (take(p, '(')) {
		expression(p, 1);
		want(p, ')');
		return;
	}
	p->word = p->at;
	p->at += *p->at == '$';
	while (is_word(p->at[len]) && len + 1 < sizeof(word))
		len++;
	memcpy(word, p->at, len);
	word[len] = '\0';
	if (len == 0) {
		fail(p, "a value is missing");
		return;
	}
	p->at += len;
	if (word[0] >= '0' && word[0] <= '9')
		number(p, word);
	else
		named(p, word);
}

static void unary(struct parser *p)
{
	if (++p->depth > DEBUG_CATCH_DEPTH)
		fail(p, "too deep");
	else if (take(p, '-')) {
		emit(p, OP_CONST8 << 8, 2);
		unary(p);
		emit(p, OP_SUB, 1);
	} else if (take(p, '~')) {
		unary(p);
		emit(p, OP_BITS, 1);
	} else if (take(p, '!')) {
		unary(p);
		emit(p, OP_NOT, 1);
	} else if (take(p, '*')) {
		unary(p);
		emit(p, OP_REF64, 1);
	} else {
		primary(p);
	}
	p->depth--;
}

static const struct operator *operator_at(struct parser *p)
{
	skip(p);
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (strncmp(p->at, operators[i].text, strlen(operators[i].text)) == 0)
			return &operators[i];
	return NULL;
}

/* A jump whose goal is not known yet: where that has to be put. */
static size_t jump(struct parser *p, unsigned op)
{
	emit(p, op, 1);
	emit(p, 0, 2);
	return p->len - 2;
}

static void land(struct parser *p, size_t from)
{
	if (p->rc < 0)
		return;
	p->code[from] = (uint8_t)(p->len >> 8);
	p->code[from + 1] = (uint8_t)p->len;
}

/* The left side's value decides whether the right side is looked at. */
static void logical(struct parser *p, const struct operator *o)
{
	bool and = o->level == LEVEL_AND;
	size_t out, end;

	if (and)
		emit(p, OP_NOT, 1);
	out = jump(p, OP_IF_GOTO);
	expression(p, o->level + 1u);
	emit(p, OP_NOT << 8 | OP_NOT, 2);
	end = jump(p, OP_GOTO);
	land(p, out);
	emit(p, OP_CONST8 << 8 | (and ? 0 : 1), 2);
	land(p, end);
}

static void expression(struct parser *p, unsigned level)
{
	const struct operator *o;

	if (level > LEVEL_MAX) {
		unary(p);
		return;
	}
	expression(p, level + 1);
	while (p->rc == 0 && (o = operator_at(p)) != NULL && o->level == level) {
		p->at += strlen(o->text);
		if (level <= LEVEL_AND) {
			logical(p, o);
			continue;
		}
		expression(p, level + 1);
		for (unsigned i = 0; i < 3 && o->op[i]; i++)
			emit(p, o->op[i], 1);
	}
}

int debug_catch_compile(const char *text, const struct x86_regs *regs, uint8_t *code, size_t size,
                        size_t *ret_len, struct error *err)
{
	struct parser p = { .at = text, .word = text, .regs = regs, .code = code, .size = size, .err = err };
	struct debug_agent agent;

	expression(&p, 1);
	skip(&p);
	if (*p.at)
		fail(&p, "not understood");
	emit(&p, OP_END, 1);
	if (p.rc == 0)
		p.rc = debug_agent_check(code, p.len, &agent, err);
	if (p.rc < 0)
		return p.rc;
	*ret_len = p.len;
	return 0;
}
