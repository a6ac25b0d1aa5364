/*
 * What the measuring programs share: the clock, and a loop that takes orders from the driver.
 *
 * An order is one line, "NAME SECONDS [ARGUMENT]"; the answer is one line too: "ok COUNT MICROSECONDS" (the
 * time that COUNT operations took), "none REASON" for what the other side cannot do, or "error REASON".
 */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include <stdbool.h>
#include <stdint.h>

struct bench_result {
	double count, us;
	char why[160]; /* of NONE and ERROR */
};

enum bench_outcome { BENCH_OK, BENCH_NONE, BENCH_ERROR };

/* seconds: how long to measure, roughly. argument: "" when there is none. */
typedef enum bench_outcome bench_fn(void *ctx, double seconds, const char *argument,
                                    struct bench_result *ret);

struct bench_order {
	const char *name;
	bench_fn *run;
};

/* Takes orders from standard input until it ends. The table ends with a NULL name. */
void bench_serve(const struct bench_order *orders, void *ctx);

/* Fills ret->why; returns outcome. */
enum bench_outcome bench_say(struct bench_result *ret, enum bench_outcome outcome, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Monotonic, in microseconds. */
double bench_now(void);

/* The median of count times, which it sorts, as a result: a wait that was long by accident does not count. */
enum bench_outcome bench_median(double *us, unsigned count, struct bench_result *ret);

/* Ends the program with a message. */
void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The bytes that memory rows move: without runs, the same on both sides. */
void bench_fill(uint8_t *buf, uint64_t len);

#endif
