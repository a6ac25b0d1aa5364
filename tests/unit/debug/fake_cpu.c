#include "fake_cpu.h"

#include "base/bytes.h"
#include "x86/gate.h"
#include "x86/paging.h"

#include <string.h>

#define ZF 0x40ull

/* The register field of an opcode (SDM 2A table 2-2) to ours. */
static const uint8_t order[8] = { X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI };

static int read_phys(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	return guest_mem_read(ctx, gpa, buf, len);
}

/* How many of the bytes could be accessed: page by page, up to the first fault. */
static unsigned access_some(struct fake_target *f, const struct fake_vcpu *v, uint64_t gva, uint8_t *bytes,
                            unsigned len, bool write)
{
	struct x86_phys_reader reader = { .read = read_phys, .ctx = &f->mem };
	struct x86_paging pg;
	struct x86_walk w;
	unsigned at = 0, n;

	x86_paging_from_state(&v->st, &f->layout, &pg);
	for (; at < len; at += n) {
		int rc;

		x86_paging_walk(&pg, gva + at, &reader, &w);
		if (w.result != X86_WALK_OK)
			break;
		n = 0x1000 - (gva + at) % 0x1000;
		n = n < len - at ? n : len - at;
		rc = write ? guest_mem_write(&f->mem, w.gpa, bytes + at, n)
		           : guest_mem_read(&f->mem, w.gpa, bytes + at, n);
		if (rc < 0)
			break;
	}
	return at;
}

/* False: page fault. */
static bool access_bytes(struct fake_target *f, const struct fake_vcpu *v, uint64_t gva, uint8_t *bytes,
                         unsigned len, bool write)
{
	return access_some(f, v, gva, bytes, len, write) == len;
}

static uint64_t physical(struct fake_target *f, const struct fake_vcpu *v, uint64_t gva)
{
	struct x86_phys_reader reader = { .read = read_phys, .ctx = &f->mem };
	struct x86_paging pg;
	struct x86_walk w;

	x86_paging_from_state(&v->st, &f->layout, &pg);
	x86_paging_walk(&pg, gva, &reader, &w);
	return w.gpa;
}

struct insn {
	struct fake_target *f;
	struct fake_vcpu *v;
	struct fake_access *access;
	uint8_t b[10];
};

static enum fake_result done(struct insn *in, unsigned len)
{
	in->v->st.rip += len;
	return FAKE_DONE;
}

static enum fake_result mem_op(struct insn *in, uint64_t gva, uint8_t *bytes, unsigned size, bool write,
                               unsigned len)
{
	struct fake_access a = { .addr = gva, .len = size, .write = write };

	a.gpa = physical(in->f, in->v, gva);
	access_bytes(in->f, in->v, gva, a.old, size, false);
	if (!access_bytes(in->f, in->v, gva, bytes, size, write))
		return FAKE_SHUTDOWN;
	memcpy(a.now, bytes, size);
	*in->access = a;
	return done(in, len);
}

static enum fake_result push(struct insn *in, uint64_t value, unsigned len)
{
	uint64_t *rsp = &in->v->st.gpr[X86_RSP];
	uint8_t b[8];

	bytes_put_le64(b, value);
	*rsp -= 8;
	return mem_op(in, *rsp, b, 8, true, len);
}

static enum fake_result pop(struct insn *in, uint64_t *ret, unsigned len)
{
	uint64_t *rsp = &in->v->st.gpr[X86_RSP];
	uint8_t b[8];
	enum fake_result r = mem_op(in, *rsp, b, 8, false, len);

	if (r != FAKE_DONE)
		return r;
	*rsp += 8;
	*ret = bytes_get_le64(b);
	return r;
}

static enum fake_result branch(struct insn *in, bool taken)
{
	in->v->st.rip += 2 + (taken ? (uint64_t)(int64_t)(int8_t)in->b[1] : 0);
	return FAKE_DONE;
}

static enum fake_result out(struct insn *in)
{
	in->v->out = (struct debug_caught){ .kind = DEBUG_CATCH_IO, .write = true, .len = 1, .count = 1,
	                                    .at = in->b[1], .value = (uint8_t)in->v->st.gpr[X86_RAX] };
	switch (in->b[1]) {
	case 0xf4:
		done(in, 2);
		return FAKE_EXIT;
	case 0x64:
		return FAKE_RESET;
	case 0xe5:
		return FAKE_ERROR;
	default:
		return done(in, 2);
	}
}

/* 48 FF C0+r inc, C8+r dec; 48 89 04 25 mov [abs], rax; 48 8B 04 25 mov rax, [abs] */
static enum fake_result wide(struct insn *in)
{
	uint64_t abs = bytes_get_le32(in->b + 4);
	uint8_t b[8];

	if (in->b[1] == 0xff && in->b[2] >= 0xc0 && in->b[2] <= 0xcf) {
		uint64_t *reg = &in->v->st.gpr[order[in->b[2] & 7]];

		*reg += in->b[2] & 8 ? UINT64_MAX : 1;
		in->v->st.rflags = (in->v->st.rflags & ~ZF) | (*reg ? 0 : ZF);
		return done(in, 3);
	}
	if (in->b[2] != 0x04 || in->b[3] != 0x25)
		return FAKE_SHUTDOWN;
	bytes_put_le64(b, in->v->st.gpr[X86_RAX]);
	if (in->b[1] == 0x89)
		return mem_op(in, abs, b, 8, true, 8);
	if (in->b[1] == 0x8b && mem_op(in, abs, b, 8, false, 8) == FAKE_DONE) {
		in->v->st.gpr[X86_RAX] = bytes_get_le64(b);
		return FAKE_DONE;
	}
	return FAKE_SHUTDOWN;
}

