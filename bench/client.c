#include "client.h"

#include "serve.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static int connect_once(const char *address)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool is_unix = strncmp(address, "unix:", 5) == 0;
	int one = 1, rc, fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (is_unix) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 5);
		rc = connect(fd, (struct sockaddr *)&un, sizeof(un));
	} else {
		in.sin_port = htons((uint16_t)atoi(address + 4));
		rc = connect(fd, (struct sockaddr *)&in, sizeof(in));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	if (rc == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

int client_open(struct client *c, const char *address, double wait_s)
{
	double end = bench_now() + wait_s * 1e6;
	int fd;

	do {
		fd = connect_once(address);
		if (fd < 0 && wait_s > 0)
			usleep(500);
	} while (fd < 0 && bench_now() < end);
	if (fd < 0)
		return fd;
	if (c->in == NULL) {
		c->in = malloc(CLIENT_BUFFER);
		c->out = malloc(CLIENT_BUFFER);
		if (c->in == NULL || c->out == NULL)
			bench_die("no memory");
	}
	c->fd = fd;
	c->no_ack = false;
	c->start = c->end = 0;
	return 0;
}

void client_close(struct client *c)
{
	close(c->fd);
	c->fd = -1;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	unsigned s = 0;

	for (size_t i = 0; i < len; i++)
		s += p[i];
	return (uint8_t)s;
}

static int send_all(struct client *c, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int client_send(struct client *c, const void *body, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t check = sum(body, len);

	if (len + 4 > CLIENT_BUFFER)
		return -EMSGSIZE;
	c->out[0] = '$';
	if (body != c->out + 1)
		memcpy(c->out + 1, body, len);
	c->out[len + 1] = '#';
	c->out[len + 2] = (uint8_t)digits[check >> 4];
	c->out[len + 3] = (uint8_t)digits[check & 15];
	return send_all(c, c->out, len + 4);
}

int client_break(struct client *c)
{
	return send_all(c, (const uint8_t[]){3}, 1);
}

/* More bytes behind what is there. */
static int more(struct client *c)
{
	struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
	ssize_t n;

	if (c->start == c->end)
		c->start = c->end = 0;
	if (c->end == CLIENT_BUFFER) {
		memmove(c->in, c->in + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	if (c->end == CLIENT_BUFFER)
		return -EMSGSIZE;
	/* SO_RCVTIMEO would cost nothing less: a wait without limit, watched by the driver, costs least. */
	n = recv(c->fd, c->in + c->end, CLIENT_BUFFER - c->end, 0);
	if (n < 0 && errno == EAGAIN && poll(&pfd, 1, PATIENCE_MS) <= 0)
		return -ETIMEDOUT;
	if (n <= 0)
		return -EPIPE;
	c->end += (size_t)n;
	return 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Until the byte at *at exists. */
static int have(struct client *c, size_t offset)
{
	int rc = 0;

	while (rc == 0 && c->end - c->start <= offset)
		rc = more(c);
	return rc;
}

/* Skips acknowledgements; then start stands at a '$'. */
static int find_packet(struct client *c)
{
	for (;;) {
		int rc = have(c, 0);

		if (rc < 0)
			return rc;
		if (c->in[c->start] == '$')
			return 0;
		c->start++;
	}
}

int client_receive(struct client *c)
{
	size_t seen = 1, end;
	const uint8_t *hash;
	int rc = find_packet(c);

	if (rc < 0)
		return rc;
	for (;;) {
		hash = memchr(c->in + c->start + seen, '#', c->end - c->start - seen);
		if (hash != NULL)
			break;
		seen = c->end - c->start;
		rc = more(c);
		if (rc < 0)
			return rc;
	}
	end = (size_t)(hash - c->in) - c->start;
	rc = have(c, end + 2);
	if (rc < 0)
		return rc;
	c->body = c->in + c->start + 1;
	c->len = end - 1;
	hash = c->body + c->len;
	c->start += end + 3;
	if (!c->no_ack && send_all(c, (const uint8_t *)"+", 1) < 0)
		return -EPIPE;
	return sum(c->body, c->len) == hex_digit(hash[1]) * 16 + hex_digit(hash[2]) ? 0 : -EBADMSG;
}

int client_ask(struct client *c, const char *body)
{
	int rc = client_send(c, body, strlen(body));

	return rc < 0 ? rc : client_receive(c);
}

int client_wait_stop(struct client *c)
{
	int rc;

	do
		rc = client_receive(c);
	while (rc == 0 && c->len > 0 && c->body[0] == 'O' && !client_is(c, "OK"));
	return rc;
}

int client_resume(struct client *c, const char *body)
{
	int rc = client_send(c, body, strlen(body));

	return rc < 0 ? rc : client_wait_stop(c);
}

bool client_is(const struct client *c, const char *text)
{
	return c->len == strlen(text) && memcmp(c->body, text, c->len) == 0;
}

bool client_begins(const struct client *c, const char *text)
{
	size_t len = strlen(text);

	return c->len >= len && memcmp(c->body, text, len) == 0;
}

size_t client_decode(const struct client *c, uint8_t *buf, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < c->len; i++) {
		uint8_t byte = c->body[i];
		int repeat = 1;

		if (byte == '}' && i + 1 < c->len) {
			byte = c->body[++i] ^ 0x20;
		} else if (byte == '*' && i + 1 < c->len && n > 0 && n <= max) {
			byte = buf[n - 1];
			repeat = c->body[++i] - 29;
		}
		for (; repeat > 0; repeat--, n++)
			if (n < max)
				buf[n] = byte;
	}
	return n;
}

size_t client_unhex(const uint8_t *text, size_t len, uint8_t *buf, size_t max)
{
	size_t n = 0;

	for (; 2 * n + 1 < len && n < max; n++) {
		int high = hex_digit(text[2 * n]), low = hex_digit(text[2 * n + 1]);

		if (high < 0 || low < 0)
			break;
		buf[n] = (uint8_t)(high << 4 | low);
	}
	return n;
}

uint64_t client_number(const char *text)
{
	return strtoull(text, NULL, 16);
}
