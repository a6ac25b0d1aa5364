#include "serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

enum bench_outcome bench_median(double *us, unsigned count, struct bench_result *ret)
{
	if (count == 0)
		return bench_say(ret, BENCH_ERROR, "nothing was measured");
	qsort(us, count, sizeof(*us), compare);
	ret->us = us[count / 2];
	ret->count = 1;
	return BENCH_OK;
}

void bench_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

enum bench_outcome bench_say(struct bench_result *ret, enum bench_outcome outcome, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ret->why, sizeof(ret->why), fmt, ap);
	va_end(ap);
	return outcome;
}

void bench_fill(uint8_t *buf, uint64_t len)
{
	uint64_t x = 88172645463325252ull;

	for (uint64_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf[i] = (uint8_t)(x >> 32);
	}
}

static const struct bench_order *find(const struct bench_order *orders, const char *name)
{
	while (orders->name != NULL && strcmp(orders->name, name) != 0)
		orders++;
	return orders->name != NULL ? orders : NULL;
}

static void obey(const struct bench_order *orders, void *ctx, char *line)
{
	const struct bench_order *order;
	struct bench_result r = {0};
	enum bench_outcome outcome;
	char *name, *seconds, *argument, *rest = NULL;
	double time;

	name = strtok_r(line, " \n", &rest);
	seconds = strtok_r(NULL, " \n", &rest);
	argument = strtok_r(NULL, "\n", &rest);
	time = seconds != NULL ? atof(seconds) : 0;
	order = name != NULL ? find(orders, name) : NULL;
	if (order == NULL)
		outcome = bench_say(&r, BENCH_ERROR, "no such order");
	else
		outcome = order->run(ctx, time, argument != NULL ? argument : "", &r);
	if (outcome == BENCH_OK)
		printf("ok %.3f %.3f\n", r.count, r.us);
	else
		printf("%s %s\n", outcome == BENCH_NONE ? "none" : "error", r.why);
	fflush(stdout);
}

void bench_serve(const struct bench_order *orders, void *ctx)
{
	char line[4096];

	while (fgets(line, sizeof(line), stdin) != NULL)
		obey(orders, ctx, line);
}
