/*
 * A core of a fabricated machine: read back byte by byte, and by gdb. CORE_SUBJECT is the kernel, loaded by
 * hand; GDB the debugger, empty: not installed.
 */
#include "../cmocka_all.h"

#include "base/bytes.h"
#include "boot/symbols.h"
#include "cli/coredump.h"
#include "guest_rig.h"
#include "x86/segment.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <unistd.h>

static char dir[] = "/tmp/trapline-test-XXXXXX";
static char path[64], tmp[64];
static struct guest_rig rig;
static struct x86_state second;
static struct boot_image subject;
static const struct x86_state *states[2] = {&rig.state, &second};

static int make_dir(void **state)
{
	const char *name = getenv("CORE_SUBJECT");
	int fd = name == NULL ? -1 : open(name, O_RDONLY);
	struct stat st;

	(void)state;
	if (mkdtemp(dir) == NULL || fd < 0 || fstat(fd, &st) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/core", dir);
	snprintf(tmp, sizeof(tmp), "%s/core.tmp", dir);
	subject.size = (size_t)st.st_size;
	subject.bytes = mmap(NULL, subject.size, PROT_READ, MAP_PRIVATE, fd, 0);
	subject.name = name;
	close(fd);
	return subject.bytes == MAP_FAILED ? -1 : 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void load_subject(void)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	memcpy(&eh, subject.bytes, sizeof(eh));
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		memcpy(&ph, subject.bytes + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD)
			assert_int_equal(guest_mem_write(&rig.mem, ph.p_vaddr, subject.bytes + ph.p_offset,
			                                 ph.p_filesz), 0);
	}
}

static int set_up(void **state)
{
	(void)state;
	rig_init(&rig);
	for (unsigned i = 0; i < X86_GPR_COUNT; i++) {
		rig.state.gpr[i] = 0x100 + i;
		second.gpr[i] = 0x200 + i;
	}
	second.rip = 0x777;
	rig.state.seg[X86_FS].base = 0xf5;
	rig.state.seg[X86_GS].base = 0x65;
	unlink(path);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static struct cli_coredump config(void)
{
	return (struct cli_coredump){
		.path = path,
		.layout = &rig.layout,
		.mem = &rig.mem,
		.reader = rig.reader,
		.cpus = 2,
		.state = states,
		.signal = SIGSEGV,
		.kernel = "/boot/kernel.elf",
		.cmdline = "quiet x=1",
	};
}

/* ---- reading it back ---- */

static uint8_t *core;
static size_t core_size;

static void read_core(void)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(core);
	core_size = (size_t)st.st_size;
	core = malloc(core_size);
	assert_int_equal(read(fd, core, core_size), core_size);
	close(fd);
	assert_int_equal(access(tmp, F_OK), -1);
}

static Elf64_Phdr header(unsigned i)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	memcpy(&eh, core, sizeof(eh));
	assert_true(i < eh.e_phnum);
	memcpy(&ph, core + eh.e_phoff + i * sizeof(ph), sizeof(ph));
	return ph;
}

/* The nth note of this type; NULL when there are fewer. */
static const void *note(uint32_t type, unsigned nth, size_t *ret_len)
{
	Elf64_Phdr ph = header(0);
	Elf64_Nhdr nh;

	assert_int_equal(ph.p_type, PT_NOTE);
	assert_true(ph.p_offset + ph.p_filesz <= core_size);
	for (size_t at = ph.p_offset; at < ph.p_offset + ph.p_filesz;) {
		size_t desc = at + sizeof(nh);

		memcpy(&nh, core + at, sizeof(nh));
		desc += (nh.n_namesz + 3) & ~3u;
		if (nh.n_type == type && nth-- == 0) {
			*ret_len = nh.n_descsz;
			return core + desc;
		}
		at = desc + ((nh.n_descsz + 3) & ~3u);
	}
	return NULL;
}

static void must_read(uint64_t gva, const void *bytes, size_t len)
{
	Elf64_Ehdr eh;

	memcpy(&eh, core, sizeof(eh));
	for (unsigned i = 1; i < eh.e_phnum; i++) {
		Elf64_Phdr ph = header(i);

		assert_int_equal(ph.p_type, PT_LOAD);
		assert_true(ph.p_offset + ph.p_filesz <= core_size);
		if (gva < ph.p_vaddr || gva + len > ph.p_vaddr + ph.p_filesz)
			continue;
		assert_memory_equal(core + ph.p_offset + (gva - ph.p_vaddr), bytes, len);
		return;
	}
	fail_msg("no segment has %#llx", (unsigned long long)gva);
}

