/* The state and the memory that a kernel finds at its first instruction: the promises of doc/boot.md. */
#include "../cmocka_all.h"
#include "base/bytes.h"
#include "boot/entry.h"
#include "elf_image.h"
#include "x86/cpumode.h"
#include "x86/paging.h"
#include "x86/segment.h"
#include <errno.h>

#define MIB (1ull << 20)
#define GIB (1ull << 30)

struct rig { struct elf_image elf; struct guest_mem mem; struct boot_entry entry; struct error err; };

static int setup(void **state)
{
	static struct rig g;

	memset(&g, 0, sizeof(g));
	elf_image_init(&g.elf);
	guest_mem_init(&g.mem);
	*state = &g;
	return guest_mem_add(&g.mem, 0, 64 * MIB, NULL);
}

static int teardown(void **state)
{
	guest_mem_fini(&((struct rig *)*state)->mem);
	return 0;
}

static void load(struct rig *g, const char *cmdline)
{
	struct boot_options opt = {.cmdline = cmdline};

	if (boot_load(&g->elf.image, &opt, &g->mem, &g->entry, &g->err) < 0)
		fail_msg("%s", g->err.text);
}

static int read_phys(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	return guest_mem_read(ctx, gpa, buf, len);
}

/* Where the boot page tables lead; UINT64_MAX where they do not. */
static uint64_t translate(struct rig *g, uint64_t gva)
{
	const struct x86_layout layout = {.phys_bits = 46, .linear_bits = 48};
	const struct x86_phys_reader reader = {.read = read_phys, .ctx = &g->mem};
	struct x86_paging pg;
	struct x86_walk w;

	x86_paging_from_state(&g->entry.state, &layout, &pg);
	x86_paging_walk(&pg, gva, &reader, &w);
	if (w.result != X86_WALK_OK)
		return UINT64_MAX;
	assert_true(w.writable && w.executable && !w.user);
	return w.gpa;
}

static struct boot_info read_info(struct rig *g)
{
	struct boot_info info;

	assert_int_equal(guest_mem_read(&g->mem, g->entry.state.gpr[X86_RSI], &info, sizeof(info)), 0);
	assert_true(info.magic == BOOT_INFO_MAGIC);
	return info;
}

static void test_registers(void **state)
{
	struct rig *g = *state;
	const struct x86_state *st = &g->entry.state;
	uint64_t word;

	load(g, "a b");
	assert_int_equal(x86_mode_of(st), X86_MODE_64);
	assert_true(st->rip == 0x100010 && st->rflags == 2);
	assert_true(st->cr0 == 0x80010033 && st->cr4 == 0x620 && st->efer == 0x500 && st->cr8 == 0);
	assert_true(st->apic_base == 0xfee00900 && st->idt.limit == 0);
	assert_true(st->gpr[X86_RSP] % 16 == 8 && st->gpr[X86_RBP] == 0 && st->gpr[X86_RAX] == 0);
	assert_int_equal(guest_mem_read(&g->mem, st->gpr[X86_RSP], &word, 8), 0);
	assert_true(word == 0);
}

static int read_linear(void *ctx, uint64_t gva, void *buf, size_t len)
{
	struct rig *g = ctx;
	return guest_mem_read(&g->mem, translate(g, gva), buf, len);
}

/* The hidden parts of the segment registers are what loading the selectors from the GDT would give. */
static void test_selectors(void **state)
{
	struct rig *g = *state;
	const struct x86_reader reader = {.read = read_linear, .ctx = g};
	struct x86_state *st = &g->entry.state;

	load(g, "");
	for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
		struct x86_seg before = st->seg[i];
		uint8_t d[16];

		if (i == X86_LDTR)
			continue;
		assert_int_equal(before.selector, i == X86_CS ? 0x08 : i == X86_TR ? 0x18 : 0x10);
		assert_true(before.selector + (i == X86_TR ? 15u : 7u) <= st->gdt.limit);
		assert_int_equal(read_linear(g, st->gdt.base + before.selector, d, 16), 0);
		x86_seg_unpack(before.selector, bytes_get_le64(d), i == X86_TR ? bytes_get_le64(d + 8) : 0,
			       &st->seg[i]);
		assert_true(st->seg[i].base == before.base && st->seg[i].limit == before.limit);
		assert_true(st->seg[i].type == before.type && st->seg[i].l == before.l &&
			    st->seg[i].db == before.db);
		assert_true(st->seg[i].present && st->seg[i].dpl == 0 && st->seg[i].s == before.s);
	}
	assert_int_equal(st->gdt.limit, 39);
	assert_true(st->seg[X86_TR].limit == 103 && translate(g, st->seg[X86_TR].base) != UINT64_MAX);
	assert_int_equal(x86_seg_load(st, X86_DS, 0x10, &reader, &g->err), 0);
	assert_int_equal(st->seg[X86_LDTR].unusable, 1);
}

