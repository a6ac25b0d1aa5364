/*
 * The guest of the debugger scenarios. The command line names what it does; each way is small enough that a
 * scenario can say exactly which line, value and stop comes next. Lines that scenarios refer to carry a
 * mark in a comment: their numbers are looked up by it.
 *
 * Integer instructions only: it must run where KVM emulates kernel mode.
 */
#include <stdint.h>

#define DEBUGCON 0xe9
#define PLAIN_EXIT 0xf8

/* What scenarios watch, read and write. */
volatile long counter;
volatile long unused = 11;
volatile unsigned char bytes[16] = { 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4 };
volatile struct shape { int sides; struct { double x, y; } at; } shape = { 3, { 1.5, -2.0 } };
volatile float ratio = 0.25f;
volatile int quad __attribute__((vector_size(16))) = { 10, 20, 30, 40 };

/* On pages of their own, as the data of a kernel is: what `many` writes. */
volatile struct {
	long word[12];
	unsigned char array[4096];
	struct __attribute__((packed)) odd { char before; int sides; char after[6]; } odd;
	char rest[4096 - 12 * sizeof(long) - sizeof(struct odd)];
} many __attribute__((aligned(4096)));

void guest_main(const char *mode);

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static void say(const char *text)
{
	while (*text)
		out8(DEBUGCON, (uint8_t)*text++);
}

static void leave(int status)
{
	for (;;)
		out8(PLAIN_EXIT, (uint8_t)status);
}

static __attribute__((noinline)) int add(int a, int b)
{
	int sum = a + b;        /* mark: add-first */

	return sum;             /* mark: add-return */
}

static __attribute__((noinline)) int total(int n)
{
	int result = 0;

	for (int i = 1; i <= n; i++)
		result = add(result, i);        /* mark: total-call */
	counter = result;                       /* mark: total-store */
	return result;                          /* mark: total-return */
}

/* Called by debuggers only. */
static __attribute__((used, noinline)) int factorial(int n)
{
	return n < 2 ? 1 : n * factorial(n - 1);
}

/* 1 + 2 + 3, told and returned as the exit status. */
static int calls(void)
{
	int result = total(3);          /* mark: calls-total */

	say("calls done\n");            /* mark: calls-say */
	return result;
}

/* Reads a value that nobody writes, then writes it. */
static int access(void)
{
	long before = unused;           /* mark: access-read */

	unused = before + 1;            /* mark: access-write */
	return (int)unused;
}

/* One statement, a million times. */
static __attribute__((noinline)) void tick(void)
{
	counter++;                      /* mark: million-count */
}

static int million(void)
{
	for (int i = 0; i < 1000000; i++)
		tick();
	return 0;
}

/*
 * Runs until a debugger clears `spinning`. Interrupts are on, though none comes (the timer is not
 * programmed): Bochs 2.7 does not leave a nested guest for its host's interrupts while they are off.
 */
volatile int spinning = 1;

static int spin(void)
{
	__asm__ volatile("sti");
	say("spinning\n");
	while (spinning)
		counter++;              /* mark: spin-count */
	say("released\n");
	return 3;
}

/* Sleeps with interrupts off: nothing but a debugger gets it out. */
static int halt(void)
{
	say("halting\n");
	while (spinning)
		__asm__ volatile("hlt");
	return 0;
}

/* An exception with nothing to deliver it through: triple fault at the marked instruction. */
static int crash(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) none = { 0, 0 };

	say("crashing\n");
	__asm__ volatile("lidt %0\n\tud2" : : "m"(none));       /* mark: crash */
	return 0;
}

#define LAPIC(offset) (*(volatile uint32_t *)(0xfee00000ul + (offset)))

volatile uint64_t tsc_passed;
volatile uint32_t timer_passed;
volatile uint32_t pit_over;

static inline uint64_t tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static __attribute__((noinline)) void rest(void)
{
	__asm__ volatile("");
}

/* The PIT: 55 ms, on channel 0 for ever, on channel 2 once; whether these are over, by read-back. */
static void start_pit(void)
{
	out8(0x43, 0x34);
	out8(0x40, 0xff);
	out8(0x40, 0xff);
	out8(0x43, 0xb0);
	out8(0x42, 0xff);
	out8(0x42, 0xff);
}

static uint32_t pit_is_over(void)
{
	uint8_t status;

	out8(0x43, 0xe8);
	__asm__ volatile("inb %1, %0" : "=a"(status) : "Nd"((uint16_t)0x42));
	return status >> 7;
}

/* What TSC and local APIC timer count while a debugger rests in rest(), and whether the PIT goes on. */
static int clocks(void)
{
	LAPIC(0x3e0) = 0xb;                     /* divide by one: KVM's bus has 1 GHz */
	for (int i = 0; i < 2; i++) {
		uint64_t before;
		uint32_t count;

		start_pit();
		LAPIC(0x380) = 0xffffffff;
		before = tsc();
		count = LAPIC(0x390);
		rest();
		timer_passed = count - LAPIC(0x390);
		tsc_passed = tsc() - before;
		pit_over = pit_is_over();
		say("rested\n");                /* mark: clocks-told */
	}
	return 0;
}

/* Somebody writes over a pointer, and much later the guest dies of it. */
volatile struct box { long table[4]; volatile int *where; } box = { { 0 }, &spinning };

static __attribute__((noinline)) void clear_table(int n)
{
	for (int i = 0; i < n; i++)
		box.table[i] = 0x7000000000;    /* mark: culprit-store */
}

static int culprit(void)
{
	int result = total(2);          /* mark: culprit-first */

	clear_table(5);
	result += total(3);
	return result + *box.where;     /* mark: culprit-crash */
}

