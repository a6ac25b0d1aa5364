/*
 * The clock and the battery-backed bytes of a PC (Motorola MC146818 data sheet; ports 0x70 and 0x71). It
 * shows the host's time, in UTC, and cannot be set: writes to the time vanish. No alarm, no interrupt; the
 * update flag is never set, so that a read never has to wait.
 */
#ifndef DEV_RTC_H
#define DEV_RTC_H

#include "dev/bus.h"
#include <pthread.h>

#define DEV_RTC_PORT 0x70u
#define DEV_RTC_BYTES 128u

struct dev_rtc {
	int64_t (*now)(void *ctx);  /* seconds since 1970, any thread */
	void *ctx;
	pthread_mutex_t lock;       /* guards all below */
	uint8_t index;
	uint8_t bytes[DEV_RTC_BYTES];
};

/* In its power-on state. now: NULL for the host's clock. fini takes NULL. */
void dev_rtc_init(struct dev_rtc *r, int64_t (*now)(void *ctx), void *ctx);
void dev_rtc_fini(struct dev_rtc *r);
void dev_rtc_reset(struct dev_rtc *r); /* the index; the bytes have a battery */

/* Both ports. Errors of dev_bus_add(). */
int dev_rtc_attach(struct dev_rtc *r, struct dev_bus *bus);

#endif