static void holds_registers_and_memory(void **state)
{
	struct cli_coredump cfg = config();
	struct elf_prstatus ps;
	struct elf_prpsinfo info;
	struct user_regs_struct regs;
	struct error err;
	const void *desc;
	size_t len;

	(void)state;
	rig.state.rip = 0x123456;
	rig.state.xsave[0] = 0x7f;
	rig_map_page(&rig, 0, 0x300000, 3);
	assert_int_equal(guest_mem_write(&rig.mem, 0x300ff0, "end of page", 11), 0);
	assert_int_equal(guest_mem_write(&rig.mem, 0x3ffff0, "end of the RAM!!", 16), 0);
	if (cli_coredump_write(&cfg, &err) != 0)
		fail_msg("%s", err.text);
	read_core();
	desc = note(NT_PRSTATUS, 0, &len);
	assert_int_equal(len, sizeof(ps));
	memcpy(&ps, desc, sizeof(ps));
	memcpy(&regs, &ps.pr_reg, sizeof(regs));
	assert_int_equal(ps.pr_pid, 1);
	assert_int_equal(ps.pr_cursig, SIGSEGV);
	assert_int_equal(regs.rip, 0x123456);
	assert_int_equal(regs.rax, 0x100 + X86_RAX);
	assert_int_equal(regs.rsp, 0x100 + X86_RSP);
	assert_int_equal(regs.r15, 0x100 + X86_R15);
	assert_int_equal(regs.cs, 8);
	assert_int_equal(regs.fs_base, 0xf5);
	assert_int_equal(regs.gs_base, 0x65);
	memcpy(&ps, note(NT_PRSTATUS, 1, &len), sizeof(ps));
	memcpy(&regs, &ps.pr_reg, sizeof(regs));
	assert_int_equal(ps.pr_pid, 2);
	assert_int_equal(ps.pr_cursig, SIGSEGV);
	assert_int_equal(regs.rip, 0x777);
	assert_null(note(NT_PRSTATUS, 2, &len));
	desc = note(NT_PRFPREG, 0, &len);
	assert_int_equal(len, 512);
	assert_int_equal(*(const uint8_t *)desc, 0x7f);
	memcpy(&info, note(NT_PRPSINFO, 0, &len), sizeof(info));
	assert_string_equal(info.pr_fname, "kernel.elf");
	assert_string_equal(info.pr_psargs, "/boot/kernel.elf quiet x=1");
	assert_null(note(NT_AUXV, 0, &len));
	must_read(RIG_PAGES + 0xff0, "end of page", 11);
	must_read(0x3ffff0, "end of the RAM!!", 16);
	must_read(RIG_HIGH + 0x3ffff0, "end of the RAM!!", 16);
	must_read(0x200000, (uint8_t[64]){0}, 64);
}

static uint64_t u64_at(const uint8_t *note, size_t at)
{
	return bytes_get_le64(note + at);
}

