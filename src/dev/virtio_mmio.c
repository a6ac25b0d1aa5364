#include "dev/virtio_mmio.h"
#include "base/bytes.h"

#include <errno.h>
#include <string.h>

/* Status bits, 2.1; InterruptStatus, 4.2.2 */
#define FEATURES_OK 0x08u
#define DRIVER_OK 0x04u
#define NEEDS_RESET 0x40u
#define USED_BUFFER 1u
#define CONFIG_CHANGE 2u

#define MAGIC 0x74726976u
#define VENDOR 0x4e504c54u /* "TLPN" */
#define CONFIG 0x100u

/* Offsets of 4.2.2, table 4.1. */
enum {
	R_MAGIC = 0x00, R_VERSION = 0x04, R_DEVICE = 0x08, R_VENDOR = 0x0c, R_DEVICE_FEATURES = 0x10,
	R_DEVICE_FEATURES_SEL = 0x14, R_DRIVER_FEATURES = 0x20, R_DRIVER_FEATURES_SEL = 0x24,
	R_QUEUE_SEL = 0x30, R_QUEUE_MAX = 0x34, R_QUEUE_SIZE = 0x38, R_QUEUE_READY = 0x44, R_NOTIFY = 0x50,
	R_INTERRUPTS = 0x60, R_ACK = 0x64, R_STATUS = 0x70, R_DESC_LOW = 0x80, R_DESC_HIGH = 0x84,
	R_AVAIL_LOW = 0x90, R_AVAIL_HIGH = 0x94, R_USED_LOW = 0xa0, R_USED_HIGH = 0xa4,
	R_SHM_LOW = 0xb0, R_SHM_END = 0xc0, R_GENERATION = 0xfc
};

static uint64_t offered(const struct dev_virtio *v)
{
	return v->kind->features | DEV_VIRTIO_VERSION_1;
}

static struct dev_virtqueue *selected(struct dev_virtio *v)
{
	return v->queue_sel < DEV_VIRTIO_QUEUES ? &v->queue[v->queue_sel] : NULL;
}

static void set_interrupts(struct dev_virtio *v, uint32_t bits)
{
	bool was = v->interrupts != 0, is = bits != 0;

	v->interrupts = bits;
	if (was != is)
		v->host->irq(v->host->ctx, v->line, is);
}

/* ---- registers ---- */

static uint32_t read_register(struct dev_virtio *v, uint64_t offset)
{
	struct dev_virtqueue *q = selected(v);

	if (offset >= R_SHM_LOW && offset < R_SHM_END)
		return UINT32_MAX; /* 4.2.2.1: there is no shared memory */
	switch (offset) {
	case R_MAGIC: return MAGIC;
	case R_VERSION: return 2;
	case R_DEVICE: return v->kind->id;
	case R_VENDOR: return VENDOR;
	case R_DEVICE_FEATURES: return v->device_sel < 2 ? (uint32_t)(offered(v) >> 32 * v->device_sel) : 0;
	case R_QUEUE_MAX: return q ? DEV_VIRTQUEUE_MAX : 0;
	case R_QUEUE_READY: return q && q->ready;
	case R_INTERRUPTS: return v->interrupts;
	case R_STATUS: return v->status;
	default: return 0; /* R_GENERATION: the configuration never changes */
	}
}

static void forget(struct dev_virtio *v)
{
	v->status = v->device_sel = v->driver_sel = v->queue_sel = 0;
	v->driver_features = 0;
	for (unsigned i = 0; i < DEV_VIRTIO_QUEUES; i++)
		dev_virtqueue_stop(&v->queue[i]);
	set_interrupts(v, 0);
}

/* 3.1.1: what the device does not accept it leaves out of FEATURES_OK, and the driver reads that back. */
static void write_status(struct dev_virtio *v, uint32_t value)
{
	uint32_t kept = v->status & (NEEDS_RESET | FEATURES_OK);
	bool fine = !(v->driver_features & ~offered(v)) && (v->driver_features & DEV_VIRTIO_VERSION_1);

	if (value == 0) {
		forget(v);
		return;
	}
	value &= 0x3f;
	if (!(kept & FEATURES_OK) && !fine)
		value &= ~FEATURES_OK;
	v->status = value | kept;
}

