/* How a client comes by the image and its symbols, and what else it learns of the machine's start. */
#include "../cmocka_all.h"
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/k/guest.elf"
#define HEX_PATH "2f6b2f67756573742e656c66"

static struct harness h;
static uint8_t image[0x30000];
static struct debug_config cfg;
static char cmdline[64];
static bool is_linux;

static int find_symbol(void *ctx, const char *name, uint64_t *ret)
{
	assert_ptr_equal(ctx, &h);
	if (strcmp(name, "entry_SYSCALL_64") == 0)
		*ret = 0xffffffff81000000;
	else if (strcmp(name, "asm_exc_page_fault") == 0)
		*ret = 0xffffffff81000100;
	else if (strcmp(name, "early_idt_handler_array") == 0)
		*ret = 0xffffffff83001000;
	else if (is_linux && (strcmp(name, "_text") == 0 || strcmp(name, "startup_64") == 0))
		*ret = 0xffffffff81000000;
	else
		return -ENOENT;
	return 0;
}

static int set_cmdline(void *ctx, const char *text, struct error *err)
{
	assert_ptr_equal(ctx, &h);
	if (strlen(text) >= sizeof(cmdline))
		return error_set(err, E2BIG, "too long");
	memcpy(cmdline, text, strlen(text) + 1);
	return 0;
}

static const char *get_cmdline(void *ctx)
{
	assert_ptr_equal(ctx, &h);
	return cmdline;
}

static void open_session(void)
{
	h.s = debug_session_new(&cfg);
	assert_non_null(h.s);
	debug_session_sink(h.s, &h.f.sink);
	harness_connect(&h);
}