/* QEMU's and ours, of both vcpus, in the order of the threads. */
static void holds_control_registers(void **state)
{
	struct cli_coredump cfg = config();
	const uint8_t *desc;
	size_t len;

	(void)state;
	rig.state.rip = 0x123456;
	rig.state.cr2 = 0xdead;
	rig.state.cr8 = 5;
	rig.state.idt = (struct x86_table){.base = 0x3000, .limit = 0xfff};
	rig.state.seg[X86_CS] = x86_seg_code64(8);
	rig.state.seg[X86_GS].base = 0x65;
	rig.state.dr[3] = 0xd3;
	rig.state.dr7 = 0x400;
	rig.state.msr[X86_MSR_LSTAR] = 0x1234;
	rig.state.msr[X86_MSR_KERNEL_GS_BASE] = 0x777;
	rig.state.msr[X86_MSR_STAR] = 0x9999;
	rig.state.msr_valid = 1u << X86_MSR_LSTAR | 1u << X86_MSR_KERNEL_GS_BASE;
	second.cr3 = 0xc3000;
	assert_int_equal(cli_coredump_write(&cfg, NULL), 0);
	read_core();
	desc = note(0, 0, &len);
	assert_int_equal(len, 440);
	assert_memory_equal(desc - 8, "QEMU\0\0\0\0", 8);
	assert_true(bytes_get_le32(desc) == 1 && bytes_get_le32(desc + 4) == 440);
	assert_int_equal(u64_at(desc, 8), 0x100 + X86_RAX);
	assert_int_equal(u64_at(desc, 8 + 8 * 6), 0x100 + X86_RSP);
	assert_int_equal(u64_at(desc, 8 + 8 * 16), 0x123456);
	assert_int_equal(bytes_get_le32(desc + 152), 8);
	assert_int_equal(bytes_get_le32(desc + 160), 0x00a09b00); /* present 64-bit code in pages */
	assert_int_equal(u64_at(desc, 152 + 4 * 24 + 16), 0x65);
	assert_int_equal(bytes_get_le32(desc + 152 + 9 * 24 + 4), 0xfff);
	assert_int_equal(u64_at(desc, 152 + 9 * 24 + 16), 0x3000);
	assert_int_equal(u64_at(desc, 392 + 8 * 2), 0xdead);
	assert_int_equal(u64_at(desc, 392 + 8 * 3), rig.state.cr3);
	assert_int_equal(u64_at(desc, 392 + 8 * 5), 0x777);
	desc = note(0, 1, &len);
	assert_int_equal(len, 232);
	assert_memory_equal(desc - 12, "TRAPLINE\0\0\0\0", 12);
	assert_true(bytes_get_le32(desc) == 1 && bytes_get_le32(desc + 8) == 0);
	assert_int_equal(bytes_get_le32(desc + 12), rig.state.msr_valid);
	assert_true(u64_at(desc, 16 + 8 * 4) == 5 && u64_at(desc, 16 + 8 * 5) == rig.state.efer);
	assert_true(u64_at(desc, 16 + 8 * 10) == 0xd3 && u64_at(desc, 16 + 8 * 12) == 0x400);
	assert_int_equal(u64_at(desc, 16 + 8 * (13 + X86_MSR_LSTAR)), 0x1234);
	assert_int_equal(u64_at(desc, 16 + 8 * (13 + X86_MSR_STAR)), 0); /* not valid */
	desc = note(0, 2, &len);
	assert_int_equal(u64_at(desc, 392 + 8 * 3), 0xc3000);
	desc = note(0, 3, &len);
	assert_int_equal(bytes_get_le32(desc + 8), 1);
	assert_null(note(0, 4, &len));
}

