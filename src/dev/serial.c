#include "dev/serial.h"

#include <errno.h>
#include <string.h>

/* Offsets; 0 and 1 are the divisor latch while LCR.DLAB is set. */
enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RDA 0x01u  /* received data available */
#define IER_THRE 0x02u
#define IER_RLS 0x04u  /* receiver line status */
#define IER_MSI 0x08u  /* modem status */
#define IER_MASK 0x0fu

#define IIR_NONE 0x01u
#define IIR_MSI 0x00u
#define IIR_THRE 0x02u
#define IIR_RDA 0x04u
#define IIR_RLS 0x06u
#define IIR_TIMEOUT 0x0cu
#define IIR_FIFOS 0xc0u

#define FCR_ENABLE 0x01u
#define FCR_RX_RESET 0x02u
#define FCR_KEPT 0xc9u     /* enable, DMA mode, trigger level; the resets clear themselves */

#define LCR_DLAB 0x80u
#define MCR_MASK 0x1fu
#define MCR_DTR 0x01u
#define MCR_RTS 0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u

#define LSR_DR 0x01u
#define LSR_OE 0x02u
#define LSR_IDLE 0x60u     /* THRE and TEMT */

#define MSR_CTS 0x10u
#define MSR_DSR 0x20u
#define MSR_RI 0x40u
#define MSR_DCD 0x80u
#define MSR_TERI 0x04u
#define MSR_DELTAS 0x0fu

/* What a register access asks of the host, to be done once the lock is dropped. */
struct after {
	uint8_t output;
	bool has_output, has_room;
};

static unsigned rx_capacity(const struct dev_serial *s)
{
	return s->fcr & FCR_ENABLE ? DEV_SERIAL_FIFO : 1;
}

static unsigned rx_free(const struct dev_serial *s)
{
	unsigned capacity = rx_capacity(s);

	return s->rx_count < capacity ? capacity - s->rx_count : 0;
}

static void rx_put(struct dev_serial *s, uint8_t byte)
{
	if (rx_free(s) == 0) {
		s->lsr_errors |= LSR_OE;
		return;
	}
	s->rx[(s->rx_head + s->rx_count) % DEV_SERIAL_FIFO] = byte;
	s->rx_count++;
}

static uint8_t rx_get(struct dev_serial *s)
{
	uint8_t byte;

	if (s->rx_count == 0)
		return 0;
	byte = s->rx[s->rx_head];
	s->rx_head = (s->rx_head + 1) % DEV_SERIAL_FIFO;
	s->rx_count--;
	return byte;
}

/* Bytes that the line itself can take now: it is cut in loopback. */
static unsigned line_room(const struct dev_serial *s)
{
	return s->listening && !(s->mcr & MCR_LOOP) ? rx_free(s) : 0;
}

/* RDA at the trigger level, the time-out below it; without FIFOs every byte is at the level. */
static uint8_t rx_source(const struct dev_serial *s)
{
	static const uint8_t levels[] = {1, 4, 8, 14};

	if (!(s->fcr & FCR_ENABLE) || s->rx_count >= levels[s->fcr >> 6])
		return IIR_RDA;
	return IIR_TIMEOUT;
}

/* Highest pending source, in the order of the data sheet's priority table. */
static uint8_t iir_source(const struct dev_serial *s)
{
	if ((s->ier & IER_RLS) && s->lsr_errors)
		return IIR_RLS;
	if ((s->ier & IER_RDA) && s->rx_count > 0)
		return rx_source(s);
	if ((s->ier & IER_THRE) && s->thre_pending)
		return IIR_THRE;
	if ((s->ier & IER_MSI) && (s->msr & MSR_DELTAS))
		return IIR_MSI;
	return IIR_NONE;
}

static void update_line(struct dev_serial *s)
{
	bool level = iir_source(s) != IIR_NONE;

	if (level == s->level)
		return;
	s->level = level;
	s->host->irq(s->host->ctx, s->line, level);
}

