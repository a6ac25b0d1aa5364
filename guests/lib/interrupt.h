/* Interrupts for guests that want them: an IDT, the two 8259 controllers, the 8254 timer. */
#ifndef GUESTS_LIB_INTERRUPT_H
#define GUESTS_LIB_INTERRUPT_H

#include <stdint.h>

#define IDT_VECTORS 64
#define VECTOR_DB 1
#define VECTOR_BP 3
#define VECTOR_IRQ0 32        /* where pic_init() puts interrupt line 0 */

/* What the CPU pushes (SDM 3A 6.14.2); a handler may change it before it returns. */
struct interrupt_frame { uint64_t rip, cs, rflags, rsp, ss; };

/* A handler is "void f(struct interrupt_frame *) __attribute__((interrupt))". */
typedef void interrupt_handler(struct interrupt_frame *frame);

/* Loads an empty IDT, so that a fault is still a triple fault; then vector by vector. */
void idt_init(void);
void idt_set(unsigned vector, interrupt_handler *handler);

/* Every line masked, vectors from VECTOR_IRQ0 on; then line by line. */
void pic_init(void);
void pic_unmask(unsigned line);
void pic_eoi(unsigned line);

/* Timer interrupts on line 0, hz times a second (19 or more). */
void pit_start(unsigned hz);

#endif
