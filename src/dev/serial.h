/*
 * A 16550A UART (TI TL16C550C data sheet, "Principles of operation"). Bytes written go straight to
 * host->output; bytes received wait in the receive FIFO until the guest reads them. Time does not pass
 * in it: the line is never busy, and the receive time-out interrupt is pending as soon as bytes are.
 *
 * The interrupt line follows the identification register only; MCR's OUT2 does not gate it.
 * host->irq is called with the device's lock held (so that levels arrive in order) and must not call
 * back; host->output and the room callback are called without it.
 */
#ifndef DEV_SERIAL_H
#define DEV_SERIAL_H

#include "dev/bus.h"
#include <pthread.h>

#define DEV_SERIAL_PORT 0x3f8u
#define DEV_SERIAL_IRQ 4u
#define DEV_SERIAL_SIZE 8u     /* ports */
#define DEV_SERIAL_FIFO 16u    /* bytes */

struct dev_serial {
	pthread_mutex_t lock;      /* guards everything below but host, line and the room callback */
	const struct dev_host *host;
	unsigned line;
	void (*room)(void *ctx);
	void *room_ctx;
	uint8_t ier, fcr, lcr, mcr, msr, scr, dll, dlm;
	uint8_t lsr_errors;        /* LSR bits that a read of LSR clears */
	bool thre_pending;         /* transmitter-empty interrupt not yet seen by the guest */
	bool level;                /* what irq was last told */
	bool listening;            /* the guest has looked for input since its last FIFO reset */
	bool starved;              /* input was refused: call room when some can be taken */
	uint8_t rx[DEV_SERIAL_FIFO];
	unsigned rx_head, rx_count;
};

/* In its power-on state. host is borrowed for the device's life. fini takes NULL. */
void dev_serial_init(struct dev_serial *s, const struct dev_host *host, unsigned line);
void dev_serial_fini(struct dev_serial *s);

/* Back to the power-on state (machine reset); waiting input is dropped, the line goes low. */
void dev_serial_reset(struct dev_serial *s);

/* Puts the eight registers at a port. Errors of dev_bus_add(). */
int dev_serial_attach(struct dev_serial *s, struct dev_bus *bus, uint64_t base);

/*
 * Input from outside, any thread. Takes what has room and returns how many bytes that was: 0 while the
 * guest has not yet looked for input (so that bytes typed early are not lost in its FIFO reset), in
 * loopback, or when the FIFO (one byte, when FIFOs are off) is full.
 */
size_t dev_serial_input(struct dev_serial *s, const void *bytes, size_t len);
size_t dev_serial_rx_room(struct dev_serial *s);

/*
 * fn is called once, from a vcpu thread, when there is room again after input() took less than it was
 * given or rx_room() said 0. It may not block (write an eventfd). Set before vcpus run; NULL: none.
 */
void dev_serial_on_room(struct dev_serial *s, void (*fn)(void *ctx), void *ctx);

#endif