/* Modem inputs: a ready peer, or in loopback the modem outputs. */
static uint8_t modem_inputs(const struct dev_serial *s)
{
	uint8_t in = 0;

	if (!(s->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	in |= s->mcr & MCR_RTS ? MSR_CTS : 0;
	in |= s->mcr & MCR_DTR ? MSR_DSR : 0;
	in |= s->mcr & MCR_OUT1 ? MSR_RI : 0;
	in |= s->mcr & MCR_OUT2 ? MSR_DCD : 0;
	return in;
}

/* Delta bits mirror the input bits four places down, but RI's tells only its falling edge (TERI). */
static void update_modem(struct dev_serial *s)
{
	uint8_t in = modem_inputs(s), changed = (s->msr ^ in) & 0xf0;
	uint8_t delta = (uint8_t)(changed >> 4);

	if (in & MSR_RI)
		delta &= (uint8_t)~MSR_TERI;
	s->msr = in | (s->msr & MSR_DELTAS) | delta;
}

static uint8_t read_iir(struct dev_serial *s)
{
	uint8_t source = iir_source(s);

	if (source == IIR_THRE)
		s->thre_pending = false;
	return source | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct dev_serial *s)
{
	uint8_t v = LSR_IDLE | s->lsr_errors | (s->rx_count > 0 ? LSR_DR : 0);

	s->lsr_errors = 0;
	s->listening = true;
	return v;
}

static uint8_t read_msr(struct dev_serial *s)
{
	uint8_t v = s->msr;

	s->msr &= (uint8_t)~MSR_DELTAS;
	return v;
}

static uint8_t read_register(struct dev_serial *s, unsigned reg)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA: return dlab ? s->dll : rx_get(s);
	case REG_IER: return dlab ? s->dlm : s->ier;
	case REG_IIR_FCR: return read_iir(s);
	case REG_LCR: return s->lcr;
	case REG_MCR: return s->mcr;
	case REG_LSR: return read_lsr(s);
	case REG_MSR: return read_msr(s);
	default: return s->scr;
	}
}

/*
 * The byte leaves at once, so the holding register fills and is empty again: the interrupt goes away and
 * comes back, which an edge-triggered interrupt controller must see.
 */
static void write_data(struct dev_serial *s, uint8_t v, struct after *after)
{
	s->thre_pending = false;
	update_line(s);
	if (s->mcr & MCR_LOOP) {
		rx_put(s, v);
	} else {
		after->output = v;
		after->has_output = true;
	}
	s->thre_pending = true;
}

/* Enabling the transmitter interrupt while it is empty raises it, as on the chip. */
static void write_ier(struct dev_serial *s, uint8_t v)
{
	v &= IER_MASK;
	if ((v & IER_THRE) && !(s->ier & IER_THRE))
		s->thre_pending = true;
	if (v & IER_RDA)
		s->listening = true;
	s->ier = v;
}

/* Turning FIFOs on or off empties them; the other bits count only together with the enable bit. */
static void write_fcr(struct dev_serial *s, uint8_t v)
{
	bool toggled = (v ^ s->fcr) & FCR_ENABLE;

	if (toggled || ((v & FCR_ENABLE) && (v & FCR_RX_RESET))) {
		s->rx_count = 0;
		s->listening = false;
	}
	s->fcr = v & FCR_ENABLE ? v & FCR_KEPT : 0;
}

static void write_register(struct dev_serial *s, unsigned reg, uint8_t v, struct after *after)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		if (dlab)
			s->dll = v;
		else
			write_data(s, v, after);
		break;
	case REG_IER:
		if (dlab)
			s->dlm = v;
		else
			write_ier(s, v);
		break;
	case REG_IIR_FCR: write_fcr(s, v); break;
	case REG_LCR: s->lcr = v; break;
	case REG_MCR:
		s->mcr = v & MCR_MASK;
		update_modem(s);
		break;
	case REG_SCR: s->scr = v; break;
	default: break; /* LSR and MSR are read-only (a factory test writes them) */
	}
}

/* What follows any change; called with the lock held. */
static void settle(struct dev_serial *s, struct after *after)
{
	update_line(s);
	if (s->starved && line_room(s) > 0) {
		s->starved = false;
		after->has_room = true;
	}
}

static void tell_host(struct dev_serial *s, const struct after *after)
{
	if (after->has_output)
		s->host->output(s->host->ctx, &after->output, 1);
	if (after->has_room && s->room)
		s->room(s->room_ctx);
}

/* Wider accesses are byte accesses to the following ports, as the ISA bus splits them. */
static void serial_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	struct dev_serial *s = dev;
	uint8_t *out = data;

	for (unsigned i = 0; i < len; i++) {
		struct after after = {0};

		pthread_mutex_lock(&s->lock);
		out[i] = read_register(s, (unsigned)(offset + i) % DEV_SERIAL_SIZE);
		settle(s, &after);
		pthread_mutex_unlock(&s->lock);
		tell_host(s, &after);
	}
}

static void serial_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	struct dev_serial *s = dev;
	const uint8_t *in = data;

	for (unsigned i = 0; i < len; i++) {
		struct after after = {0};

		pthread_mutex_lock(&s->lock);
		write_register(s, (unsigned)(offset + i) % DEV_SERIAL_SIZE, in[i], &after);
		settle(s, &after);
		pthread_mutex_unlock(&s->lock);
		tell_host(s, &after);
	}
}

