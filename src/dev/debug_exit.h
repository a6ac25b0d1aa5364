/*
 * Ports that end the guest with an exit status. Two kinds, four ports each, any width:
 *   0xf4..0xf7  a value v ends it with (v << 1) | 1, as the port that test kernels know does: never 0
 *   0xf8..0xfb  a value v ends it with v itself
 * The status is cut to 0..255, what a process can return. Reads give 0.
 */
#ifndef DEV_DEBUG_EXIT_H
#define DEV_DEBUG_EXIT_H

#include "dev/bus.h"

#define DEV_DEBUG_EXIT_PORT 0xf4u
#define DEV_PLAIN_EXIT_PORT 0xf8u
#define DEV_DEBUG_EXIT_SIZE 4u

/* Both ranges. No state. host is borrowed for the life of the bus. Errors of dev_bus_add(). */
int dev_debug_exit_attach(const struct dev_host *host, struct dev_bus *bus);

#endif
