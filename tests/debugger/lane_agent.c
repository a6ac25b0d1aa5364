/*
 * lane_agent TTY: starts programs in a nested machine for lane_trapline.py outside, and joins their unix
 * socket to it, all over one serial port. It ends with the machine.
 *
 * A frame is a letter, a length of two bytes (high one first) and that many bytes.
 *   to the machine: h TEXT (hello: whatever still runs is ended), r ARGV (words, each with a NUL behind it),
 *                   o (connect to the program's socket), d BYTES (for it), c (close it), k (SIGTERM)
 *   from it:        h TEXT (the same), g BYTES (standard output), e BYTES (standard error), d BYTES (from the
 *                   socket), c (the socket is closed), x STATUS (one byte: the program has ended)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET "/tmp/lane.sock"
#define PIECE 4096
#define MAX_WORDS 32
#define CONNECT_TRIES 200 /* of 50 ms */

enum { TTY, OUT, ERR, SOCK, FDS };

struct agent {
	int fd[FDS]; /* -1: closed */
	pid_t child; /* 0: none */
	uint8_t frame[3 + 65535];
	size_t len;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void put(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

static void say(struct agent *a, char kind, const void *bytes, size_t len)
{
	uint8_t frame[3 + PIECE] = {(uint8_t)kind, (uint8_t)(len >> 8), (uint8_t)len};

	memcpy(frame + 3, bytes, len);
	put(a->fd[TTY], frame, 3 + len);
}

static void close_fd(struct agent *a, int which)
{
	if (a->fd[which] >= 0)
		close(a->fd[which]);
	a->fd[which] = -1;
}

static void end_child(struct agent *a)
{
	if (a->child > 0) {
		kill(a->child, SIGKILL);
		waitpid(a->child, NULL, 0);
	}
	a->child = 0;
	for (int i = OUT; i < FDS; i++)
		close_fd(a, i);
}

static void start(struct agent *a, char *words, size_t len)
{
	char *argv[MAX_WORDS + 1];
	int out[2], err[2], n = 0;

	for (char *w = words; w < words + len && n < MAX_WORDS; w += strlen(w) + 1)
		argv[n++] = w;
	argv[n] = NULL;
	unlink(SOCKET);
	if (n == 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		die("lane_agent: start");
	a->child = fork();
	if (a->child < 0)
		die("lane_agent: fork");
	if (a->child == 0) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execv(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	a->fd[OUT] = out[0];
	a->fd[ERR] = err[0];
}

static void open_socket(struct agent *a)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	close_fd(a, SOCK);
	for (int i = 0; i < CONNECT_TRIES; i++) {
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
			a->fd[SOCK] = fd;
			return;
		}
		usleep(50000);
	}
	close(fd);
	say(a, 'c', "", 0);
}

static void obey(struct agent *a, char kind, uint8_t *bytes, size_t len)
{
	switch (kind) {
	case 'h':
		end_child(a);
		say(a, 'h', bytes, len < PIECE ? len : PIECE);
		break;
	case 'r':
		start(a, (char *)bytes, len);
		break;
	case 'o':
		open_socket(a);
		break;
	case 'd':
		if (a->fd[SOCK] >= 0)
			put(a->fd[SOCK], bytes, len);
		break;
	case 'c':
		close_fd(a, SOCK);
		break;
	case 'k':
		if (a->child > 0)
			kill(a->child, SIGTERM);
		break;
	}
}

static void read_orders(struct agent *a)
{
	ssize_t n = read(a->fd[TTY], a->frame + a->len, sizeof(a->frame) - a->len);
	size_t size;

	if (n <= 0)
		return;
	a->len += (size_t)n;
	while (a->len >= 3 && a->len >= (size = 3 + ((size_t)a->frame[1] << 8 | a->frame[2]))) {
		obey(a, (char)a->frame[0], a->frame + 3, size - 3);
		a->len -= size;
		memmove(a->frame, a->frame + size, a->len);
	}
}

static void pass_on(struct agent *a, int which)
{
	static const char kind[FDS] = {[OUT] = 'g', [ERR] = 'e', [SOCK] = 'd'};
	uint8_t bytes[PIECE];
	ssize_t n = read(a->fd[which], bytes, sizeof(bytes));

	if (n > 0) {
		say(a, kind[which], bytes, (size_t)n);
		return;
	}
	close_fd(a, which);
	if (which == SOCK)
		say(a, 'c', "", 0);
}

/* The program's last words come before its status. */
static void look_for_end(struct agent *a)
{
	int status;
	uint8_t byte;

	if (a->child <= 0 || a->fd[OUT] >= 0 || a->fd[ERR] >= 0 || waitpid(a->child, &status, WNOHANG) <= 0)
		return;
	a->child = 0;
	byte = (uint8_t)(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	say(a, 'x', &byte, 1);
}

int main(int argc, char **argv)
{
	static struct agent a = {.fd = {-1, -1, -1, -1}};

	if (argc != 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	a.fd[TTY] = open(argv[1], O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (a.fd[TTY] < 0)
		die(argv[1]);
	for (;;) {
		struct pollfd p[FDS];

		for (int i = 0; i < FDS; i++)
			p[i] = (struct pollfd){.fd = a.fd[i], .events = POLLIN};
		if (poll(p, FDS, 20) < 0 && errno != EINTR)
			die("lane_agent: poll");
		for (int i = OUT; i < FDS; i++)
			if (p[i].fd >= 0 && a.fd[i] == p[i].fd && p[i].revents != 0)
				pass_on(&a, i);
		if (p[TTY].revents != 0)
			read_orders(&a);
		look_for_end(&a);
	}
}
