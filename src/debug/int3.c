#include "debug/int3.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096

void debug_int3_init(struct debug_int3 *t, struct guest_mem *mem)
{
	t->mem = mem;
	t->count = t->planted = t->lifted = 0;
	t->settled = true;
}

/* Index of the first entry whose gpa is not below this one. */
static unsigned lower_bound(const struct debug_int3 *t, uint64_t gpa)
{
	unsigned lo = 0, hi = t->count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (t->byte[mid].gpa < gpa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct debug_int3_byte *find(const struct debug_int3 *t, uint64_t gpa)
{
	unsigned i = lower_bound(t, gpa);

	if (i == t->count || t->byte[i].gpa != gpa)
		return NULL;
	return (struct debug_int3_byte *)&t->byte[i];
}

const struct debug_int3_byte *debug_int3_find(const struct debug_int3 *t, uint64_t gpa)
{
	return find(t, gpa);
}

static uint8_t peek(const struct debug_int3 *t, uint64_t gpa)
{
	uint8_t byte = 0;

	guest_mem_read(t->mem, gpa, &byte, 1);
	return byte;
}

static void poke(struct debug_int3 *t, uint64_t gpa, uint8_t byte)
{
	guest_mem_write(t->mem, gpa, &byte, 1);
}

static void plant(struct debug_int3 *t, struct debug_int3_byte *b)
{
	b->shadow = peek(t, b->gpa);
	poke(t, b->gpa, DEBUG_INT3_OPCODE);
	b->state = DEBUG_INT3_PLANTED;
	t->planted++;
}

/* The guest may have stored over our byte since: then its own byte already stands there. */
static void restore(struct debug_int3 *t, struct debug_int3_byte *b, enum debug_int3_state state)
{
	if (b->state == DEBUG_INT3_PLANTED) {
		if (peek(t, b->gpa) == DEBUG_INT3_OPCODE)
			poke(t, b->gpa, b->shadow);
		t->planted--;
	}
	if (state == DEBUG_INT3_LIFTED) {
		t->lifted_from = t->lifted++ == 0 || b->gpa < t->lifted_from ? b->gpa : t->lifted_from;
	} else {
		t->settled = false;
	}
	b->state = (uint8_t)state;
}

/* Takes out the entries that nobody wants; vcpus parked, so nobody can report them any more either. */
static void purge(struct debug_int3 *t)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < t->count; i++) {
		if (t->byte[i].refs == 0)
			restore(t, &t->byte[i], DEBUG_INT3_GONE);
		else if (i == kept++)
			continue;
		else
			t->byte[kept - 1] = t->byte[i];
	}
	t->count = kept;
}

int debug_int3_add(struct debug_int3 *t, uint64_t gpa)
{
	struct debug_int3_byte *b = find(t, gpa);
	unsigned i;

	t->settled = false;
	if (b) {
		b->refs++;
		if (b->state == DEBUG_INT3_GONE)
			b->state = DEBUG_INT3_WANTED;
		return 0;
	}
	if (!guest_mem_contains(t->mem, gpa, 1))
		return -EFAULT;
	if (t->count == DEBUG_INT3_MAX)
		purge(t);
	if (t->count == DEBUG_INT3_MAX)
		return -ENOSPC;
	i = lower_bound(t, gpa);
	memmove(&t->byte[i + 1], &t->byte[i], (t->count - i) * sizeof(t->byte[0]));
	t->byte[i] = (struct debug_int3_byte){ .gpa = gpa, .refs = 1, .state = DEBUG_INT3_WANTED };
	t->count++;
	return 0;
}

void debug_int3_drop(struct debug_int3 *t, uint64_t gpa)
{
	struct debug_int3_byte *b = find(t, gpa);

	if (b && b->refs > 0)
		b->refs--;
	t->settled = false;
}

void debug_int3_sync(struct debug_int3 *t)
{
	if (t->settled)
		return;
	purge(t);
	for (unsigned i = 0; i < t->count; i++)
		if (t->byte[i].state == DEBUG_INT3_WANTED)
			plant(t, &t->byte[i]);
	t->settled = true;
}

