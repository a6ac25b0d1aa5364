#include "debug/registers.h"

#include "base/bytes.h"
#include <errno.h>
#include <string.h>

static const struct x86_state *get_or_reply(struct debug_session *s, unsigned vcpu, unsigned groups)
{
	const struct x86_state *st = debug_get(s, vcpu, groups);

	if (!st)
		rsp_reply_error(s->engine, EBUSY, "the registers of this vcpu cannot be read now");
	return st;
}

void debug_registers_read_all(struct debug_session *s, const struct rsp_request *req)
{
	int vcpu = debug_request_vcpu(s, &req->tid);
	const struct x86_state *st;
	bool map[X86_REGS_MAX_BYTES], complete;

	if (vcpu < 0)
		return;
	st = get_or_reply(s, (unsigned)vcpu, s->regs.g_groups);
	if (!st)
		return;
	complete = x86_regs_get_all(&s->regs, s->cfg.layout, st, s->buf, map);
	rsp_reply_regs(s->engine, s->buf, complete ? NULL : map, s->regs.g_size);
}

void debug_registers_read(struct debug_session *s, const struct rsp_request *req)
{
	int vcpu = debug_request_vcpu(s, &req->tid);
	uint8_t value[X86_REG_MAX_SIZE] = { 0 };
	bool map[X86_REG_MAX_SIZE];
	const struct x86_state *st;
	const struct x86_reg *reg;

	if (vcpu < 0)
		return;
	if (req->u.reg.number >= s->regs.count) {
		rsp_reply_error(s->engine, EINVAL, "there is no register of this number");
		return;
	}
	reg = &s->regs.reg[req->u.reg.number];
	st = get_or_reply(s, (unsigned)vcpu, reg->group);
	if (!st)
		return;
	memset(map, x86_regs_get(s->cfg.layout, reg, st, value), sizeof(map));
	rsp_reply_regs(s->engine, value, map, reg->bits / 8);
}

/* ---- writing ---- */

static int read_linear(void *ctx, uint64_t gva, void *buf, size_t len)
{
	return debug_view_read(ctx, gva, buf, len, NULL) == (int64_t)len ? 0 : -EFAULT;
}

/*
 * Puts the registers that differ into the scratch state. Values that stay as they are pass unchecked, so
 * that a client may send back what it read. Returns the groups touched, or negative errno with text.
 */
static int change(struct debug_session *s, unsigned vcpu, const struct x86_reg *reg, const uint8_t *value,
                  size_t len, struct error *err)
{
	uint8_t now[X86_REG_MAX_SIZE];
	struct debug_view view;
	struct x86_reader reader = { .read = read_linear, .ctx = &view };
	int rc = debug_session_view(s, vcpu, false, &view, err);

	if (rc < 0)
		return rc;
	if (len == reg->bits / 8u && x86_regs_get(s->cfg.layout, reg, &s->scratch, now) &&
	    memcmp(now, value, len) == 0)
		return 0;
	if (!reg->writable)
		return error_set(err, EINVAL, "%s cannot be written", reg->name);
	rc = x86_regs_set(s->cfg.layout, reg, &s->scratch, value, len, &reader, err);
	return rc < 0 ? rc : reg->group;
}

/* Selectors carry state of their group with them: what was changed goes back by whole groups. */
static int store(struct debug_session *s, unsigned vcpu, unsigned groups, struct error *err)
{
	if (groups == 0)
		return 0;
	return s->cfg.ops->set(s->cfg.target, vcpu, groups, &s->scratch, err);
}

static int load_scratch(struct debug_session *s, unsigned vcpu, unsigned groups, struct error *err)
{
	const struct x86_state *st = debug_get(s, vcpu, groups | X86_GROUP_SYSTEM | X86_GROUP_CORE);

	if (!st)
		return error_set(err, EBUSY, "the registers of this vcpu cannot be read now");
	s->scratch = *st;
	return 0;
}

/* After a write of rip the vcpu is where the client put it: a breakpoint there is to be hit. */
static void forget_hit(struct debug_session *s, unsigned vcpu)
{
	struct debug_report *pending = &s->vcpu[vcpu].pending;

	s->vcpu[vcpu].hit = false;
	if (pending->kind == DEBUG_REPORT_BREAK)
		pending->kind = DEBUG_REPORT_NONE;
}

