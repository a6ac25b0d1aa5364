/* The debug console port of Bochs and QEMU: bytes written are output, a read gives 0xe9 ("I am here"). */
#ifndef DEV_DEBUGCON_H
#define DEV_DEBUGCON_H

#include "dev/bus.h"

#define DEV_DEBUGCON_PORT 0xe9u

/* It has no state. host is borrowed for the life of the bus. Errors of dev_bus_add(). */
int dev_debugcon_attach(const struct dev_host *host, struct dev_bus *bus);

#endif
