#include "cli/devices.h"

#include "dev/debug_exit.h"
#include "dev/debugcon.h"

#define SERIAL_PORT 0x3f8
#define SERIAL_LINE 4

static int attach(struct cli_devices *d)
{
	int rc = dev_serial_attach(&d->serial, &d->bus, SERIAL_PORT);

	if (rc == 0)
		rc = dev_debugcon_attach(&d->host, &d->bus);
	if (rc == 0)
		rc = dev_debug_exit_attach(&d->host, &d->bus);
	if (rc == 0)
		rc = dev_rtc_attach(&d->rtc, &d->bus);
	if (rc == 0)
		rc = dev_power_attach(&d->power, &d->bus);
	if (rc == 0)
		rc = dev_fw_cfg_attach(&d->fw_cfg, &d->bus);
	if (rc == 0)
		rc = dev_testdev_attach(&d->testdev, &d->bus);
	if (rc == 0)
		rc = dev_reset_attach(&d->reset, &d->bus);
	return rc;
}

int cli_devices_init(struct cli_devices *d, const struct dev_host *host, uint64_t memory, unsigned cpus,
                     struct cli_hermit *hermit, struct guest_mem *mem, struct error *err)
{
	int rc;

	dev_bus_init(&d->bus);
	d->host = *host;
	dev_serial_init(&d->serial, &d->host, SERIAL_LINE);
	dev_reset_init(&d->reset, &d->host);
	dev_rtc_init(&d->rtc, NULL, NULL);
	dev_power_init(&d->power, &d->host);
	dev_testdev_init(&d->testdev, &d->host);
	dev_fw_cfg_init(&d->fw_cfg, memory, cpus);
	rc = hermit ? cli_hermit_attach(hermit, &d->host, mem, &d->bus) : attach(d);
	return rc < 0 ? error_set(err, -rc, "the devices do not fit their bus") : 0;
}

void cli_devices_fini(struct cli_devices *d)
{
	dev_serial_fini(&d->serial);
	dev_reset_fini(&d->reset);
	dev_rtc_fini(&d->rtc);
	dev_fw_cfg_fini(&d->fw_cfg);
}

void cli_devices_reset(struct cli_devices *d)
{
	dev_serial_reset(&d->serial);
	dev_reset_reset(&d->reset);
	dev_rtc_reset(&d->rtc);
	dev_power_reset(&d->power);
	dev_fw_cfg_reset(&d->fw_cfg);
	dev_testdev_reset(&d->testdev);
}
