#include "../cmocka_all.h"

#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct server_listener must_listen(const char *text)
{
	struct server_address a;
	struct server_listener l = {.fd = -1};
	struct error err;

	if (server_address_parse(text, &a, &err) < 0 || server_listen(&a, &l, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return l;
}

static int try_listen(const char *text, struct error *err)
{
	struct server_address a;
	struct server_listener l;
	int rc;

	if (server_address_parse(text, &a, err) < 0)
		fail_msg("%s: %s", text, err->text);
	rc = server_listen(&a, &l, err);
	if (rc == 0)
		server_listener_close(&l);
	return rc;
}

static struct server_client must_accept(struct server_listener *l)
{
	struct pollfd pfd = {.fd = l->fd, .events = POLLIN};
	struct server_client c;
	struct error err;

	if (l->fd >= 0)
		assert_int_equal(poll(&pfd, 1, 10000), 1);
	if (server_accept(l, &c, &err) < 0)
		fail_msg("accept: %s", err.text);
	return c;
}

static int connect_tcp(uint16_t port, bool v6)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 a6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);

	a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_return_code(v6 ? connect(fd, (struct sockaddr *)&a6, sizeof(a6))
	                      : connect(fd, (struct sockaddr *)&a4, sizeof(a4)), errno);
	return fd;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static void one_byte_each_way(struct server_client c, int peer)
{
	char b = 0;

	assert_int_equal(write(peer, "a", 1), 1);
	assert_int_equal(poll(&(struct pollfd){.fd = c.in, .events = POLLIN}, 1, 10000), 1);
	assert_int_equal(read(c.in, &b, 1), 1);
	assert_int_equal(b, 'a');
	assert_int_equal(write(c.out, "b", 1), 1);
	assert_int_equal(read(peer, &b, 1), 1);
	assert_int_equal(b, 'b');
}

static void tcp_picks_a_port_and_talks(void **state)
{
	struct server_listener l = must_listen(":0");
	struct server_client c;
	struct error err;
	char target[128], want[128];
	int one = 0, peer;
	socklen_t len = sizeof(one);

	(void)state;
	assert_int_not_equal(l.address.port, 0);
	server_listener_target(&l, target, sizeof(target));
	snprintf(want, sizeof(want), "127.0.0.1:%u", l.address.port);
	assert_string_equal(target, want);
	assert_false(server_listener_is_wide(&l));
	assert_int_equal(server_accept(&l, &c, &err), -EAGAIN);
	peer = connect_tcp(l.address.port, false);
	c = must_accept(&l);
	assert_int_equal(getsockopt(c.in, IPPROTO_TCP, TCP_NODELAY, &one, &len), 0);
	assert_true(one);
	assert_true(fcntl(c.in, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
	one_byte_each_way(c, peer);
	server_client_close(&c);
	assert_int_equal(c.in, -1);
	server_client_close(&c);
	close(peer);
	/* The next one works. */
	peer = connect_tcp(l.address.port, false);
	c = must_accept(&l);
	one_byte_each_way(c, peer);
	server_client_close(&c);
	close(peer);
	server_listener_close(&l);
	server_listener_close(&l);
	server_listener_close(NULL);
}

static void tcp_port_in_use_names_the_remedy(void **state)
{
	struct server_listener l = must_listen(":0");
	struct error err;
	char text[32], want[64];

	(void)state;
	snprintf(text, sizeof(text), ":%u", l.address.port);
	snprintf(want, sizeof(want), "port %u on 127.0.0.1 is in use", l.address.port);
	assert_int_equal(try_listen(text, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, want));
	assert_non_null(strstr(err.text, ":0"));
	server_listener_close(&l);
	assert_int_equal(try_listen(text, &err), 0);
}

static void tcp_v6(void **state)
{
	struct server_address a = {.kind = SERVER_TCP, .host = "::1"};
	struct server_listener l;
	struct server_client c;
	struct error err;
	char target[128], want[128];
	int peer;

	(void)state;
	if (server_listen(&a, &l, &err) < 0)
		skip(); /* a machine without IPv6 */
	assert_false(server_listener_is_wide(&l));
	server_listener_target(&l, target, sizeof(target));
	snprintf(want, sizeof(want), "[::1]:%u", l.address.port);
	assert_string_equal(target, want);
	peer = connect_tcp(l.address.port, true);
	c = must_accept(&l);
	one_byte_each_way(c, peer);
	server_client_close(&c);
	close(peer);
	server_listener_close(&l);
}

static void tcp_strange_hosts(void **state)
{
	struct server_listener l;
	struct error err;

	(void)state;
	/* 192.0.2.0/24 is for documentation: nobody's address (RFC 5737). */
	assert_int_equal(try_listen("192.0.2.1:0", &err), -EADDRNOTAVAIL);
	assert_non_null(strstr(err.text, "192.0.2.1 is no address of this machine"));
	l = must_listen("127.0.0.2:0");
	assert_false(server_listener_is_wide(&l));
	server_listener_close(&l);
	assert_false(server_listener_is_wide(&l));
}

/* ---- unix ---- */

static char dir[] = "/tmp/trapline-test-XXXXXX";
static char sock_path[64], sock_text[72];

static int make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(sock_path, sizeof(sock_path), "%s/sock", dir);
	snprintf(sock_text, sizeof(sock_text), "unix:%s", sock_path);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(sock_path);
	return rmdir(dir);
}

static void unix_is_private_and_removed(void **state)
{
	mode_t old = umask(0);
	struct server_listener l = must_listen(sock_text);
	struct server_client c;
	struct stat st;
	char target[128];
	int peer;

	(void)state;
	umask(old);
	assert_int_equal(lstat(sock_path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	server_listener_target(&l, target, sizeof(target));
	assert_string_equal(target, sock_path);
	assert_false(server_listener_is_wide(&l));
	peer = connect_unix(sock_path);
	assert_true(peer >= 0);
	c = must_accept(&l);
	one_byte_each_way(c, peer);
	server_client_close(&c);
	close(peer);
	server_listener_close(&l);
	assert_int_equal(lstat(sock_path, &st), -1);
}

static void unix_stale_is_replaced_and_live_refused(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct server_listener l, other;
	struct error err;
	int peer, fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	memcpy(sa.sun_path, sock_path, strlen(sock_path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd); /* as a killed process leaves it */
	l = must_listen(sock_text);
	assert_int_equal(try_listen(sock_text, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "another program listens"));
	peer = connect_unix(sock_path);
	assert_true(peer >= 0); /* the refusal left the live one alone */
	close(peer);
	/* A file that has become someone else's stays when we close. */
	unlink(sock_path);
	other = must_listen(sock_text);
	server_listener_close(&l);
	assert_int_equal(access(sock_path, F_OK), 0);
	server_listener_close(&other);
	assert_int_equal(access(sock_path, F_OK), -1);
}

static void unix_never_removes_a_file(void **state)
{
	struct error err;
	int fd = open(sock_path, O_CREAT | O_WRONLY, 0600);

	(void)state;
	close(fd);
	assert_int_equal(try_listen(sock_text, &err), -EEXIST);
	assert_non_null(strstr(err.text, "is not a socket"));
	assert_int_equal(access(sock_path, F_OK), 0);
	unlink(sock_path);
	assert_int_equal(try_listen("unix:/nonexistent-dir/sock", &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent-dir/sock"));
}

/* ---- tty, stdio ---- */

static void tty_is_raw_while_used(void **state)
{
	struct server_listener l;
	struct server_client c;
	struct termios before, during, after;
	struct error err;
	char name[64];
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
	tcgetattr(slave, &before);
	l = must_listen(name);
	tcgetattr(slave, &during);
	assert_int_equal(during.c_lflag & (ECHO | ICANON | ISIG), 0);
	assert_int_equal(server_accept(&l, &c, &err), -EAGAIN);
	assert_int_equal(write(master, "\x03", 1), 1);
	assert_int_equal(poll(&(struct pollfd){.fd = l.fd, .events = POLLIN}, 1, 10000), 1);
	c = must_accept(&l);
	assert_int_equal(read(c.in, name, 1), 1);
	assert_int_equal(name[0], 3);
	one_byte_each_way(c, master);
	server_client_close(&c);
	server_listener_close(&l);
	tcgetattr(slave, &after);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	close(slave);
	close(master);
	assert_int_equal(try_listen("/dev/null", &err), -ENOTTY);
	assert_non_null(strstr(err.text, "/dev/null is not a tty"));
}

static void tty_that_hangs_up_is_an_error(void **state)
{
	struct server_listener l;
	struct server_client c;
	struct error err;
	char name[64];
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
	l = must_listen(name);
	close(slave);
	close(master);
	assert_int_equal(server_accept(&l, &c, &err), -EIO);
	assert_non_null(strstr(err.text, "hung up"));
	server_listener_close(&l);
}

/* In a child, since it gives away descriptors 0 and 1. Its result is its exit status: 0 right. */
static int stdio_child(int in, int out, int err_fd)
{
	struct server_address a = {.kind = SERVER_STDIO};
	struct server_listener l;
	struct server_client c, second;
	struct error err;
	char b;

	dup2(in, 0);
	dup2(out, 1);
	dup2(err_fd, 2);
	if (server_listen(&a, &l, &err) < 0 || l.fd != -1 || server_accept(&l, &c, &err) < 0)
		return 1;
	if (c.in < 3 || c.out < 3 || server_accept(&l, &second, &err) != -ENOTCONN)
		return 2;
	if (write(1, "guest", 5) != 5 || write(c.out, "packet", 6) != 6)
		return 3;
	if (read(0, &b, 1) != 0 || read(c.in, &b, 1) != -1 || errno != EAGAIN)
		return 4;
	server_client_close(&c);
	server_listener_close(&l);
	return 0;
}

static void stdio_keeps_guest_output_apart(void **state)
{
	int in[2], out[2], err_fd[2], status;
	char buf[16];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(in) | pipe(out) | pipe(err_fd), 0);
	pid = fork();
	if (pid == 0)
		_exit(stdio_child(in[0], out[1], err_fd[1]));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(read(out[0], buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "packet", 6);
	assert_int_equal(read(err_fd[0], buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "guest", 5);
	for (int i = 0; i < 2; i++)
		close(in[i]), close(out[i]), close(err_fd[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_picks_a_port_and_talks),
		cmocka_unit_test(tcp_port_in_use_names_the_remedy),
		cmocka_unit_test(tcp_v6),
		cmocka_unit_test(tcp_strange_hosts),
		cmocka_unit_test(unix_is_private_and_removed),
		cmocka_unit_test(unix_stale_is_replaced_and_live_refused),
		cmocka_unit_test(unix_never_removes_a_file),
		cmocka_unit_test(tty_is_raw_while_used),
		cmocka_unit_test(tty_that_hangs_up_is_an_error),
		cmocka_unit_test(stdio_keeps_guest_output_apart),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
