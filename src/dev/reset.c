#include "dev/reset.h"

#include <string.h>

#define STATUS_FULL 0x01u
#define STATUS_SYSTEM 0x04u     /* self test passed */
#define STATUS_COMMAND 0x08u
#define STATUS_UNLOCKED 0x10u

#define PORT_RESET_LINE 0x01u   /* output port bit 0: low resets the CPU */
#define PORT_A20 0x02u

#define PORT_A_RESET 0x01u
#define PORT_A_A20 0x02u

#define CONTROL_CPU 0x04u
#define CONTROL_KEPT 0x0eu

/* 8042 commands that answer with a byte or take one; the others are accepted and do nothing. */
enum {
	CMD_READ_CONFIG = 0x20, CMD_WRITE_CONFIG = 0x60, CMD_TEST_AUX = 0xa9, CMD_SELF_TEST = 0xaa,
	CMD_TEST_KBD = 0xab, CMD_READ_PORT = 0xd0, CMD_WRITE_PORT = 0xd1, CMD_PULSE = 0xf0
};

static void answer(struct dev_reset *r, uint8_t v)
{
	r->data = v;
	r->full = true;
}

/* 0xf0..0xff pulse low the output lines whose bit is 0; line 0 is the CPU's reset. */
static bool kbd_command(struct dev_reset *r, uint8_t v)
{
	r->last_was_command = true;
	r->command = 0;
	switch (v) {
	case CMD_READ_CONFIG: answer(r, r->config); break;
	case CMD_TEST_AUX:
	case CMD_TEST_KBD: answer(r, 0); break;
	case CMD_SELF_TEST: answer(r, 0x55); break;
	case CMD_READ_PORT: answer(r, r->port); break;
	case CMD_WRITE_CONFIG:
	case CMD_WRITE_PORT: r->command = v; break;
	default: return v >= CMD_PULSE && !(v & PORT_RESET_LINE);
	}
	return false;
}

static bool kbd_data(struct dev_reset *r, uint8_t v)
{
	uint8_t command = r->command;

	r->last_was_command = false;
	r->command = 0;
	if (command == CMD_WRITE_CONFIG)
		r->config = v;
	if (command != CMD_WRITE_PORT)
		return false;
	r->port = v;
	return !(v & PORT_RESET_LINE);
}

static bool port_a(struct dev_reset *r, uint8_t v)
{
	bool rising = (v & ~r->port_a) & PORT_A_RESET;

	r->port_a = v;
	return rising;
}

static bool control(struct dev_reset *r, uint8_t v)
{
	bool rising = (v & ~r->control) & CONTROL_CPU;

	r->control = v & CONTROL_KEPT;
	return rising;
}

static uint8_t read_data(struct dev_reset *r)
{
	r->full = false;
	return r->data;
}

static uint8_t read_status(struct dev_reset *r)
{
	return STATUS_SYSTEM | STATUS_UNLOCKED | (r->full ? STATUS_FULL : 0) |
	       (r->last_was_command ? STATUS_COMMAND : 0);
}

static uint8_t read_port_a(struct dev_reset *r)
{
	return r->port_a;
}

static uint8_t read_control(struct dev_reset *r)
{
	return r->control;
}

/* Every range is one port wide, so len is 1 here. */
static void do_read(struct dev_reset *r, uint8_t (*reg)(struct dev_reset *), void *data, unsigned len)
{
	memset(data, 0xff, len);
	pthread_mutex_lock(&r->lock);
	*(uint8_t *)data = reg(r);
	pthread_mutex_unlock(&r->lock);
}

static void do_write(struct dev_reset *r, bool (*reg)(struct dev_reset *, uint8_t), const void *data)
{
	bool fire;

	pthread_mutex_lock(&r->lock);
	fire = reg(r, *(const uint8_t *)data);
	pthread_mutex_unlock(&r->lock);
	if (fire)
		r->host->reset(r->host->ctx);
}

#define PORT_OPS(name, reader, writer) \
	static void name##_read(void *dev, uint64_t offset, void *data, unsigned len) \
	{ \
		(void)offset; \
		do_read(dev, reader, data, len); \
	} \
	static void name##_write(void *dev, uint64_t offset, const void *data, unsigned len) \
	{ \
		(void)offset; \
		(void)len; \
		do_write(dev, writer, data); \
	} \
	static const struct dev_ops name##_ops = {.read = name##_read, .write = name##_write}

PORT_OPS(kbd_data, read_data, kbd_data);
PORT_OPS(kbd_command, read_status, kbd_command);
PORT_OPS(port_a, read_port_a, port_a);
PORT_OPS(control, read_control, control);

static void power_on(struct dev_reset *r)
{
	r->config = STATUS_SYSTEM;
	r->port = PORT_RESET_LINE | PORT_A20;
	r->data = r->command = r->control = 0;
	r->full = r->last_was_command = false;
	r->port_a = PORT_A_A20;
}

void dev_reset_init(struct dev_reset *r, const struct dev_host *host)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	r->host = host;
	power_on(r);
}

void dev_reset_fini(struct dev_reset *r)
{
	if (r)
		pthread_mutex_destroy(&r->lock);
}

void dev_reset_reset(struct dev_reset *r)
{
	pthread_mutex_lock(&r->lock);
	power_on(r);
	pthread_mutex_unlock(&r->lock);
}

#define STATE_SIZE 8u

static void reset_save(void *dev, void *buf)
{
	const struct dev_reset *r = dev;
	const uint8_t bytes[STATE_SIZE] = {
		r->config, r->port, r->data, r->full, r->last_was_command, r->command, r->control, r->port_a
	};

	memcpy(buf, bytes, sizeof(bytes));
}

static int reset_restore(void *dev, const void *buf)
{
	struct dev_reset *r = dev;
	const uint8_t *bytes = buf;

	r->config = bytes[0];
	r->port = bytes[1];
	r->data = bytes[2];
	r->full = bytes[3];
	r->last_was_command = bytes[4];
	r->command = bytes[5];
	r->control = bytes[6];
	r->port_a = bytes[7];
	return 0;
}

int dev_reset_attach(struct dev_reset *r, struct dev_bus *bus)
{
	const struct dev_range ranges[] = {
		{DEV_PORT, DEV_RESET_KBD_DATA, 1, &kbd_data_ops, r, "keyboard controller"},
		{DEV_PORT, DEV_RESET_KBD_COMMAND, 1, &kbd_command_ops, r, "keyboard controller"},
		{DEV_PORT, DEV_RESET_PORT_A, 1, &port_a_ops, r, "system control port A"},
		{DEV_PORT, DEV_RESET_CONTROL, 1, &control_ops, r, "reset control"},
	};

	const struct dev_part part = {"8042", r, STATE_SIZE, reset_save, reset_restore};

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		int rc = dev_bus_add(bus, &ranges[i]);

		if (rc < 0)
			return rc;
	}
	return dev_bus_add_part(bus, &part);
}
