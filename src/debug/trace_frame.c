/* Tracepoints: one frame is selected, and the client sees what it holds instead of the machine. */
#include "debug/trace_internal.h"

#include "base/bytes.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- what a frame holds ---- */

bool debug_trace_block(const struct debug_session *s, const struct debug_trace_frame *f, uint32_t *at,
                       struct debug_trace_block *ret)
{
	uint8_t head[13] = { 0 };

	*at = *at < 6 ? 6 : *at;
	if (debug_trace_ring_read(&s->trace.ring, f, *at, head, sizeof(head)) == 0)
		return false;
	*ret = (struct debug_trace_block){ .kind = (char)head[0] };
	if (head[0] == 'R') {
		ret->data = *at + 1;
		ret->len = s->trace.regs_size;
		*at = ret->data + ret->len;
	} else if (head[0] == 'M') {
		ret->addr = bytes_get_le64(head + 1);
		ret->len = bytes_get_le16(head + 9);
		ret->data = *at + 11;
		*at = ret->data + ret->len;
	} else {
		ret->addr = bytes_get_le32(head + 1);
		ret->value = (int64_t)bytes_get_le64(head + 5);
		*at += 13;
	}
	return true;
}

static const struct debug_trace_frame *selected(const struct debug_session *s)
{
	return s->trace.selected < 0 ? NULL
	                             : debug_trace_ring_frame(&s->trace.ring, (uint32_t)s->trace.selected);
}

/* ---- selecting ---- */

static bool fits(const struct debug_trace_frame *f, const struct rsp_trace *r)
{
	switch (r->find) {
	case RSP_FIND_PC:
		return f->pc == r->first;
	case RSP_FIND_POINT:
		return f->number == r->first;
	case RSP_FIND_RANGE:
		return f->pc >= r->first && f->pc <= r->last;
	case RSP_FIND_OUTSIDE:
		return f->pc < r->first || f->pc > r->last;
	default:
		return false;
	}
}

/* The next frame behind the selected one, by what GDB looks for; -1: none. */
static int64_t find(const struct debug_session *s, const struct rsp_trace *r)
{
	const struct debug_trace_ring *ring = &s->trace.ring;

	if (r->find == RSP_FIND_NUMBER)
		return r->first < ring->count ? (int64_t)r->first : -1;
	for (uint32_t i = (uint32_t)(s->trace.selected + 1); i < ring->count; i++)
		if (fits(debug_trace_ring_frame(ring, i), r))
			return i;
	return -1;
}

void debug_trace_select(struct debug_session *s, const struct rsp_request *req)
{
	const struct rsp_trace *r = &req->u.trace;
	int64_t i = find(s, r);
	struct debug_text t;
	char text[64];

	/* Sign-extended or not: GDB leaves the frames. */
	if (r->find == RSP_FIND_NUMBER && (r->first == UINT32_MAX || r->first == UINT64_MAX)) {
		s->trace.selected = -1;
		rsp_reply_ok(s->engine);
		return;
	}
	if (i < 0) {
		rsp_reply_text(s->engine, "F-1");
		return;
	}
	s->trace.selected = i;
	debug_text_init(&t, text, sizeof(text));
	debug_text_add(&t, "F%" PRIx64 "T%x", (uint64_t)i,
	               debug_trace_ring_frame(&s->trace.ring, (uint32_t)i)->number);
	rsp_reply_text(s->engine, text);
}

/* ---- registers ---- */

/* The registers of g as the frame has them; without any, the place is known all the same. */
static void frame_regs(struct debug_session *s, const struct debug_trace_frame *f, uint8_t *regs, bool *map)
{
	const struct x86_reg *rip = &s->regs.reg[X86_REGNUM_RIP];
	struct debug_trace_block b;
	uint32_t at = 0;

	memset(regs, 0, s->regs.g_size);
	memset(map, 0, s->regs.g_size);
	bytes_put_le64(regs + rip->offset, f->pc);
	memset(map + rip->offset, true, 8);
	while (debug_trace_block(s, f, &at, &b)) {
		if (b.kind != 'R' || b.len != s->regs.g_size)
			continue;
		debug_trace_ring_read(&s->trace.ring, f, b.data, regs, b.len);
		memset(map, true, b.len);
		return;
	}
}

static void read_regs(struct debug_session *s, const struct rsp_request *req)
{
	bool map[X86_REGS_MAX_BYTES];

	(void)req;
	frame_regs(s, selected(s), s->buf, map);
	rsp_reply_regs(s->engine, s->buf, map, s->regs.g_size);
}

static void read_reg(struct debug_session *s, const struct rsp_request *req)
{
	bool map[X86_REGS_MAX_BYTES], none[X86_REG_MAX_SIZE] = { false };
	uint32_t n = req->u.reg.number;
	const struct x86_reg *reg;

	if (n >= s->regs.count) {
		rsp_reply_error(s->engine, EINVAL, "there is no register of this number");
		return;
	}
	reg = &s->regs.reg[n];
	frame_regs(s, selected(s), s->buf, map);
	if (n < s->regs.g_count)
		rsp_reply_regs(s->engine, s->buf + reg->offset, map + reg->offset, reg->bits / 8u);
	else
		rsp_reply_regs(s->engine, s->buf, none, reg->bits / 8u);
}

/* ---- memory ---- */

