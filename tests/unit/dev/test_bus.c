#include "../cmocka_all.h"
#include "dev/bus.h"
#include <errno.h>
#include <string.h>

struct last { uint64_t offset; unsigned len; uint32_t value; unsigned calls; };

static void last_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	struct last *l = dev;
	l->offset = offset;
	l->len = len;
	l->calls++;
	memset(data, 0x11, len);
}

static void last_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	struct last *l = dev;
	l->offset = offset;
	l->len = len;
	l->calls++;
	l->value = 0;
	memcpy(&l->value, data, len < 4 ? len : 4);
}

static const struct dev_ops ops = {.read = last_read, .write = last_write};

struct add_row { enum dev_space space; uint64_t base, size; int rc; };

static void test_add(void **state)
{
	/* In this order, on one bus. */
	static const struct add_row rows[] = {
		{DEV_PORT, 0x3f8, 8, 0},        {DEV_PORT, 0x3f8, 8, -EEXIST},
		{DEV_PORT, 0x3ff, 1, -EEXIST},  {DEV_PORT, 0x3f0, 9, -EEXIST},
		{DEV_PORT, 0x300, 0x200, -EEXIST}, {DEV_PORT, 0x3f0, 8, 0},
		{DEV_PORT, 0x400, 1, 0},        {DEV_PORT, 0x10, 0, -EINVAL},
		{DEV_PORT, 0xffff, 1, 0},       {DEV_PORT, 0xffff, 2, -EINVAL},
		{DEV_PORT, 0x10000, 1, -EINVAL}, {DEV_MMIO, 0x3f8, 8, 0},
		{DEV_MMIO, UINT64_MAX, 2, -EINVAL}, {DEV_MMIO, 0xfee00000, 4096, 0},
	};
	struct dev_bus bus;

	(void)state;
	dev_bus_init(&bus);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dev_range r = {rows[i].space, rows[i].base, rows[i].size, &ops, NULL, "x"};
		int rc = dev_bus_add(&bus, &r);
		if (rc != rows[i].rc)
			fail_msg("row %zu: rc %d, wanted %d", i, rc, rows[i].rc);
	}
}

static void test_full(void **state)
{
	struct dev_bus bus;

	(void)state;
	dev_bus_init(&bus);
	for (unsigned i = 0; i < DEV_BUS_MAX; i++)
		assert_int_equal(dev_bus_add(&bus, &(struct dev_range){DEV_PORT, i, 1, &ops, NULL, "x"}), 0);
	assert_int_equal(dev_bus_add(&bus, &(struct dev_range){DEV_PORT, 99, 1, &ops, NULL, "x"}), -ENOSPC);
}

struct access_row { enum dev_space space; uint64_t addr; unsigned len; int which; uint64_t offset; };

static void test_access(void **state)
{
	/* which: device 0 at ports 0x10..0x13, device 1 at MMIO 0x1000..0x10ff, -1 nobody. */
	static const struct access_row rows[] = {
		{DEV_PORT, 0x10, 1, 0, 0}, {DEV_PORT, 0x12, 2, 0, 2}, {DEV_PORT, 0x10, 4, 0, 0},
		{DEV_PORT, 0x13, 2, -1, 0}, {DEV_PORT, 0x14, 1, -1, 0}, {DEV_PORT, 0xf, 2, -1, 0},
		{DEV_PORT, 0x1000, 1, -1, 0}, {DEV_MMIO, 0x10, 1, -1, 0}, {DEV_MMIO, 0x1000, 8, 1, 0},
		{DEV_MMIO, 0x10f8, 8, 1, 0xf8}, {DEV_MMIO, 0x10fc, 8, -1, 0},
		{DEV_MMIO, UINT64_MAX, 8, -1, 0},
	};
	static const uint8_t ones[8] = {255, 255, 255, 255, 255, 255, 255, 255};
	struct last dev[2];
	struct dev_bus bus;

	(void)state;
	dev_bus_init(&bus);
	assert_int_equal(dev_bus_add(&bus, &(struct dev_range){DEV_PORT, 0x10, 4, &ops, &dev[0], "a"}), 0);
	assert_int_equal(dev_bus_add(&bus, &(struct dev_range){DEV_MMIO, 0x1000, 256, &ops, &dev[1], "b"}),
			 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct access_row *r = &rows[i];
		uint8_t data[8] = {0};
		memset(dev, 0, sizeof(dev));
		bool hit = dev_bus_read(&bus, r->space, r->addr, data, r->len);
		assert_int_equal(hit, r->which >= 0);
		if (!hit)
			assert_memory_equal(data, ones, r->len);
		hit = dev_bus_write(&bus, r->space, r->addr, "abcdefgh", r->len);
		assert_int_equal(hit, r->which >= 0);
		for (int d = 0; d < 2; d++)
			assert_int_equal(dev[d].calls, d == r->which ? 2 : 0);
		if (hit)
			assert_true(dev[r->which].offset == r->offset && dev[r->which].len == r->len &&
			            (dev[r->which].value & 0xff) == 'a');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add), cmocka_unit_test(test_full), cmocka_unit_test(test_access),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