static int write_all(struct debug_session *s, unsigned vcpu, const uint8_t *bytes, struct error *err)
{
	unsigned groups = 0;
	uint64_t rip;
	int rc = load_scratch(s, vcpu, s->regs.g_groups, err);

	if (rc < 0)
		return rc;
	rip = s->scratch.rip;
	for (unsigned i = 0; i < s->regs.g_count; i++) {
		const struct x86_reg *reg = &s->regs.reg[i];
		uint8_t now[X86_REG_MAX_SIZE];

		if (!x86_regs_get(s->cfg.layout, reg, &s->scratch, now))
			continue; /* sent as "xx": what comes back means nothing */
		rc = change(s, vcpu, reg, bytes + reg->offset, reg->bits / 8, err);
		if (rc < 0)
			return rc;
		groups |= (unsigned)rc;
	}
	rc = store(s, vcpu, groups, err);
	if (rc == 0 && s->scratch.rip != rip)
		forget_hit(s, vcpu);
	return rc;
}

void debug_registers_write_all(struct debug_session *s, const struct rsp_request *req)
{
	int rc, vcpu = debug_request_vcpu(s, &req->tid);
	struct error err;

	if (vcpu < 0)
		return;
	if (req->u.regs.len != s->regs.g_size)
		rc = error_set(&err, EINVAL, "G carries %zu bytes of registers, this target has %u",
		               req->u.regs.len, s->regs.g_size);
	else
		rc = write_all(s, (unsigned)vcpu, req->u.regs.data, &err);
	debug_reply_result(s, rc, &err);
}

static int write_one(struct debug_session *s, unsigned vcpu, const struct x86_reg *reg,
                     const uint8_t *value, size_t len, struct error *err)
{
	int rc = load_scratch(s, vcpu, reg->group, err);

	if (rc == 0)
		rc = change(s, vcpu, reg, value, len, err);
	if (rc > 0)
		rc = store(s, vcpu, (unsigned)rc, err);
	if (rc == 0 && reg->number == s->regs.pc)
		forget_hit(s, vcpu);
	return rc;
}

void debug_registers_write(struct debug_session *s, const struct rsp_request *req)
{
	int rc, vcpu = debug_request_vcpu(s, &req->tid);
	struct error err;

	if (vcpu < 0)
		return;
	if (req->u.reg.number >= s->regs.count)
		rc = error_set(&err, EINVAL, "there is no register %u", req->u.reg.number);
	else
		rc = write_one(s, (unsigned)vcpu, &s->regs.reg[req->u.reg.number], req->u.reg.value,
		               req->u.reg.len, &err);
	debug_reply_result(s, rc, &err);
}

int debug_registers_set_pc(struct debug_session *s, unsigned vcpu, uint64_t pc, struct error *err)
{
	const struct x86_reg *reg = &s->regs.reg[s->regs.pc];
	uint8_t value[8];

	bytes_put_le64(value, pc);
	return write_one(s, vcpu, reg, value, reg->bits / 8, err);
}

/* ---- LLDB's saved sets ---- */

void debug_registers_save(struct debug_session *s, const struct rsp_request *req)
{
	int vcpu = debug_request_vcpu(s, &req->u.thread.tid);
	const struct x86_state *st;
	bool map[X86_REGS_MAX_BYTES];
	unsigned i = 0;

	if (vcpu < 0)
		return;
	while (i < DEBUG_SAVED_REGS && s->saved[i].used)
		i++;
	if (i == DEBUG_SAVED_REGS) {
		rsp_reply_error(s->engine, ENOSPC, "too many saved register sets");
		return;
	}
	st = get_or_reply(s, (unsigned)vcpu, s->regs.g_groups);
	if (!st)
		return;
	x86_regs_get_all(&s->regs, s->cfg.layout, st, s->saved[i].bytes, map);
	s->saved[i].used = true;
	rsp_reply_number(s->engine, i + 1);
}

/* A set is given back by its use. */
void debug_registers_restore(struct debug_session *s, const struct rsp_request *req)
{
	int rc, vcpu = debug_request_vcpu(s, &req->u.thread.tid);
	uint32_t i = req->u.thread.number;
	struct error err;

	if (vcpu < 0)
		return;
	if (i == 0 || i > DEBUG_SAVED_REGS || !s->saved[i - 1].used) {
		rc = error_set(&err, EINVAL, "there is no saved register set %u", i);
	} else {
		rc = write_all(s, (unsigned)vcpu, s->saved[i - 1].bytes, &err);
		s->saved[i - 1].used = false;
	}
	debug_reply_result(s, rc, &err);
}
