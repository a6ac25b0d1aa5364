/*
 * The three ways a PC program resets the machine, and just enough behind their ports to be driven:
 *   0x60, 0x64  keyboard controller (8042): pulse of output line 0 (0xfe), output port, A20; no keyboard
 *   0x92        system control port A: bit 0
 *   0xcf9       reset control register: bit 2 going to 1
 * host->reset is called without the device's lock.
 */
#ifndef DEV_RESET_H
#define DEV_RESET_H

#include "dev/bus.h"
#include <pthread.h>

#define DEV_RESET_KBD_DATA 0x60u
#define DEV_RESET_KBD_COMMAND 0x64u
#define DEV_RESET_PORT_A 0x92u
#define DEV_RESET_CONTROL 0xcf9u

struct dev_reset {
	pthread_mutex_t lock;       /* guards everything below but host */
	const struct dev_host *host;
	uint8_t config, port;       /* controller: configuration byte, output port */
	uint8_t data;               /* what port 0x60 gives */
	bool full;                  /* data not yet read */
	bool last_was_command;      /* status bit 3 */
	uint8_t command;            /* waits for its data byte at port 0x60; 0 = none */
	uint8_t control;            /* 0xcf9 */
	uint8_t port_a;             /* 0x92 */
};

/* In its power-on state. host is borrowed for the device's life. fini takes NULL. */
void dev_reset_init(struct dev_reset *r, const struct dev_host *host);
void dev_reset_fini(struct dev_reset *r);
void dev_reset_reset(struct dev_reset *r);

/* All four ports. Errors of dev_bus_add(). */
int dev_reset_attach(struct dev_reset *r, struct dev_bus *bus);

#endif
