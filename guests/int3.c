/*
 * Uses the debugging hardware itself, which a debugger outside must not disturb: int3, the trap flag and
 * its own debug registers, each with handlers of its own. Words on the command line choose parts ("int3",
 * "tf", "dr", "drw"), none of them means the first three. The status is the number of parts that failed.
 */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/interrupt.h"

#define RFLAGS_RF 0x10000ull
#define DR6_B0 0x1ull
#define DR6_BS 0x4000ull
#define DR7_OFF 0x400ull
#define DR7_EXEC0 0x401ull        /* local enable 0, execute */
#define DR7_WRITE0_LEN4 0xd0401ull /* local enable 0, write, four bytes */

volatile unsigned int3_count, step_count, dr_count;
volatile uint64_t int3_rip, dr_rip;
static volatile uint32_t target;

static __attribute__((interrupt)) void on_breakpoint(struct interrupt_frame *frame)
{
	int3_count++;
	int3_rip = frame->rip;
}

static __attribute__((interrupt)) void on_debug(struct interrupt_frame *frame)
{
	uint64_t dr6;

	__asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
	if (dr6 & DR6_BS)
		step_count++;
	if (dr6 & DR6_B0) {
		dr_count++;
		dr_rip = frame->rip;
		frame->rflags |= RFLAGS_RF;
	}
	__asm__ volatile("movq %0, %%dr6" : : "r"(0xffff0ff0ull));
}

static bool report(const char *what, uint64_t seen, uint64_t wanted)
{
	guest_puts(what);
	guest_put_dec(seen);
	guest_puts(" of ");
	guest_put_dec(wanted);
	guest_puts("\n");
	return seen != wanted;
}

static bool part_int3(void)
{
	uint64_t after;

	for (unsigned i = 0; i < 3; i++)
		__asm__ volatile("leaq 1f(%%rip), %0\n\tint3\n1:" : "=r"(after) : : "memory");
	return report("int3 ", int3_count, 3) || report("int3 address ", int3_rip == after, 1);
}

/* Traps after three nops, pushf, and, popf: the flag counts as it was before an instruction. */
static bool part_trap_flag(void)
{
	__asm__ volatile("pushfq\n\t"
	                 "orq $0x100, (%%rsp)\n\t"
	                 "popfq\n\t"
	                 "nop\n\tnop\n\tnop\n\t"
	                 "pushfq\n\t"
	                 "andq $~0x100, (%%rsp)\n\t"
	                 "popfq" : : : "memory", "cc");
	return report("trap flag ", step_count, 6);
}

static bool part_execute(void)
{
	uint64_t at;

	dr_count = 0;
	__asm__ volatile("leaq 1f(%%rip), %0\n\t"
	                 "movq %0, %%dr0\n\t"
	                 "movq %1, %%dr7\n\t"
	                 "nop\n"
	                 "1:\tnop\n\t"
	                 "movq %2, %%dr7"
	                 : "=&r"(at) : "r"(DR7_EXEC0), "r"(DR7_OFF) : "memory");
	return report("dr0 execute ", dr_count, 1) || report("dr0 address ", dr_rip == at, 1);
}

static bool part_write(void)
{
	dr_count = 0;
	__asm__ volatile("movq %0, %%dr0\n\tmovq %1, %%dr7"
	                 : : "r"(&target), "r"(DR7_WRITE0_LEN4) : "memory");
	target = 1;
	__asm__ volatile("movq %0, %%dr7" : : "r"(DR7_OFF) : "memory");
	return report("dr0 write ", dr_count, 1);
}

static const struct { const char *word; bool by_default; bool (*run)(void); } parts[] = {
	{"int3", true, part_int3},
	{"tf", true, part_trap_flag},
	{"dr", true, part_execute},
	{"drw", false, part_write},
};

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	int failed = 0;

	(void)info;
	idt_init();
	idt_set(VECTOR_BP, on_breakpoint);
	idt_set(VECTOR_DB, on_debug);
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (cmdline[0] ? guest_has_word(cmdline, parts[i].word) : parts[i].by_default)
			failed += parts[i].run();
	return failed;
}
