/* The devices of the machine, as one set on one bus (doc/boot.md lists them). */
#ifndef CLI_DEVICES_H
#define CLI_DEVICES_H

#include "base/error.h"
#include "cli/hermit.h"
#include "dev/bus.h"
#include "dev/fw_cfg.h"
#include "dev/power.h"
#include "dev/reset.h"
#include "dev/rtc.h"
#include "dev/serial.h"
#include "dev/testdev.h"

struct cli_devices {
	struct dev_bus bus;
	struct dev_host host;
	struct dev_serial serial;
	struct dev_reset reset;
	struct dev_rtc rtc;
	struct dev_power power;
	struct dev_fw_cfg fw_cfg;
	struct dev_testdev testdev;
};

/*
 * memory in bytes. hermit: in place of all that, its hypercalls on mem; else NULL. 0, or negative errno with
 * text. d must not move while it is in use.
 */
int cli_devices_init(struct cli_devices *d, const struct dev_host *host, uint64_t memory, unsigned cpus,
                     struct cli_hermit *hermit, struct guest_mem *mem, struct error *err);
void cli_devices_fini(struct cli_devices *d); /* of zeros: fine */

/* As after cli_devices_init(). No vcpu runs. */
void cli_devices_reset(struct cli_devices *d);

#endif
