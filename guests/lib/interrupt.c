#include "interrupt.h"
#include "cpu.h"

#define CODE_SELECTOR 0x08    /* of the GDT that the guest was entered with */
#define GATE_INTERRUPT 0x8e00 /* present, DPL 0, 64-bit interrupt gate: SDM 3A 6.14.1 */

#define PIC1 0x20
#define PIC2 0xa0
#define PIC_EOI 0x20

#define PIT_CHANNEL0 0x40
#define PIT_COMMAND 0x43
#define PIT_HZ 1193182u

struct gate { uint16_t offset0, selector, attributes, offset1; uint32_t offset2, zero; };

static struct gate idt[IDT_VECTORS];

void idt_init(void)
{
	const struct __attribute__((packed)) { uint16_t limit; uint64_t base; } idtr = {
		sizeof(idt) - 1, (uint64_t)idt
	};

	__asm__ volatile("lidt %0" : : "m"(idtr));
}

void idt_set(unsigned vector, interrupt_handler *handler)
{
	uint64_t at = (uint64_t)handler;

	idt[vector] = (struct gate){
		.offset0 = (uint16_t)at, .selector = CODE_SELECTOR, .attributes = GATE_INTERRUPT,
		.offset1 = (uint16_t)(at >> 16), .offset2 = (uint32_t)(at >> 32)
	};
}

/* The four initialisation words of each controller (8259A data sheet). */
static void pic_program(uint16_t port, uint8_t vector, uint8_t cascade)
{
	outb(port, 0x11);
	outb(port + 1, vector);
	outb(port + 1, cascade);
	outb(port + 1, 0x01);
	outb(port + 1, 0xff);
}

void pic_init(void)
{
	pic_program(PIC1, VECTOR_IRQ0, 1 << 2);
	pic_program(PIC2, VECTOR_IRQ0 + 8, 2);
}

void pic_unmask(unsigned line)
{
	uint16_t port = (line < 8 ? PIC1 : PIC2) + 1;

	outb(port, inb(port) & ~(1u << (line & 7)));
	if (line >= 8)
		pic_unmask(2);
}

void pic_eoi(unsigned line)
{
	if (line >= 8)
		outb(PIC2, PIC_EOI);
	outb(PIC1, PIC_EOI);
}

void pit_start(unsigned hz)
{
	unsigned divisor = PIT_HZ / hz;

	outb(PIT_COMMAND, 0x34); /* channel 0, both bytes, mode 2 */
	outb(PIT_CHANNEL0, (uint8_t)divisor);
	outb(PIT_CHANNEL0, (uint8_t)(divisor >> 8));
}
