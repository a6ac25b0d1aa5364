/*
 * The configuration ports of QEMU (its docs/specs/fw_cfg.rst), read only, by which test kernels learn how
 * many processors and how much memory there are: select an item at 0x510, read its bytes at 0x511.
 */
#ifndef DEV_FW_CFG_H
#define DEV_FW_CFG_H

#include "dev/bus.h"
#include <pthread.h>

#define DEV_FW_CFG_PORT 0x510u

enum dev_fw_cfg_item {
	DEV_FW_CFG_SIGNATURE = 0x00, DEV_FW_CFG_ID = 0x01, DEV_FW_CFG_RAM = 0x03, DEV_FW_CFG_CPUS = 0x05,
	DEV_FW_CFG_MAX_CPUS = 0x0f
};

struct dev_fw_cfg {
	pthread_mutex_t lock;   /* guards item and at */
	uint64_t ram;           /* bytes */
	unsigned cpus;
	uint16_t item;
	unsigned at;            /* the next byte of the item */
};

/* In its power-on state. fini takes NULL. */
void dev_fw_cfg_init(struct dev_fw_cfg *f, uint64_t ram, unsigned cpus);
void dev_fw_cfg_fini(struct dev_fw_cfg *f);
void dev_fw_cfg_reset(struct dev_fw_cfg *f);

/* Both ports. Errors of dev_bus_add(). */
int dev_fw_cfg_attach(struct dev_fw_cfg *f, struct dev_bus *bus);

#endif
