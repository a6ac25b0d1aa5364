#include "dev/testdev.h"

#include <stdatomic.h>
#include <string.h>

static void bytes_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	struct dev_testdev *t = dev;

	for (unsigned i = 0; i < len; i++)
		((uint8_t *)data)[i] = offset + i < sizeof(t->bytes) ? atomic_load(&t->bytes[offset + i]) : 0;
}

static void bytes_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	struct dev_testdev *t = dev;

	for (unsigned i = 0; i < len && offset + i < sizeof(t->bytes); i++)
		atomic_store(&t->bytes[offset + i], ((const uint8_t *)data)[i]);
}

static void lines_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	(void)dev, (void)offset;
	memset(data, 0, len);
}

static void lines_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	struct dev_testdev *t = dev;
	bool level = false;

	for (unsigned i = 0; i < len; i++)
		level |= ((const uint8_t *)data)[i] != 0;
	if (offset < DEV_TESTDEV_LINES)
		t->host->irq(t->host->ctx, (unsigned)offset, level);
}

void dev_testdev_init(struct dev_testdev *t, const struct dev_host *host)
{
	t->host = host;
	for (unsigned i = 0; i < sizeof(t->bytes); i++)
		atomic_store(&t->bytes[i], 0);
}

void dev_testdev_reset(struct dev_testdev *t)
{
	dev_testdev_init(t, t->host);
}

static void testdev_save(void *dev, void *buf)
{
	bytes_read(dev, 0, buf, sizeof(((struct dev_testdev *)dev)->bytes));
}

static int testdev_restore(void *dev, const void *buf)
{
	bytes_write(dev, 0, buf, sizeof(((struct dev_testdev *)dev)->bytes));
	return 0;
}

int dev_testdev_attach(struct dev_testdev *t, struct dev_bus *bus)
{
	static const struct dev_ops byte_ops = {.read = bytes_read, .write = bytes_write};
	static const struct dev_ops line_ops = {.read = lines_read, .write = lines_write};
	struct dev_range range = {.space = DEV_PORT, .base = DEV_TESTDEV_PORT, .size = 4, .ops = &byte_ops,
	                          .dev = t, .name = "testdev"};
	const struct dev_part part = {"testdev", t, sizeof(t->bytes), testdev_save, testdev_restore};
	int rc = dev_bus_add(bus, &range);

	if (rc == 0)
		rc = dev_bus_add_part(bus, &part);
	if (rc < 0)
		return rc;
	range.base = DEV_TESTDEV_LINES_PORT;
	range.size = DEV_TESTDEV_LINES + 3; /* the last line too is written with four bytes */
	range.ops = &line_ops;
	range.name = "testdev lines";
	return dev_bus_add(bus, &range);
}
