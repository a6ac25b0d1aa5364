#include "../cmocka_all.h"

#include "cli/report.h"
#include "cli/vmem.h"
#include "guest_rig.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- an image with three functions, for its symbols only ---- */

#define BIAS 0x100000ull

struct image {
	Elf64_Ehdr eh;
	Elf64_Shdr sh[3];
	Elf64_Sym sym[4];
	char names[64];
};

static struct image image;
static struct boot_image boot_image = {.bytes = (uint8_t *)&image, .size = sizeof(image), .name = "k"};

static void make_image(void)
{
	static const char names[] = "\0main\0helper\0bad\x1bname";

	image = (struct image){
		.eh = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		       .e_type = ET_EXEC,
		       .e_machine = EM_X86_64,
		       .e_version = EV_CURRENT,
		       .e_ehsize = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_shoff = offsetof(struct image, sh),
		       .e_shentsize = sizeof(Elf64_Shdr),
		       .e_shnum = 3},
		.sh = {{0},
		       {.sh_type = SHT_SYMTAB,
			.sh_offset = offsetof(struct image, sym),
			.sh_size = sizeof(image.sym),
			.sh_link = 2,
			.sh_entsize = sizeof(Elf64_Sym)},
		       {.sh_type = SHT_STRTAB,
			.sh_offset = offsetof(struct image, names),
			.sh_size = sizeof(image.names)}},
		.sym = {{0},
			{.st_name = 1,
			 .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			 .st_shndx = 1,
			 .st_value = 0x1000,
			 .st_size = 0x100},
			{.st_name = 6,
			 .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			 .st_shndx = 1,
			 .st_value = 0x2000,
			 .st_size = 0x100},
			{.st_name = 13,
			 .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			 .st_shndx = 1,
			 .st_value = 0x3000,
			 .st_size = 0x100}},
	};
	memcpy(image.names, names, sizeof(names));
}

#define MAIN (BIAS + 0x1000)
#define HELPER (BIAS + 0x2000)
#define BAD (BIAS + 0x3000)

static char text[CLI_REPORT_SIZE];
static struct guest_rig rig;

static void format(void)
{
	struct cli_report r = {
		.state = &rig.state,
		.layout = &rig.layout,
		.mem = rig.reader,
		.image = &boot_image,
		.bias = BIAS,
	};
	size_t len = cli_report_format(&r, text, sizeof(text));

	assert_int_equal(len, strlen(text));
}

static void must_have(const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, text);
}