static int setup(void **state)
{
	(void)state;
	harness_init(&h, 1);
	cmdline[0] = '\0';
	is_linux = false;
	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (uint8_t)(i * 7 + (i >> 8));
	memcpy(image, "\177ELF\2", 5);
	image[16] = 3; /* ET_DYN */
	image[17] = 0;
	cfg = (struct debug_config){
		.ops = fake_ops(), .target = &h.f, .caps = &h.f.caps, .layout = &h.f.layout, .mem = &h.f.mem,
		.image_path = PATH, .image_bytes = image, .image_size = sizeof(image), .ctx = &h,
		.symbol = find_symbol, .set_cmdline = set_cmdline,
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	harness_disconnect(&h);
	harness_fini(&h);
	return 0;
}

/* What a packet is answered by, byte for byte. */
static void says(const char *packet, const char *reply)
{
	assert_string_equal(harness_ask(&h, packet), reply);
}

static bool contains(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* A monitor command's text. */
static const char *monitor(const char *command)
{
	static char packet[256], text[4096];
	const char *reply;
	size_t n = 0;

	strcpy(packet, "qRcmd,");
	for (; *command; command++)
		snprintf(packet + strlen(packet), 3, "%02x", (unsigned char)*command);
	reply = harness_ask(&h, packet);
	for (; reply[0] && reply[1] && n + 1 < sizeof(text); reply += 2) {
		char digits[3] = { reply[0], reply[1], '\0' };

		text[n++] = (char)strtoul(digits, NULL, 16);
	}
	text[n] = '\0';
	return text;
}

static const struct { const char *packet, *reply; } file_rows[] = {
	{ "vFile:setfs:0", "F0" },
	{ "vFile:setfs:1", "F0" },
	/* Only the very path, only for reading. */
	{ "vFile:open:6a7573742070726f62696e67,0,1c0", "F-1,2" },
	{ "vFile:open:" HEX_PATH "00,0,0", "F-1,2" },
	{ "vFile:open:2f6b2f67756573742e656c,0,0", "F-1,2" },
	{ "vFile:open:2f6b2f2e2e2f6b2f67756573742e656c66,0,0", "F-1,2" },
	{ "vFile:open:2f6574632f706173737764,0,0", "F-1,2" },
	{ "vFile:open:,0,0", "F-1,2" },
	{ "vFile:open:" HEX_PATH "zz,0,0", "F-1,2" },
	{ "vFile:open:" HEX_PATH, "F-1,1e" },
	{ "vFile:open:" HEX_PATH ",1,0", "F-1,1e" },
	{ "vFile:open:" HEX_PATH ",2,0", "F-1,1e" },
	{ "vFile:open:" HEX_PATH ",200,0", "F-1,1e" },
	{ "vFile:open:" HEX_PATH ",400,0", "F-1,1e" },
	{ "vFile:pread:0,10,0", "F-1,9" },
	{ "vFile:open:" HEX_PATH ",0,0", "F0" },
	{ "vFile:open:2F6B2F67756573742E656C66,0,1c0", "F1" },
	{ "vFile:open:" HEX_PATH ",0", "F2" },
	{ "vFile:open:" HEX_PATH ",0,0", "F3" },
	{ "vFile:open:" HEX_PATH ",0,0", "F-1,18" },
	{ "vFile:pread:1,4,0", "F4;\177ELF" },
	{ "vFile:pread:1,4,30000", "F0;" },
	{ "vFile:pread:1,4,ffffffffffffffff", "F0;" },
	{ "vFile:pread:1,0,0", "F0;" },
	{ "vFile:pread:1,4", "F-1,16" },
	{ "vFile:pread:1,4,", "F-1,16" },
	{ "vFile:pread:1,10000000000000000,0", "F-1,16" },
	{ "vFile:pread:4,4,0", "F-1,9" },
	{ "vFile:pread:-1,4,0", "F-1,9" },
	{ "vFile:pread:", "F-1,9" },
	{ "vFile:close:1", "F0" },
	{ "vFile:close:1", "F-1,9" },
	{ "vFile:pread:1,4,0", "F-1,9" },
	{ "vFile:fstat:1", "F-1,9" },
	{ "vFile:open:" HEX_PATH ",0,0", "F1" },
	{ "vFile:readlink:" HEX_PATH, "F-1,16" },
	{ "vFile:readlink:2f", "F-1,2" },
	{ "vFile:stat:2f", "F-1,2" },
	{ "vFile:pwrite:1,0,abc", "F-1,1e" },
	{ "vFile:unlink:" HEX_PATH, "F-1,1e" },
	{ "vFile:mkdir:2f", "" },
};

static void test_file(void **state)
{
	(void)state;
	open_session();
	says("qXfer:exec-file:read:1:0,fff", "l" PATH);
	for (size_t i = 0; i < sizeof(file_rows) / sizeof(file_rows[0]); i++)
		says(file_rows[i].packet, file_rows[i].reply);
	/* The next client begins with no handle open. */
	harness_disconnect(&h);
	harness_connect(&h);
	says("vFile:pread:0,4,0", "F-1,9");
}

static void test_fstat(void **state)
{
	const char *reply;

	(void)state;
	open_session();
	says("vFile:open:" HEX_PATH ",0,0", "F0");
	reply = harness_ask(&h, "vFile:fstat:0");
	assert_memory_equal(reply, "F40;", 4);
	assert_memory_equal(reply + 4 + 8, "\0\0\201}\4", 5);            /* 0100444, escaped */
	assert_memory_equal(reply + 4 + 29, "\0\0\0\0\0\3\0\0", 8);
	reply = harness_ask(&h, "vFile:stat:" HEX_PATH);
	assert_memory_equal(reply, "F40;", 4);
}

/* The whole file, in as many packets as it takes; bytes with escapes make a packet hold fewer. */
static void test_whole_file(void **state)
{
	static char reply[4 * DEBUG_PACKET_SIZE];
	size_t at = 0;

	(void)state;
	memset(image + 0x8000, '}', 0x20000);
	open_session();
	says("vFile:open:" HEX_PATH ",0,0", "F0");
	while (at < sizeof(image)) {
		char packet[64], *data;
		size_t len, n, got = 0;

		snprintf(packet, sizeof(packet), "vFile:pread:0,%x,%zx", DEBUG_PACKET_SIZE, at);
		harness_send(&h, packet, strlen(packet));
		assert_true(harness_receive(&h, reply, sizeof(reply), &len));
		assert_true(len <= DEBUG_PACKET_SIZE);
		n = strtoul(reply + 1, &data, 16);
		assert_int_equal(*data++, ';');
		for (; data < reply + len; got++) {
			uint8_t c = (uint8_t)*data++;

			if (c == '}')
				c = (uint8_t)*data++ ^ 0x20;
			assert_true(at + got < sizeof(image));
			assert_int_equal(c, image[at + got]);
		}
		assert_int_equal(got, n);
		assert_true(n > 0);
		at += n;
	}
}

static void test_not_offered(void **state)
{
	const uint32_t bits = RSP_F_EXEC_FILE | RSP_F_VFILE | RSP_F_LIBRARIES;
	static const struct { const char *path, *magic; size_t size; uint32_t want; } rows[] = {
		{ PATH, "\177ELF\2", sizeof(image), bits },
		{ NULL, "\177ELF\2", sizeof(image), 0 },
		{ "guest.elf", "\177ELF\2", sizeof(image), 0 },
		{ PATH, "\177ELF\1", sizeof(image), 0 },
		{ PATH, "MZ\0\0\0", sizeof(image), 0 },
		{ PATH, "\177ELF\2", 4, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cfg.image_path = rows[i].path;
		cfg.image_size = rows[i].size;
		memcpy(image, rows[i].magic, 5);
		h.s = debug_session_new(&cfg);
		assert_int_equal(debug_session_features(h.s) & bits, rows[i].want);
		/* GDB would hold a map of RAM against virtual addresses. */
		assert_false(debug_session_features(h.s) & RSP_F_MEMORY_MAP);
		debug_session_free(h.s);
	}
	cfg.image_size = sizeof(image);
	h.s = debug_session_new(&cfg);
}

static void test_libraries(void **state)
{
	(void)state;
	cfg.image_path = "/k/a&b\"<c>.elf";
	cfg.image_bias = 0x200000;
	open_session();
	says("qXfer:libraries-svr4:read::0,fff",
	     "l<library-list-svr4 version=\"1.0\"><library name=\"/k/a&}\x03" "38;b&}\x03" "34;&}\x03"
	     "60;c&}\x03" "62;.elf\" "
	     "lm=\"0x0\" l_addr=\"0x200000\" l_ld=\"0x0\"/></library-list-svr4>\n");
}

/* The list of mappings that GDB's generate-core-file reads: the RAM that is mapped, and nothing else. */
static void test_maps(void **state)
{
	const char *text;

	(void)state;
	open_session();
	says("vFile:pread:4,100,0", "F-1,9");
	says("vFile:open:2f70726f632f312f6d617073,1,0", "F-1,1e");
	says("vFile:open:2f70726f632f312f6d617073,0,1c0", "F4");
	text = harness_ask(&h, "vFile:pread:4,1000,0");
	assert_true(contains(text, ";0000000000000000-0000000000008000 rwxp 00000000 00:00 0\n"
	                           "0000000000008000-0000000000040000 rw-p 00000000 00:00 0\n"
	                           "0000000000041000-"));
	assert_true(contains(text, "\n0000000000070000-0000000000071000 r--p "));
	assert_false(contains(text, "0000000000060000-")); /* a device */
	says("vFile:pread:4,10,10000", "F0;");
	says("vFile:close:4", "F0");
	says("vFile:pread:4,100,0", "F-1,9");
}

/* Of an ET_EXEC LLDB is told the place by qOffsets; GDB must not be, and from then on it is on no list. */
static void test_fixed_image(void **state)
{
	static const char listed[] = "l<library-list-svr4 version=\"1.0\"><library name=\"" PATH "\" "
	                             "lm=\"0x0\" l_addr=\"0x0\" l_ld=\"0x0\"/></library-list-svr4>\n";

	(void)state;
	image[16] = 2; /* ET_EXEC */
	open_session();
	says("qOffsets", "");
	says("QThreadSuffixSupported", "OK");
	says("qXfer:libraries-svr4:read::0,fff", listed);
	says("qOffsets", "TextSeg=0");
	says("qXfer:libraries-svr4:read::0,fff",
	     "l<library-list-svr4 version=\"1.0\"></library-list-svr4>\n");
	harness_disconnect(&h);
	harness_connect(&h);
	says("QThreadSuffixSupported", "OK");
	says("qXfer:libraries-svr4:read::0,fff", listed);
}

static void test_attached(void **state)
{
	(void)state;
	open_session();
	says("qAttached:1", "1");
	harness_disconnect(&h);
	debug_session_free(h.s);
	cfg.launched = true;
	open_session();
	says("qAttached", "0");
}

static void test_lldb_kill(void **state)
{
	(void)state;
	open_session();
	says("QEnableErrorStrings", "OK");
	says("_M1000,rwx", "E0c;6e6f206d656d6f7279206f662074686520677565737420697320736574206173696465"
	                   "20666f7220746865206465627567676572");
	assert_memory_equal(harness_ask(&h, "_m1000"), "E0c", 3);
	says("qGDBServerVersion", "name:trapline;");
	says("k", "X09");
	assert_true(h.f.killed);
	assert_int_equal(h.e.misuse, 0);
}

static void test_gdb_kill(void **state)
{
	(void)state;
	open_session();
	says("k", "");
	assert_true(h.f.killed);
	assert_int_equal(h.e.misuse, 0);
}

/* Reads go on behind a range that is not mapped; a breakpoint does not show. */
static void test_ranges(void **state)
{
	(void)state;
	guest_mem_write(&h.f.mem, 0x2000, "abcdef", 6);
	guest_mem_write(&h.f.mem, 0x3fffe, "yz", 2);
	open_session();
	says("Z0,2001,1", "OK");
	says("MultiMemRead:ranges:2000,3,40000,8,2003,3,3fffe,10,0,0;", "3,0,3,2,0;abcdefyz");
	says("z0,2001,1", "OK");
}

static void test_cr3(void **state)
{
	const struct x86_state *st = &h.f.vcpu[0].st;
	char reply[64];

	(void)state;
	open_session();
	assert_true(contains(monitor("cr3"), "own cr3"));
	assert_true(contains(monitor("cr3 0xa0000"), "through cr3 0xa0000"));
	/* An empty page: nothing is mapped. */
	assert_true(contains(harness_ask(&h, "m1000,1"), "E"));
	assert_true(contains(monitor("walk 0x1000"), "cr3 0xa0000"));
	snprintf(reply, sizeof(reply), "through cr3 0x%llx", (unsigned long long)(st->cr3 ^ 0x1000));
	assert_true(contains(monitor("cr3 other"), reply));
	assert_true(contains(monitor("cr3 nonsense"), "takes auto"));
	snprintf(reply, sizeof(reply), "through cr3 0x%llx", (unsigned long long)(st->cr3 ^ 0x1000));
	assert_true(contains(monitor("cr3"), reply));
	assert_true(contains(monitor("cr3 auto"), "own cr3"));
	assert_int_equal(strlen(harness_ask(&h, "m1000,1")), 2);
	/* A client's choice goes with it. */
	monitor("cr3 0xa0000");
	harness_disconnect(&h);
	harness_connect(&h);
	assert_int_equal(strlen(harness_ask(&h, "m1000,1")), 2);
}

static void put_gate(uint64_t target)
{
	uint64_t low = (target & 0xffff) | 8u << 16 | 0x8e00ull << 32 | (target >> 16 & 0xffff) << 48;
	uint64_t gate[2] = { low, target >> 32 };

	guest_mem_write(&h.f.mem, 0x3000 + 14 * 16, gate, 16);
}

static void test_kaslr(void **state)
{
	struct x86_state *st = &h.f.vcpu[0].st;
	const char *text;

	(void)state;
	st->msr_valid |= 1u << X86_MSR_LSTAR;
	st->msr[X86_MSR_LSTAR] = 0;
	st->idt.base = 0x3000;
	st->idt.limit = 0;
	open_session();
	text = monitor("kaslr");
	assert_true(contains(text, "LSTAR: not set yet"));
	assert_true(contains(text, "IDT gate 0 (divide error): not set yet"));
	assert_true(contains(text, "mapping: the image has no symbol _text"));
	assert_true(contains(text, "not known: nothing to compare"));

	st->msr[X86_MSR_LSTAR] = 0xffffffff9a000000;
	text = monitor("kaslr");
	assert_true(contains(text, "symbol-file -o 0x19000000 " PATH));
	assert_true(contains(text, "target modules load --file " PATH " --slide 0x19000000"));

	/* Two witnesses that agree, and that do not. */
	st->idt.limit = 0xfff;
	put_gate(0xffffffff9a000100);
	assert_true(contains(monitor("kaslr"), "symbol-file -o 0x19000000 " PATH));
	put_gate(0xffffffff9b000100);
	assert_true(contains(monitor("kaslr"), "not known: this is no constant slide"));
	assert_false(contains(monitor("kaslr"), "symbol-file"));

	st->idt.limit = 0;
	st->msr[X86_MSR_LSTAR] = 0xffffffff81000000;
	assert_true(contains(monitor("kaslr"), "slide 0: "));
	st->msr[X86_MSR_LSTAR] = 0xffffffff81000010;
	assert_true(contains(monitor("kaslr"), "not known"));
}

/* Before system calls and interrupts are set up there are early gates, and before those the page tables. */
static void test_kaslr_early(void **state)
{
	struct x86_state *st = &h.f.vcpu[0].st;
	const uint64_t leaf = 0x400000 | 0x83, middle = 0xa1000 | 3, top = 0xa2000 | 3;

	(void)state;
	st->msr_valid |= 1u << X86_MSR_LSTAR;
	st->msr[X86_MSR_LSTAR] = 0;
	st->idt.limit = 0;
	st->idt.base = 0x3000;
	is_linux = true;
	cfg.cmdline = get_cmdline;
	strcpy(cmdline, "quiet nokaslr");
	open_session();
	assert_true(contains(monitor("kaslr"), "mapping: not set yet"));
	assert_true(contains(monitor("kaslr"), "nokaslr is on the command line: the slide will be 0"));
	strcpy(cmdline, "nokaslr=1 nokaslrx");
	assert_false(contains(monitor("kaslr"), "nokaslr is on"));

	/* 0xffffffff81e00000 by a page of 2 MiB: linked 0xe00000 below it. */
	guest_mem_write(&h.f.mem, 0xf0000 + 511 * 8, &top, 8);
	guest_mem_write(&h.f.mem, 0xa2000 + 510 * 8, &middle, 8);
	guest_mem_write(&h.f.mem, 0xa1000 + 15 * 8, &leaf, 8);
	assert_true(contains(monitor("kaslr"), "first page of the kernel's mapping: 0xffffffff81e00000"));
	assert_true(contains(monitor("kaslr"), "symbol-file -o 0xe00000 " PATH));
	assert_true(contains(monitor("kaslr"), "physical: _text is at 0x400000, slide 0xffffffffff400000"));
	/* What is mapped is not asked where a gate tells, nor of other kernels. */
	st->idt.limit = 0xfff;
	put_gate(0xffffffff83001000 + 14 * 13 + 0x200000);
	assert_true(contains(monitor("kaslr"), "early_idt_handler_array+182 is linked"));
	assert_true(contains(monitor("kaslr"), "symbol-file -o 0x200000 " PATH));
	put_gate(0xffffffff83001000 + 14 * 9 + 0x400000);
	assert_true(contains(monitor("kaslr"), "symbol-file -o 0x400000 " PATH));
	assert_false(contains(monitor("kaslr"), "first page"));
	st->idt.limit = 0;
	is_linux = false;
	assert_true(contains(monitor("kaslr"), "not known: nothing to compare"));
}

static void test_kaslr_without_symbols(void **state)
{
	(void)state;
	cfg.symbol = NULL;
	h.f.vcpu[0].st.msr_valid |= 1u << X86_MSR_LSTAR;
	h.f.vcpu[0].st.msr[X86_MSR_LSTAR] = 0xffffffff9a000000;
	open_session();
	assert_true(contains(monitor("kaslr"), "not known"));
}

static void test_run_arguments(void **state)
{
	char packet[8 + 2 * sizeof(cmdline) + 1] = "vRun;;";

	(void)state;
	open_session();
	says("!", "OK");
	assert_memory_equal(harness_ask(&h, "vRun;"), "T05", 3);
	assert_string_equal(cmdline, "");
	assert_memory_equal(harness_ask(&h, "vRun;2f78;6d6f6465;613d62"), "T05", 3);
	assert_string_equal(cmdline, "mode a=b");
	assert_int_equal(h.f.resets, 2);
	/* Too long: nothing happens. */
	memset(packet + strlen(packet), '6', 2 * sizeof(cmdline));
	assert_int_equal(harness_ask(&h, packet)[0], 'E');
	assert_string_equal(cmdline, "mode a=b");
	assert_int_equal(h.f.resets, 2);
}

/* GDB's "run" in extended mode kills before it says vRun; a kill that no run follows ends the machine. */
static void test_extended_kill(void **state)
{
	(void)state;
	open_session();
	says("!", "OK");
	assert_memory_equal(harness_ask(&h, "?"), "T05", 3);
	says("vKill;1", "OK");
	assert_false(h.closed);
	assert_false(h.f.killed);
	assert_memory_equal(harness_ask(&h, "vRun;"), "T05", 3);
	harness_disconnect(&h);
	assert_false(h.f.killed);
	harness_connect(&h);
	says("!", "OK");
	assert_memory_equal(harness_ask(&h, "?"), "T05", 3);
	says("vKill;1", "OK");
	assert_false(h.f.killed);
	harness_disconnect(&h);
	assert_true(h.f.killed);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_file), T(test_fstat), T(test_whole_file), T(test_not_offered), T(test_libraries),
		T(test_fixed_image), T(test_maps),
		T(test_attached), T(test_lldb_kill), T(test_gdb_kill), T(test_ranges), T(test_cr3),
		T(test_kaslr), T(test_kaslr_early), T(test_kaslr_without_symbols),
		T(test_run_arguments), T(test_extended_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
