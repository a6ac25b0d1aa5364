/*
 * A Hermit-like kernel of one job, which its first argument names: what a loader and the hypercalls promise
 * is shown line by line. The result goes out by Exit.
 */
#include "calls.h"

#define WORDS 40

void hermit_main(const struct boot_info *info, uint32_t cpu);

_Thread_local volatile int template = 0x7e3a1a7e; /* makes a PT_TLS; read from BootInfo's copy */
static int touched;
static const int *volatile moved = &touched; /* a relocation, where the image is position-independent */
static char text[WORDS][256];
static const char *args[WORDS];
static unsigned arg_count;
static volatile uint32_t arrived;

/* What a compiler may call. */
void *memset(void *at, int byte, unsigned long len);
void *memcpy(void *to, const void *from, unsigned long len);

void *memset(void *at, int byte, unsigned long len)
{
	for (unsigned long i = 0; i < len; i++)
		((volatile char *)at)[i] = (char)byte;
	return at;
}

void *memcpy(void *to, const void *from, unsigned long len)
{
	for (unsigned long i = 0; i < len; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

/* ---- text ---- */

static void say(const char *s)
{
	while (*s)
		put(*s++);
}

static void say_number(const char *name, int64_t n)
{
	char digits[24];
	unsigned i = sizeof(digits);
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	say(name);
	say(" ");
	do
		digits[--i] = (char)('0' + u % 10);
	while (u /= 10);
	if (n < 0)
		put('-');
	while (i < sizeof(digits))
		put(digits[i++]);
	say("\n");
}

static uint64_t length(const char *s)
{
	uint64_t n = 0;

	while (s[n])
		n++;
	return n;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* ---- what the loader promises ---- */

static void check(bool good, const char *what)
{
	if (good)
		return;
	say("WRONG: ");
	say(what);
	say("\n");
	quit(99);
}

static void check_boot(const struct boot_info *info)
{
	uint64_t cr3, here = (uint64_t)&hermit_main;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	check(info->platform == 1 && info->has_pci == 0 && info->cpus > 0, "platform");
	check(info->serial_port == (INTERFACE == 1 ? 0x800 : 0x1030), "serial port");
	check(here >= info->kernel_start && here < info->kernel_end, "kernel's range");
	check(info->ram_start <= info->kernel_start && info->kernel_end <= info->ram_end, "memory");
	check((((uint64_t *)cr3)[511] & ~0xfffull) == cr3, "recursive page table");
	check(info->tls_filesz == 4 && *(int *)info->tls_start == 0x7e3a1a7e, "TLS");
	check(*(uint32_t *)info->device_tree == 0xedfe0dd0, "device tree");
	check(info->time_ns[0] > 1700000000000000000 && info->time_ns[1] == 0, "time");
	check(moved == &touched, "relocation");
#if INTERFACE > 1
	check(info->ram_start >= 1ull << 32, "memory above 4 GiB");
#endif
}

/* ---- arguments ---- */

static void add_word(const char *word, uint64_t len)
{
	if (arg_count == WORDS || len >= sizeof(text[0]))
		return;
	for (uint64_t i = 0; i < len; i++)
		text[arg_count][i] = word[i];
	args[arg_count] = text[arg_count];
	arg_count++;
}

#if ABI_TAG
static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The value of the device tree's first property of this name; NULL: none. (Specification, 5.4) */
static const char *property(const uint8_t *tree, const char *wanted)
{
	const uint8_t *at = tree + be32(tree + 8), *names = tree + be32(tree + 12);

	for (;;) {
		uint32_t token = be32(at), len;

		at += 4;
		if (token == 1) {
			at += (length((const char *)at) + 4) & ~3ull;
		} else if (token == 3) {
			len = be32(at);
			if (same((const char *)names + be32(at + 4), wanted))
				return (const char *)at + 8;
			at += 8 + ((len + 3) & ~3u);
		} else if (token == 9) {
			return 0;
		}
	}
}

/* Every word of bootargs, quotes taken off; those behind "--" last, as with the calls. */
static void take_args(const struct boot_info *info)
{
	const char *s = property((const uint8_t *)info->device_tree, "bootargs");
	char word[256];
	uint64_t n = 0;
	bool quoted = false;

	say("bootargs [");
	say(s);
	say("]\n");
	for (;; s++) {
		if (*s == '\'') {
			quoted = !quoted;
		} else if (*s == '\0' || (*s == ' ' && !quoted)) {
			if (n)
				add_word(word, n);
			n = 0;
		} else if (n + 1 < sizeof(word)) {
			word[n++] = *s;
		}
		if (*s == '\0')
			break;
	}
}
#else
struct sizes {
	int32_t argc, arg[128], envc, env[128];
};

/* The image's own path is left out, since it differs from run to run. */
static void take_args(const struct boot_info *info)
{
	static struct sizes sizes;
	static char space[64][256];
	static uint64_t argv[32], envp[128];
	struct {
		uint64_t argv, envp;
	} p = {(uint64_t)argv, (uint64_t)envp};

	(void)info;
	call(0x740, &sizes);
	check(sizes.argc > 0 && sizes.argc <= 16 && sizes.envc >= 16 && sizes.envc <= 40, "Cmdsize");
	for (int i = 0; i < sizes.argc; i++)
		argv[i] = (uint64_t)space[i];
	for (int i = 0; i < sizes.envc; i++)
		envp[i] = (uint64_t)space[16 + i];
	call(0x780, &p);
	for (int i = 0; i < sizes.argc; i++)
		check(length(space[i]) + 1 == (uint64_t)sizes.arg[i], "size of an argument");
	for (int i = 0; i < sizes.envc; i++) {
		check(length(space[16 + i]) + 1 == (uint64_t)sizes.env[i], "size of an environment row");
		if (space[16 + i][0]) {
			say("env [");
			say(space[16 + i]);
			say("]\n");
		}
	}
	for (int i = 1; i < sizes.argc; i++)
		add_word(space[i], length(space[i]));
}
#endif

/* ---- the jobs ---- */

static int job_args(void)
{
	for (unsigned i = 0; i < arg_count; i++) {
		say("arg [");
		say(args[i]);
		say("]\n");
	}
	return 5;
}

static void show(int fd)
{
	static char bytes[64];
	int64_t n = do_read(fd, bytes, sizeof(bytes));

	say_number("read", n);
	if (n > 0)
		do_write(1, bytes, (uint64_t)n);
}

/* Under /data a folder that may be written, at /one a file that may not. */
static int job_files(void)
{
	static const char new[] = "written by the guest\n";
	int fd = do_open("/data/hello", 0, 0), other;

	say_number("open", fd);
	show(fd);
	show(fd);
	say_number("lseek", do_lseek(fd, 6, 0));
	show(fd);
	say_number("lseek -1", do_lseek(fd, -1, 0));
	other = do_open("/data/new", 0x42, 0644);
	say_number("create", other);
	say_number("write", do_write(other, new, sizeof(new) - 1));
	say_number("lseek end", do_lseek(other, 0, 2));
	say_number("close", do_close(other));
	say_number("close again", do_close(other));
	say_number("close 1", do_close(1));
	say_number("read closed", do_read(other, text, 1));
	say_number("lseek closed", do_lseek(other, 0, 0));
	say_number("exclusive", do_open("/data/new", 0xc2, 0644));
	say_number("no such", do_open("/data/none", 0, 0));
	say_number("unmapped", do_open("/etc/passwd", 0, 0));
	say_number("folder and create", do_open("/data", 0200100, 0));
	say_number("read only", do_open("/one", 2, 0));
	say_number("truncate read only", do_open("/one", 01000, 0));
	other = do_open("/one", 0, 0);
	show(other);
	say_number("unlink read only", do_unlink("/one"));
	say_number("unlink", do_unlink("/data/gone"));
	say_number("unlink again", do_unlink("/data/gone"));
	return 0;
}

static int job_climb(void)
{
	static const char *const paths[] = {
		"/data/../outside",
		"/../data/hello",
		"/data/out/secret",
		"/data/absolute",
		"/data/up",
		"/data/dir/../hello",
		"/data/./hello",
		"//data//hello",
		"/data/link",
		"/data/fifo",
		"",
		"/data/hello/x",
	};

	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = do_open(paths[i], 0, 0);

		say_number(paths[i], fd > 0 ? 1 : fd);
		if (fd > 0)
			do_close(fd);
	}
	say_number("create above", do_open("/data/up/new", 0x41, 0644));
	say_number("unlink above", do_unlink("/data/out/secret"));
	return 0;
}

static int job_many(void)
{
	int fd = 0, count = -1;

	for (; fd >= 0 && count < 1000; count++)
		fd = do_open("/data/hello", 0, 0);
	say_number("open files", count);
	say_number("then", fd);
	return 0;
}

/* Pointers that lead nowhere, lengths that wrap. */
static int job_bad(const struct boot_info *info)
{
	uint64_t end = info->ram_end;
	int fd = do_open("/data/hello", 0, 0);

	say_number("path outside", do_open((const char *)end, 0, 0));
	say_number("path far", do_open((const char *)0xfffffffffffffff0, 0, 0));
	say_number("read outside", do_read(fd, (void *)end, 16));
	say_number("read wraps", do_read(fd, text, 0xfffffffffffffff0));
	say_number("read huge", do_read(fd, text, 1ull << 31) > 0);
	say_number("lseek", do_lseek(fd, 0, 0));
	say_number("read nothing", do_read(fd, text, 0));
	say_number("bad fd", do_read(77777, text, 1));
	say_number("negative fd", do_read(-1, text, 1));
	say_number("whence", do_lseek(fd, 0, 77));
	do_write(1, (void *)end, 4096);
	do_write(1, "after\n", 6);
	call(INTERFACE == 1 ? 0x440 : 0x1110, (void *)(end - 8));
	call(INTERFACE == 1 ? 0x540 : 0x1100, (void *)(end + 8));
	call(0x1190 + 4, 0);
#if INTERFACE > 1
	say_number("write outside", do_write(1, (void *)end, 4));
	say_number("write wraps", do_write(fd, (void *)0xffffffffffffff00, 0x1000));
	say_number("write to a reader", do_write(fd, "x", 1));
	say_number("write closed", do_write(fd + 1, "x", 1));
#endif
	say("still here\n");
	return 0;
}

static int job_input(void)
{
	static char bytes[16];
	int64_t n;

	while ((n = do_read(0, bytes, sizeof(bytes))) > 0)
		do_write(2, bytes, (uint64_t)n);
	say_number("end", n);
	return 0;
}

#if INTERFACE == 3
static void show_stat(const char *name, int rc, const struct attr *attr)
{
	say_number(name, rc);
	if (rc == 1) {
		say_number(" mode", attr->mode & 0170777);
		if ((attr->mode & 0170000) == 0100000)
			say_number(" size", attr->size);
	}
}

static void list(const char *path)
{
	static uint8_t bytes[4096];
	int fd = do_open(path, 0200000, 0);
	int64_t n;

	say_number(path, fd > 0 ? 1 : fd);
	while ((n = do_getdents(fd, bytes, sizeof(bytes))) > 0)
		for (int64_t at = 0; at < n; at += *(uint16_t *)(bytes + at + 16)) {
			say(" entry ");
			say((const char *)bytes + at + 19);
			say_number(" type", bytes[at + 18]);
		}
	say_number("end of entries", n);
	say_number("few bytes", do_getdents(fd, bytes, 1));
}

static int job_folders(void)
{
	static struct attr attr;
	int fd = do_open("/data/hello", 0, 0);

	show_stat("stat", do_stat("/data/hello", 0, &attr), &attr);
	show_stat("stat link", do_stat("/data/link", 0, &attr), &attr);
	show_stat("lstat link", do_stat("/data/link", 1, &attr), &attr);
	show_stat("stat folder", do_stat("/data/dir", 0, &attr), &attr);
	show_stat("stat out", do_stat("/data/absolute", 0, &attr), &attr);
	show_stat("stat none", do_stat("/data/none", 0, &attr), &attr);
	show_stat("stat kind", do_stat("/data/hello", 2, &attr), &attr);
	show_stat("stat nowhere", do_stat("/data/hello", 0, (void *)-4096), &attr);
	show_stat("fstat", do_fstat(fd, &attr), &attr);
	show_stat("fstat 0", do_fstat(0, &attr), &attr);
	say_number("mkdir", do_mkdir("/data/made"));
	say_number("mkdir again", do_mkdir("/data/made"));
	say_number("mkdir read only", do_mkdir("/one/x"));
	say_number("mkdir unmapped", do_mkdir("/tmp/x"));
	list("/data/dir");
	say_number("getdents of a file", do_getdents(fd, text, sizeof(text)));
	return 0;
}
#endif

static int job_smp(const struct boot_info *info)
{
	while (arrived != info->cpus)
		__asm__ volatile("pause");
	say_number("processors", (int64_t)arrived);
	return 0;
}

static int run(const struct boot_info *info)
{
	const char *job = arg_count ? args[arg_count - 1] : "";

	if (same(job, "files"))
		return job_files();
	if (same(job, "climb"))
		return job_climb();
	if (same(job, "many"))
		return job_many();
	if (same(job, "bad"))
		return job_bad(info);
	if (same(job, "input"))
		return job_input();
#if INTERFACE == 3
	if (same(job, "folders"))
		return job_folders();
#endif
	if (same(job, "smp"))
		return job_smp(info);
	if (same(job, "die"))
		__asm__ volatile("ud2");
	if (same(job, "minus"))
		return -3;
	return job_args();
}

void hermit_main(const struct boot_info *info, uint32_t cpu)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	if (cpu != 0)
		return;
	check_boot(info);
	take_args(info);
	quit(run(info));
}
