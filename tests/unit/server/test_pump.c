/* The pump against a scripted engine: these three functions stand in for librsp. */
#include "../cmocka_all.h"

#include "server/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	uint8_t in[1 << 20];
	size_t in_len, take; /* take: most bytes of one feed; SIZE_MAX: all */
	uint8_t out[1 << 20];
	size_t out_start, out_len, sends;
} fake;

size_t rsp_engine_feed(struct rsp_engine *e, const void *bytes, size_t len)
{
	size_t n = len < fake.take ? len : fake.take;

	(void)e;
	assert_true(fake.in_len + n <= sizeof(fake.in));
	memcpy(fake.in + fake.in_len, bytes, n);
	fake.in_len += n;
	return n;
}

const uint8_t *rsp_engine_output(const struct rsp_engine *e, size_t *ret_len)
{
	(void)e;
	*ret_len = fake.out_len - fake.out_start;
	return fake.out + fake.out_start;
}

void rsp_engine_sent(struct rsp_engine *e, size_t n)
{
	(void)e;
	assert_true(n <= fake.out_len - fake.out_start);
	fake.out_start += n;
	fake.sends++;
}

struct rig { struct server_pump pump; struct rsp_engine engine; int peer, peer_out; };
static struct rig rig;

static int set_up_sockets(void **state)
{
	int sv[2];

	memset(&fake, 0, sizeof(fake));
	fake.take = SIZE_MAX;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	server_pump_init(&rig.pump, (struct server_client){sv[0], sv[0]});
	rig.peer = rig.peer_out = sv[1];
	*state = &rig;
	return 0;
}

/* The same with a pair of pipes: the way without recv and send. */
static int set_up_pipes(void **state)
{
	int in[2], out[2];

	memset(&fake, 0, sizeof(fake));
	fake.take = SIZE_MAX;
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -1;
	fcntl(in[0], F_SETFL, O_NONBLOCK);
	fcntl(out[1], F_SETFL, O_NONBLOCK);
	server_pump_init(&rig.pump, (struct server_client){in[0], out[1]});
	rig.peer = out[0];
	rig.peer_out = in[1];
	*state = &rig;
	return 0;
}

static void close_peer(struct rig *r)
{
	if (r->peer >= 0)
		close(r->peer);
	if (r->peer_out >= 0 && r->peer_out != r->peer)
		close(r->peer_out);
	r->peer = r->peer_out = -1;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	close_peer(r);
	server_client_close(&r->pump.client);
	return 0;
}

static void say(struct rig *r, const char *text)
{
	assert_int_equal(write(r->peer_out, text, strlen(text)), strlen(text));
}

static void wait_then_read_then_flush(void **state)
{
	struct rig *r = *state;
	char buf[16];

	assert_int_equal(server_pump_read(&r->pump, &r->engine), 0);
	for (unsigned spin = 0; spin <= 50; spin += 50) {
		say(r, "$g#67");
		assert_int_equal(server_pump_wait(&r->pump, spin), 1);
		assert_int_equal(server_pump_wait(&r->pump, spin), 1); /* still unread */
		assert_int_equal(server_pump_read(&r->pump, &r->engine), 1);
		assert_int_equal(server_pump_read(&r->pump, &r->engine), 0);
	}
	assert_int_equal(fake.in_len, 10);
	assert_memory_equal(fake.in, "$g#67$g#67", 10);
	memcpy(fake.out, "+$OK#9a", 7);
	fake.out_len = 7;
	assert_int_equal(server_pump_flush(&r->pump, &r->engine), 0);
	assert_int_equal(fake.sends, 1);
	assert_int_equal(read(r->peer, buf, sizeof(buf)), 7);
	assert_memory_equal(buf, "+$OK#9a", 7);
}

/* After a short read of a socket the next answer is known without a system call; after that it looks again.
 */
static void one_look_per_packet(void **state)
{
	struct rig *r = *state;
	int known = r->pump.in_socket ? 0 : 1;

	say(r, "abc");
	assert_int_equal(server_pump_read(&r->pump, &r->engine), 1);
	say(r, "def");
	assert_int_equal(server_pump_read(&r->pump, &r->engine), known);
	assert_int_equal(server_pump_read(&r->pump, &r->engine), !known);
	assert_int_equal(fake.in_len, 6);
}

/* The engine takes the bytes by and by; none is lost, none fed twice. */
static void engine_takes_little_at_a_time(void **state)
{
	struct rig *r = *state;
	int rounds = 0;

	fake.take = 3;
	say(r, "0123456789");
	assert_int_equal(server_pump_wait(&r->pump, 0), 1);
	while (server_pump_read(&r->pump, &r->engine) == 1)
		rounds++;
	assert_int_equal(rounds, 4);
	assert_int_equal(fake.in_len, 10);
	assert_memory_equal(fake.in, "0123456789", 10);
}

/* While a reply is owed the end of the connection is still seen, and a flood ends it. */
static void engine_takes_nothing(void **state)
{
	struct rig *r = *state;
	static char junk[SERVER_PUMP_SIZE / 2];
	int rc = 0;

	fake.take = 0;
	say(r, "abc");
	assert_int_equal(server_pump_read(&r->pump, &r->engine), 0);
	assert_int_equal(server_pump_read(&r->pump, &r->engine), 0);
	say(r, "def");
	assert_int_equal(server_pump_read(&r->pump, &r->engine), 0);
	fake.take = SIZE_MAX;
	assert_int_equal(server_pump_wait(&r->pump, 0), 1);
	assert_int_equal(server_pump_read(&r->pump, &r->engine), 1);
	assert_int_equal(fake.in_len, 6);
	assert_memory_equal(fake.in, "abcdef", 6);
	fake.take = 0;
	for (int i = 0; i < 4 && rc == 0; i++) {
		assert_int_equal(write(r->peer_out, junk, sizeof(junk)), sizeof(junk));
		rc = server_pump_read(&r->pump, &r->engine);
		if (rc == 0)
			rc = server_pump_read(&r->pump, &r->engine);
	}
	assert_int_equal(rc, -EPIPE);
}

