#include "server/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static bool is_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

void server_pump_init(struct server_pump *p, struct server_client client)
{
	p->client = client;
	p->send_limit_ms = SERVER_SEND_LIMIT_MS;
	p->in_socket = is_socket(client.in);
	p->out_socket = client.out == client.in ? p->in_socket : is_socket(client.out);
	p->blocking = p->in_socket && !(fcntl(client.in, F_GETFL) & O_NONBLOCK);
	p->gone = p->drained = false;
	p->limit_ms = 0;
	p->spin_failed = p->spin_rest = 0;
	p->start = p->len = 0;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- in ---- */

static void make_room(struct server_pump *p)
{
	if (p->start > 0)
		memmove(p->buf, p->buf + p->start, p->len);
	p->start = 0;
}

/*
 * One read behind what is buffered; flags are recv()'s, for a socket. Bytes read, 0: nothing there, -EPIPE:
 * gone. A signal counts as nothing there: the caller looks again.
 */
static ssize_t receive(struct server_pump *p, int flags)
{
	uint8_t *at;
	size_t room;
	ssize_t n;

	make_room(p);
	at = p->buf + p->len;
	room = sizeof(p->buf) - p->len;
	if (room == 0)
		return -EPIPE;
	n = p->in_socket ? recv(p->client.in, at, room, flags) : read(p->client.in, at, room);
	if (n > 0) {
		/* A short read has emptied a stream socket: no need to ask again only to be told so. */
		p->drained = p->in_socket && (size_t)n < room;
		p->len += (size_t)n;
		return n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	p->gone = true;
	return -EPIPE;
}

/* Hands the buffered bytes to the engine; how many it took. */
static size_t feed(struct server_pump *p, struct rsp_engine *e)
{
	size_t taken = p->len == 0 ? 0 : rsp_engine_feed(e, p->buf + p->start, p->len);

	p->start += taken;
	p->len -= taken;
	return taken;
}

int server_pump_read(struct server_pump *p, struct rsp_engine *e)
{
	size_t fed = feed(p, e);
	ssize_t n;

	/* Either that was news enough, or the engine waits for a reply before it takes the rest. */
	if (fed > 0)
		return 1;
	if (p->drained && !p->gone) {
		p->drained = false;
		return 0;
	}
	n = p->gone ? -EPIPE : receive(p, MSG_DONTWAIT);
	if (n < 0)
		return -EPIPE;
	if (n > 0)
		fed = feed(p, e);
	return fed > 0;
}

bool server_pump_hung_up(const struct server_pump *p)
{
	struct pollfd peer = {.fd = p->client.in, .events = POLLRDHUP};

	return poll(&peer, 1, 0) > 0 && (peer.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* ---- out ---- */

/* 1: takes bytes, 0: the limit has passed, -EPIPE: poll failed. */
static int wait_writable(const struct server_pump *p)
{
	struct pollfd pfd = {.fd = p->client.out, .events = POLLOUT};
	uint64_t limit = (uint64_t)p->send_limit_ms * 1000, start = now_us(), passed = 0;
	int n;

	while (passed <= limit) {
		n = poll(&pfd, 1, (int)((limit - passed + 999) / 1000));
		if (n >= 0)
			return n;
		if (errno != EINTR)
			return -EPIPE;
		passed = now_us() - start;
	}
	return 0;
}

/* One write. 0, -EAGAIN, -EPIPE. */
static int send_some(struct server_pump *p, struct rsp_engine *e, const uint8_t *bytes, size_t len)
{
	ssize_t n = p->out_socket ? send(p->client.out, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)
	                          : write(p->client.out, bytes, len);

	if (n > 0) {
		rsp_engine_sent(e, (size_t)n);
		return 0;
	}
	if (n < 0 && errno == EINTR)
		return 0;
	return n == 0 || errno == EAGAIN ? -EAGAIN : -EPIPE;
}

int server_pump_flush(struct server_pump *p, struct rsp_engine *e)
{
	const uint8_t *bytes;
	size_t len;
	int rc;

	while ((bytes = rsp_engine_output(e, &len)), len > 0) {
		rc = send_some(p, e, bytes, len);
		if (rc == -EAGAIN) {
			rc = wait_writable(p);
			if (rc == 0)
				return -ETIMEDOUT;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- waiting ---- */

/* One look without sleeping: on a socket the read itself, so that a packet costs a single system call. */
static bool look(struct server_pump *p)
{
	struct pollfd pfd = {.fd = p->client.in, .events = POLLIN};

	if (p->in_socket)
		return receive(p, MSG_DONTWAIT) != 0;
	return poll(&pfd, 1, 0) > 0;
}

#define SPIN_REST_MAX 1024

/*
 * A long look, when the last ones give hope. True: something is there. What was there already says nothing
 * about whether looking longer pays.
 */
static bool spin(struct server_pump *p, unsigned spin_us)
{
	uint64_t start;

	if (p->spin_rest > 0) {
		p->spin_rest--;
		return false;
	}
	if (look(p))
		return true;
	start = now_us();
	do {
		if (look(p)) {
			p->spin_failed = 0;
			return true;
		}
	} while (now_us() - start < spin_us);
	p->spin_failed = p->spin_failed == 0 ? 1 : p->spin_failed * 2;
	if (p->spin_failed > SPIN_REST_MAX)
		p->spin_failed = SPIN_REST_MAX;
	p->spin_rest = p->spin_failed;
	return false;
}

void server_pump_limit(struct server_pump *p, int ms)
{
	struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	if (p->limit_ms == ms)
		return;
	p->limit_ms = ms;
	if (p->blocking)
		p->blocking = setsockopt(p->client.in, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0;
}

int server_pump_wait(struct server_pump *p, unsigned spin_us)
{
	struct pollfd pfd = {.fd = p->client.in, .events = POLLIN};

	if (p->len > 0 || p->gone || (spin_us > 0 && spin(p, spin_us)))
		return 1;
	if (p->blocking)
		return receive(p, 0) != 0; /* the packet comes with the wait */
	return poll(&pfd, 1, p->limit_ms > 0 ? p->limit_ms : -1) > 0;
}
