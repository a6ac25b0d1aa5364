#include "cli/console.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How bytes can be written to the descriptor without blocking, whoever else shares its flags. */
enum way {
	WAY_PLAIN,  /* files and devices that never make one wait */
	WAY_SOCKET, /* MSG_DONTWAIT */
	WAY_POLL    /* pipes and terminals: ask first; then PIPE_BUF bytes go without waiting (pipe(7)) */
};

/*
 * lock covers everything below it. While count > 0 only the drainer writes to fd, else whoever has
 * the lock; the drainer writes without the lock from bytes that nobody else moves (it alone takes them).
 * changed: count fell, or error was set (for writers and flushers); more: count rose, or ending (for the
 * drainer).
 */
struct cli_console {
	int fd, end_fd;
	enum way way;
	pthread_mutex_t lock;
	pthread_cond_t changed, more;
	pthread_t drainer;
	bool draining, ending; /* draining: the thread exists */
	bool tried;            /* and no other will be made */
	int (*enter)(void *ctx); /* before the thread does anything; NULL: nothing to do */
	void *enter_ctx;
	int error;
	size_t head, count;
	uint8_t ring[CLI_CONSOLE_LIMIT];
};

static enum way way_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return WAY_PLAIN;
	if (S_ISSOCK(st.st_mode))
		return WAY_SOCKET;
	if (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd)))
		return WAY_POLL;
	return WAY_PLAIN;
}

struct cli_console *cli_console_new(int fd, struct error *err)
{
	struct cli_console *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;

	if (c == NULL) {
		error_set(err, ENOMEM, "no memory for guest output");
		return NULL;
	}
	c->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->end_fd < 0) {
		error_set(err, errno, "cannot make an event descriptor: %s", strerror(errno));
		free(c);
		return NULL;
	}
	c->fd = fd;
	c->way = way_of(fd);
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_cond_init(&c->more, &attr);
	pthread_condattr_destroy(&attr);
	return c;
}

/* One attempt that does not block. Bytes written, 0: not now, negative errno: never again. */
static ssize_t write_now(const struct cli_console *c, const uint8_t *bytes, size_t len)
{
	struct pollfd pfd = {.fd = c->fd, .events = POLLOUT};
	ssize_t n;

	if (c->way == WAY_POLL) {
		int ready;

		do
			ready = poll(&pfd, 1, 0);
		while (ready < 0 && errno == EINTR);
		if (ready <= 0)
			return 0;
		if (len > PIPE_BUF)
			len = PIPE_BUF;
	}
	n = c->way == WAY_SOCKET ? send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)
				 : write(c->fd, bytes, len);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static void fail(struct cli_console *c, int code)
{
	c->error = code;
	c->count = 0;
	pthread_cond_broadcast(&c->changed);
}

/* ---- the drainer ---- */

/* The longest run of queued bytes that lie side by side. */
static size_t front(const struct cli_console *c, const uint8_t **ret)
{
	size_t to_end = sizeof(c->ring) - c->head;

	*ret = c->ring + c->head;
	return c->count < to_end ? c->count : to_end;
}

/* Sends some of the queue, waiting for the descriptor with the lock released. Called and returns locked. */
static void drain_some(struct cli_console *c)
{
	struct pollfd pfd[2] = {
		{.fd = c->fd, .events = POLLOUT},
		{.fd = c->end_fd, .events = POLLIN},
	};
	const uint8_t *bytes;
	size_t len = front(c, &bytes);
	ssize_t n;

	pthread_mutex_unlock(&c->lock);
	n = write_now(c, bytes, len);
	if (n == 0)
		poll(pfd, 2, -1);
	pthread_mutex_lock(&c->lock);
	if (n < 0) {
		fail(c, (int)-n);
	} else if (n > 0) {
		c->head = (c->head + (size_t)n) % sizeof(c->ring);
		c->count -= (size_t)n;
		pthread_cond_broadcast(&c->changed);
	}
}

static void *drainer(void *arg)
{
	struct cli_console *c = arg;

	if (c->enter != NULL && c->enter(c->enter_ctx) < 0) {
		pthread_mutex_lock(&c->lock);
		fail(c, EPERM);
		pthread_mutex_unlock(&c->lock);
		return NULL;
	}
	pthread_mutex_lock(&c->lock);
	while (!c->ending) {
		if (c->count == 0)
			pthread_cond_wait(&c->more, &c->lock);
		else
			drain_some(c);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Kicks and the user's signals are for other threads; what it does to itself it must hear of. */
static bool start_drainer(struct cli_console *c)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGTRAP, SIGABRT};
	sigset_t all, old;

	if (c->draining || c->tried)
		return c->draining;
	sigfillset(&all);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	c->draining = pthread_create(&c->drainer, NULL, drainer, c) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return c->draining;
}

