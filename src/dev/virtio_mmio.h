/*
 * Virtio over MMIO, version 2 (virtio 1.2, 4.2): the registers between a driver and a device. The interrupt
 * line is high while InterruptStatus is not 0. A driver that breaks the rules of a queue finds
 * DEVICE_NEEDS_RESET (2.1.2); what it does to registers is ignored where it makes no sense.
 *
 * One lock for transport and device: the device's functions are called with it held, host->irq too.
 */
#ifndef DEV_VIRTIO_MMIO_H
#define DEV_VIRTIO_MMIO_H

#include "dev/bus.h"
#include "dev/virtqueue.h"
#include <pthread.h>

#define DEV_VIRTIO_MMIO_BASE 0xfeb00000ull /* where Hermit kernels look (QEMU's microvm) */
#define DEV_VIRTIO_MMIO_SIZE 0x200u
#define DEV_VIRTIO_MMIO_LINE 5u
#define DEV_VIRTIO_QUEUES 2u
#define DEV_VIRTIO_CONFIG_MAX 32u
#define DEV_VIRTIO_VERSION_1 (1ull << 32)
#define DEV_VIRTIO_STATE (36u + DEV_VIRTIO_QUEUES * 36u) /* bytes in a snapshot */

/* What kind of device it is. Constant. */
struct dev_virtio_device {
	uint32_t id;
	uint64_t features;         /* offered, besides VERSION_1 */
	void (*notify)(void *dev, unsigned queue); /* the driver has put buffers there; it is live */
};

struct dev_virtio {
	pthread_mutex_t lock;      /* guards everything below */
	const struct dev_host *host;
	struct guest_mem *mem;
	unsigned line;
	const struct dev_virtio_device *kind;
	void *dev;
	uint8_t config[DEV_VIRTIO_CONFIG_MAX]; /* constant once vcpus run */
	unsigned config_size;
	uint32_t status, interrupts, device_sel, driver_sel, queue_sel;
	uint64_t driver_features;
	struct dev_virtqueue queue[DEV_VIRTIO_QUEUES];
};

/* In its power-on state. Everything is borrowed. fini takes zeros. */
void dev_virtio_init(struct dev_virtio *v, const struct dev_host *host, struct guest_mem *mem, unsigned line,
                     const struct dev_virtio_device *kind, void *dev);
void dev_virtio_fini(struct dev_virtio *v);
void dev_virtio_reset(struct dev_virtio *v); /* takes the lock */

/* Errors of dev_bus_add(). */
int dev_virtio_attach(struct dev_virtio *v, struct dev_bus *bus, uint64_t base, const char *name);

/* The lock held from here on. */

/* The driver is done with its set-up and nothing is broken: queues may be used. */
bool dev_virtio_live(const struct dev_virtio *v);
/* Buffers went back to this queue: an interrupt, if the driver wants it. */
void dev_virtio_used(struct dev_virtio *v, const struct dev_virtqueue *q);
void dev_virtio_broken(struct dev_virtio *v);
/* For the device's own snapshot part: DEV_VIRTIO_STATE bytes. -EINVAL: no such state, nothing changed. */
void dev_virtio_save(const struct dev_virtio *v, uint8_t *buf);
int dev_virtio_restore(struct dev_virtio *v, const uint8_t *buf);

#endif
