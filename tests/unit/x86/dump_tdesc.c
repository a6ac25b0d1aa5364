/*
 * Prints what the debuggers are given: "dump_tdesc LAYOUT xml" the target description, "dump_tdesc LAYOUT g"
 * one line "name bits value" per register, the value in target byte order and different for each.
 */
#include "layouts.h"
#include "x86/regs.h"
#include "x86/tdesc.h"
#include <stdio.h>
#include <string.h>

static struct x86_regs regs;

static int find_layout(const char *name, struct x86_layout *ret)
{
	for (unsigned i = 0; i < sizeof(test_layouts) / sizeof(test_layouts[0]); i++) {
		if (strcmp(test_layouts[i].name, name) == 0) {
			x86_layout_init(ret, test_layouts[i].rows, test_layouts[i].count);
			return 0;
		}
	}
	return -1;
}

static void print_values(void)
{
	for (unsigned i = 0; i < regs.count; i++) {
		const struct x86_reg *reg = &regs.reg[i];

		printf("%s %u ", reg->name, reg->bits);
		for (unsigned b = 0; b < reg->bits / 8u; b++)
			printf("%02x", b == 0 ? i & 0xffu : b == 1 ? 0x10u + (i >> 8) : 0);
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	static char xml[65536];
	struct x86_layout layout;

	if (argc < 3 || argc > 4 || find_layout(argv[1], &layout) != 0)
		return 2;
	/* A third argument: as an i386's. */
	x86_regs_init_as(&regs, &layout, argc == 4 ? X86_REGS_I386 : X86_REGS_X86_64);
	if (strcmp(argv[2], "g") == 0)
		print_values();
	else if (x86_tdesc_xml(&regs, xml, sizeof(xml)) < 0)
		return 1;
	else
		fputs(xml, stdout);
	return 0;
}
