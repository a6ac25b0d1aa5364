#include "dev/debugcon.h"

#include <string.h>

static void debugcon_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	(void)dev;
	(void)offset;
	memset(data, DEV_DEBUGCON_PORT, len);
}

static void debugcon_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	const struct dev_host *host = dev;

	(void)offset;
	host->output(host->ctx, data, len);
}

int dev_debugcon_attach(const struct dev_host *host, struct dev_bus *bus)
{
	static const struct dev_ops ops = {.read = debugcon_read, .write = debugcon_write};
	struct dev_range range = {
		.space = DEV_PORT, .base = DEV_DEBUGCON_PORT, .size = 1, .ops = &ops,
		.dev = (void *)(uintptr_t)host, .name = "debug console"
	};

	return dev_bus_add(bus, &range);
}
