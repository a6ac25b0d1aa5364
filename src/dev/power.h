/*
 * Power-off as PC firmware has it, and just enough of ACPI's fixed registers (ACPI 6.3, 4.8.3) behind it:
 *   0x600-0x603  PM1 status, always clear, and enable
 *   0x604-0x605  PM1 control: SCI_EN reads 1; a write with SLP_EN ends the guest with status 0
 *   0xb004       the same port of old emulators, which small kernels try first
 */
#ifndef DEV_POWER_H
#define DEV_POWER_H

#include "dev/bus.h"

#define DEV_POWER_PORT 0x600u
#define DEV_POWER_SIZE 8u
#define DEV_POWER_CONTROL 4u      /* offset */
#define DEV_POWER_OLD_PORT 0xb004u

struct dev_power {
	const struct dev_host *host;
	_Atomic uint16_t enable;      /* kept, since systems read it back; no event ever comes */
};

/* In its power-on state. host is borrowed for the device's life. */
void dev_power_init(struct dev_power *p, const struct dev_host *host);
void dev_power_reset(struct dev_power *p);

/* All ports. Errors of dev_bus_add(). */
int dev_power_attach(struct dev_power *p, struct dev_bus *bus);

#endif