static void test_cmdline(void **state)
{
	struct rig *g = *state;
	struct boot_options opt;
	static char text[BOOT_CMDLINE_MAX + 1];
	char back[BOOT_CMDLINE_MAX];

	load(g, "console=1 a\"b");
	assert_int_equal(guest_mem_read(&g->mem, g->entry.state.gpr[X86_RDI], back, 14), 0);
	assert_string_equal(back, "console=1 a\"b");
	assert_true(read_info(g).cmdline == g->entry.state.gpr[X86_RDI]);
	load(g, NULL);
	assert_int_equal(guest_mem_read(&g->mem, g->entry.state.gpr[X86_RDI], back, 1), 0);
	assert_int_equal(back[0], 0);
	memset(text, 'x', BOOT_CMDLINE_MAX - 1);
	load(g, text);
	assert_int_equal(guest_mem_read(&g->mem, g->entry.state.gpr[X86_RDI], back, sizeof(back)), 0);
	assert_string_equal(back, text);
	text[BOOT_CMDLINE_MAX - 1] = 'x';
	opt.cmdline = text;
	assert_int_equal(boot_load(&g->elf.image, &opt, &g->mem, &g->entry, &g->err), -E2BIG);
	assert_non_null(strstr(g->err.text, "4095 bytes"));
}

static void test_identity_map(void **state)
{
	static const uint64_t mapped[] = {0, 0x1000, 0x100010, 64 * MIB, 0xfee00000, 4 * GIB - 1};
	struct rig *g = *state;

	load(g, "");
	for (size_t i = 0; i < ARRAY_LEN(mapped); i++)
		assert_true(translate(g, mapped[i]) == mapped[i]);
	assert_true(translate(g, 4 * GIB) == UINT64_MAX);
	/* More memory than that is mapped too. */
	assert_int_equal(guest_mem_add(&g->mem, 4 * GIB, 3 * GIB, NULL), 0);
	load(g, "");
	assert_true(translate(g, 7 * GIB - 1) == 7 * GIB - 1);
	assert_true(translate(g, 7 * GIB) == UINT64_MAX);
}

static void test_info(void **state)
{
	struct rig *g = *state;
	struct boot_info info;

	assert_int_equal(guest_mem_add(&g->mem, 4 * GIB, MIB, NULL), 0);
	load(g, "");
	info = read_info(g);
	assert_true(info.version == 2 && info.size == 208);
	assert_true(info.image_start == 0x100000 && info.image_end == 0x104000);
	assert_true(info.area_start == BOOT_AREA_BASE && info.area_end == BOOT_AREA_BASE + 0x11000);
	assert_true(info.memory_count == 2 && info.memory[0].start == 0 && info.memory[0].size == 64 * MIB);
	assert_true(info.memory[1].start == 4 * GIB && info.memory[1].size == MIB);
}

struct place_row { const char *what; uint64_t start, size, memory, area; int rc; };

