/*
 * Port and MMIO ranges -> handlers. Built before vcpus run, constant afterwards. Handlers run on the
 * vcpu's thread that made the access, several at once: each device has its own lock.
 */
#ifndef DEV_BUS_H
#define DEV_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEV_BUS_MAX 32

enum dev_space { DEV_PORT, DEV_MMIO };

/* What a device may do to the machine around it; implemented by cli/machine. Any vcpu thread. */
struct dev_host {
	void *ctx;
	void (*irq)(void *ctx, unsigned line, bool level);
	void (*output)(void *ctx, const void *bytes, size_t len); /* guest console output, never dropped */
	void (*exit)(void *ctx, uint32_t status);  /* the guest ended by itself, with this exit status */
	void (*reset)(void *ctx);                  /* the guest asked for a reset */
};

/* offset is relative to the range; len 1, 2, 4 or 8; data little-endian. Neither can fail. */
struct dev_ops {
	void (*read)(void *dev, uint64_t offset, void *data, unsigned len);
	void (*write)(void *dev, uint64_t offset, const void *data, unsigned len);
};

struct dev_range {
	enum dev_space space;
	uint64_t base, size;
	const struct dev_ops *ops;
	void *dev;
	const char *name;
};

/*
 * What a device is between two accesses, for snapshots: always `size` bytes, of a layout of its own that
 * does not depend on the compiler. Everything is parked when these are called.
 */
struct dev_part {
	const char *name;
	void *dev;
	uint32_t size;
	void (*save)(void *dev, void *buf);
	int (*restore)(void *dev, const void *buf); /* 0, or -EINVAL: no such state, nothing changed */
};

#define DEV_PARTS_MAX 16

struct dev_bus {
	struct dev_range range[DEV_BUS_MAX];
	unsigned count;
	struct dev_part part[DEV_PARTS_MAX];
	unsigned parts;
};

void dev_bus_init(struct dev_bus *bus);
/* 0, -ENOSPC, -EEXIST (overlap), -EINVAL (empty or wrapping). */
int dev_bus_add(struct dev_bus *bus, const struct dev_range *range);
/* 0, -ENOSPC. Devices without state have none. */
int dev_bus_add_part(struct dev_bus *bus, const struct dev_part *part);

/*
 * One access. Nothing there: reads give all ones, writes vanish, as on a PC; returns false then.
 * An access that straddles the end of a range counts as nothing there.
 */
bool dev_bus_read(struct dev_bus *bus, enum dev_space space, uint64_t addr, void *data, unsigned len);
bool dev_bus_write(struct dev_bus *bus, enum dev_space space, uint64_t addr, const void *data,
                   unsigned len);

#endif