static void power_on(struct dev_serial *s)
{
	s->ier = s->fcr = s->lcr = s->mcr = s->scr = s->dlm = s->lsr_errors = 0;
	s->dll = 12; /* 9600 baud, where PC firmware leaves it */
	s->msr = MSR_CTS | MSR_DSR | MSR_DCD;
	s->thre_pending = s->listening = false;
	s->rx_head = s->rx_count = 0;
}

void dev_serial_init(struct dev_serial *s, const struct dev_host *host, unsigned line)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->host = host;
	s->line = line;
	power_on(s);
}

void dev_serial_fini(struct dev_serial *s)
{
	if (s)
		pthread_mutex_destroy(&s->lock);
}

void dev_serial_reset(struct dev_serial *s)
{
	pthread_mutex_lock(&s->lock);
	power_on(s);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

/* Registers and flags, the FIFO from its head on, and how many bytes of it count. */
#define STATE_REGISTERS 9u
#define STATE_FLAGS 3u
#define STATE_COUNT (STATE_REGISTERS + STATE_FLAGS + DEV_SERIAL_FIFO)
#define STATE_SIZE 32u

static void serial_save(void *dev, void *buf)
{
	struct dev_serial *s = dev;
	const uint8_t registers[STATE_REGISTERS + STATE_FLAGS] = {
		s->ier, s->fcr, s->lcr, s->mcr, s->msr, s->scr, s->dll, s->dlm, s->lsr_errors,
		s->thre_pending, s->level, s->listening
	};
	uint8_t *out = buf;

	memset(out, 0, STATE_SIZE);
	memcpy(out, registers, sizeof(registers));
	for (unsigned i = 0; i < s->rx_count; i++)
		out[sizeof(registers) + i] = s->rx[(s->rx_head + i) % DEV_SERIAL_FIFO];
	out[STATE_COUNT] = (uint8_t)s->rx_count;
}

static void take_registers(struct dev_serial *s, const uint8_t *in)
{
	s->ier = in[0] & IER_MASK;
	s->fcr = in[1] & FCR_KEPT;
	s->lcr = in[2];
	s->mcr = in[3] & MCR_MASK;
	s->msr = in[4];
	s->scr = in[5];
	s->dll = in[6];
	s->dlm = in[7];
	s->lsr_errors = in[8];
	s->thre_pending = in[9];
	s->level = in[10];
	s->listening = in[11];
}

/*
 * The line is a part of the machine's too, but input may have raised it since. Who waits for room is of the
 * present, not of the past.
 */
static int serial_restore(void *dev, const void *buf)
{
	struct dev_serial *s = dev;
	const uint8_t *in = buf;
	bool has_room;

	if (in[STATE_COUNT] > DEV_SERIAL_FIFO)
		return -EINVAL;
	pthread_mutex_lock(&s->lock);
	take_registers(s, in);
	memcpy(s->rx, in + STATE_REGISTERS + STATE_FLAGS, DEV_SERIAL_FIFO);
	s->rx_head = 0;
	s->rx_count = in[STATE_COUNT];
	s->host->irq(s->host->ctx, s->line, s->level);
	has_room = s->starved && line_room(s) > 0;
	s->starved &= !has_room;
	pthread_mutex_unlock(&s->lock);
	if (has_room && s->room)
		s->room(s->room_ctx);
	return 0;
}

int dev_serial_attach(struct dev_serial *s, struct dev_bus *bus, uint64_t base)
{
	static const struct dev_ops ops = {.read = serial_read, .write = serial_write};
	struct dev_range range = {.space = DEV_PORT,
				  .base = base,
				  .size = DEV_SERIAL_SIZE,
				  .ops = &ops,
				  .dev = s,
				  .name = "serial"};
	const struct dev_part part = {"serial", s, STATE_SIZE, serial_save, serial_restore};
	int rc = dev_bus_add(bus, &range);

	return rc < 0 ? rc : dev_bus_add_part(bus, &part);
}

size_t dev_serial_input(struct dev_serial *s, const void *bytes, size_t len)
{
	const uint8_t *in = bytes;
	size_t taken = 0;

	pthread_mutex_lock(&s->lock);
	for (; taken < len && line_room(s) > 0; taken++)
		rx_put(s, in[taken]);
	if (taken < len)
		s->starved = true;
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	return taken;
}

size_t dev_serial_rx_room(struct dev_serial *s)
{
	size_t room;

	pthread_mutex_lock(&s->lock);
	room = line_room(s);
	if (room == 0)
		s->starved = true;
	pthread_mutex_unlock(&s->lock);
	return room;
}

void dev_serial_on_room(struct dev_serial *s, void (*fn)(void *ctx), void *ctx)
{
	s->room = fn;
	s->room_ctx = ctx;
}
