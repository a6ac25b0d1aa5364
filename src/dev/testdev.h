/*
 * Ports of QEMU's pc-testdev that test kernels drive the machine with:
 *   0xe0-0xe3      four bytes that read back what was written
 *   0x2000-0x2017  interrupt line 0-23: a write of 0 lowers it, of anything else raises it
 */
#ifndef DEV_TESTDEV_H
#define DEV_TESTDEV_H

#include "dev/bus.h"

#define DEV_TESTDEV_PORT 0xe0u
#define DEV_TESTDEV_LINES_PORT 0x2000u
#define DEV_TESTDEV_LINES 24u

struct dev_testdev {
	const struct dev_host *host;
	_Atomic uint8_t bytes[4];
};

/* In its power-on state. host is borrowed for the device's life. */
void dev_testdev_init(struct dev_testdev *t, const struct dev_host *host);
void dev_testdev_reset(struct dev_testdev *t); /* the bytes; the lines go with the interrupt controllers */

/* Both ranges. Errors of dev_bus_add(). */
int dev_testdev_attach(struct dev_testdev *t, struct dev_bus *bus);

#endif
