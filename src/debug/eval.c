#include "debug/eval.h"

#include "base/bytes.h"
#include <errno.h>
#include <inttypes.h>

void debug_eval_init(struct debug_eval *e, struct debug_session *s, unsigned vcpu)
{
	e->s = s;
	e->vcpu = vcpu;
	e->viewed = false;
}

int debug_eval_reg(void *ctx, unsigned number, uint64_t *ret, struct error *err)
{
	const struct debug_eval *e = ctx;
	uint8_t value[X86_REG_MAX_SIZE];
	const struct x86_state *st;
	const struct x86_reg *reg;

	if (number >= e->s->regs.count)
		return error_set(err, EINVAL, "there is no register %u", number);
	reg = &e->s->regs.reg[number];
	if (reg->bits > 64)
		return error_set(err, EINVAL, "%s is too wide for an expression", reg->name);
	st = debug_get(e->s, e->vcpu, reg->group);
	if (!st || !x86_regs_get(e->s->cfg.layout, reg, st, value))
		return error_set(err, EIO, "%s cannot be read", reg->name);
	*ret = bytes_get_le(value, reg->bits / 8u);
	return 0;
}

static int look(struct debug_eval *e, struct error *err)
{
	int rc = e->viewed ? 0 : debug_session_view(e->s, e->vcpu, false, &e->view, err);

	e->viewed |= rc == 0;
	return rc;
}

int debug_eval_mem(void *ctx, uint64_t addr, void *buf, size_t len, struct error *err)
{
	struct debug_eval *e = ctx;
	int rc = look(e, err);
	int64_t n;

	if (rc < 0)
		return rc;
	n = debug_view_read(&e->view, addr, buf, len, err);
	if (n < 0)
		return (int)n;
	/* The hole is further on: its own text. */
	if ((size_t)n < len && debug_view_read(&e->view, addr + (uint64_t)n, buf, 1, err) < 0)
		return -EFAULT;
	return (size_t)n == len ? 0 : error_set(err, EFAULT, "0x%" PRIx64 " cannot be read", addr);
}

size_t debug_eval_mem_part(struct debug_eval *e, uint64_t addr, void *buf, size_t len)
{
	int64_t n = look(e, NULL) < 0 ? -1 : debug_view_read(&e->view, addr, buf, len, NULL);

	return n < 0 ? 0 : (size_t)n;
}