/* Each of the words once, the array near its end, a member at an odd address, and a local variable. */
static int many_writes(void)
{
	volatile long local = 1;

	for (int i = 0; i < 12; i++)
		many.word[i] = i + 1;           /* mark: many-word */
	many.array[4000] = 0x5a;                /* mark: many-array */
	many.odd.sides = 5;                     /* mark: many-odd */
	local += many.word[2];                  /* mark: many-local */
	return (int)local;                      /* mark: many-read */
}

/* Pages for code that is not there at first: at 127 TiB, which nothing else uses. */
static volatile uint64_t late_tables[3][512] __attribute__((aligned(4096)));
static volatile uint8_t late_code[4096] __attribute__((aligned(4096)));

#define LATE_SLOT 254
#define LATE_CODE ((uint64_t)LATE_SLOT << 39)

/* Maps a page, loads a function there, calls it: nop; nop; nop; nop; nop; mov $42, %eax; ret. */
static int late(void)
{
	static const uint8_t code[] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0xb8, 42, 0, 0, 0, 0xc3 };
	uint64_t cr3;

	__asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
	late_tables[2][0] = (uint64_t)late_code | 3;
	late_tables[1][0] = (uint64_t)late_tables[2] | 3;
	late_tables[0][0] = (uint64_t)late_tables[1] | 3;
	((volatile uint64_t *)(cr3 & ~0xffful))[LATE_SLOT] = (uint64_t)late_tables[0] | 3;
	for (unsigned i = 0; i < sizeof(code); i++)
		late_code[i] = code[i];
	return ((int (*)(void))LATE_CODE)();    /* mark: late-call */
}

/* A port, exceptions that skip what made them, an interrupt, MSR, CR3: what "monitor catch" is for. */
#define FAULTS ((uint64_t)200 << 39)

extern const char fault_ud[], fault_pf[], int_30[];
volatile int interrupts;
static volatile uint64_t idt[64][2] __attribute__((aligned(16)));

static void set_gate(unsigned vector, const char *handler)
{
	uint64_t at = (uint64_t)handler;
	uint16_t cs;

	__asm__ volatile("movw %%cs, %0" : "=r"(cs));
	idt[vector][0] = (at & 0xffff) | (uint64_t)cs << 16 | 0x8e0000000000 | (at & 0xffff0000) << 32;
	idt[vector][1] = at >> 32;
}

static void load_idt(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) table = {
		sizeof(idt) - 1, (uint64_t)idt
	};

	set_gate(6, fault_ud);
	set_gate(14, fault_pf);
	set_gate(0x30, int_30);
	__asm__ volatile("lidt %0" : : "m"(table));
}

static int catches(void)
{
	uint64_t cr3;

	load_idt();
	for (uint8_t i = 0; i < 5; i++)
		out8(0x80, i);                  /* mark: catch-port */
	for (unsigned i = 1; i <= 3; i++)
		__asm__ volatile("ud2" : : "a"(i));     /* mark: catch-ud */
	__asm__ volatile("movb %%al, (%0)" : : "b"(FAULTS) : "memory");   /* mark: catch-pf */
	LAPIC(0xf0) = 0x1ff;
	LAPIC(0x300) = 0x40030;                 /* to itself: vector 0x30 */
	__asm__ volatile("sti");
	while (!interrupts)
		__asm__ volatile("pause");      /* mark: catch-irq */
	__asm__ volatile("cli");
	__asm__ volatile("wrmsr" : : "c"(0xc0000082), "a"(0x1234), "d"(0));     /* mark: catch-msr */
	__asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
	__asm__ volatile("movq %0, %%cr3" : : "r"(cr3));        /* mark: catch-cr3 */
	return 7;
}

/* Null, ring 0 code and data, and behind USER_BASE ring 3 data and code (SDM 2B, SYSRET). */
#define USER_BASE 0x10
static volatile uint64_t gdt[5] = {
	0, 0xaf9b000000ffff, 0xcf93000000ffff, 0xcff3000000ffff, 0xaffb000000ffff
};

extern const char on_syscall[];
void syscalls(void);

static void write_msr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* Everything below 1 GiB is for ring 3, too. */
static void open_pages(void)
{
	volatile uint64_t *table;
	uint64_t cr3;

	__asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
	table = (volatile uint64_t *)(cr3 & ~0xffful);
	for (unsigned level = 0; level < 2; level++) {
		table[0] |= 4;
		table = (volatile uint64_t *)(table[0] & ~0xffful);
	}
	for (unsigned i = 0; i < 512; i++)
		table[i] |= 4;
	__asm__ volatile("movq %0, %%cr3" : : "r"(cr3) : "memory");
}

static int syscall_mode(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) table = {
		sizeof(gdt) - 1, (uint64_t)gdt
	};

	open_pages();
	__asm__ volatile("lgdt %0" : : "m"(table));
	write_msr(0xc0000080, 0x501);           /* EFER: SCE LME LMA */
	write_msr(0xc0000081, (uint64_t)(USER_BASE | 3) << 48 | 8ull << 32);
	write_msr(0xc0000084, 0x300);
	write_msr(0xc0000082, (uint64_t)on_syscall);
	syscalls();                             /* mark: syscalls */
	return 9;
}

struct mode { const char *name; int (*run)(void); };

static const struct mode modes[] = {
	{ "calls", calls }, { "access", access }, { "spin", spin }, { "halt", halt }, { "crash", crash },
	{ "clocks", clocks }, { "culprit", culprit }, { "many", many_writes },
	{ "late", late }, { "million", million },
	{ "catch", catches }, { "syscall", syscall_mode },
};

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

void guest_main(const char *mode)
{
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (same(mode, modes[i].name))
			leave(modes[i].run());
	}
	say("no such mode\n");
	leave(99);
}
