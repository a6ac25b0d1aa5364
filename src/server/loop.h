/*
 * The poll loop of the main thread (epoll): descriptors with callbacks, armed and disarmed from any thread.
 */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "base/error.h"
#include <stdbool.h>

struct server_loop;

/* Called on the loop's thread. The source is disarmed before the call (one shot): re-arm to go on. */
typedef void server_loop_fn(void *ctx);

int server_loop_new(struct server_loop **ret, struct error *err);
void server_loop_free(struct server_loop *l);

/*
 * Adds fd, disarmed. The id (>= 0) names it from then on. -ENOSPC beyond 16, other negative errno.
 * Only the loop's thread, or before server_loop_run(); remove before the descriptor is closed. A
 * descriptor that epoll does not take (a regular file on stdin) is treated as always readable.
 */
int server_loop_add(struct server_loop *l, int fd, server_loop_fn *fn, void *ctx);
void server_loop_remove(struct server_loop *l, int id);

/*
 * Any thread: at most one system call each, none to arm a source from its own callback; no wake-up of the
 * loop's thread when nothing is readable.
 */
void server_loop_arm(struct server_loop *l, int id);
void server_loop_disarm(struct server_loop *l, int id);

/*
 * Runs until server_loop_quit() (any thread, also before run): 0. Negative errno when the kernel refuses to
 * watch a descriptor: what happens there would never be heard of.
 */
int server_loop_run(struct server_loop *l);
void server_loop_quit(struct server_loop *l);

#endif
