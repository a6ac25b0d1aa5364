#include "dev/debug_exit.h"
#include "base/bytes.h"

static void exit_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	(void)dev;
	(void)offset;
	memset(data, 0, len);
}

static void debug_exit_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	const struct dev_host *host = dev;

	(void)offset;
	host->exit(host->ctx, (uint32_t)((bytes_get_le(data, len) << 1 | 1) & 0xff));
}

static void plain_exit_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	const struct dev_host *host = dev;

	(void)offset;
	host->exit(host->ctx, (uint32_t)(bytes_get_le(data, len) & 0xff));
}

int dev_debug_exit_attach(const struct dev_host *host, struct dev_bus *bus)
{
	static const struct dev_ops debug_ops = {.read = exit_read, .write = debug_exit_write};
	static const struct dev_ops plain_ops = {.read = exit_read, .write = plain_exit_write};
	struct dev_range range = {.space = DEV_PORT,
				  .base = DEV_DEBUG_EXIT_PORT,
				  .size = DEV_DEBUG_EXIT_SIZE,
				  .ops = &debug_ops,
				  .dev = (void *)(uintptr_t)host,
				  .name = "debug exit"};
	int rc = dev_bus_add(bus, &range);

	if (rc < 0)
		return rc;
	range.base = DEV_PLAIN_EXIT_PORT;
	range.ops = &plain_ops;
	range.name = "plain exit";
	return dev_bus_add(bus, &range);
}
