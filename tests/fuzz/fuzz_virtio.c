/*
 * The network card under any driver: memory that begins as the input does, then registers, memory and frames
 * in any order. Nothing outside guest memory is touched (the sanitizer sees to that), the wire is asked for
 * and given only what the header promises, the line is high just while there is an interrupt, each
 * access ends after a bounded number of frames, and a state that was saved can be restored and is the same.
 */
#include "base/bytes.h"
#include "dev/virtio_net.h"

#include <stdlib.h>
#include <string.h>

#define LOW 0x8000u
#define HIGH 0x100000000ull
#define HIGH_SIZE 0x2000u
#define RECORD 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct guest_mem mem;
static struct dev_bus bus;
static struct dev_virtio_net net;
static bool level;
static unsigned moved, waiting;

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void on_irq(void *ctx, unsigned line, bool high)
{
	(void)ctx;
	must(line == DEV_VIRTIO_MMIO_LINE);
	level = high;
}

static int on_receive(void *ctx, void *frame, size_t size)
{
	(void)ctx;
	moved++;
	must(size == DEV_VIRTIO_NET_FRAME);
	if (waiting == 0)
		return 0;
	waiting--;
	memset(frame, 0x5a, 60 + waiting % 1454);
	return 60 + (int)(waiting % 1454);
}

static void on_send(void *ctx, const void *frame, size_t len)
{
	volatile uint8_t last;

	(void)ctx;
	moved++;
	must(len >= 14 && len <= DEV_VIRTIO_NET_FRAME);
	last = ((const uint8_t *)frame)[len - 1];
	(void)last;
}

static void on_await(void *ctx)
{
	(void)ctx;
}

static void put(uint32_t offset, uint32_t value)
{
	uint8_t bytes[4];

	bytes_put_le32(bytes, value);
	must(dev_bus_write(&bus, DEV_MMIO, DEV_VIRTIO_MMIO_BASE + offset, bytes, 4));
}

/* What a driver does before anything interesting can happen. */
static void start(void)
{
	put(0x70, 3);
	put(0x24, 1);
	put(0x20, 1);
	put(0x70, 11);
	for (uint32_t q = 0; q < 2; q++) {
		put(0x30, q);
		put(0x38, 8);
		put(0x80, 0x400 * q);
		put(0x90, 0x400 * q + 0x100);
		put(0xa0, 0x400 * q + 0x200);
		put(0x44, 1);
	}
	put(0x70, 15);
}

static void save_and_restore(void)
{
	uint8_t kept[256], again[256];
	const struct dev_part *p = &bus.part[0];

	must(p->size <= sizeof(kept));
	p->save(p->dev, kept);
	must(p->restore(p->dev, kept) == 0);
	p->save(p->dev, again);
	must(memcmp(kept, again, p->size) == 0);
}

/* kind; where (2); width; value (4). */
static void step(const uint8_t *r)
{
	uint32_t where = bytes_get_le16(r + 1), value = bytes_get_le32(r + 4);
	unsigned len = 1u << (r[3] & 3);
	uint8_t bytes[8] = {0};

	memcpy(bytes, r + 4, 4);
	moved = 0;
	switch (r[0] % 8) {
	case 0: start(); break;
	case 1: put(where % DEV_VIRTIO_MMIO_SIZE & ~3u, value); break;
	case 2: dev_bus_write(&bus, DEV_MMIO, DEV_VIRTIO_MMIO_BASE + where, bytes, len); break;
	case 3: dev_bus_read(&bus, DEV_MMIO, DEV_VIRTIO_MMIO_BASE + where, bytes, len); break;
	case 4: guest_mem_write(&mem, where % LOW, r + 4, 4); break;
	case 5: put(0x50, value % 3); break;
	case 6:
		waiting += value % 300;
		dev_virtio_net_receive(&net);
		break;
	default: save_and_restore();
	}
	must(moved <= DEV_VIRTQUEUE_MAX);
	must(level == (net.virtio.interrupts != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = {0x52};
	const struct dev_host host = {.irq = on_irq};
	const struct dev_virtio_net_wire wire = {NULL, on_receive, on_send, on_await};
	size_t image = size / 2;

	if (mem.count == 0)
		must(guest_mem_add(&mem, 0, LOW, NULL) == 0 &&
		     guest_mem_add(&mem, HIGH, HIGH_SIZE, NULL) == 0);
	guest_mem_clear(&mem);
	dev_bus_init(&bus);
	level = false;
	waiting = 0;
	dev_virtio_net_init(&net, &host, &mem, &wire, mac, 1500);
	must(dev_virtio_net_attach(&net, &bus) == 0);
	guest_mem_write(&mem, 0, data, image < LOW ? image : LOW);
	data += image;
	size -= image;
	for (unsigned i = 0; i < 300 && size >= RECORD; i++, data += RECORD, size -= RECORD)
		step(data);
	dev_virtio_net_reset(&net);
	must(!level);
	dev_virtio_net_fini(&net);
	return 0;
}
