/* The registers of virtio in memory, and the network card behind them. */
#include "../cmocka_all.h"
#include "base/bytes.h"
#include "dev/virtio_net.h"
#include "fake_host.h"
#include <errno.h>

#define RAM 0x40000u
#define RINGS(q) (0x1000u + 0x4000u * (q))
#define BUFFERS 0x10000u
#define SIZE 8u

enum {
	DEVICE_FEATURES = 0x10, DEVICE_SEL = 0x14, DRIVER_FEATURES = 0x20, DRIVER_SEL = 0x24,
	QUEUE_SEL = 0x30, QUEUE_MAX = 0x34, QUEUE_NUM = 0x38, READY = 0x44, NOTIFY = 0x50,
	INTERRUPTS = 0x60, ACK = 0x64, STATUS = 0x70, DESC = 0x80, AVAIL = 0x90, USED = 0xa0, CONFIG = 0x100
};

static struct guest_mem mem;
static struct fake_host fake;
static struct dev_bus bus;
static struct dev_virtio_net net;
static struct { unsigned awaited, sent, waiting; int verdict; size_t len; uint8_t last[2048]; } wire;

static int wire_receive(void *ctx, void *frame, size_t size)
{
	(void)ctx;
	assert_true(size >= 1518);
	if (wire.waiting == 0)
		return wire.verdict;
	wire.waiting--;
	memset(frame, 0x60 + (int)wire.waiting % 10, wire.len);
	return (int)wire.len;
}

static void wire_send(void *ctx, const void *frame, size_t len)
{
	(void)ctx;
	wire.sent++;
	wire.len = len;
	memcpy(wire.last, frame, len < sizeof(wire.last) ? len : sizeof(wire.last));
}

static void wire_await(void *ctx)
{
	(void)ctx;
	wire.awaited++;
}

static int set_up(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};
	const struct dev_virtio_net_wire w = {NULL, wire_receive, wire_send, wire_await};

	(void)state;
	memset(&wire, 0, sizeof(wire));
	guest_mem_init(&mem);
	fake_host_init(&fake);
	dev_bus_init(&bus);
	dev_virtio_net_init(&net, &fake.host, &mem, &w, mac, 1400);
	return guest_mem_add(&mem, 0, RAM, NULL) || dev_virtio_net_attach(&net, &bus);
}

static int tear_down(void **state)
{
	(void)state;
	dev_virtio_net_fini(&net);
	guest_mem_fini(&mem);
	return 0;
}

static uint32_t get(uint64_t offset)
{
	uint8_t b[4];

	assert_true(dev_bus_read(&bus, DEV_MMIO, DEV_VIRTIO_MMIO_BASE + offset, b, 4));
	return bytes_get_le32(b);
}

static void put(uint64_t offset, uint32_t v)
{
	uint8_t b[4];

	bytes_put_le32(b, v);
	dev_bus_write(&bus, DEV_MMIO, DEV_VIRTIO_MMIO_BASE + offset, b, 4);
}

static void poke(uint64_t gpa, uint64_t v, unsigned size)
{
	uint8_t b[8];

	bytes_put_le(b, v, size);
	assert_int_equal(guest_mem_write(&mem, gpa, b, size), 0);
}

static uint64_t peek(uint64_t gpa, unsigned size)
{
	uint8_t b[8];

	assert_int_equal(guest_mem_read(&mem, gpa, b, size), 0);
	return bytes_get_le(b, size);
}

static void start_queue(unsigned q)
{
	put(QUEUE_SEL, q);
	put(QUEUE_NUM, SIZE);
	put(DESC, RINGS(q));
	put(AVAIL, RINGS(q) + 0x1000);
	put(USED, RINGS(q) + 0x2000);
	put(READY, 1);
	assert_int_equal(get(READY), 1);
}

static void start(void)
{
	put(STATUS, 3);
	put(DRIVER_SEL, 1);
	put(DRIVER_FEATURES, 1);
	put(STATUS, 11);
	assert_int_equal(get(STATUS), 11);
	start_queue(0);
	start_queue(1);
	put(STATUS, 15);
}

