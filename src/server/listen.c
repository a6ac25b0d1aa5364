#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 4

static const struct server_listener closed_listener = {.fd = -1, .null_fd = -1};

/* ---- tcp ---- */

static int tcp_bind_error(const struct server_address *a, struct error *err)
{
	int code = errno;

	if (code == EADDRINUSE)
		return error_set(
			err, code,
			"port %u on %s is in use: name another port, or :0 to have a free one picked",
			a->port, a->host);
	if (code == EACCES)
		return error_set(err, code, "port %u on %s is reserved for root: use one from 1024 up",
				 a->port, a->host);
	if (code == EADDRNOTAVAIL)
		return error_set(err, code, "%s is no address of this machine", a->host);
	return error_set(err, code, "cannot listen on %s port %u: %s", a->host, a->port, strerror(code));
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return 0;
	if (ss.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

static int tcp_open(const struct server_address *a, const struct addrinfo *ai, struct error *err)
{
	int one = 1, rc;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);

	if (fd < 0)
		return tcp_bind_error(a, err);
	/* A port whose last session ended a moment ago (TIME_WAIT) is free for us. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		rc = tcp_bind_error(a, err);
		close(fd);
		return rc;
	}
	return fd;
}

static int listen_tcp(struct server_listener *l, struct error *err)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *found;
	char port[8];
	int rc;

	snprintf(port, sizeof(port), "%u", l->address.port);
	rc = getaddrinfo(l->address.host, port, &hints, &found);
	if (rc != 0)
		return error_set(err, EINVAL, "cannot find host '%s' to listen on: %s", l->address.host,
		                 gai_strerror(rc));
	rc = tcp_open(&l->address, found, err);
	freeaddrinfo(found);
	if (rc < 0)
		return rc;
	l->fd = rc;
	l->address.port = bound_port(l->fd);
	return 0;
}

/* ---- unix ---- */

static int unix_bind_error(const char *path, struct error *err)
{
	int code = errno;

	return error_set(err, code, "cannot listen on unix socket %s: %s", path, strerror(code));
}

static int unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Removes a socket file that nobody listens on; any other file stays. 0 when the path is free now. */
static int unix_remove_stale(const struct sockaddr_un *sa, struct error *err)
{
	struct stat st;
	int fd, rc;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : unix_bind_error(sa->sun_path, err);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, EEXIST, "%s exists and is not a socket: name another path",
				 sa->sun_path);
	fd = unix_socket();
	if (fd < 0)
		return unix_bind_error(sa->sun_path, err);
	rc = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 ? errno : 0;
	close(fd);
	if (rc != ECONNREFUSED)
		return error_set(err, EADDRINUSE,
				 "another program listens on unix socket %s: name another path",
				 sa->sun_path);
	if (unlink(sa->sun_path) < 0 && errno != ENOENT)
		return unix_bind_error(sa->sun_path, err);
	return 0;
}

static int unix_bind(int fd, const struct sockaddr_un *sa, struct error *err)
{
	int rc;

	/* On Linux the file takes the socket's mode, so there is no moment at which others can connect. */
	if (fchmod(fd, 0600) < 0)
		return unix_bind_error(sa->sun_path, err);
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return unix_bind_error(sa->sun_path, err);
	rc = unix_remove_stale(sa, err);
	if (rc < 0)
		return rc;
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0)
		return unix_bind_error(sa->sun_path, err);
	return 0;
}

static int listen_unix(struct server_listener *l, struct error *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, rc;

	memcpy(sa.sun_path, l->address.path, sizeof(sa.sun_path));
	fd = unix_socket();
	if (fd < 0)
		return unix_bind_error(sa.sun_path, err);
	rc = unix_bind(fd, &sa, err);
	if (rc == 0 && (listen(fd, BACKLOG) < 0 || stat(sa.sun_path, &st) < 0)) {
		rc = unix_bind_error(sa.sun_path, err);
		unlink(sa.sun_path);
	}
	if (rc < 0) {
		close(fd);
		return rc;
	}
	l->fd = fd;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

/* ---- tty, stdio ---- */

static int listen_tty(struct server_listener *l, struct error *err)
{
	const char *path = l->address.path;
	struct termios raw;
	int code, fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, errno, "cannot open %s for the debugger: %s", path, strerror(errno));
	if (tcgetattr(fd, &l->saved) < 0)
		goto fail;
	raw = l->saved;
	cfmakeraw(&raw);
	raw.c_cflag |= CLOCAL | CREAD; /* no carrier is awaited: debug cables have three wires */
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		goto fail;
	l->fd = fd;
	return 0;
fail:
	code = errno;
	close(fd);
	if (code == ENOTTY)
		return error_set(err, code, "%s is not a tty", path);
	return error_set(err, code, "cannot set up %s for the debugger: %s", path, strerror(code));
}

