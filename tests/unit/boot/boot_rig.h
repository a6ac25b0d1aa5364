/* What the tests of the protocols share: memory, an entry, and images that are broken in one place. */
#ifndef TESTS_UNIT_BOOT_BOOT_RIG_H
#define TESTS_UNIT_BOOT_BOOT_RIG_H

#include "../cmocka_all.h"
#include "base/bytes.h"
#include "boot/loader.h"
#include "elf_image.h"
#include <errno.h>
#include <string.h>

#define MIB (1ull << 20)

struct rig {
	struct elf_image elf;
	struct guest_mem mem;
	struct boot_options opt;
	struct boot_entry entry;
	struct error err;
};

static inline int rig_memory(struct rig *g, uint64_t size)
{
	guest_mem_fini(&g->mem);
	return guest_mem_add(&g->mem, 0, size, NULL);
}

static inline int rig_setup(void **state)
{
	static struct rig g;

	memset(&g, 0, sizeof(g));
	elf_image_init(&g.elf);
	guest_mem_init(&g.mem);
	*state = &g;
	return rig_memory(&g, 64 * MIB);
}

static inline int rig_teardown(void **state)
{
	guest_mem_fini(&((struct rig *)*state)->mem);
	return 0;
}

static inline int rig_try(struct rig *g)
{
	g->err.text[0] = '\0';
	return boot_load(&g->elf.image, &g->opt, &g->mem, &g->entry, &g->err);
}

static inline void rig_load(struct rig *g)
{
	if (rig_try(g) < 0)
		fail_msg("%s", g->err.text);
}

/* A failure of this code whose text holds these words. */
static inline void rig_refused(struct rig *g, const char *what, int rc, const char *text)
{
	int got = rig_try(g);

	if (got != rc || !strstr(g->err.text, text) || g->err.code != -rc)
		fail_msg("%s: %d, \"%s\"", what, got, g->err.text);
}

static inline uint64_t rig_get(struct rig *g, uint64_t gpa, unsigned size)
{
	uint8_t b[8];

	assert_int_equal(guest_mem_read(&g->mem, gpa, b, size), 0);
	return bytes_get_le(b, size);
}
#define rig_get32(g, gpa) ((uint32_t)rig_get(g, gpa, 4))
#define rig_get64(g, gpa) rig_get(g, gpa, 8)

static inline void rig_text_is(struct rig *g, uint64_t gpa, const char *text)
{
	const char *there = guest_mem_window(&g->mem, gpa, strlen(text) + 1);

	assert_non_null(there);
	assert_string_equal(there, text);
}

/* Flat protected mode without paging, as the 32-bit protocols want it. */
static inline void rig_is_state32(struct rig *g, uint64_t eip)
{
	const struct x86_state *st = &g->entry.state;

	assert_true(st->rip == eip && g->entry.entry == eip && st->rflags == 2);
	assert_true(st->cr0 == 0x11 && st->cr4 == 0 && st->efer == 0 && st->idt.limit == 0);
	assert_true(st->seg[X86_CS].db && !st->seg[X86_CS].l && st->seg[X86_CS].type == 11);
	for (unsigned i = X86_CS; i <= X86_GS; i++)
		assert_true(st->seg[i].base == 0 && st->seg[i].limit == 0xffffffff && st->seg[i].present);
	assert_true(st->seg[X86_TR].type == 11 && st->seg[X86_TR].base == 0 && st->seg[X86_TR].limit == 0x67);
	assert_true(st->gpr[X86_RSP] >= 0x8000);
	assert_true(guest_mem_contains(&g->mem, st->gpr[X86_RSP] - 0x7000, 0x7000));
	/* The code descriptor behind the selector. */
	assert_true(rig_get64(g, st->gdt.base + st->seg[X86_CS].selector) == 0x00cf9b000000ffff);
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

#endif