static void put_half(uint64_t *word, unsigned shift, uint32_t value)
{
	*word = (*word & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

static void write_features(struct dev_virtio *v, uint32_t value)
{
	unsigned shift = 32 * v->driver_sel;

	if (v->status & FEATURES_OK || v->driver_sel > 1)
		return;
	put_half(&v->driver_features, shift, value);
}

/* Of a queue that is ready nothing can be changed but that. */
static void write_queue(struct dev_virtio *v, uint64_t offset, uint32_t value)
{
	struct dev_virtqueue *q = selected(v);

	if (!q)
		return;
	if (offset == R_QUEUE_READY) {
		if (value == 0)
			dev_virtqueue_stop(q);
		else if (!q->ready && dev_virtqueue_start(q, v->mem) < 0)
			dev_virtio_broken(v);
		return;
	}
	if (q->ready)
		return;
	switch (offset) {
	case R_QUEUE_SIZE: q->size = value; break;
	case R_DESC_LOW: case R_DESC_HIGH: put_half(&q->desc, offset & 4 ? 32 : 0, value); break;
	case R_AVAIL_LOW: case R_AVAIL_HIGH: put_half(&q->avail, offset & 4 ? 32 : 0, value); break;
	case R_USED_LOW: case R_USED_HIGH: put_half(&q->used, offset & 4 ? 32 : 0, value); break;
	default: break;
	}
}

static void write_register(struct dev_virtio *v, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case R_DEVICE_FEATURES_SEL: v->device_sel = value; break;
	case R_DRIVER_FEATURES_SEL: v->driver_sel = value; break;
	case R_DRIVER_FEATURES: write_features(v, value); break;
	case R_QUEUE_SEL: v->queue_sel = value; break;
	case R_ACK: set_interrupts(v, v->interrupts & ~value); break;
	case R_STATUS: write_status(v, value); break;
	case R_NOTIFY:
		if (value < DEV_VIRTIO_QUEUES && dev_virtio_live(v))
			v->kind->notify(v->dev, value);
		break;
	default: write_queue(v, offset, value);
	}
}

/* ---- the bus ---- */

/* Registers take aligned words only (4.2.2.2); the configuration any width. */
static void mmio_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	struct dev_virtio *v = dev;

	memset(data, 0, len);
	pthread_mutex_lock(&v->lock);
	if (offset < CONFIG && len == 4 && offset % 4 == 0)
		bytes_put_le32(data, read_register(v, offset));
	for (unsigned i = 0; offset >= CONFIG && i < len && offset - CONFIG + i < v->config_size; i++)
		((uint8_t *)data)[i] = v->config[offset - CONFIG + i];
	pthread_mutex_unlock(&v->lock);
}

static void mmio_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	struct dev_virtio *v = dev;

	if (offset >= CONFIG || len != 4 || offset % 4 != 0)
		return; /* no device of ours has a configuration that can be written */
	pthread_mutex_lock(&v->lock);
	write_register(v, offset, bytes_get_le32(data));
	pthread_mutex_unlock(&v->lock);
}

void dev_virtio_init(struct dev_virtio *v, const struct dev_host *host, struct guest_mem *mem, unsigned line,
                     const struct dev_virtio_device *kind, void *dev)
{
	memset(v, 0, sizeof(*v));
	pthread_mutex_init(&v->lock, NULL);
	v->host = host;
	v->mem = mem;
	v->line = line;
	v->kind = kind;
	v->dev = dev;
}

void dev_virtio_fini(struct dev_virtio *v)
{
	if (v->kind)
		pthread_mutex_destroy(&v->lock);
	v->kind = NULL;
}

void dev_virtio_reset(struct dev_virtio *v)
{
	pthread_mutex_lock(&v->lock);
	forget(v);
	pthread_mutex_unlock(&v->lock);
}

