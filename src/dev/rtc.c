#include "dev/rtc.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* Registers (data sheet, figure 12); the century is where PC firmware has it. */
enum {
	REG_SECOND = 0, REG_MINUTE = 2, REG_HOUR = 4, REG_WEEKDAY = 6, REG_DAY = 7, REG_MONTH = 8,
	REG_YEAR = 9, REG_A = 10, REG_B = 11, REG_C = 12, REG_D = 13, REG_CENTURY = 0x32
};

#define A_DIVIDER 0x26u     /* 32 kHz crystal, 1024 Hz periodic rate */
#define A_UPDATING 0x80u
#define B_24_HOURS 0x02u
#define B_BINARY 0x04u
#define B_KEPT 0x87u        /* no interrupt can be enabled */
#define D_VALID 0x80u
#define AFTERNOON 0x80u     /* of the hour, in 12-hour mode */
#define INDEX_MASK 0x7fu    /* the top bit masks NMI, of which there is none */

struct date { unsigned year, month, day, weekday, hour, minute, second; };

static int64_t host_now(void *ctx)
{
	struct timespec t;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

/*
 * Not gmtime_r(), which reads the time zone's file first. Years are counted from March, so that the leap day
 * is the last one; 400 of them have 146097 days.
 */
static struct date date_of(int64_t now)
{
	int64_t days = now / 86400 + 719468; /* since 1 March of the year 0 */
	unsigned left = (unsigned)(now % 86400), day = (unsigned)(days % 146097), year, month;

	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	return (struct date){
		.year = (unsigned)(days / 146097) * 400 + year + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = day - (153 * month + 2) / 5 + 1,
		.weekday = (unsigned)((days + 3) % 7) + 1, /* Sunday is 1 */
		.hour = left / 3600,
		.minute = left / 60 % 60,
		.second = left % 60,
	};
}

static uint8_t encode(const struct dev_rtc *r, unsigned value)
{
	return (uint8_t)(r->bytes[REG_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static uint8_t encode_hour(const struct dev_rtc *r, unsigned hour)
{
	if (r->bytes[REG_B] & B_24_HOURS)
		return encode(r, hour);
	return encode(r, (hour + 11) % 12 + 1) | (hour >= 12 ? AFTERNOON : 0);
}

static uint8_t read_register(const struct dev_rtc *r)
{
	struct date d = date_of(r->now(r->ctx));

	switch (r->index) {
	case REG_SECOND: return encode(r, d.second);
	case REG_MINUTE: return encode(r, d.minute);
	case REG_HOUR: return encode_hour(r, d.hour);
	case REG_WEEKDAY: return encode(r, d.weekday);
	case REG_DAY: return encode(r, d.day);
	case REG_MONTH: return encode(r, d.month);
	case REG_YEAR: return encode(r, d.year % 100);
	case REG_CENTURY: return encode(r, d.year / 100);
	case REG_C: return 0;
	case REG_D: return D_VALID;
	default: return r->bytes[r->index];
	}
}

static void write_register(struct dev_rtc *r, uint8_t value)
{
	if (r->index == REG_A)
		value &= (uint8_t)~A_UPDATING;
	if (r->index == REG_B)
		value &= B_KEPT;
	r->bytes[r->index] = value;
}

/* Only bytes are answered, as on a PC; port 0x70 cannot be read. */
static void rtc_read(void *dev, uint64_t offset, void *data, unsigned len)
{
	struct dev_rtc *r = dev;

	memset(data, 0xff, len);
	if (offset != 1)
		return;
	pthread_mutex_lock(&r->lock);
	*(uint8_t *)data = read_register(r);
	pthread_mutex_unlock(&r->lock);
}

static void rtc_write(void *dev, uint64_t offset, const void *data, unsigned len)
{
	struct dev_rtc *r = dev;
	const uint8_t *bytes = data;

	pthread_mutex_lock(&r->lock);
	if (offset == 0)
		r->index = bytes[0] & INDEX_MASK;
	if (offset == 1)
		write_register(r, bytes[0]);
	else if (len > 1) /* index and value in one access */
		write_register(r, bytes[1]);
	pthread_mutex_unlock(&r->lock);
}

void dev_rtc_init(struct dev_rtc *r, int64_t (*now)(void *ctx), void *ctx)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	r->now = now ? now : host_now;
	r->ctx = ctx;
	r->bytes[REG_A] = A_DIVIDER;
	r->bytes[REG_B] = B_24_HOURS;
}

void dev_rtc_fini(struct dev_rtc *r)
{
	if (r)
		pthread_mutex_destroy(&r->lock);
}

void dev_rtc_reset(struct dev_rtc *r)
{
	pthread_mutex_lock(&r->lock);
	r->index = 0;
	pthread_mutex_unlock(&r->lock);
}

static void rtc_save(void *dev, void *buf)
{
	const struct dev_rtc *r = dev;

	*(uint8_t *)buf = r->index;
	memcpy((uint8_t *)buf + 1, r->bytes, DEV_RTC_BYTES);
}

static int rtc_restore(void *dev, const void *buf)
{
	const uint8_t *in = buf;
	struct dev_rtc *r = dev;

	if (in[0] & ~INDEX_MASK)
		return -EINVAL;
	r->index = in[0];
	memcpy(r->bytes, in + 1, DEV_RTC_BYTES);
	return 0;
}

int dev_rtc_attach(struct dev_rtc *r, struct dev_bus *bus)
{
	static const struct dev_ops ops = {.read = rtc_read, .write = rtc_write};
	const struct dev_range range = {.space = DEV_PORT, .base = DEV_RTC_PORT, .size = 2, .ops = &ops,
	                                .dev = r, .name = "clock"};
	const struct dev_part part = {"rtc", r, 1 + DEV_RTC_BYTES, rtc_save, rtc_restore};
	int rc = dev_bus_add(bus, &range);

	return rc < 0 ? rc : dev_bus_add_part(bus, &part);
}
