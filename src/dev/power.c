#include "dev/power.h"
#include "base/bytes.h"

#include <stdatomic.h>
#include <string.h>

#define SCI_EN 0x1u
#define SLP_EN 0x2000u

#define ENABLE 2u /* offset */

/* The bytes of a wider read are those of the registers side by side. */
static void power_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	struct dev_power *p = dev;
	uint8_t registers[DEV_POWER_SIZE] = {[DEV_POWER_CONTROL] = SCI_EN};

	bytes_put_le16(registers + ENABLE, atomic_load(&p->enable));
	memset(data, 0, len);
	/* The bus lets no access leave the range. */
	if (offset < DEV_POWER_SIZE && len <= DEV_POWER_SIZE - offset)
		memcpy(data, registers + offset, len);
}

static void control_write(const struct dev_host *host, const void *data, unsigned len)
{
	if (bytes_get_le(data, len) & SLP_EN)
		host->exit(host->ctx, 0);
}

static void power_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	struct dev_power *p = dev;

	if (offset == ENABLE && len >= 2)
		atomic_store(&p->enable, bytes_get_le16(data));
	else if (offset == DEV_POWER_CONTROL)
		control_write(p->host, data, len);
	/* SLP_EN is in the upper byte, which may come alone. */
	else if (offset == DEV_POWER_CONTROL + 1 && len == 1)
		control_write(p->host, (const uint8_t[]){0, *(const uint8_t *)data}, 2);
}

static void old_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	(void)dev, (void)offset;
	memset(data, 0, len);
}

static void old_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	if (offset == 0)
		control_write(((struct dev_power *)dev)->host, data, len);
}

void dev_power_init(struct dev_power *p, const struct dev_host *host)
{
	p->host = host;
	dev_power_reset(p);
}

void dev_power_reset(struct dev_power *p)
{
	atomic_store(&p->enable, 0);
}

static void power_save(void *dev, void *buf)
{
	bytes_put_le16(buf, atomic_load(&((struct dev_power *)dev)->enable));
}

static int power_restore(void *dev, const void *buf)
{
	atomic_store(&((struct dev_power *)dev)->enable, bytes_get_le16(buf));
	return 0;
}

int dev_power_attach(struct dev_power *p, struct dev_bus *bus)
{
	static const struct dev_ops ops = {.read = power_read, .write = power_write};
	static const struct dev_ops old_ops = {.read = old_read, .write = old_write};
	struct dev_range range = {.space = DEV_PORT, .base = DEV_POWER_PORT, .size = DEV_POWER_SIZE,
	                          .ops = &ops, .dev = p, .name = "power"};
	const struct dev_part part = {"power", p, 2, power_save, power_restore};
	int rc = dev_bus_add(bus, &range);

	if (rc == 0)
		rc = dev_bus_add_part(bus, &part);
	if (rc < 0)
		return rc;
	range.base = DEV_POWER_OLD_PORT;
	range.size = 2;
	range.ops = &old_ops;
	range.name = "power (old)";
	return dev_bus_add(bus, &range);
}
