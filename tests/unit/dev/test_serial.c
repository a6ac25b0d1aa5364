#include "../cmocka_all.h"
#include "dev/serial.h"
#include "fake_host.h"

#define BASE 0x3f8u

/*
 * One step of a script on a fresh UART:
 *   'w' writes value to register, 'r' must read value from it, 'i' types text (value = bytes taken),
 *   'l' the interrupt line must be value, 'o' all output so far is text, 'e' edges so far are value,
 *   'm' room callbacks so far are value, 'f' rx_room must be value, 'R' machine reset
 */
struct step { char what; uint8_t reg, value; const char *text; };
struct script { const char *name; struct step step[24]; };

#define W(reg, value) {'w', reg, value, NULL}
#define R(reg, value) {'r', reg, value, NULL}
#define TYPE(s, taken) {'i', 0, taken, s}
#define LINE(v) {'l', 0, v, NULL}
#define EDGES(v) {'e', 0, v, NULL}
#define OUT(s) {'o', 0, 0, s}
#define ROOMS(v) {'m', 0, v, NULL}
#define FREE(v) {'f', 0, v, NULL}
#define RESET {'R', 0, 0, NULL}

static const struct script scripts[] = {
	{"power on", {
		R(1, 0), R(2, 0x01), R(3, 0), R(4, 0), R(5, 0x60), R(6, 0xb0), R(7, 0), LINE(0), FREE(1)}},
	{"scratch", {W(7, 0xa5), R(7, 0xa5), W(7, 0x5a), R(7, 0x5a)}},
	{"divisor latch", {
		W(3, 0x83), R(0, 12), R(1, 0), W(0, 0x34), W(1, 0x12), R(0, 0x34), R(1, 0x12), OUT(""),
		W(3, 0x03), R(1, 0), W(0, 'x'), OUT("x"), W(3, 0x83), R(0, 0x34)}},
	{"reserved bits", {W(1, 0xff), R(1, 0x0f), W(4, 0xff), R(4, 0x1f), W(3, 0x7f), R(3, 0x7f)}},
	{"read only", {W(5, 0xff), R(5, 0x60), W(6, 0xff), R(6, 0xb0)}},
	{"transmit", {W(0, 'h'), W(0, 'i'), OUT("hi"), R(5, 0x60)}},
	{"fifo bits", {W(2, 0x01), R(2, 0xc1), W(2, 0xc7), R(2, 0xc1), W(2, 0xc6), R(2, 0x01)}},

	{"not listening yet", {
		TYPE("q", 0), ROOMS(0), R(5, 0x60), ROOMS(1), TYPE("q", 1), R(5, 0x61), R(0, 'q'),
		R(5, 0x60), R(0, 0)}},
	{"listening by interrupt", {TYPE("q", 0), W(1, 1), ROOMS(1), TYPE("q", 1), LINE(1)}},
	{"one byte without fifo", {
		R(5, 0x60), TYPE("ab", 1), FREE(0), R(0, 'a'), ROOMS(1), TYPE("b", 1), R(0, 'b'),
		ROOMS(1)}},
	{"sixteen bytes with fifo", {W(2, 0x01), R(5, 0x60), FREE(16), TYPE("0123456789abcdefg", 16), FREE(0),
		R(0, '0'), ROOMS(1), TYPE("g", 1), R(0, '1'), R(5, 0x61)}},
	{"receiver reset", {
		W(2, 0x01), R(5, 0x60), TYPE("abc", 3), W(2, 0x03), FREE(0), R(5, 0x60), FREE(16)}},
	{"fifo off drops", {W(2, 0x01), R(5, 0x60), TYPE("abc", 3), W(2, 0x00), R(5, 0x60)}},
	{"reset bit needs enable", {R(5, 0x60), TYPE("a", 1), W(2, 0x02), R(0, 'a')}},

	{"receive interrupt", {
		W(1, 1), LINE(0), TYPE("a", 1), LINE(1), R(2, 0x04), LINE(1), R(0, 'a'), LINE(0),
		R(2, 0x01), EDGES(1)}},
	{"masked", {R(5, 0x60), TYPE("a", 1), LINE(0), R(2, 0x01), W(1, 1), LINE(1), W(1, 0), LINE(0)}},
	{"time-out below the trigger level", {W(2, 0x41), W(1, 1), TYPE("abc", 3), LINE(1), R(2, 0xcc),
		TYPE("d", 1), R(2, 0xc4), R(0, 'a'), R(2, 0xcc)}},
	{"trigger level 14", {
		W(2, 0xc1), W(1, 1), TYPE("0123456789abc", 13), R(2, 0xcc), TYPE("d", 1), R(2, 0xc4)}},
	{"trigger level 8", {W(2, 0x81), W(1, 1), TYPE("0123456", 7), R(2, 0xcc), TYPE("d", 1), R(2, 0xc4)}},

	{"transmit interrupt", {
		W(1, 2), LINE(1), R(2, 0x02), LINE(0), R(2, 0x01), W(0, 'a'), LINE(1), W(0, 'b'),
		LINE(1), EDGES(3), R(2, 0x02), LINE(0), OUT("ab")}},
	{"transmit masked", {
		W(0, 'a'), LINE(0), R(2, 0x01), W(1, 2), LINE(1), W(1, 2), R(2, 0x02), W(1, 2), LINE(0),
		W(1, 0), W(1, 2), LINE(1)}},

	{"priorities", {W(4, 0x10), W(0, 'a'), W(0, 'b'), W(1, 0x0f), W(4, 0x12), R(2, 0x06), R(5, 0x63),
		R(2, 0x04), R(0, 'a'), R(2, 0x02), R(2, 0x00), R(6, 0x1b), R(2, 0x01), LINE(0)}},

	{"loopback data", {
		W(4, 0x10), W(0, 'z'), OUT(""), R(5, 0x61), R(0, 'z'), R(5, 0x60), FREE(0), TYPE("q", 0)}},
	{"loopback ends", {W(4, 0x10), R(5, 0x60), TYPE("q", 0), W(4, 0), ROOMS(1), TYPE("q", 1)}},
	{"loopback overrun", {W(4, 0x10), W(0, 'a'), W(0, 'b'), R(5, 0x63), R(5, 0x61), R(0, 'a')}},
	{"loopback modem", {
		W(4, 0x10), R(6, 0x0b), R(6, 0x00), W(4, 0x11), R(6, 0x22), W(4, 0x12), R(6, 0x13),
		W(4, 0x14), R(6, 0x41), W(4, 0x18), R(6, 0x8c), W(4, 0x1f), R(6, 0xf3), R(6, 0xf0),
		W(4, 0x0f), R(6, 0xb4), R(6, 0xb0)}},
	{"modem interrupt", {W(1, 8), LINE(0), W(4, 0x10), LINE(1), R(2, 0x00), R(6, 0x0b), LINE(0)}},

	{"machine reset", {
		W(2, 0x01), W(1, 3), W(3, 0x80), W(4, 1), W(7, 9), LINE(1), RESET, LINE(0), R(1, 0),
		R(2, 1), R(3, 0), R(4, 0), R(7, 0), R(6, 0xb0)}},
};