static size_t frame_mem(const struct debug_session *s, const struct debug_trace_frame *f, uint64_t addr,
                        uint8_t *buf, size_t len)
{
	struct debug_trace_block b;
	uint32_t at = 0;

	while (debug_trace_block(s, f, &at, &b)) {
		uint64_t offset = addr - b.addr;

		if (b.kind != 'M' || offset >= b.len)
			continue;
		len = len < b.len - offset ? len : (size_t)(b.len - offset);
		return debug_trace_ring_read(&s->trace.ring, f, b.data + (uint32_t)offset, buf, len);
	}
	return 0;
}

/* What QTro called read-only is as it was. */
static size_t live_mem(struct debug_session *s, unsigned vcpu, uint64_t addr, uint8_t *buf, size_t len)
{
	struct debug_view view;
	int64_t n;

	for (unsigned i = 0; i < s->trace.ranges; i++) {
		const struct rsp_range *r = &s->trace.range[i];

		if (addr - r->addr >= r->len)
			continue;
		len = len < r->len - (addr - r->addr) ? len : (size_t)(r->len - (addr - r->addr));
		if (debug_session_view(s, vcpu, false, &view, NULL) < 0)
			return 0;
		n = debug_view_read(&view, addr, buf, len, NULL);
		return n < 0 ? 0 : (size_t)n;
	}
	return 0;
}

static size_t read_part(struct debug_session *s, uint64_t addr, uint8_t *buf, size_t len)
{
	const struct debug_trace_frame *f = selected(s);
	size_t done = 0, n = 1;

	while (done < len && n > 0) {
		n = frame_mem(s, f, addr + done, buf + done, len - done);
		if (n == 0)
			n = live_mem(s, f->vcpu, addr + done, buf + done, len - done);
		done += n;
	}
	return done;
}

static void read_mem(struct debug_session *s, const struct rsp_request *req)
{
	size_t room = rsp_engine_reply_room(s->engine, req->u.mem.binary);
	size_t len = room < sizeof(s->buf) ? room : sizeof(s->buf), n;

	len = len < req->u.mem.len ? len : (size_t)req->u.mem.len;
	n = read_part(s, req->u.mem.addr, s->buf, len);
	if (n == 0 && len > 0)
		rsp_reply_error(s->engine, EFAULT, "not collected");
	else if (n == 0 && !req->u.mem.binary)
		rsp_reply_ok(s->engine);
	else
		rsp_reply_memory(s->engine, s->buf, n);
}

static void refuse(struct debug_session *s, const struct rsp_request *req)
{
	(void)req;
	rsp_reply_error(s->engine, EPERM, "a trace frame is selected: tfind none comes first");
}

bool debug_trace_frame_answers(struct debug_session *s, const struct rsp_request *req)
{
	static debug_handler *const handlers[RSP_KIND_COUNT] = {
		[RSP_READ_REGS] = read_regs,   [RSP_READ_REG] = read_reg,   [RSP_READ_MEM] = read_mem,
		[RSP_READ_RANGES] = refuse,    [RSP_WRITE_REGS] = refuse,   [RSP_WRITE_REG] = refuse,
		[RSP_WRITE_MEM] = refuse,      [RSP_SEARCH_MEM] = refuse,   [RSP_CRC] = refuse,
		[RSP_RESUME] = refuse,
	};

	/* Frames may have gone meanwhile, for newer ones. */
	if ((unsigned)req->kind >= RSP_KIND_COUNT || !handlers[req->kind] || !selected(s))
		return false;
	handlers[req->kind](s, req);
	return true;
}

/* ---- qXfer:traceframe-info ---- */

void debug_trace_info(struct debug_session *s)
{
	const struct debug_trace_frame *f = selected(s);
	struct debug_trace_block b;
	struct debug_text t;
	uint32_t at = 0;

	if (!f) {
		rsp_reply_error(s->engine, ENOENT, "no trace frame is selected");
		return;
	}
	debug_text_init(&t, s->text, sizeof(s->text));
	debug_text_add(&t, "<!DOCTYPE traceframe-info SYSTEM \"traceframe-info.dtd\">\n<traceframe-info>\n");
	/* The end of the document must fit whatever is in the frame. */
	while (t.len + 128 < t.size && debug_trace_block(s, f, &at, &b)) {
		if (b.kind == 'M')
			debug_text_add(&t, "<memory start=\"0x%" PRIx64 "\" length=\"0x%" PRIx32 "\"/>\n",
			               b.addr, b.len);
		else if (b.kind == 'V')
			debug_text_add(&t, "<tvar id=\"0x%" PRIx64 "\"/>\n", b.addr);
	}
	debug_text_add(&t, "</traceframe-info>\n");
	rsp_reply_xfer(s->engine, s->text, t.len);
}

/* qTV: under a frame, what it was there. */
void debug_trace_value(struct debug_session *s, const struct rsp_request *req)
{
	const struct debug_trace_frame *f = selected(s);
	uint32_t number = req->u.trace.number, at = 0;
	struct debug_trace_block b;
	struct debug_text t;
	char text[32];
	bool known = false;
	int64_t value = 0;

	for (unsigned i = 0; !f && i < s->vars.count && !known; i++) {
		known = s->vars.var[i].number == number;
		value = s->vars.var[i].value;
	}
	while (f && !known && debug_trace_block(s, f, &at, &b)) {
		known = b.kind == 'V' && b.addr == number;
		value = b.value;
	}
	debug_text_init(&t, text, sizeof(text));
	debug_text_add(&t, known ? "V%" PRIx64 : "U", (uint64_t)value);
	rsp_reply_text(s->engine, text);
}
