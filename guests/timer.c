/* Sleeps through ten timer interrupts (line 0 through the PIC) and ends with 0. */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/interrupt.h"

#define TICKS 10
#define TICKS_PER_SECOND 100

volatile unsigned timer_ticks;

static __attribute__((interrupt)) void on_timer(struct interrupt_frame *frame)
{
	(void)frame;
	timer_ticks++;
	pic_eoi(0);
}

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	(void)cmdline;
	(void)info;
	idt_init();
	idt_set(VECTOR_IRQ0, on_timer);
	pic_init();
	pit_start(TICKS_PER_SECOND);
	pic_unmask(0);
	while (timer_ticks < TICKS) {
		cpu_sti_hlt();
		cpu_cli();
	}
	guest_puts("ten ticks\n");
	return 0;
}