static void end_of_file(void **state)
{
	struct rig *r = *state;

	say(r, "last");
	assert_false(server_pump_hung_up(&r->pump));
	close_peer(r);
	assert_true(server_pump_hung_up(&r->pump));
	assert_int_equal(server_pump_wait(&r->pump, 0), 1);
	assert_int_equal(server_pump_read(&r->pump, &r->engine), 1);
	assert_memory_equal(fake.in, "last", 4);
	assert_int_equal(server_pump_wait(&r->pump, 20), 1);
	assert_int_equal(server_pump_read(&r->pump, &r->engine), -EPIPE);
	assert_int_equal(server_pump_read(&r->pump, &r->engine), -EPIPE);
	fake.out_len = 10;
	assert_int_equal(server_pump_flush(&r->pump, &r->engine), -EPIPE);
}

static void *drain(void *arg)
{
	struct rig *r = arg;
	static uint8_t got[sizeof(fake.out)];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(got) && (n = read(r->peer, got + len, 4096)) > 0)
		len += (size_t)n;
	return len == sizeof(got) && memcmp(got, fake.out, len) == 0 ? r : NULL;
}

static void partial_writes(void **state)
{
	struct rig *r = *state;
	pthread_t thread;
	void *right;

	for (size_t i = 0; i < sizeof(fake.out); i++)
		fake.out[i] = (uint8_t)(i * 7 >> 3);
	fake.out_len = sizeof(fake.out);
	pthread_create(&thread, NULL, drain, r);
	assert_int_equal(server_pump_flush(&r->pump, &r->engine), 0);
	pthread_join(thread, &right);
	assert_non_null(right);
	assert_true(fake.sends > 1);
}

static void peer_that_never_reads_is_given_up(void **state)
{
	struct rig *r = *state;

	fake.out_len = sizeof(fake.out);
	r->pump.send_limit_ms = 20;
	assert_int_equal(server_pump_flush(&r->pump, &r->engine), -ETIMEDOUT);
	assert_true(fake.out_start > 0); /* what fitted did go */
}

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals = signals + 1;
}

struct shooter { pthread_t target, thread; volatile bool done; };

/* Sends signals until told that the wait is over: no matter when the wait starts, one hits it. */
static void *shoot(void *arg)
{
	struct shooter *s = arg;

	while (!__atomic_load_n(&s->done, __ATOMIC_ACQUIRE)) {
		pthread_kill(s->target, SIGUSR1);
		sched_yield();
	}
	return NULL;
}

static void start_shooting(struct shooter *s)
{
	struct sigaction sa = {.sa_handler = count_signal};

	*s = (struct shooter){.target = pthread_self()};
	sigaction(SIGUSR1, &sa, NULL);
	pthread_create(&s->thread, NULL, shoot, s);
}

static void stop_shooting(struct shooter *s)
{
	__atomic_store_n(&s->done, true, __ATOMIC_RELEASE);
	pthread_join(s->thread, NULL);
	assert_true(signals > 0);
}

static void signal_ends_the_wait_and_not_the_flush(void **state)
{
	struct rig *r = *state;
	struct shooter s;

	start_shooting(&s);
	assert_int_equal(server_pump_wait(&r->pump, 0), 0);
	assert_int_equal(server_pump_wait(&r->pump, 30), 0);
	/* Under fire the limit still holds: interrupted waits do not start anew. */
	fake.out_len = sizeof(fake.out);
	r->pump.send_limit_ms = 20;
	assert_int_equal(server_pump_flush(&r->pump, &r->engine), -ETIMEDOUT);
	stop_shooting(&s);
}

/* How many waits in a row go without a look behind one in vain. */
static unsigned waits_at_rest(struct rig *r)
{
	unsigned n = 0;

	assert_int_equal(server_pump_wait(&r->pump, 1), 0);
	for (; r->pump.spin_rest > 0; n++)
		assert_int_equal(server_pump_wait(&r->pump, 1), 0);
	return n;
}

static void looks_in_vain_become_rare(void **state)
{
	struct rig *r = *state;
	struct shooter s;

	start_shooting(&s);
	for (unsigned n = 1; n <= 1024; n *= 2)
		assert_int_equal(waits_at_rest(r), n);
	assert_int_equal(waits_at_rest(r), 1024);
	assert_int_equal(server_pump_wait(&r->pump, 0), 0);
	assert_int_equal(r->pump.spin_rest, 0); /* nobody asked for a long look */
	stop_shooting(&s);
}

#define BOTH(f) \
	{#f " (socket)", f, set_up_sockets, tear_down, NULL}, {#f " (pipe)", f, set_up_pipes, tear_down, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(wait_then_read_then_flush),
		BOTH(one_look_per_packet),
		BOTH(engine_takes_little_at_a_time),
		BOTH(engine_takes_nothing),
		BOTH(end_of_file),
		BOTH(partial_writes),
		BOTH(peer_that_never_reads_is_given_up),
		BOTH(looks_in_vain_become_rare),
		BOTH(signal_ends_the_wait_and_not_the_flush),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