/* Withdrawn ones that no vcpu can report any more. */
static void forget_gone(struct debug_int3 *t)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < t->count; i++)
		if (t->byte[i].state != DEBUG_INT3_GONE || t->byte[i].refs > 0)
			t->byte[kept++] = t->byte[i];
	t->count = kept;
}

/*
 * Those of entry i and behind it on its page that the guest has written over; the index of the next page's
 * first. Entries were RAM when they were made, and so is all of a page.
 */
static unsigned verify_page(struct debug_int3 *t, unsigned i)
{
	const uint64_t base = t->byte[i].gpa & ~(uint64_t)(PAGE - 1);
	const uint8_t *page = guest_mem_window(t->mem, base, PAGE);
	const unsigned count = t->count;

	for (; i < count && t->byte[i].gpa - base < PAGE; i++)
		if (page != NULL && page[t->byte[i].gpa - base] != DEBUG_INT3_OPCODE &&
		    t->byte[i].state == DEBUG_INT3_PLANTED)
			restore(t, &t->byte[i], DEBUG_INT3_WANTED);
	return i;
}

/*
 * At every stop, and all of them: whatever wrote over one, this stop sees it. Two instructions and two loads
 * for each (bench/README.md, "Many breakpoints").
 */
void debug_int3_verify(struct debug_int3 *t)
{
	for (unsigned i = 0; i < t->count && t->planted > 0;)
		i = verify_page(t, i);
	if (!t->settled)
		forget_gone(t);
}

void debug_int3_forget(struct debug_int3 *t)
{
	t->count = t->planted = t->lifted = 0;
	t->settled = true;
}

void debug_int3_withdraw(struct debug_int3 *t)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->byte[i].refs == 0)
			restore(t, &t->byte[i], DEBUG_INT3_GONE);
}

void debug_int3_lift(struct debug_int3 *t, uint64_t gpa)
{
	struct debug_int3_byte *b = find(t, gpa);

	if (b && b->state == DEBUG_INT3_PLANTED)
		restore(t, b, DEBUG_INT3_LIFTED);
}

void debug_int3_lift_all(struct debug_int3 *t)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->byte[i].state == DEBUG_INT3_PLANTED)
			restore(t, &t->byte[i], DEBUG_INT3_LIFTED);
}

void debug_int3_unlift(struct debug_int3 *t)
{
	if (t->lifted == 0)
		return;
	for (unsigned i = lower_bound(t, t->lifted_from); i < t->count && t->lifted > 0; i++) {
		if (t->byte[i].state != DEBUG_INT3_LIFTED)
			continue;
		plant(t, &t->byte[i]);
		t->lifted--;
	}
	t->lifted = 0;
}

int debug_int3_read(const struct debug_int3 *t, uint64_t gpa, void *buf, size_t len)
{
	int rc = guest_mem_read(t->mem, gpa, buf, len);

	if (rc < 0)
		return rc;
	for (unsigned i = lower_bound(t, gpa); i < t->count && t->byte[i].gpa - gpa < len; i++) {
		uint8_t *at = (uint8_t *)buf + (t->byte[i].gpa - gpa);

		if (t->byte[i].state == DEBUG_INT3_PLANTED && *at == DEBUG_INT3_OPCODE)
			*at = t->byte[i].shadow;
	}
	return 0;
}

int debug_int3_write(struct debug_int3 *t, uint64_t gpa, const void *buf, size_t len)
{
	int rc = guest_mem_write(t->mem, gpa, buf, len);

	if (rc < 0)
		return rc;
	for (unsigned i = lower_bound(t, gpa); i < t->count && t->byte[i].gpa - gpa < len; i++) {
		struct debug_int3_byte *b = &t->byte[i];

		if (b->state != DEBUG_INT3_PLANTED)
			continue;
		b->shadow = ((const uint8_t *)buf)[b->gpa - gpa];
		poke(t, b->gpa, DEBUG_INT3_OPCODE);
	}
	return 0;
}
