/* A dev_host that remembers what the device under test did. */
#ifndef TESTS_UNIT_DEV_FAKE_HOST_H
#define TESTS_UNIT_DEV_FAKE_HOST_H

#include "dev/bus.h"
#include <string.h>

struct fake_host {
	struct dev_host host;
	char output[64];
	size_t output_len;
	bool level[16];
	unsigned edges[16];          /* low to high */
	unsigned exits, resets, rooms;
	uint32_t status;
};

static inline void fake_irq(void *ctx, unsigned line, bool level)
{
	struct fake_host *f = ctx;
	if (level && !f->level[line])
		f->edges[line]++;
	f->level[line] = level;
}

static inline void fake_output(void *ctx, const void *bytes, size_t len)
{
	struct fake_host *f = ctx;
	if (f->output_len + len > sizeof(f->output))
		return;
	memcpy(f->output + f->output_len, bytes, len);
	f->output_len += len;
}

static inline void fake_exit(void *ctx, uint32_t status)
{
	struct fake_host *f = ctx;
	f->exits++;
	f->status = status;
}

static inline void fake_reset(void *ctx)
{
	((struct fake_host *)ctx)->resets++;
}

static inline void fake_room(void *ctx)
{
	((struct fake_host *)ctx)->rooms++;
}

static inline void fake_host_init(struct fake_host *f)
{
	memset(f, 0, sizeof(*f));
	f->host = (struct dev_host){
		.ctx = f, .irq = fake_irq, .output = fake_output, .exit = fake_exit, .reset = fake_reset
	};
}

static inline uint8_t port_in(struct dev_bus *bus, uint64_t port)
{
	uint8_t v = 0;
	dev_bus_read(bus, DEV_PORT, port, &v, 1);
	return v;
}

static inline void port_out(struct dev_bus *bus, uint64_t port, uint8_t v)
{
	dev_bus_write(bus, DEV_PORT, port, &v, 1);
}

#endif
