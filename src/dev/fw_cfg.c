#include "dev/fw_cfg.h"
#include "base/bytes.h"

#include <string.h>

#define ITEM_SIZE 8u
#define INTERFACE_TRADITIONAL 1u

/* The bytes of an item; what there is not reads zero, as do bytes behind the end. */
static uint64_t item_value(const struct dev_fw_cfg *f)
{
	switch (f->item) {
	case DEV_FW_CFG_SIGNATURE: return bytes_get_le32("QEMU");
	case DEV_FW_CFG_ID: return INTERFACE_TRADITIONAL;
	case DEV_FW_CFG_RAM: return f->ram;
	case DEV_FW_CFG_CPUS:
	case DEV_FW_CFG_MAX_CPUS: return f->cpus;
	default: return 0;
	}
}

static void fw_cfg_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	struct dev_fw_cfg *f = dev;

	memset(data, 0, len);
	if (offset != 1)
		return;
	pthread_mutex_lock(&f->lock);
	if (f->at < ITEM_SIZE)
		*(uint8_t *)data = (uint8_t)(item_value(f) >> 8 * f->at++);
	pthread_mutex_unlock(&f->lock);
}

static void fw_cfg_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	struct dev_fw_cfg *f = dev;

	if (offset != 0 || len != 2)
		return;
	pthread_mutex_lock(&f->lock);
	f->item = bytes_get_le16(data);
	f->at = 0;
	pthread_mutex_unlock(&f->lock);
}

void dev_fw_cfg_init(struct dev_fw_cfg *f, uint64_t ram, unsigned cpus)
{
	*f = (struct dev_fw_cfg){.ram = ram, .cpus = cpus};
	pthread_mutex_init(&f->lock, NULL);
}

void dev_fw_cfg_fini(struct dev_fw_cfg *f)
{
	if (f)
		pthread_mutex_destroy(&f->lock);
}

void dev_fw_cfg_reset(struct dev_fw_cfg *f)
{
	pthread_mutex_lock(&f->lock);
	f->item = 0;
	f->at = 0;
	pthread_mutex_unlock(&f->lock);
}

#define STATE_SIZE 8u

static void fw_cfg_save(void *dev, void *buf)
{
	const struct dev_fw_cfg *f = dev;

	memset(buf, 0, STATE_SIZE);
	bytes_put_le16(buf, f->item);
	bytes_put_le32((uint8_t *)buf + 4, f->at);
}

static int fw_cfg_restore(void *dev, const void *buf)
{
	struct dev_fw_cfg *f = dev;

	f->item = bytes_get_le16(buf);
	f->at = bytes_get_le32((const uint8_t *)buf + 4);
	return 0;
}

int dev_fw_cfg_attach(struct dev_fw_cfg *f, struct dev_bus *bus)
{
	static const struct dev_ops ops = {.read = fw_cfg_read, .write = fw_cfg_write};
	const struct dev_range range = {.space = DEV_PORT, .base = DEV_FW_CFG_PORT, .size = 2, .ops = &ops,
	                                .dev = f, .name = "fw_cfg"};
	const struct dev_part part = {"fw_cfg", f, STATE_SIZE, fw_cfg_save, fw_cfg_restore};
	int rc = dev_bus_add(bus, &range);

	return rc < 0 ? rc : dev_bus_add_part(bus, &part);
}