/* 88 04 25 mov [abs], al; 8A 04 25 mov al, [abs]; C6 04 25 mov byte [abs], imm8 */
static enum fake_result narrow(struct insn *in)
{
	uint64_t abs = bytes_get_le32(in->b + 3), *rax = &in->v->st.gpr[X86_RAX];
	uint8_t b = in->b[0] == 0xc6 ? in->b[7] : (uint8_t)*rax;
	bool write = in->b[0] != 0x8a;
	enum fake_result r;

	if (in->b[1] != 0x04 || in->b[2] != 0x25)
		return FAKE_SHUTDOWN;
	r = mem_op(in, abs, &b, 1, write, in->b[0] == 0xc6 ? 8 : 7);
	if (r == FAKE_DONE && !write)
		*rax = (*rax & ~0xffull) | b;
	return r;
}

/* 0F C3 04 25 movnti [abs], eax: what the target cannot do to a watched page. */
static enum fake_result movnti(struct insn *in)
{
	uint64_t abs = bytes_get_le32(in->b + 4), gpa = physical(in->f, in->v, abs);
	uint8_t b[8];

	if (in->b[1] != 0xc3 || in->b[2] != 0x04 || in->b[3] != 0x25)
		return FAKE_SHUTDOWN;
	for (unsigned i = 0; !in->v->now.open && i < in->f->protects; i++)
		if (in->f->protect[i].gpa / 0x1000 == gpa / 0x1000)
			return FAKE_OPAQUE;
	bytes_put_le64(b, in->v->st.gpr[X86_RAX]);
	return mem_op(in, abs, b, 4, true, 8);
}

/* 0F 22 D8 mov cr3, rax */
static enum fake_result mov_cr3(struct insn *in)
{
	if (in->b[2] != 0xd8)
		return FAKE_SHUTDOWN;
	in->v->st.cr3 = in->v->st.gpr[X86_RAX];
	return done(in, 3);
}

static int read_linear(void *ctx, uint64_t gva, void *buf, size_t len)
{
	struct insn *in = ctx;

	return access_bytes(in->f, in->v, gva, buf, (unsigned)len, false) ? 0 : -1;
}

/* To the handler of the guest's IDT; without one, a triple fault. The frame: rip, cs, rflags, rsp, ss. */
static enum fake_result exception(struct insn *in, uint8_t vector)
{
	struct x86_reader reader = { .read = read_linear, .ctx = in };
	struct x86_state *st = &in->v->st;
	struct x86_gate gate;
	uint8_t frame[40];

	if (x86_gate_find(st, vector, &reader, &gate) < 0)
		return FAKE_SHUTDOWN;
	bytes_put_le64(frame, st->rip);
	bytes_put_le64(frame + 8, 8);
	bytes_put_le64(frame + 16, st->rflags);
	bytes_put_le64(frame + 24, st->gpr[X86_RSP]);
	bytes_put_le64(frame + 32, 16);
	st->gpr[X86_RSP] -= sizeof(frame);
	if (!access_bytes(in->f, in->v, st->gpr[X86_RSP], frame, sizeof(frame), true))
		return FAKE_SHUTDOWN;
	st->rip = gate.target;
	return FAKE_DONE;
}

static enum fake_result call(struct insn *in)
{
	uint64_t next = in->v->st.rip + 5;
	enum fake_result r = push(in, next, 0);

	if (r == FAKE_DONE)
		in->v->st.rip = next + (uint64_t)(int64_t)(int32_t)bytes_get_le32(in->b + 1);
	return r;
}

static enum fake_result one_byte(struct insn *in)
{
	struct x86_state *st = &in->v->st;

	if ((in->b[0] & 0xf8) == 0x50)
		return push(in, st->gpr[order[in->b[0] & 7]], 1);
	if ((in->b[0] & 0xf8) == 0x58)
		return pop(in, &st->gpr[order[in->b[0] & 7]], 1);
	return FAKE_SHUTDOWN;
}

static enum fake_result dispatch(struct insn *in)
{
	struct x86_state *st = &in->v->st;

	switch (in->b[0]) {
	case 0x90:
		return done(in, 1);
	case 0xcc:
		return FAKE_INT3;
	case 0xf4:
		in->v->halted = true;
		return done(in, 1);
	case 0xeb:
		return branch(in, true);
	case 0x75:
		return branch(in, !(st->rflags & ZF));
	case 0x48:
		return wide(in);
	case 0x0f:
		return in->b[1] == 0x22 ? mov_cr3(in) : in->b[1] == 0x0b ? exception(in, 6) : movnti(in);
	case 0x88: case 0x8a: case 0xc6:
		return narrow(in);
	case 0xb0:
		st->gpr[X86_RAX] = (st->gpr[X86_RAX] & ~0xffull) | in->b[1];
		return done(in, 2);
	case 0x9c:
		return push(in, st->rflags, 1);
	case 0x9d:
		return pop(in, &st->rflags, 1);
	case 0xe8:
		return call(in);
	case 0xc3:
		return pop(in, &st->rip, 0);
	case 0xe6:
		return out(in);
	default:
		return one_byte(in);
	}
}

enum fake_result fake_cpu_step(struct fake_target *f, struct fake_vcpu *v, struct fake_access *ret_access)
{
	struct insn in = { .f = f, .v = v, .access = ret_access };

	if (access_some(f, v, v->st.rip, in.b, sizeof(in.b), false) == 0)
		return FAKE_SHUTDOWN;
	return dispatch(&in);
}
