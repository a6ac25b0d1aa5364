/*
 * All values of g at once. A debugger asks for g at every stop and most of it is vector registers, so what
 * stands in the state as it does in the packet is copied in as few pieces as the layout allows.
 */
#include "x86/regs.h"

#include "x86/regs_source.h"
#include <string.h>

/* Its value is the low bytes of a 64-bit field, little-endian as this host. */
static bool is_plain_field(const struct x86_reg *reg)
{
	return reg->source < SRC_MSR && reg->source != SRC_SELECTOR && reg->source != SRC_LIMIT &&
	       reg->source != SRC_TABLE_LIMIT;
}

static struct x86_regs_piece piece_of(const struct x86_layout *layout, const struct x86_reg *reg)
{
	struct x86_regs_piece one = {
		.kind = X86_PIECE_BY_ONE, .reg = reg->number, .at = reg->offset, .len = reg->bits / 8u,
	};
	unsigned component;

	if (is_plain_field(reg)) {
		one.kind = X86_PIECE_STATE;
		one.from = reg->index;
	} else if (reg->source >= SRC_XSAVE &&
	           x86_xsave_plain(layout, (enum x86_xsave_reg)(reg->source - SRC_XSAVE), reg->index,
	                           &component, &one.from)) {
		one.kind = X86_PIECE_XSAVE;
		one.component = (uint8_t)component;
	}
	return one;
}

static bool joins(const struct x86_regs_piece *last, const struct x86_regs_piece *next)
{
	return next->kind != X86_PIECE_BY_ONE && last->kind == next->kind &&
	       last->component == next->component && last->from + last->len == next->from;
}

void x86_regs_cut(struct x86_regs *regs, const struct x86_layout *layout)
{
	regs->piece_count = regs->g_groups = 0;
	for (unsigned i = 0; i < regs->g_count; i++) {
		struct x86_regs_piece next = piece_of(layout, &regs->reg[i]);
		unsigned n = regs->piece_count;
		struct x86_regs_piece *last = n > 0 ? &regs->piece[n - 1] : NULL;

		regs->g_groups |= regs->reg[i].group;
		if (last != NULL && joins(last, &next))
			last->len += next.len;
		else
			regs->piece[regs->piece_count++] = next;
	}
}

bool x86_regs_get_all(const struct x86_regs *regs, const struct x86_layout *layout,
                      const struct x86_state *st, uint8_t *buf, bool *map)
{
	bool complete = true;

	memset(map, true, regs->g_size);
	for (unsigned i = 0; i < regs->piece_count; i++) {
		const struct x86_regs_piece *p = &regs->piece[i];

		if (p->kind == X86_PIECE_STATE) {
			memcpy(buf + p->at, (const uint8_t *)st + p->from, p->len);
		} else if (p->kind == X86_PIECE_XSAVE && x86_xsave_present(st->xsave, p->component)) {
			memcpy(buf + p->at, st->xsave + p->from, p->len);
		} else if (p->kind == X86_PIECE_XSAVE) {
			memset(buf + p->at, 0, p->len);
		} else if (!x86_regs_get(layout, &regs->reg[p->reg], st, buf + p->at)) {
			memset(buf + p->at, 0, p->len);
			memset(map + p->at, false, p->len);
			complete = false;
		}
	}
	return complete;
}
