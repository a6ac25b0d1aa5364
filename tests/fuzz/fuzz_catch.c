/*
 * Lines of "monitor catch" of arbitrary bytes: what is taken is compiled and evaluated. Required: no access
 * outside the line and the code (sanitizers), a range in order, checked code, the end is reached.
 */
#include "debug/agent.h"
#include "debug/catch_expr.h"
#include "debug/catch_parse.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_reg(void *ctx, unsigned number, uint64_t *ret, struct error *err)
{
	(void)ctx;
	(void)err;
	*ret = number;
	return 0;
}

static int read_mem(void *ctx, uint64_t addr, void *buf, size_t len, struct error *err)
{
	(void)ctx;
	if (addr > 0x10000)
		return error_set(err, EFAULT, "no such memory");
	memset(buf, (int)addr, len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct x86_layout layout = { .xcr0_mask = 3, .phys_bits = 40, .linear_bits = 48 };
	static struct x86_regs regs;
	struct debug_agent_io io = { .read_reg = read_reg, .read_mem = read_mem };
	struct debug_catch_spec spec;
	struct debug_agent agent;
	char *line = malloc(size + 1);
	uint8_t code[256];
	uint64_t value;
	size_t len;

	if (!line)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (regs.count == 0)
		x86_regs_init(&regs, &layout);
	if (debug_catch_parse(line, &spec, NULL) == 0) {
		if (spec.range.first > spec.range.last)
			abort();
		if (spec.condition &&
		    debug_catch_compile(spec.condition, &regs, code, sizeof(code), &len, NULL) == 0) {
			if (debug_agent_check(code, len, &agent, NULL) < 0 || !agent.has_value)
				abort();
			debug_agent_eval(&agent, &io, &value, NULL);
		}
	}
	free(line);
	return 0;
}
