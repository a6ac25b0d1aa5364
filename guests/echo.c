/*
 * Gives back what it reads. Begins by polling; 'i' goes over to interrupts (line 4 through the PIC), 'p'
 * back to polling, 'q' ends it with 0.
 */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/interrupt.h"

#define SERIAL 0x3f8
#define SERIAL_IER (SERIAL + 1)
#define SERIAL_LINE 4
#define IER_INPUT 0x01

/* Bytes that the handler has read and main has not yet seen. */
static volatile uint8_t queue[64];
static volatile unsigned queue_head, queue_tail;

static __attribute__((interrupt)) void on_serial(struct interrupt_frame *frame)
{
	(void)frame;
	while (guest_has_input()) {
		queue[queue_tail % sizeof(queue)] = inb(SERIAL);
		queue_tail++;
	}
	pic_eoi(SERIAL_LINE);
}

/* With interrupts off; the handler may have read further than main. */
static uint8_t take_queued(void)
{
	return queue[queue_head++ % sizeof(queue)];
}

static uint8_t next_byte(bool by_interrupt)
{
	uint8_t byte;

	cpu_cli();
	while (by_interrupt && queue_head == queue_tail) {
		cpu_sti_hlt();
		cpu_cli();
	}
	byte = queue_head != queue_tail ? take_queued() : guest_getc();
	if (by_interrupt)
		cpu_sti();
	return byte;
}

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	bool by_interrupt = false;

	(void)cmdline;
	(void)info;
	idt_init();
	idt_set(VECTOR_IRQ0 + SERIAL_LINE, on_serial);
	pic_init();
	pic_unmask(SERIAL_LINE);
	guest_puts("ready\n");
	for (;;) {
		uint8_t byte = next_byte(by_interrupt);

		guest_putc((char)byte);
		if (byte == 'q')
			return 0;
		if (byte == 'i' || byte == 'p') {
			by_interrupt = byte == 'i';
			outb(SERIAL_IER, by_interrupt ? IER_INPUT : 0);
		}
	}
}
