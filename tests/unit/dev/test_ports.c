/* The devices without state: debug console and exit ports. */
#include "../cmocka_all.h"
#include "dev/debug_exit.h"
#include "dev/debugcon.h"
#include "dev/fw_cfg.h"
#include "dev/power.h"
#include "dev/testdev.h"
#include "fake_host.h"
#include <errno.h>

static void test_debugcon(void **state)
{
	struct fake_host f;
	struct dev_bus bus;

	(void)state;
	fake_host_init(&f);
	dev_bus_init(&bus);
	assert_int_equal(dev_debugcon_attach(&f.host, &bus), 0);
	assert_int_equal(dev_debugcon_attach(&f.host, &bus), -EEXIST);
	assert_int_equal(port_in(&bus, 0xe9), 0xe9);
	port_out(&bus, 0xe9, 'h');
	port_out(&bus, 0xe9, 'i');
	assert_int_equal(f.output_len, 2);
	assert_memory_equal(f.output, "hi", 2);
}

struct exit_row { uint16_t port; uint32_t value; unsigned len; int status; }; /* status -1: no exit */

static void test_exit(void **state)
{
	static const struct exit_row rows[] = {
		{0xf4, 0, 1, 1},      {0xf4, 0x10, 1, 0x21}, {0xf4, 0x7f, 1, 0xff}, {0xf4, 0x80, 1, 1},
		{0xf4, 0x10, 4, 0x21}, {0xf4, 0x10, 2, 0x21}, {0xf5, 3, 1, 7},       {0xf7, 0, 1, 1},
		{0xf8, 0, 1, 0},      {0xf8, 42, 1, 42},     {0xf8, 255, 4, 255},   {0xf8, 256, 4, 0},
		{0xf8, 42, 2, 42},    {0xfb, 7, 1, 7},       {0xfc, 7, 1, -1},      {0xf3, 7, 1, -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake_host f;
		struct dev_bus bus;
		fake_host_init(&f);
		dev_bus_init(&bus);
		assert_int_equal(dev_debug_exit_attach(&f.host, &bus), 0);
		dev_bus_write(&bus, DEV_PORT, rows[i].port, &rows[i].value, rows[i].len);
		assert_int_equal(f.exits, rows[i].status >= 0);
		if (f.exits && f.status != (uint32_t)rows[i].status)
			fail_msg("row %zu: status %u", i, f.status);
		assert_int_equal(port_in(&bus, rows[i].port), rows[i].status >= 0 ? 0 : 0xff);
	}
}

static void test_power(void **state)
{
	static const struct exit_row rows[] = {
		{0x604, 0x2000, 2, 0},  {0x604, 0x3c01, 2, 0}, {0x604, 0x1c01, 2, -1},
		{0x605, 0x20, 1, 0},    {0x605, 0x1c, 1, -1},  {0x604, 0x2000, 4, 0},
		{0x604, 0x20, 1, -1},   {0x600, 0x2000, 2, -1}, {0x602, 0xffff, 2, -1},
		{0xb004, 0x2000, 2, 0}, {0xb004, 0, 2, -1},    {0xb005, 0x20, 1, -1},
	};
	struct fake_host f;
	struct dev_power p;
	struct dev_bus bus;
	uint32_t v = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fake_host_init(&f);
		dev_bus_init(&bus);
		dev_power_init(&p, &f.host);
		assert_int_equal(dev_power_attach(&p, &bus), 0);
		dev_bus_write(&bus, DEV_PORT, rows[i].port, &rows[i].value, rows[i].len);
		if (f.exits != (rows[i].status >= 0) || f.status != 0)
			fail_msg("row %zu: %u exits, status %u", i, f.exits, f.status);
	}
	dev_bus_read(&bus, DEV_PORT, 0x604, &v, 2);
	assert_int_equal(v, 1);
	dev_bus_read(&bus, DEV_PORT, 0x600, &v, 4);
	assert_int_equal(v, 0);
	dev_bus_read(&bus, DEV_PORT, 0x602, &v, 4);
	assert_int_equal(v, 0x10000);
	/* The enable bits read back what was written, until a reset. */
	v = 0x20;
	dev_bus_write(&bus, DEV_PORT, 0x602, &v, 2);
	dev_bus_read(&bus, DEV_PORT, 0x600, &v, 4);
	assert_int_equal(v, 0x200000);
	dev_power_reset(&p);
	dev_bus_read(&bus, DEV_PORT, 0x600, &v, 4);
	assert_int_equal(v, 0);
	dev_bus_read(&bus, DEV_PORT, 0xb004, &v, 2);
	assert_int_equal(v & 0xffff, 0);
}