struct rig { struct fake_host f; struct dev_serial s; struct dev_bus bus; };

/* True when the step saw what it should. */
static bool run_step(struct rig *g, const struct step *st)
{
	switch (st->what) {
	case 'w': port_out(&g->bus, BASE + st->reg, st->value); return true;
	case 'r': return port_in(&g->bus, BASE + st->reg) == st->value;
	case 'i': return dev_serial_input(&g->s, st->text, strlen(st->text)) == st->value;
	case 'l': return g->f.level[4] == st->value;
	case 'e': return g->f.edges[4] == st->value;
	case 'm': return g->f.rooms == st->value;
	case 'f': return dev_serial_rx_room(&g->s) == st->value;
	case 'o':
		return g->f.output_len == strlen(st->text) &&
		       !memcmp(g->f.output, st->text, g->f.output_len);
	default: dev_serial_reset(&g->s); return true;
	}
}

static void run_script(const struct script *sc)
{
	struct rig g;

	fake_host_init(&g.f);
	dev_bus_init(&g.bus);
	dev_serial_init(&g.s, &g.f.host, 4);
	dev_serial_on_room(&g.s, fake_room, &g.f);
	assert_int_equal(dev_serial_attach(&g.s, &g.bus, BASE), 0);
	for (unsigned i = 0; i < ARRAY_LEN(sc->step) && sc->step[i].what; i++)
		if (!run_step(&g, &sc->step[i]))
			fail_msg("%s: step %u", sc->name, i);
	dev_serial_fini(&g.s);
}

static void test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		run_script(&scripts[i]);
}

/* A wide access is byte accesses to the following ports. */
static void test_wide(void **state)
{
	struct rig g;
	uint8_t b[4] = {0x83, 0x01, 0, 0};

	(void)state;
	fake_host_init(&g.f);
	dev_bus_init(&g.bus);
	dev_serial_init(&g.s, &g.f.host, 4);
	assert_int_equal(dev_serial_attach(&g.s, &g.bus, BASE), 0);
	assert_true(dev_bus_write(&g.bus, DEV_PORT, BASE + 3, b, 2));
	assert_int_equal(port_in(&g.bus, BASE + 3), 0x83);
	assert_int_equal(port_in(&g.bus, BASE + 4), 0x01);
	assert_true(dev_bus_write(&g.bus, DEV_PORT, BASE, "\x01\x02", 2));
	assert_true(dev_bus_read(&g.bus, DEV_PORT, BASE, b, 4));
	assert_memory_equal(b, "\x01\x02\x01\x83", 4);
	assert_false(dev_bus_read(&g.bus, DEV_PORT, BASE + 6, b, 4));
	dev_serial_fini(&g.s);
	dev_serial_fini(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_scripts), cmocka_unit_test(test_wide)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
