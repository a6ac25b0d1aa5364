#include "server/loop.h"

#include <errno.h>
#include <pthread.h>
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
 * armed, watched: under the lock. armed: the callback is wanted; taken by the loop just before the call. A
 * report of epoll may cross with a disarm, so armed decides. watched: epoll looks at the descriptor. A source
 * that is armed again from its callback stays watched, which saves a system call for each packet.
 */
struct source {
	int fd; /* -1: free */
	bool plain; /* not for epoll: always readable */
	bool armed, watched;
	server_loop_fn *fn;
	void *ctx;
};

struct server_loop {
	int epoll_fd, wake_fd;
	atomic_bool quit;
	_Atomic int failed;  /* negative errno: why it quit by itself */
	pthread_mutex_t lock;
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
	pthread_mutex_init(&l->lock, NULL);
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
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void wake(struct server_loop *l)
{
	uint64_t one = 1;

	if (write(l->wake_fd, &one, sizeof(one)) < 0)
		return; /* the counter is full: the loop is awake already */
}

static int control(struct server_loop *l, int id, int op, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u32 = (uint32_t)id};

	return epoll_ctl(l->epoll_fd, op, l->source[id].fd, &ev) < 0 ? -errno : 0;
}

/* Lock held. One that is not watched still reports a hang-up, once: hence one shot (epoll_ctl(2)). */
static void watch(struct server_loop *l, int id, bool on)
{
	struct source *s = &l->source[id];
	int rc;

	if (s->plain || s->watched == on)
		return;
	rc = control(l, id, EPOLL_CTL_MOD, on ? EPOLLIN : EPOLLONESHOT);
	if (rc == 0) {
		s->watched = on;
	} else if (on) {
		atomic_store(&l->failed, rc);
		server_loop_quit(l);
	}
}

int server_loop_add(struct server_loop *l, int fd, server_loop_fn *fn, void *ctx)
{
	int id = 0, rc;

	while (id < MAX_SOURCES && l->source[id].fd >= 0)
		id++;
	if (id == MAX_SOURCES)
		return -ENOSPC;
	l->source[id].fd = fd;
	rc = control(l, id, EPOLL_CTL_ADD, EPOLLONESHOT);
	if (rc < 0 && rc != -EPERM) {
		l->source[id].fd = -1;
		return rc;
	}
	l->source[id].plain = rc == -EPERM; /* epoll_ctl(2): the file does not support polling */
	l->source[id].fn = fn;
	l->source[id].ctx = ctx;
	l->source[id].armed = l->source[id].watched = false;
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
	pthread_mutex_lock(&l->lock);
	s->armed = s->watched = false;
	if (!s->plain)
		control(l, id, EPOLL_CTL_DEL, 0);
	s->fd = -1;
	pthread_mutex_unlock(&l->lock);
}

static void set_armed(struct server_loop *l, int id, bool on)
{
	struct source *s = source_of(l, id);

	if (s == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	s->armed = on;
	watch(l, id, on);
	pthread_mutex_unlock(&l->lock);
	if (on && s->plain)
		wake(l);
}

void server_loop_arm(struct server_loop *l, int id)
{
	set_armed(l, id, true);
}

void server_loop_disarm(struct server_loop *l, int id)
{
	set_armed(l, id, false);
}

static bool take_armed(struct server_loop *l, struct source *s)
{
	bool armed;

	pthread_mutex_lock(&l->lock);
	armed = s->fd >= 0 && s->armed;
	s->armed = false;
	pthread_mutex_unlock(&l->lock);
	return armed;
}

static void call(struct server_loop *l, int id)
{
	struct source *s = &l->source[id];

	if (take_armed(l, s))
		s->fn(s->ctx);
	pthread_mutex_lock(&l->lock);
	if (s->fd >= 0 && !s->armed)
		watch(l, id, false);
	pthread_mutex_unlock(&l->lock);
}

static void call_plain(struct server_loop *l)
{
	for (int i = 0; i < MAX_SOURCES; i++)
		if (l->source[i].plain)
			call(l, i);
}

static bool plain_is_armed(struct server_loop *l)
{
	bool armed = false;

	pthread_mutex_lock(&l->lock);
	for (int i = 0; i < MAX_SOURCES; i++)
		armed |= l->source[i].fd >= 0 && l->source[i].plain && l->source[i].armed;
	pthread_mutex_unlock(&l->lock);
	return armed;
}

int server_loop_run(struct server_loop *l)
{
	struct epoll_event ev;
	uint64_t count;
	int n;

	while (!atomic_load(&l->quit)) {
		/* One event at a time: its callback may remove any other source. */
		n = epoll_wait(l->epoll_fd, &ev, 1, plain_is_armed(l) ? 0 : -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && ev.data.u32 < MAX_SOURCES)
			call(l, (int)ev.data.u32);
		else if (n > 0 && read(l->wake_fd, &count, sizeof(count)) < 0)
			continue;
		call_plain(l);
	}
	return atomic_load(&l->failed);
}

void server_loop_quit(struct server_loop *l)
{
	atomic_store(&l->quit, true);
	wake(l);
}