static uint64_t fw_cfg_item(struct dev_bus *bus, uint16_t item, unsigned bytes)
{
	uint64_t v = 0;

	dev_bus_write(bus, DEV_PORT, 0x510, &item, 2);
	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)port_in(bus, 0x511) << 8 * i;
	return v;
}

static void test_fw_cfg(void **state)
{
	struct dev_fw_cfg f;
	struct dev_bus bus;

	(void)state;
	dev_bus_init(&bus);
	dev_fw_cfg_init(&f, 5ull << 30, 3);
	assert_int_equal(dev_fw_cfg_attach(&f, &bus), 0);
	assert_true(fw_cfg_item(&bus, 0, 4) == 0x554d4551 && fw_cfg_item(&bus, 1, 4) == 1);
	assert_true(fw_cfg_item(&bus, 3, 8) == 5ull << 30);
	assert_true(fw_cfg_item(&bus, 5, 2) == 3 && fw_cfg_item(&bus, 15, 2) == 3);
	assert_int_equal(port_in(&bus, 0x511), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(port_in(&bus, 0x511), 0);
	assert_true(fw_cfg_item(&bus, 0xffff, 8) == 0 && fw_cfg_item(&bus, 0x19, 4) == 0);
	/* Bytes do not select, and what is selected can be read again. */
	assert_true(fw_cfg_item(&bus, 5, 1) == 3);
	port_out(&bus, 0x510, 3);
	port_out(&bus, 0x511, 3);
	assert_int_equal(port_in(&bus, 0x511), 0);
	assert_int_equal(port_in(&bus, 0x510), 0);
	dev_fw_cfg_reset(&f);
	assert_int_equal(port_in(&bus, 0x511), 'Q');
	dev_fw_cfg_fini(&f);
	dev_fw_cfg_fini(NULL);
}

static void test_testdev(void **state)
{
	struct fake_host f;
	struct dev_testdev t;
	struct dev_bus bus;
	uint32_t v = 0x44332211;

	(void)state;
	fake_host_init(&f);
	dev_bus_init(&bus);
	dev_testdev_init(&t, &f.host);
	assert_int_equal(dev_testdev_attach(&t, &bus), 0);
	dev_bus_write(&bus, DEV_PORT, 0xe0, &v, 4);
	assert_int_equal(port_in(&bus, 0xe2), 0x33);
	v = 0;
	dev_bus_read(&bus, DEV_PORT, 0xe1, &v, 2);
	assert_int_equal(v, 0x3322);
	v = 0x100;
	dev_bus_write(&bus, DEV_PORT, 0x200b, &v, 4);
	assert_true(f.level[11]);
	assert_int_equal(port_in(&bus, 0x200b), 0);
	v = 0;
	dev_bus_write(&bus, DEV_PORT, 0x200b, &v, 4);
	assert_true(!f.level[11] && f.edges[11] == 1);
	/* Behind the last line there is none. */
	port_out(&bus, 0x2018, 1);
	port_out(&bus, 0x201a, 1);
	dev_testdev_reset(&t);
	assert_int_equal(port_in(&bus, 0xe2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_debugcon), cmocka_unit_test(test_exit), cmocka_unit_test(test_power),
		cmocka_unit_test(test_fw_cfg), cmocka_unit_test(test_testdev),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