void cli_console_start(struct cli_console *c, int (*enter)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&c->lock);
	if (!c->draining) {
		c->enter = enter;
		c->enter_ctx = ctx;
		start_drainer(c);
	}
	c->tried = true;
	pthread_mutex_unlock(&c->lock);
}

/* ---- writers ---- */

static struct timespec after_ms(unsigned ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	return ts;
}

/* Puts as much as fits below limit behind the queue; how much. */
static size_t enqueue(struct cli_console *c, const uint8_t *bytes, size_t len, size_t limit)
{
	size_t room = c->count < limit ? limit - c->count : 0;
	size_t n = len < room ? len : room;

	for (size_t done = 0; done < n;) {
		size_t tail = (c->head + c->count) % sizeof(c->ring);
		size_t part = sizeof(c->ring) - tail;

		if (part > n - done)
			part = n - done;
		memcpy(c->ring + tail, bytes + done, part);
		c->count += part;
		done += part;
	}
	if (n > 0)
		pthread_cond_signal(&c->more);
	return n;
}

/* Sends while the descriptor takes bytes and nothing waits in front of them; how many. */
static size_t write_direct(struct cli_console *c, const uint8_t *bytes, size_t len)
{
	size_t done = 0;

	while (done < len && c->count == 0 && c->error == 0) {
		ssize_t n = write_now(c, bytes + done, len - done);

		if (n == 0)
			break;
		if (n < 0)
			fail(c, (int)-n);
		else
			done += (size_t)n;
	}
	return done;
}

/* No thread is to be had: waits for the descriptor right here, as an ordinary program would. */
static void write_blocking(struct cli_console *c, const uint8_t *bytes, size_t len)
{
	struct pollfd pfd = {.fd = c->fd, .events = POLLOUT};
	size_t done = 0;

	while (c->error == 0 && (done += write_direct(c, bytes + done, len - done)) < len)
		poll(&pfd, 1, -1);
}

static void write_queued(struct cli_console *c, const uint8_t *bytes, size_t len)
{
	size_t done = enqueue(c, bytes, len, CLI_CONSOLE_QUEUE);
	struct timespec until = after_ms(CLI_CONSOLE_HOLD_MS);
	int rc = 0;

	while (done < len && c->error == 0 && rc == 0) {
		rc = pthread_cond_timedwait(&c->changed, &c->lock, &until);
		done += enqueue(c, bytes + done, len - done, CLI_CONSOLE_QUEUE);
	}
	while ((done += enqueue(c, bytes + done, len - done, CLI_CONSOLE_LIMIT)) < len && c->error == 0)
		pthread_cond_wait(&c->changed, &c->lock);
	if (c->error != 0)
		c->count = 0;
}

void cli_console_write(struct cli_console *c, const void *bytes, size_t len)
{
	size_t done;

	pthread_mutex_lock(&c->lock);
	done = write_direct(c, bytes, len);
	if (done < len && c->error == 0) {
		if (start_drainer(c))
			write_queued(c, (const uint8_t *)bytes + done, len - done);
		else
			write_blocking(c, (const uint8_t *)bytes + done, len - done);
	}
	pthread_mutex_unlock(&c->lock);
}

size_t cli_console_flush(struct cli_console *c, int limit_ms)
{
	struct timespec until = after_ms(limit_ms < 0 ? 0 : (unsigned)limit_ms);
	size_t left;
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	while (c->count > 0 && rc == 0) {
		if (limit_ms < 0)
			rc = pthread_cond_wait(&c->changed, &c->lock);
		else
			rc = pthread_cond_timedwait(&c->changed, &c->lock, &until);
	}
	left = c->count;
	pthread_mutex_unlock(&c->lock);
	return left;
}

int cli_console_error(struct cli_console *c)
{
	int code;

	pthread_mutex_lock(&c->lock);
	code = c->error;
	pthread_mutex_unlock(&c->lock);
	return code;
}

/* Out of its wait for the queue, and out of its wait for the descriptor. */
static void end_drainer(struct cli_console *c)
{
	uint64_t one = 1;

	pthread_mutex_lock(&c->lock);
	c->ending = true;
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
	if (!c->draining || write(c->end_fd, &one, sizeof(one)) < 0)
		return;
	pthread_join(c->drainer, NULL);
}

void cli_console_finish(struct cli_console *c, int limit_ms)
{
	size_t left;

	if (c == NULL)
		return;
	left = cli_console_flush(c, limit_ms);
	if (cli_console_error(c) != 0)
		log_error("guest output was lost: %s", strerror(cli_console_error(c)));
	else if (left > 0)
		log_error("guest output was lost: nobody took its last %zu bytes", left);
	cli_console_free(c, 0);
}

size_t cli_console_free(struct cli_console *c, int limit_ms)
{
	size_t left;

	if (c == NULL)
		return 0;
	left = cli_console_flush(c, limit_ms);
	end_drainer(c);
	close(c->end_fd);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	pthread_cond_destroy(&c->more);
	free(c);
	return left;
}
