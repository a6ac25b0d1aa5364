#include "dev/bus.h"
#include "base/bytes.h"

#include <errno.h>
#include <string.h>

#define PORT_COUNT 0x10000u

void dev_bus_init(struct dev_bus *bus)
{
	memset(bus, 0, sizeof(*bus));
}

static bool overlaps(const struct dev_range *a, const struct dev_range *b)
{
	return a->space == b->space && a->base - b->base < b->size;
}

int dev_bus_add(struct dev_bus *bus, const struct dev_range *range)
{
	uint64_t end;

	if (range->size == 0 || bytes_add_overflows(range->base, range->size, &end))
		return -EINVAL;
	if (range->space == DEV_PORT && end > PORT_COUNT)
		return -EINVAL;
	for (unsigned i = 0; i < bus->count; i++)
		if (overlaps(&bus->range[i], range) || overlaps(range, &bus->range[i]))
			return -EEXIST;
	if (bus->count == DEV_BUS_MAX)
		return -ENOSPC;
	bus->range[bus->count++] = *range;
	return 0;
}

int dev_bus_add_part(struct dev_bus *bus, const struct dev_part *part)
{
	if (bus->parts == DEV_PARTS_MAX)
		return -ENOSPC;
	bus->part[bus->parts++] = *part;
	return 0;
}

static const struct dev_range *find(const struct dev_bus *bus, enum dev_space space, uint64_t addr,
                                    unsigned len)
{
	for (unsigned i = 0; i < bus->count; i++) {
		const struct dev_range *r = &bus->range[i];

		if (r->space == space && addr >= r->base && addr - r->base < r->size)
			return len <= r->size - (addr - r->base) ? r : NULL;
	}
	return NULL;
}

bool dev_bus_read(struct dev_bus *bus, enum dev_space space, uint64_t addr, void *data, unsigned len)
{
	const struct dev_range *r = find(bus, space, addr, len);

	if (!r) {
		memset(data, 0xff, len);
		return false;
	}
	r->ops->read(r->dev, addr - r->base, data, len);
	return true;
}

bool dev_bus_write(struct dev_bus *bus, enum dev_space space, uint64_t addr, const void *data,
                   unsigned len)
{
	const struct dev_range *r = find(bus, space, addr, len);

	if (!r)
		return false;
	r->ops->write(r->dev, addr - r->base, data, len);
	return true;
}
