/* test_tdesc GOLDEN_DIR: the descriptions against the kept ones, and their edges. */
#include "../cmocka_all.h"
#include "layouts.h"
#include "x86/tdesc.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden_dir;
static struct x86_layout layout;
static struct x86_regs regs;
static char xml[65536], kept[65536];

static void init_layout(unsigned i)
{
	x86_layout_init(&layout, test_layouts[i].rows, test_layouts[i].count);
	x86_regs_init(&regs, &layout);
}

static size_t read_kept(const char *name)
{
	char path[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/target-%s.xml", golden_dir, name);
	f = fopen(path, "r");
	if (f == NULL)
		fail_msg("%s: cannot open", path);
	n = fread(kept, 1, sizeof(kept), f);
	fclose(f);
	return n;
}

static void check_golden(const char *name)
{
	int n = x86_tdesc_xml(&regs, xml, sizeof(xml));

	assert_true(n > 0 && strlen(xml) == (size_t)n);
	if (read_kept(name) != (size_t)n || memcmp(xml, kept, (size_t)n) != 0)
		fail_msg("target-%s.xml differs from what is made now", name);
}

/* After a wanted change: dump_tdesc LAYOUT xml > tests/golden/target-LAYOUT.xml, and read the diff. */
static void test_golden(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(test_layouts); i++) {
		init_layout(i);
		check_golden(test_layouts[i].name);
	}
}

/* The same with "i386" behind "xml". */
static void test_golden_i386(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(test_layouts); i++)
		if (strcmp(test_layouts[i].name, "max") == 0)
			init_layout(i);
	x86_regs_init_as(&regs, &layout, X86_REGS_I386);
	check_golden("max-i386");
}

/* Any size from 0 up: either the whole text or -ENOSPC, and never a byte behind the buffer. */
static void test_small_buffers(void **state)
{
	int full;

	(void)state;
	init_layout(0);
	full = x86_tdesc_xml(&regs, xml, sizeof(xml));
	for (size_t size = 0; size <= (size_t)full + 2; size += size < 300 ? 1 : 97) {
		char *buf = malloc(size + 1);

		assert_non_null(buf);
		buf[size] = 'z';
		assert_int_equal(x86_tdesc_xml(&regs, buf, size), size > (size_t)full ? full : -ENOSPC);
		assert_int_equal(buf[size], 'z');
		free(buf);
	}
	assert_int_equal(x86_tdesc_xml(&regs, kept, (size_t)full), -ENOSPC);
	assert_int_equal(x86_tdesc_xml(&regs, kept, (size_t)full + 1), full);
	assert_string_equal(kept, xml);
}

static void test_lldb(void **state)
{
	static const struct { const char *name, *text; } rows[] = {
		{ "rax", "name:rax;bitsize:64;offset:0;encoding:uint;format:hex;"
		  "set:General Purpose Registers;ehframe:0;dwarf:0;" },
		{ "rip", "name:rip;alt-name:pc;bitsize:64;offset:128;encoding:uint;format:hex;"
		  "set:General Purpose Registers;ehframe:16;dwarf:16;generic:pc;" },
		{ "st0", "name:st0;bitsize:80;offset:164;encoding:vector;format:vector-uint8;"
		  "set:Floating Point Registers;ehframe:33;dwarf:33;" },
		{ "xmm1", "name:xmm1;bitsize:128;offset:292;encoding:vector;format:vector-uint8;"
		  "set:Vector Registers;ehframe:18;dwarf:18;" },
		{ "cr0", "name:cr0;bitsize:64;offset:2420;encoding:uint;format:hex;set:System Registers;" },
	};
	char buf[256];

	(void)state;
	init_layout(0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int n = x86_tdesc_lldb(&regs, x86_regs_find(&regs, rows[i].name)->number, buf, sizeof(buf));

		assert_string_equal(buf, rows[i].text);
		assert_int_equal(n, strlen(rows[i].text));
		assert_int_equal(x86_tdesc_lldb(&regs, 0, buf, 10), -ENOSPC);
	}
	for (unsigned i = 0; i < regs.count; i++)
		assert_true(x86_tdesc_lldb(&regs, i, buf, sizeof(buf)) > 0);
	assert_int_equal(x86_tdesc_lldb(&regs, regs.count, buf, sizeof(buf)), -ENOENT);
	assert_int_equal(x86_tdesc_lldb(&regs, 0, buf, 0), -ENOSPC);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden), cmocka_unit_test(test_golden_i386),
		cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_lldb),
	};

	if (argc != 2)
		return 2;
	golden_dir = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