int dev_virtio_attach(struct dev_virtio *v, struct dev_bus *bus, uint64_t base, const char *name)
{
	static const struct dev_ops ops = {.read = mmio_read, .write = mmio_write};
	const struct dev_range range = {.space = DEV_MMIO, .base = base, .size = DEV_VIRTIO_MMIO_SIZE,
	                                .ops = &ops, .dev = v, .name = name};

	return dev_bus_add(bus, &range);
}

/* ---- for devices ---- */

bool dev_virtio_live(const struct dev_virtio *v)
{
	return (v->status & (DRIVER_OK | FEATURES_OK | NEEDS_RESET)) == (DRIVER_OK | FEATURES_OK);
}

void dev_virtio_used(struct dev_virtio *v, const struct dev_virtqueue *q)
{
	if (dev_virtqueue_wants_interrupt(q, v->mem))
		set_interrupts(v, v->interrupts | USED_BUFFER);
}

void dev_virtio_broken(struct dev_virtio *v)
{
	v->status |= NEEDS_RESET;
	if (v->status & DRIVER_OK)
		set_interrupts(v, v->interrupts | CONFIG_CHANGE);
}

/* ---- snapshots ---- */

static uint8_t *save_queue(const struct dev_virtqueue *q, uint8_t *p)
{
	bytes_put_le64(p, q->desc);
	bytes_put_le64(p + 8, q->avail);
	bytes_put_le64(p + 16, q->used);
	bytes_put_le32(p + 24, q->size);
	bytes_put_le16(p + 28, q->taken);
	bytes_put_le16(p + 30, q->given);
	bytes_put_le32(p + 32, q->ready);
	return p + 36;
}

void dev_virtio_save(const struct dev_virtio *v, uint8_t *buf)
{
	const uint32_t words[] = {v->status, v->interrupts, v->device_sel, v->driver_sel, v->queue_sel, 0, 0};
	uint8_t *p = buf;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++, p += 4)
		bytes_put_le32(p, words[i]);
	bytes_put_le64(p, v->driver_features);
	p += 8;
	for (unsigned i = 0; i < DEV_VIRTIO_QUEUES; i++)
		p = save_queue(&v->queue[i], p);
}

/* A ready queue must be one that its driver could have started here. */
static int load_queue(struct dev_virtqueue *q, const struct guest_mem *mem, const uint8_t *p)
{
	uint32_t ready = bytes_get_le32(p + 32);

	*q = (struct dev_virtqueue){.desc = bytes_get_le64(p), .avail = bytes_get_le64(p + 8),
	                            .used = bytes_get_le64(p + 16), .size = bytes_get_le32(p + 24)};
	if (ready > 1 || (ready && dev_virtqueue_start(q, mem) < 0))
		return -EINVAL;
	q->taken = bytes_get_le16(p + 28);
	q->given = bytes_get_le16(p + 30);
	return 0;
}

int dev_virtio_restore(struct dev_virtio *v, const uint8_t *buf)
{
	struct dev_virtqueue queue[DEV_VIRTIO_QUEUES];
	const uint8_t *p = buf + 36;

	for (unsigned i = 0; i < DEV_VIRTIO_QUEUES; i++, p += 36)
		if (load_queue(&queue[i], v->mem, p) < 0)
			return -EINVAL;
	if (bytes_get_le32(buf + 4) > (USED_BUFFER | CONFIG_CHANGE))
		return -EINVAL;
	memcpy(v->queue, queue, sizeof(queue));
	v->status = bytes_get_le32(buf) & (0x3f | NEEDS_RESET);
	v->device_sel = bytes_get_le32(buf + 8);
	v->driver_sel = bytes_get_le32(buf + 12);
	v->queue_sel = bytes_get_le32(buf + 16);
	v->driver_features = bytes_get_le64(buf + 28);
	v->interrupts = bytes_get_le32(buf + 4);
	v->host->irq(v->host->ctx, v->line, v->interrupts != 0);
	return 0;
}