static int listen_stdio(struct server_listener *l, struct error *err)
{
	l->fd = -1;
	if (isatty(STDIN_FILENO))
		return error_set(err, EINVAL,
				 "stdio is for gdb's 'target remote | trapline run --gdb=stdio KERNEL': "
				 "standard input is a terminal");
	/* Now, since the process may be confined by the time the client is taken. */
	l->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return l->null_fd < 0 ? error_set(err, errno, "/dev/null: %s", strerror(errno)) : 0;
}

int server_listen(const struct server_address *address, struct server_listener *ret, struct error *err)
{
	static int (*const start[])(struct server_listener *, struct error *) = {
		[SERVER_TCP] = listen_tcp,
		[SERVER_UNIX] = listen_unix,
		[SERVER_STDIO] = listen_stdio,
		[SERVER_TTY] = listen_tty,
	};
	struct server_listener l = closed_listener;
	int rc;

	l.address = *address;
	rc = start[address->kind](&l, err);
	if (rc == 0)
		*ret = l;
	return rc;
}

static void unlink_own(const struct server_listener *l)
{
	struct stat st;

	if (lstat(l->address.path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->address.path);
}

void server_listener_close(struct server_listener *l)
{
	if (l == NULL)
		return;
	if (l->null_fd >= 0)
		close(l->null_fd);
	l->null_fd = -1;
	if (l->fd < 0)
		return;
	if (l->address.kind == SERVER_UNIX)
		unlink_own(l);
	if (l->address.kind == SERVER_TTY)
		tcsetattr(l->fd, TCSANOW, &l->saved);
	close(l->fd);
	l->fd = -1;
}

static bool is_loopback(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;

	if (ss->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return v6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

bool server_listener_is_wide(const struct server_listener *l)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (l->address.kind != SERVER_TCP || l->fd < 0)
		return false;
	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) < 0)
		return true;
	return !is_loopback(&ss);
}

/* ---- clients ---- */

static int accept_socket(struct server_listener *l, struct server_client *ret, struct error *err)
{
	int one = 1;
	/* Blocking: who waits for a client does so in the read itself (pump.c); others say MSG_DONTWAIT. */
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		/* A client that was gone again before we looked is none (accept(2), "Error handling"). */
		if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR || errno == EPROTO)
			return -EAGAIN;
		return error_set(err, errno, "cannot accept a debugger: %s", strerror(errno));
	}
	if (l->address.kind == SERVER_TCP) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	*ret = (struct server_client){.in = fd, .out = fd};
	return 0;
}

static int accept_tty(struct server_listener *l, struct server_client *ret, struct error *err)
{
	struct pollfd pfd = {.fd = l->fd, .events = POLLIN};
	int fd;

	if (poll(&pfd, 1, 0) <= 0)
		return -EAGAIN;
	if (!(pfd.revents & POLLIN) || (pfd.revents & (POLLHUP | POLLERR)))
		return error_set(err, EIO, "%s hung up", l->address.path);
	fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_set(err, errno, "cannot use %s: %s", l->address.path, strerror(errno));
	*ret = (struct server_client){.in = fd, .out = fd};
	return 0;
}

/* A copy of one of our standard descriptors; a pipe becomes non-blocking, a socket needs not. */
static int take_standard(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int flags = copy < 0 ? -1 : fcntl(copy, F_GETFL);

	if (flags >= 0)
		fcntl(copy, F_SETFL, flags | O_NONBLOCK);
	return copy;
}

static int accept_stdio(struct server_listener *l, struct server_client *ret, struct error *err)
{
	struct server_client c = {-1, -1};
	int code;

	if (l->used)
		return error_set(err, ENOTCONN, "the debugger on standard input is gone");
	c.in = take_standard(STDIN_FILENO);
	c.out = take_standard(STDOUT_FILENO);
	if (c.in < 0 || c.out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    dup2(l->null_fd, STDIN_FILENO) < 0) {
		code = errno;
		server_client_close(&c);
		return error_set(err, code, "cannot give standard input and output to the debugger: %s",
		                 strerror(code));
	}
	l->used = true;
	*ret = c;
	return 0;
}

int server_accept(struct server_listener *l, struct server_client *ret, struct error *err)
{
	static int (*const take[])(struct server_listener *, struct server_client *, struct error *) = {
		[SERVER_TCP] = accept_socket,
		[SERVER_UNIX] = accept_socket,
		[SERVER_STDIO] = accept_stdio,
		[SERVER_TTY] = accept_tty,
	};

	return take[l->address.kind](l, ret, err);
}

void server_client_close(struct server_client *c)
{
	if (c == NULL)
		return;
	if (c->in >= 0)
		close(c->in);
	if (c->out >= 0 && c->out != c->in)
		close(c->out);
	*c = (struct server_client){-1, -1};
}

void server_listener_target(const struct server_listener *l, char *buf, unsigned size)
{
	server_address_format(&l->address, buf, size);
}
