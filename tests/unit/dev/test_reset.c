#include "../cmocka_all.h"
#include "dev/reset.h"
#include "fake_host.h"
#include <errno.h>

/* One access: 'w' writes value, 'r' must read it; resets = requests seen so far. */
struct step { char what; uint16_t port; uint8_t value; unsigned resets; };
struct script { const char *name; struct step step[8]; };

static const struct script scripts[] = {
	{"pulse 0xfe", {
		{'r', 0x64, 0x14, 0}, {'w', 0x64, 0xfe, 1}, {'r', 0x64, 0x1c, 1}, {'w', 0x64, 0xfe, 2}}},
	{"pulse without line 0", {{'w', 0x64, 0xff, 0}, {'w', 0x64, 0xfd, 0}, {'w', 0x64, 0xf0, 1}}},
	{"output port", {
		{'w', 0x64, 0xd0, 0}, {'r', 0x64, 0x1d, 0}, {'r', 0x60, 0x03, 0}, {'r', 0x64, 0x1c, 0},
		{'w', 0x64, 0xd1, 0}, {'w', 0x60, 0x03, 0}, {'w', 0x64, 0xd1, 0}, {'w', 0x60, 0x02, 1}}},
	{"data without command", {{'w', 0x60, 0xfe, 0}, {'w', 0x60, 0x00, 0}}},
	{"command dropped by the next", {{'w', 0x64, 0xd1, 0}, {'w', 0x64, 0xae, 0}, {'w', 0x60, 0x00, 0}}},
	{"self tests", {{'w', 0x64, 0xaa, 0}, {'r', 0x60, 0x55, 0}, {'w', 0x64, 0xab, 0}, {'r', 0x60, 0, 0}}},
	{"config", {{'w', 0x64, 0x60, 0}, {'w', 0x60, 0x47, 0}, {'w', 0x64, 0x20, 0}, {'r', 0x60, 0x47, 0}}},
	{"port 0x92", {{'r', 0x92, 0x02, 0}, {'w', 0x92, 0x02, 0}, {'w', 0x92, 0x03, 1}, {'r', 0x92, 0x03, 1},
		{'w', 0x92, 0x03, 1}, {'w', 0x92, 0x02, 1}, {'w', 0x92, 0x01, 2}}},
	{"0xcf9", {{'r', 0xcf9, 0, 0}, {'w', 0xcf9, 0x02, 0}, {'w', 0xcf9, 0x06, 1}, {'r', 0xcf9, 0x06, 1},
		{'w', 0xcf9, 0x06, 1}, {'w', 0xcf9, 0x00, 1}, {'w', 0xcf9, 0x0e, 2}}},
};

static void run_script(const struct script *sc)
{
	struct fake_host f;
	struct dev_reset r;
	struct dev_bus bus;

	fake_host_init(&f);
	dev_bus_init(&bus);
	dev_reset_init(&r, &f.host);
	assert_int_equal(dev_reset_attach(&r, &bus), 0);
	for (unsigned i = 0; i < ARRAY_LEN(sc->step) && sc->step[i].what; i++) {
		const struct step *s = &sc->step[i];
		if (s->what == 'w')
			port_out(&bus, s->port, s->value);
		else if (port_in(&bus, s->port) != s->value)
			fail_msg("%s: step %u: wrong value", sc->name, i);
		if (f.resets != s->resets)
			fail_msg("%s: step %u: %u resets", sc->name, i, f.resets);
	}
	dev_reset_fini(&r);
}

static void test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		run_script(&scripts[i]);
}

static void test_power_on_again(void **state)
{
	struct fake_host f;
	struct dev_reset r;
	struct dev_bus bus;

	(void)state;
	fake_host_init(&f);
	dev_bus_init(&bus);
	dev_reset_init(&r, &f.host);
	assert_int_equal(dev_reset_attach(&r, &bus), 0);
	assert_int_equal(dev_reset_attach(&r, &bus), -EEXIST);
	port_out(&bus, 0xcf9, 0x06);
	port_out(&bus, 0x64, 0xd1);
	dev_reset_reset(&r);
	port_out(&bus, 0x60, 0x00);
	assert_int_equal(f.resets, 1);
	port_out(&bus, 0xcf9, 0x06);
	assert_int_equal(f.resets, 2);
	dev_reset_fini(&r);
	dev_reset_fini(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts), cmocka_unit_test(test_power_on_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
