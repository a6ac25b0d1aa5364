/*
 * Agent expressions of arbitrary bytes: checked; what passes is evaluated over a small memory. Required: no
 * access outside the expression and the stack (sanitizers), output within its bound, the end is reached.
 *
 * Input: the expression; its last 16 bytes are also the memory, at address 0.
 */
#include "debug/agent.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world { const uint8_t *bytes; size_t len, printed; };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_reg(void *ctx, unsigned number, uint64_t *ret, struct error *err)
{
	const struct world *w = ctx;

	if (number > 1000)
		return error_set(err, EINVAL, "no such register");
	*ret = number * w->len;
	return 0;
}

static int read_mem(void *ctx, uint64_t addr, void *buf, size_t len, struct error *err)
{
	const struct world *w = ctx;

	if (addr >= w->len || len > w->len - addr)
		return error_set(err, EFAULT, "no such memory");
	memcpy(buf, w->bytes + addr, len);
	return 0;
}

static void print(void *ctx, const char *text, size_t len)
{
	static volatile char sink;
	struct world *w = ctx;

	for (size_t i = 0; i < len; i++)
		sink = text[i];
	(void)sink;
	w->printed += len;
}

static int record(void *ctx, enum debug_agent_record what, uint64_t at, uint64_t len, struct error *err)
{
	(void)ctx;
	(void)what;
	return at == len ? error_set(err, ENOSPC, "full") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct debug_agent_vars vars = { 0 };
	struct world w = { .bytes = size > 16 ? data + size - 16 : data, .len = size > 16 ? 16 : size };
	struct debug_agent_io io = { .ctx = &w, .read_reg = read_reg, .read_mem = read_mem, .print = print,
	                             .record = record, .vars = &vars };
	struct error err = { 0, "" };
	struct debug_agent a;
	uint64_t value;
	int rc = debug_agent_check(data, size, &a, &err);

	if (rc == 0)
		rc = debug_agent_eval(&a, &io, &value, &err);
	if ((rc < 0 && (err.code != -rc || err.text[0] == '\0')) || w.printed > DEBUG_AGENT_OUTPUT) {
		fprintf(stderr, "fuzz_agent: rc %d, %zu bytes printed\n", rc, w.printed);
		abort();
	}
	return 0;
}