/* Descriptor i of queue q as a buffer of its own, and that into the ring. */
static void offer(unsigned q, unsigned i, uint32_t len, bool fill)
{
	uint64_t d = RINGS(q) + 16 * i, avail = RINGS(q) + 0x1000;
	uint16_t index = (uint16_t)peek(avail + 2, 2);

	poke(d, BUFFERS + 0x800 * (q * SIZE + i), 8);
	poke(d + 8, len, 4);
	poke(d + 12, fill ? 2 : 0, 4);
	poke(avail + 4 + index % SIZE * 2, i, 2);
	poke(avail + 2, index + 1u, 2);
}

static unsigned used(unsigned q)
{
	return (unsigned)peek(RINGS(q) + 0x2002, 2);
}

static void test_identity(void **state)
{
	static const struct { uint32_t offset, value; } rows[] = {
		{0, 0x74726976}, {4, 2}, {8, 1}, {0x0c, 0x4e504c54}, {QUEUE_MAX, 256}, {READY, 0},
		{INTERRUPTS, 0}, {STATUS, 0}, {0xb0, UINT32_MAX}, {0xbc, UINT32_MAX}, {0xfc, 0}, {0x18, 0},
		{QUEUE_NUM, 0},
		{CONFIG, 0x01005452}, {CONFIG + 4, 0x00010302}, {CONFIG + 8, 0x05780001}, {CONFIG + 12, 0},
		{DEVICE_FEATURES, 1u << 3 | 1u << 5 | 1u << 16},
	};
	uint8_t b[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(get(rows[i].offset), rows[i].value);
	put(DEVICE_SEL, 1);
	assert_int_equal(get(DEVICE_FEATURES), 1);
	put(DEVICE_SEL, 2);
	assert_int_equal(get(DEVICE_FEATURES), 0);
	put(QUEUE_SEL, 2);
	assert_int_equal(get(QUEUE_MAX), 0);
	put(READY, 1);
	assert_int_equal(get(STATUS), 0);
	/* Other widths: the configuration has them, registers read 0. */
	dev_bus_read(&bus, DEV_MMIO, DEV_VIRTIO_MMIO_BASE, b, 2);
	assert_int_equal(bytes_get_le16(b), 0);
	dev_bus_read(&bus, DEV_MMIO, DEV_VIRTIO_MMIO_BASE + CONFIG + 5, b, 1);
	assert_int_equal(b[0], 3);
	put(CONFIG, 0xffffffff);
	assert_int_equal(get(CONFIG), 0x01005452);
}

static void test_features(void **state)
{
	static const struct { uint32_t low, high, status; } rows[] = {
		{0, 1, 11}, {1u << 5, 1, 11}, {1u << 3 | 1u << 5 | 1u << 16, 1, 11}, {0, 0, 3},
		{1u << 5, 0, 3}, {1, 1, 3}, {1u << 15, 1, 3}, {1u << 28, 1, 3}, {0, 3, 3}, {0, 5, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(STATUS, 0);
		put(STATUS, 3);
		put(DRIVER_SEL, 0);
		put(DRIVER_FEATURES, rows[i].low);
		put(DRIVER_SEL, 1);
		put(DRIVER_FEATURES, rows[i].high);
		put(STATUS, 11);
		if (get(STATUS) != rows[i].status)
			fail_msg("%x %x: %x", rows[i].high, rows[i].low, get(STATUS));
	}
}

static void test_transmits(void **state)
{
	(void)state;
	start();
	poke(BUFFERS + 0x800 * SIZE + 12, 0x1122334455667788, 8);
	offer(1, 0, 12 + 60, false);
	offer(1, 1, 12 + 13, false); /* no whole header: lost */
	offer(1, 2, 5, false);
	put(NOTIFY, 1);
	assert_int_equal(wire.sent, 1);
	assert_int_equal(wire.len, 60);
	assert_int_equal(bytes_get_le64(wire.last), 0x1122334455667788);
	assert_int_equal(used(1), 3);
	assert_int_equal(get(INTERRUPTS), 1);
	assert_true(fake.level[5]);
	put(ACK, 1);
	assert_false(fake.level[5]);
	put(NOTIFY, 1);
	put(NOTIFY, 2);
	put(NOTIFY, 0xffffffff);
	assert_int_equal(get(INTERRUPTS), 0);
	poke(RINGS(1) + 0x1000, 1, 2); /* no interrupts, please */
	offer(1, 3, 100, false);
	put(NOTIFY, 1);
	assert_int_equal(used(1), 4);
	assert_int_equal(get(INTERRUPTS), 0);
}

static void test_receives(void **state)
{
	(void)state;
	wire.waiting = 3;
	wire.len = 100;
	dev_virtio_net_receive(&net); /* nobody is there yet */
	assert_int_equal(wire.waiting, 3);
	start();
	put(NOTIFY, 0); /* no buffers: nothing is taken off the wire, and nobody watches it */
	assert_int_equal(wire.waiting, 3);
	assert_int_equal(wire.awaited, 0);
	offer(0, 0, 0x600, true);
	offer(0, 1, 111, true); /* a byte too small: that frame is lost, the buffer waits */
	put(NOTIFY, 0);
	assert_int_equal(used(0), 1);
	assert_int_equal(wire.waiting, 0);
	assert_int_equal(wire.awaited, 1);
	assert_int_equal(peek(BUFFERS, 8), 0);
	assert_int_equal(peek(BUFFERS + 8, 8), 0x6262626200010000);
	assert_int_equal(peek(RINGS(0) + 0x2008, 4), 112);
	assert_int_equal(get(INTERRUPTS), 1);
	wire.waiting = 1;
	wire.len = 99;
	dev_virtio_net_receive(&net);
	assert_int_equal(used(0), 2);
	wire.verdict = -1;
	offer(0, 2, 0x600, true);
	put(NOTIFY, 0);
	put(NOTIFY, 0);
	assert_int_equal(wire.awaited, 1); /* the wire is gone: nobody waits for it again */
	assert_int_equal(used(0), 2);
}

static void test_storm(void **state)
{
	(void)state;
	start();
	wire.waiting = 100000;
	wire.len = 2000; /* none fits: a bounded number is looked at, and the rest is awaited */
	offer(0, 0, 1000, true);
	put(NOTIFY, 0);
	assert_true(wire.waiting > 99000);
	assert_int_equal(wire.awaited, 1);
	assert_int_equal(used(0), 0);
}

static void test_broken(void **state)
{
	(void)state;
	start();
	offer(1, 0, 100, false);
	poke(RINGS(1) + 12, 1, 4); /* next: itself */
	put(NOTIFY, 1);
	assert_int_equal(get(STATUS), 15 | 0x40);
	assert_int_equal(get(INTERRUPTS), 2);
	put(STATUS, 15);
	assert_int_equal(get(STATUS), 15 | 0x40);
	poke(RINGS(1) + 12, 0, 4);
	put(NOTIFY, 1);
	assert_int_equal(wire.sent, 0);
	put(STATUS, 0);
	assert_int_equal(get(STATUS), 0);
	assert_false(fake.level[5]);
	put(QUEUE_SEL, 1);
	assert_int_equal(get(READY), 0);
	/* A queue that cannot be. */
	put(QUEUE_NUM, 3);
	put(READY, 1);
	assert_int_equal(get(READY), 0);
	assert_int_equal(get(STATUS), 0x40);
}

/* What it was comes back, and a queue that is not in memory does not. */
static void test_snapshot(void **state)
{
	const struct dev_part *part = &bus.part[0];
	uint8_t kept[256], again[256];

	(void)state;
	assert_true(part->size <= sizeof(kept));
	start();
	offer(1, 0, 100, false);
	put(NOTIFY, 1);
	part->save(part->dev, kept);
	dev_virtio_net_reset(&net);
	assert_int_equal(get(STATUS), 0);
	assert_int_equal(part->restore(part->dev, kept), 0);
	assert_int_equal(get(STATUS), 15);
	assert_true(fake.level[5]);
	assert_int_equal(wire.awaited, 1);
	part->save(part->dev, again);
	assert_memory_equal(kept, again, part->size);
	offer(1, 1, 100, false);
	put(NOTIFY, 1);
	assert_int_equal(used(1), 2);
	part->save(part->dev, again);
	bytes_put_le64(kept + 36, RAM);
	assert_int_equal(part->restore(part->dev, kept), -EINVAL);
	bytes_put_le64(kept + 36, RINGS(0));
	bytes_put_le32(kept + 4, 4);
	assert_int_equal(part->restore(part->dev, kept), -EINVAL);
	part->save(part->dev, kept);
	assert_memory_equal(kept, again, part->size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_features, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_transmits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_receives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_storm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_snapshot, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
