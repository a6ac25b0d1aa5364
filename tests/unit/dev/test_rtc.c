#include "../cmocka_all.h"
#include "dev/rtc.h"
#include "fake_host.h"
#include <errno.h>
#include <time.h>

static int64_t given;

static int64_t given_now(void *ctx)
{
	(void)ctx;
	return given;
}

static uint8_t get(struct dev_bus *bus, uint8_t index)
{
	port_out(bus, 0x70, index);
	return port_in(bus, 0x71);
}

static void set(struct dev_bus *bus, uint8_t index, uint8_t value)
{
	port_out(bus, 0x70, index);
	port_out(bus, 0x71, value);
}

static uint8_t bcd(int value)
{
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static void start(struct dev_rtc *r, struct dev_bus *bus)
{
	dev_bus_init(bus);
	dev_rtc_init(r, given_now, NULL);
	assert_int_equal(dev_rtc_attach(r, bus), 0);
}

/* Against libc's calendar: leap years, ends of centuries, every day of some years. */
static void test_dates(void **state)
{
	struct dev_rtc r;
	struct dev_bus bus;

	(void)state;
	start(&r, &bus);
	for (given = 0; given < 8000000000; given += 86400 * 3 + 3601 + given % 60) {
		time_t t = (time_t)given;
		struct tm tm;

		gmtime_r(&t, &tm);
		if (get(&bus, 0) != bcd(tm.tm_sec) || get(&bus, 2) != bcd(tm.tm_min) ||
		    get(&bus, 4) != bcd(tm.tm_hour) || get(&bus, 6) != bcd(tm.tm_wday + 1) ||
		    get(&bus, 7) != bcd(tm.tm_mday) || get(&bus, 8) != bcd(tm.tm_mon + 1) ||
		    get(&bus, 9) != bcd(tm.tm_year % 100) ||
		    get(&bus, 0x32) != bcd((tm.tm_year + 1900) / 100))
			fail_msg("%lld: %02x%02x-%02x-%02x", (long long)given, get(&bus, 0x32), get(&bus, 9),
			         get(&bus, 8), get(&bus, 7));
	}
	dev_rtc_fini(&r);
}

static void test_forms(void **state)
{
	static const struct { int hour; uint8_t b, shown; } rows[] = {
		{0, 2, 0}, {13, 2, 0x13}, {23, 6, 23}, {0, 0, 0x12}, {1, 0, 1}, {11, 0, 0x11}, {12, 0, 0x92},
		{23, 0, 0x91}, {23, 4, 0x8b}, {0, 4, 12},
	};
	struct dev_rtc r;
	struct dev_bus bus;

	(void)state;
	start(&r, &bus);
	assert_int_equal(get(&bus, 11), 2);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		given = rows[i].hour * 3600 + 59;
		set(&bus, 11, rows[i].b);
		if (get(&bus, 4) != rows[i].shown)
			fail_msg("hour %d with B %x: %02x", rows[i].hour, rows[i].b, get(&bus, 4));
	}
	dev_rtc_fini(&r);
}

static void test_registers(void **state)
{
	uint8_t kept[1 + DEV_RTC_BYTES];
	uint16_t both = 0x5a40;
	struct dev_rtc r;
	struct dev_bus bus;

	(void)state;
	start(&r, &bus);
	given = 1;
	assert_int_equal(get(&bus, 10), 0x26);
	assert_int_equal(get(&bus, 12), 0);
	assert_int_equal(get(&bus, 13), 0x80);
	set(&bus, 10, 0xff);
	assert_int_equal(get(&bus, 10), 0x7f);
	set(&bus, 11, 0xff);
	assert_int_equal(get(&bus, 11), 0x87);
	set(&bus, 11, 2);
	set(&bus, 0, 0x33);
	assert_int_equal(get(&bus, 0), 1);
	set(&bus, 0x80 | 0x7f, 0x77); /* NMI masked */
	assert_int_equal(get(&bus, 0x7f), 0x77);
	assert_int_equal(port_in(&bus, 0x70), 0xff);
	dev_bus_write(&bus, DEV_PORT, 0x70, &both, 2);
	assert_int_equal(get(&bus, 0x40), 0x5a);
	/* The bytes outlive a reset, and come back from a snapshot. */
	bus.part[0].save(bus.part[0].dev, kept);
	set(&bus, 0x40, 1);
	dev_rtc_reset(&r);
	assert_int_equal(r.index, 0);
	assert_int_equal(get(&bus, 0x7f), 0x77);
	assert_int_equal(bus.part[0].restore(bus.part[0].dev, kept), 0);
	assert_int_equal(port_in(&bus, 0x71), 0x5a);
	kept[0] = 0x80;
	assert_int_equal(bus.part[0].restore(bus.part[0].dev, kept), -EINVAL);
	dev_rtc_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates), cmocka_unit_test(test_forms), cmocka_unit_test(test_registers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