static int set_up(void **state)
{
	(void)state;
	make_image();
	rig_init(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static void code_at(uint64_t addr, const char *bytes, size_t len)
{
	assert_int_equal(guest_mem_write(&rig.mem, addr, bytes, len), 0);
}

/* A frame record at fp: the caller's fp and the return address. */
static void frame_at(uint64_t fp, uint64_t next, uint64_t pc)
{
	rig_put(&rig, fp, next);
	rig_put(&rig, fp + 8, pc);
}

static void registers_and_code(void **state)
{
	struct x86_state *st = &rig.state;

	(void)state;
	for (unsigned i = 0; i < X86_GPR_COUNT; i++)
		st->gpr[i] = 0x1111111111111111ull * i;
	st->gpr[X86_RBP] = 0;
	st->rip = HELPER + 0x10;
	st->rflags |= 0x40 | X86_RFLAGS_IF;
	st->cr2 = 0xdead000;
	code_at(HELPER + 0x8, "\x90\x91\x92\x93\x94\x95\x96\x97\x0f\x0b\xcc", 11);
	format();
	must_have("rax 0000000000000000  rbx 1111111111111111  rcx 2222222222222222  rdx 3333333333333333\n");
	must_have("r12 cccccccccccccccc  r13 dddddddddddddddd  r14 eeeeeeeeeeeeeeee  r15 ffffffffffffffff\n");
	must_have("rip 0000000000102010  rflags 0000000000000242 [ZF IF]\n");
	must_have("cr0 0000000080010001 [PE WP PG]\n");
	must_have("cr2 000000000dead000  cr3 0000000000001000");
	must_have("cr4 0000000000000020 [PAE]\n");
	must_have("efer 0000000000000d00 [LME LMA NX]  (64-bit");
	must_have("cs  0008  base 0000000000000000  limit ffffffff  type b 64-bit  dpl 0\n");
	must_have("ldt 0000  unusable\n");
	must_have("code 90 91 92 93 94 95 96 97 <0f> 0b cc 00");
	must_have("#0  0x102010 in helper+0x10\n");
	assert_null(strstr(text, "#1"));
}

static void backtrace_with_names(void **state)
{
	(void)state;
	rig.state.rip = HELPER + 0x10;
	rig.state.gpr[X86_RBP] = 0x20000;
	code_at(HELPER + 0x10, "\x0f\x0b", 2);
	frame_at(0x20000, 0x20100, MAIN + 0x20);
	frame_at(0x20100, 0x20200, 0x300000);
	frame_at(0x20200, 0x20300,
		 BAD + 0x100); /* behind a call that is the last instruction of its function */
	frame_at(0x20300, 0, 0);
	format();
	must_have("#0  0x102010 in helper+0x10\n#1  0x101020 in main+0x20\n#2  0x300000\n#3  0x103100 in "
		  "bad?name+0x100\n");
	assert_null(strstr(text, "#4"));
	assert_null(strstr(text, "(frame"));
}

struct prologue { const char *code; size_t len; unsigned slot; };

/* In a prologue the caller is found on the stack. */
static void backtrace_before_the_frame_is_made(void **state)
{
	static const struct prologue rows[] = {
		{"\x55\x48\x89\xe5", 4, 0},
		{"\xf3\x0f\x1e\xfa\x55", 5, 0},
		{"\x48\x89\xe5\x90", 4, 8},
		{"\xc3", 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rig.state.rip = HELPER;
		rig.state.gpr[X86_RBP] = 0x20100;
		rig.state.gpr[X86_RSP] = 0x20000;
		code_at(HELPER, rows[i].code, rows[i].len);
		rig_put(&rig, 0x20000, 0x77);
		rig_put(&rig, 0x20008, 0x77);
		rig_put(&rig, 0x20000 + rows[i].slot, MAIN + 0x30);
		frame_at(0x20100, 0, BAD + 4);
		format();
		must_have("#0  0x102000 in helper+0x0\n#1  0x101030 in main+0x30\n#2  0x103004 in "
			  "bad?name+0x4\n");
	}
}

/* A call through a wild pointer: there is no code, but there is a caller. */
static void backtrace_from_nowhere(void **state)
{
	(void)state;
	rig.state.rip = 0x7ffff000;
	rig.state.gpr[X86_RSP] = 0x20000;
	rig_put(&rig, 0x20000, MAIN + 0x30);
	format();
	must_have("code <no memory at rip>\n");
	must_have("#0  0x7ffff000\n#1  0x101030 in main+0x30\n");
}

static void backtrace_that_never_ends(void **state)
{
	(void)state;
	rig.state.rip = HELPER + 0x10;
	code_at(HELPER + 0x10, "\x0f\x0b", 2);
	rig.state.gpr[X86_RBP] = 0x20000;
	frame_at(0x20000, 0x20000, MAIN + 0x20); /* a loop */
	format();
	must_have("(frame pointer does not move up: 0x20000)\n");
	for (unsigned i = 0; i < 200; i++) /* a deep recursion */
		frame_at(0x20000 + i * 32, 0x20000 + (i + 1) * 32, MAIN + 0x20);
	format();
	must_have("#63 0x101020 in main+0x20\n");
	assert_null(strstr(text, "#64"));
	must_have("(more frames than are shown");
	rig.state.gpr[X86_RBP] = 0x123456789abcdef0; /* not even canonical */
	format();
	must_have("(frame pointer leads nowhere: 0x123456789abcdef0)\n");
}

static void other_modes(void **state)
{
	(void)state;
	/* Real mode: linear pc, no backtrace. */
	rig.state.cr0 = 0;
	rig.state.efer = 0;
	rig.state.seg[X86_CS] = x86_seg_real(0x1000, true);
	rig.state.rip = 0x20;
	code_at(0x10020, "\xea", 1);
	format();
	must_have("#0  0x10020\n");
	must_have("real mode");
	must_have("<ea>");
	assert_null(strstr(text, "#1"));
	/* 32-bit, no paging: frames of four bytes. */
	rig.state.cr0 = X86_CR0_PE;
	rig.state.seg[X86_CS] = x86_seg_code32(8);
	rig.state.rip = HELPER + 0x10;
	rig.state.gpr[X86_RBP] = 0x20000;
	code_at(HELPER + 0x10, "\x0f\x0b", 2);
	rig_put(&rig, 0x20000, (MAIN + 0x20) << 32 | 0x20100);
	rig_put(&rig, 0x20100, 0);
	format();
	must_have("#0  0x102010 in helper+0x10\n#1  0x101020 in main+0x20\n");
	assert_null(strstr(text, "#2"));
}

static void no_image_and_short_buffers(void **state)
{
	struct cli_report r = {.state = &rig.state, .layout = &rig.layout, .mem = rig.reader};
	char small[32];

	(void)state;
	cli_report_format(&r, text, sizeof(text));
	must_have("#0  0x0\n");
	memset(small, 'x', sizeof(small));
	assert_int_equal(cli_report_format(&r, small, 20), 19);
	assert_int_equal(small[19], '\0');
	assert_int_equal(small[20], 'x');
}

static void reading_stops_at_the_first_hole(void **state)
{
	struct cli_vmem v;
	static uint8_t buf[3 * 4096];

	(void)state;
	rig_map_page(&rig, 0, 0x20000, 3);
	rig_map_page(&rig, 1, 0x30000, 3);
	code_at(0x20ffe, "ab", 2);
	code_at(0x30000, "cd", 2);
	cli_vmem_init(&v, &rig.state, &rig.layout, &rig.reader);
	assert_int_equal(cli_vmem_read(&v, RIG_PAGES + 0xffe, buf, sizeof(buf)), 4096 + 2);
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(cli_vmem_read(&v, RIG_PAGES + 0x2000, buf, 1), 0);
	assert_int_equal(cli_vmem_read(&v, RIG_PAGES, buf, 0), 0);
	/* Mapped, but to no RAM. */
	rig_map_page(&rig, 2, 0x70000000, 3);
	assert_int_equal(cli_vmem_read(&v, RIG_PAGES + 0x1fff, buf, 2), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(registers_and_code),
		T(backtrace_with_names),
		T(backtrace_before_the_frame_is_made),
		T(backtrace_from_nowhere),
		T(backtrace_that_never_ends),
		T(other_modes),
		T(no_image_and_short_buffers),
		T(reading_stops_at_the_first_hole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
