#include "debug/slots.h"

#include <errno.h>
#include <string.h>

void debug_slots_init(struct debug_slots *s)
{
	memset(s, 0, sizeof(*s));
}

static bool same(const struct x86_dr *a, const struct x86_dr *b)
{
	return a->used && b->used && a->type == b->type && a->len == b->len && a->addr == b->addr;
}

/* A write's change of value tells whom a hit was for; a read's bytes are not told. */
static bool contains(const struct x86_dr *a, const struct x86_dr *b)
{
	return a->used && b->used && a->type == b->type && a->type == X86_DR_WRITE && a->addr <= b->addr &&
	       b->addr + b->len <= a->addr + a->len;
}

/* How well a slot suits: a shared one best, then one that is wider, then one armed like this already, then
 * one never armed. */
static int suits(const struct debug_slots *s, unsigned i, const struct x86_dr *dr)
{
	if (s->refs[i] > 0)
		return same(&s->want[i], dr) ? 5 : contains(&s->want[i], dr) ? 4 : 0;
	if (same(&s->last[i], dr))
		return 3;
	return s->last[i].used ? 1 : 2;
}

static int take_one(struct debug_slots *s, const struct x86_dr *dr)
{
	int best = -1, value = 0;

	for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
		int v = suits(s, i, dr);

		if (v > value) {
			value = v;
			best = (int)i;
		}
	}
	if (best < 0)
		return -ENOSPC;
	if (s->refs[best]++ == 0)
		s->want[best] = *dr;
	return best;
}

int debug_slots_take(struct debug_slots *s, const struct x86_dr *pieces, unsigned n)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < n; i++) {
		int slot = take_one(s, &pieces[i]);

		if (slot < 0) {
			debug_slots_release(s, mask);
			return -ENOSPC;
		}
		if (mask & (1u << slot))
			s->refs[slot]--; /* two pieces in one wide register: the point has it once */
		mask |= 1u << slot;
	}
	return (int)mask;
}

void debug_slots_release(struct debug_slots *s, unsigned mask)
{
	for (unsigned i = 0; i < X86_DR_SLOTS; i++)
		if ((mask & (1u << i)) && s->refs[i] > 0 && --s->refs[i] == 0)
			memset(&s->want[i], 0, sizeof(s->want[i]));
}

void debug_slots_settle(struct debug_slots *s)
{
	memcpy(s->last, s->want, sizeof(s->last));
}

unsigned debug_slots_in_use(const struct debug_slots *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < X86_DR_SLOTS; i++)
		n += s->refs[i] > 0;
	return n;
}
