/*
 * All devices on their bus, driven by a hostile guest and by bytes from outside. The input is a row of
 * commands; see step(). Held against: a read fills just the bytes it was asked for and a write changes none
 * of its own; only lines that exist are raised; no more comes out of the serial port than went in; after a
 * reset every device answers as a fresh one does.
 */
#include "cli/devices.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cli_devices dev;
static uint64_t written, said;

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void on_irq(void *ctx, unsigned line, bool level)
{
	(void)ctx, (void)level;
	must(line < 24);
}

static void on_output(void *ctx, const void *bytes, size_t len)
{
	(void)ctx;
	must(bytes != NULL && len > 0);
	said += len;
}

static void on_exit_wish(void *ctx, uint32_t status)
{
	(void)ctx, (void)status;
}

static void on_reset_wish(void *ctx)
{
	(void)ctx;
}

/* Ports where something is, as often as anywhere. */
static uint64_t address(const uint8_t *p)
{
	static const uint16_t bases[] = {0x3f8, 0xe9, 0xf4, 0xf8, 0x60, 0x64, 0x92, 0xcf9,
	                                 0x600, 0xb004, 0x510, 0xe0, 0x2000, 0x500};
	unsigned pick = p[0] % 16;

	return pick < 14 ? bases[pick] + p[1] % 16u : (uint64_t)p[0] << 8 | p[1];
}

/* In memory of the exact size, so that a sanitizer sees a byte too many. */
static void access_bus(enum dev_space space, uint64_t addr, unsigned len, bool write, const uint8_t *value)
{
	uint8_t *bytes = malloc(len);

	must(bytes != NULL);
	memcpy(bytes, value, len);
	if (write) {
		written += len;
		dev_bus_write(&dev.bus, space, addr, bytes, len);
		must(memcmp(bytes, value, len) == 0);
	} else if (!dev_bus_read(&dev.bus, space, addr, bytes, len)) {
		for (unsigned i = 0; i < len; i++)
			must(bytes[i] == 0xff);
	}
	free(bytes);
}

static void must_be_fresh(void)
{
	static const uint16_t probes[] = {0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0xe0, 0x64, 0x92, 0x600, 0x604};
	static struct cli_devices other;
	uint64_t memory = 128ull << 20;

	must(cli_devices_init(&other, &dev.host, memory, 2, NULL, NULL, NULL) == 0);
	cli_devices_reset(&dev);
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		uint8_t a = 0, b = 0;

		dev_bus_read(&dev.bus, DEV_PORT, probes[i], &a, 1);
		dev_bus_read(&other.bus, DEV_PORT, probes[i], &b, 1);
		must(a == b);
	}
	cli_devices_fini(&other);
}

/* kind, address (2), value (8): what happens, and where. */
static void step(const uint8_t *p)
{
	static const unsigned sizes[] = {1, 2, 4, 8};
	unsigned len = sizes[p[0] >> 4 & 3];

	switch (p[0] % 8) {
	case 0:
	case 1:
		access_bus(DEV_PORT, address(p + 1), len > 4 ? 4 : len, p[0] % 8, p + 3);
		break;
	case 2:
		access_bus(DEV_MMIO, address(p + 1) << (p[3] % 48), len, p[4] & 1, p + 3);
		break;
	case 3:
		must(dev_serial_input(&dev.serial, p + 3, 1 + p[1] % 8u) <= 8);
		break;
	case 4:
		must(dev_serial_rx_room(&dev.serial) <= 4096);
		break;
	case 5:
		if (p[1] == 0)
			must_be_fresh();
		break;
	default: /* a burst, as of a string instruction */
		for (unsigned i = 0; i < p[1] % 32u; i++)
			access_bus(DEV_PORT, 0x3f8 + p[2] % 8u, 1, p[0] % 8 == 6, p + 3 + i % 8);
	}
	must(said <= written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dev_host host = {.irq = on_irq, .output = on_output, .exit = on_exit_wish,
	                              .reset = on_reset_wish};
	struct error err;

	written = said = 0;
	must(cli_devices_init(&dev, &host, 128ull << 20, 2, NULL, NULL, &err) == 0);
	for (unsigned i = 0; i < 500 && size >= 11; i++, data += 11, size -= 11)
		step(data);
	must_be_fresh();
	cli_devices_fini(&dev);
	return 0;
}