static void zeros_take_no_room(void **state)
{
	struct cli_coredump cfg = config();
	struct stat st;

	(void)state;
	assert_int_equal(cli_coredump_write(&cfg, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 8 << 20);
	assert_true(st.st_blocks * 512 < 1 << 20);
}

static void the_one_that_died_comes_first(void **state)
{
	struct cli_coredump cfg = config();
	struct elf_prstatus ps;
	size_t len;

	(void)state;
	second = rig.state;
	second.rip = 0x777;
	cfg.current = 1;
	assert_int_equal(cli_coredump_write(&cfg, NULL), 0);
	read_core();
	memcpy(&ps, note(NT_PRSTATUS, 0, &len), sizeof(ps));
	assert_int_equal(ps.pr_pid, 2);
	assert_int_equal(ps.pr_cursig, SIGSEGV);
	states[0] = NULL; /* and one whose state nobody knows is left out */
	assert_int_equal(cli_coredump_write(&cfg, NULL), 0);
	states[0] = &rig.state;
	read_core();
	assert_null(note(NT_PRSTATUS, 1, &len));
}

static void wide_registers_and_moved_kernels(void **state)
{
	struct cli_coredump cfg = config();
	Elf64_auxv_t aux;
	uint64_t xcr0;
	const uint8_t *desc;
	size_t len;

	(void)state;
	rig.layout.xcr0_mask = 7;
	rig.layout.xsave[2].offset = 576;
	rig.layout.xsave[2].size = 256;
	rig.state.xsave[576] = 0x99;
	cfg.bias = 0x1000000;
	cfg.entry = 0x1000040;
	assert_int_equal(cli_coredump_write(&cfg, NULL), 0);
	read_core();
	desc = note(NT_X86_XSTATE, 0, &len);
	assert_int_equal(len, 832);
	assert_int_equal(desc[576], 0x99);
	memcpy(&xcr0, desc + 464, sizeof(xcr0));
	assert_int_equal(xcr0, 7);
	desc = note(NT_AUXV, 0, &len);
	assert_non_null(desc);
	memcpy(&aux, desc, sizeof(aux));
	assert_int_equal(aux.a_type, AT_ENTRY);
	assert_int_equal(aux.a_un.a_val, 0x1000040);
}

static int planted_read(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	int rc = guest_mem_read(ctx, gpa, buf, len);

	/* As the stub does for its int3: the original byte. */
	if (rc == 0 && gpa <= 0x300000 && 0x300000 < gpa + len)
		((uint8_t *)buf)[0x300000 - gpa] = 0x55;
	return rc;
}

static void bytes_come_from_the_reader(void **state)
{
	struct cli_coredump cfg = config();

	(void)state;
	assert_int_equal(guest_mem_write(&rig.mem, 0x300000, "\xcc", 1), 0);
	cfg.reader.read = planted_read;
	assert_int_equal(cli_coredump_write(&cfg, NULL), 0);
	read_core();
	must_read(0x300000, "\x55", 1);
}

static void more_than_fits_is_told(void **state)
{
	struct cli_coredump cfg = config();

	(void)state;
	for (unsigned i = 0; i < 512; i++)
		rig_put(&rig, 0x1000 + i * 8, 0x1003);
	assert_int_equal(cli_coredump_write(&cfg, NULL), 1);
	read_core();
	assert_int_equal(header(0).p_type, PT_NOTE);
}

static void no_half_files(void **state)
{
	struct cli_coredump cfg = config();
	struct rlimit old, small = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	struct error err;

	(void)state;
	assert_int_equal(cli_coredump_write(&cfg, NULL), 0);
	read_core();
	/* A full disk, as far as a test can have one: the file may not grow. */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(guest_mem_fill(&rig.mem, 0x200000, 7, 0x100000), 0);
	assert_int_equal(cli_coredump_write(&cfg, &err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(strstr(err.text, "cannot write core file /tmp/"));
	assert_non_null(strstr(err.text, "File too large"));
	read_core(); /* the one of before is whole, and there is no other */
	must_read(0x200000, (uint8_t[64]){0}, 64);
	cfg.path = "/nonexistent-dir/core";
	assert_int_equal(cli_coredump_write(&cfg, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent-dir/core: No such file"));
	cfg.path = dir;
	assert_true(cli_coredump_write(&cfg, &err) < 0);
}

/* ---- what gdb makes of it ---- */

/* Stopped in inner(1), behind its prologue, called by outer(0), called by _start. */
static void stage(void)
{
	struct x86_state *st = &rig.state;
	uint64_t inner, outer, start;

	load_subject();
	assert_int_equal(boot_symbol_find(&subject, "inner", &inner), 0);
	assert_int_equal(boot_symbol_find(&subject, "outer", &outer), 0);
	assert_int_equal(boot_symbol_find(&subject, "_start", &start), 0);
	st->rip = inner + 7; /* push, mov, mov depth */
	st->gpr[X86_RBP] = 0x3f0000;
	st->gpr[X86_RSP] = 0x3f0000;
	rig_put(&rig, 0x3f0000 - 4, 1); /* depth */
	rig_put(&rig, 0x3f0000, 0x3f0040);
	rig_put(&rig, 0x3f0008, outer + 12);
	rig_put(&rig, 0x3f0040, 0x3f0080);
	rig_put(&rig, 0x3f0048, start + 14);
}

static void gdb_opens_it(void **state)
{
	struct cli_coredump cfg = config();
	const char *gdb = getenv("GDB");
	static const char *const wanted[] = {
		"#0  inner (depth=1) at", "#1  0x",
		" in outer (depth=",      "#2  0x",
		" in _start () at",       "Program terminated with signal SIGSEGV",
		"answer = 42\n",          "{x = 3, y = -4}",
		"r15            0x10f",   "rip of thread 2 is 0x777\n",
	};
	char command[512];
	static char out[65536];
	size_t len;
	FILE *f;

	(void)state;
	if (gdb == NULL || *gdb == '\0')
		skip();
	stage();
	cfg.kernel = subject.name;
	assert_int_equal(cli_coredump_write(&cfg, NULL), 0);
	snprintf(command, sizeof(command),
		 "%s -q -nx -batch -ex bt -ex 'info registers r15' -ex 'printf \"answer = %%d\\n\", answer' "
		 "-ex 'output where' -ex 'thread 2' -ex 'printf \"rip of thread 2 is %%#lx\\n\", $rip' %s %s "
		 "2>&1",
		 gdb, subject.name, path);
	f = popen(command, "r");
	assert_non_null(f);
	len = fread(out, 1, sizeof(out) - 1, f);
	out[len] = '\0';
	assert_int_equal(pclose(f), 0);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (strstr(out, wanted[i]) == NULL)
			fail_msg("'%s' is not in:\n%s", wanted[i], out);
	assert_null(strstr(out, "may not match"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(holds_registers_and_memory),
		T(holds_control_registers),
		T(zeros_take_no_room),
		T(the_one_that_died_comes_first),
		T(wide_registers_and_moved_kernels),
		T(bytes_come_from_the_reader),
		T(more_than_fits_is_told),
		T(no_half_files),
		T(gdb_opens_it),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
