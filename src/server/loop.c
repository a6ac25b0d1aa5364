#include "server/loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_SOURCES 16
#define WAKE_ID MAX_SOURCES

/*
 * fd, fn, ctx, plain: written by the loop's thread only, while no other thread knows the id.
 * armed: set by arm, taken by disarm or by the loop just before the call; whoever clears it owns the call.
 * A descriptor that is shut down is reported by epoll whether it was asked for or not, and a report may
 * cross with a disarm: armed decides, so that a call never comes for a disarmed source.
 */
struct source {
	int fd; /* -1: free */
	bool plain; /* not for epoll: always readable */
	atomic_bool armed;
	server_loop_fn *fn;
	void *ctx;
};

struct server_loop {
	int epoll_fd, wake_fd;
	atomic_bool quit;
	struct source source[MAX_SOURCES];
};

int server_loop_new(struct server_loop **ret, struct error *err)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = WAKE_ID};
	struct server_loop *l = calloc(1, sizeof(*l));
	int code;

	if (l == NULL)
		return error_set(err, ENOMEM, "no memory for the event loop");
	for (int i = 0; i < MAX_SOURCES; i++)
		l->source[i].fd = -1;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epoll_fd < 0 || l->wake_fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) < 0) {
		code = errno;
		server_loop_free(l);
		return error_set(err, code, "cannot make the event loop: %s", strerror(code));
	}
	*ret = l;
	return 0;
}

void server_loop_free(struct server_loop *l)
{
	if (l == NULL)
		return;
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	free(l);
}

static void wake(struct server_loop *l)
{
	uint64_t one = 1;

	if (write(l->wake_fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: the loop is awake already */
}

static int watch(struct server_loop *l, int id, int op, uint32_t events)
{
	struct epoll_event ev = {.events = events | EPOLLONESHOT, .data.u32 = (uint32_t)id};

	return epoll_ctl(l->epoll_fd, op, l->source[id].fd, &ev) < 0 ? -errno : 0;
}

int server_loop_add(struct server_loop *l, int fd, server_loop_fn *fn, void *ctx)
{
	int id = 0, rc;

	while (id < MAX_SOURCES && l->source[id].fd >= 0)
		id++;
	if (id == MAX_SOURCES)
		return -ENOSPC;
	l->source[id].fd = fd;
	rc = watch(l, id, EPOLL_CTL_ADD, 0);
	if (rc < 0 && rc != -EPERM) {
		l->source[id].fd = -1;
		return rc;
	}
	l->source[id].plain = rc == -EPERM; /* epoll_ctl(2): the file does not support polling */
	l->source[id].fn = fn;
	l->source[id].ctx = ctx;
	atomic_store(&l->source[id].armed, false);
	return id;
}

static struct source *source_of(struct server_loop *l, int id)
{
	if (id < 0 || id >= MAX_SOURCES || l->source[id].fd < 0)
		return NULL;
	return &l->source[id];
}

void server_loop_remove(struct server_loop *l, int id)
{
	struct source *s = source_of(l, id);

	if (s == NULL)
		return;
	atomic_store(&s->armed, false);
	if (!s->plain)
		watch(l, id, EPOLL_CTL_DEL, 0);
	s->fd = -1;
}

void server_loop_arm(struct server_loop *l, int id)
{
	struct source *s = source_of(l, id);

	if (s == NULL)
		return;
	atomic_store(&s->armed, true);
	if (s->plain)
		wake(l);
	else
		watch(l, id, EPOLL_CTL_MOD, EPOLLIN);
}

void server_loop_disarm(struct server_loop *l, int id)
{
	struct source *s = source_of(l, id);

	if (s == NULL)
		return;
	atomic_store(&s->armed, false);
	if (!s->plain)
		watch(l, id, EPOLL_CTL_MOD, 0);
}

static void call(struct source *s)
{
	if (s->fd >= 0 && atomic_exchange(&s->armed, false))
		s->fn(s->ctx);
}

static void call_plain(struct server_loop *l)
{
	for (int i = 0; i < MAX_SOURCES; i++)
		if (l->source[i].plain)
			call(&l->source[i]);
}

static bool plain_is_armed(struct server_loop *l)
{
	for (int i = 0; i < MAX_SOURCES; i++)
		if (l->source[i].fd >= 0 && l->source[i].plain && atomic_load(&l->source[i].armed))
			return true;
	return false;
}

void server_loop_run(struct server_loop *l)
{
	struct epoll_event ev;
	uint64_t count;
	int n;

	while (!atomic_load(&l->quit)) {
		/* One event at a time: its callback may remove any other source. */
		n = epoll_wait(l->epoll_fd, &ev, 1, plain_is_armed(l) ? 0 : -1);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0 && ev.data.u32 < MAX_SOURCES)
			call(&l->source[ev.data.u32]);
		else if (n > 0 && read(l->wake_fd, &count, sizeof(count)) < 0)
			continue;
		call_plain(l);
	}
}

void server_loop_quit(struct server_loop *l)
{
	atomic_store(&l->quit, true);
	wake(l);
}