static void test_placement(void **state)
{
	static const struct place_row rows[] = {
		{"usual", 0x100000, 0x1000, 4 * MIB, 0x10000, 0},
		{"image below", 0x8000, 0x8000, 4 * MIB, 0x10000, 0},
		{"image on it", 0x10000, 0x1000, 4 * MIB, 0x11000, 0},
		{"touches its end", 0x1f000, 0x1001, 4 * MIB, 0x1000, 0},
		{"image at 4 KiB up to the video memory", 0x1000, 0x9e000, 4 * MIB, 0x100000, 0},
		{"leaves room below only", 0x11000, 0xff000, 4 * MIB, 0x1000, 0},
		{"all low memory and more", 0x1000, 0x100000, 4 * MIB, 0x101000, 0},
		{"small gap at the top", 0x1000, 0x3ef000, 4 * MIB, 0x3f0000, 0},
		{"no gap", 0x1000, 0x3f0000, 4 * MIB, 0, -ENOMEM},
		{"1 MiB machine", 0x20000, 0x1000, MIB, 0x10000, 0},
		{"64 KiB machine", 0x1000, 0x1000, 0x10000, 0, -ENOMEM},
	};
	struct rig *g = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct place_row *r = &rows[i];
		int rc;

		guest_mem_fini(&g->mem);
		assert_int_equal(guest_mem_add(&g->mem, 0, r->memory, NULL), 0);
		g->elf.head.eh.e_phnum = 1;
		g->elf.head.eh.e_entry = r->start;
		g->elf.head.ph[0] = elf_image_load(0x1000, r->start, r->start, 0x10, r->size, PF_X);
		rc = boot_load(&g->elf.image, NULL, &g->mem, &g->entry, &g->err);
		if (rc != r->rc)
			fail_msg("%s: rc %d: %s", r->what, rc, g->err.text);
		if (rc == 0 && read_info(g).area_start != r->area)
			fail_msg("%s: area at 0x%llx", r->what, (unsigned long long)read_info(g).area_start);
	}
}

/* A kernel in the top 2 GiB, loaded low; once congruent to 2 MiB, once not. */
static void test_higher_half(void **state)
{
	static const uint64_t deltas[] = {0xffffffff80000000, 0xffffffff80001000, 0xffff800000000000};
	struct rig *g = *state;

	for (size_t i = 0; i < ARRAY_LEN(deltas); i++) {
		uint64_t d = deltas[i];

		elf_image_init(&g->elf);
		g->elf.head.ph[0].p_vaddr += d;
		g->elf.head.ph[1].p_vaddr += d;
		g->elf.head.eh.e_entry += d;
		load(g, "");
		assert_true(g->entry.entry == d + 0x100010 && g->entry.state.rip == d + 0x100010);
		assert_true(g->entry.segment[0].gpa == 0x100000 && g->entry.segment[0].gva == d + 0x100000);
		assert_true(translate(g, d + 0x100010) == 0x100010);
		assert_true(translate(g, d + 0x103fff) == 0x103fff);
		assert_true(translate(g, d + 0x400000) == UINT64_MAX);
		assert_true(translate(g, 0x100010) == 0x100010);
	}
}

static void test_higher_half_mixed(void **state)
{
	struct rig *g = *state;

	/* A low trampoline with the entry, and segments moved by different amounts: 4 KiB pages. */
	g->elf.head.ph[1].p_vaddr = 0xffffffff80000000;
	g->elf.head.ph[2] = elf_image_load(0x2000, 0xffffffffffe00000, 0x600000, 0x10, 0x200000, PF_R);
	g->elf.head.eh.e_phnum = 3;
	load(g, "");
	assert_true(translate(g, 0xffffffff80000000) == 0x101000);
	assert_true(translate(g, 0xffffffff80002fff) == 0x103fff);
	assert_true(translate(g, 0xffffffff80003000) == UINT64_MAX);
	assert_true(translate(g, 0xffffffffffffffff) == 0x7fffff);
	/* Both moved by multiples of 2 MiB, but not by the same, and neighbours in virtual memory. */
	elf_image_init(&g->elf);
	g->elf.head.ph[0].p_vaddr = 0xffffffff80100000;
	g->elf.head.ph[1].p_vaddr = 0xffffffff80101000;
	g->elf.head.ph[1].p_paddr = 0x301000;
	load(g, "");
	assert_true(translate(g, 0xffffffff80100000) == 0x100000);
	assert_true(translate(g, 0xffffffff80101000) == 0x301000);
	/* The entry may be named by its physical address. */
	elf_image_init(&g->elf);
	g->elf.head.ph[0].p_vaddr += 0xffffffff80000000;
	load(g, "");
	assert_true(g->entry.state.rip == 0x100010);
	/* Two segments cannot be at one virtual address. */
	g->elf.head.ph[1].p_vaddr = 0xffffffff80100000;
	assert_int_equal(boot_load(&g->elf.image, NULL, &g->mem, &g->entry, &g->err), -EINVAL);
	assert_non_null(strstr(g->err.text, "something else is mapped"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_selectors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cmdline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identity_map, setup, teardown),
		cmocka_unit_test_setup_teardown(test_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_placement, setup, teardown),
		cmocka_unit_test_setup_teardown(test_higher_half, setup, teardown),
		cmocka_unit_test_setup_teardown(test_higher_half_mixed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
