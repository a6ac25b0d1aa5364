#include "../cmocka_all.h"

#include "cli/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WRITERS 4
#define LINES 20000

struct rig { int out, in; struct cli_console *console; };

static int open_rig(struct rig *r, bool socket)
{
	int fd[2];

	if (socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fd) : pipe(fd))
		return -1;
	r->in = fd[0];
	r->out = fd[1];
	r->console = cli_console_new(r->out, NULL);
	return r->console == NULL ? -1 : 0;
}

static struct rig rig;

static int set_up_pipe(void **state)
{
	*state = &rig;
	return open_rig(&rig, false);
}

static int set_up_socket(void **state)
{
	*state = &rig;
	return open_rig(&rig, true);
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	if (r->in >= 0)
		close(r->in);
	cli_console_free(r->console, 0);
	close(r->out);
	return 0;
}

static void *read_all(void *arg)
{
	struct rig *r = arg;
	size_t size = 1 << 24, len = 0;
	uint8_t *got = malloc(size);
	ssize_t n;

	while (len < size && (n = read(r->in, got + len, size - len)) > 0)
		len += (size_t)n;
	got = realloc(got, len + 1);
	got[len] = '\0';
	return got;
}

static void goes_straight_through(void **state)
{
	struct rig *r = *state;
	char buf[8];

	cli_console_write(r->console, "abc", 3);
	cli_console_write(r->console, "d", 1);
	cli_console_write(r->console, "", 0);
	assert_int_equal(read(r->in, buf, sizeof(buf)), 4); /* at once: nobody flushed */
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(cli_console_flush(r->console, -1), 0);
	assert_int_equal(fcntl(r->out, F_GETFL) & O_NONBLOCK, 0);
}

/* The reader sleeps: writers are not stuck, and when it wakes up it finds every byte in order. */
static void nobody_reads_for_a_while(void **state)
{
	struct rig *r = *state;
	static uint8_t sent[CLI_CONSOLE_QUEUE - 4096];
	uint8_t *got;
	pthread_t thread;
	size_t len = 0;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(1 + i * 31 % 255);
	while (len < sizeof(sent)) {
		size_t n = 1 + len % 1000;

		if (n > sizeof(sent) - len)
			n = sizeof(sent) - len;
		cli_console_write(r->console, sent + len, n);
		len += n;
	}
	assert_true(cli_console_flush(r->console, 0) > 0);
	pthread_create(&thread, NULL, read_all, r);
	assert_int_equal(cli_console_flush(r->console, -1), 0);
	cli_console_free(r->console, -1);
	r->console = NULL;
	close(r->out);
	r->out = open("/dev/null", O_WRONLY);
	pthread_join(thread, (void **)&got);
	assert_int_equal(strlen((char *)got), sizeof(sent));
	assert_memory_equal(got, sent, sizeof(sent));
	free(got);
}

/* A full queue holds a writer back, but lets it go again: run control needs its thread. */
static void a_full_queue_lets_the_writer_go(void **state)
{
	struct rig *r = *state;
	static uint8_t block[CLI_CONSOLE_QUEUE];
	pthread_t thread;
	uint8_t *got;

	memset(block, 'x', sizeof(block));
	cli_console_write(r->console, block, sizeof(block));
	cli_console_write(r->console, block, sizeof(block) / 2);
	cli_console_write(r->console, "end", 3); /* would hang here */
	pthread_create(&thread, NULL, read_all, r);
	/* Beyond the limit the writer waits for the reader, who has come. */
	cli_console_write(r->console, block, sizeof(block));
	cli_console_write(r->console, block, sizeof(block));
	cli_console_write(r->console, "END", 3);
	assert_int_equal(cli_console_free(r->console, -1), 0);
	r->console = NULL;
	close(r->out);
	r->out = open("/dev/null", O_WRONLY);
	pthread_join(thread, (void **)&got);
	assert_int_equal(strlen((char *)got), sizeof(block) * 7 / 2 + 6);
	assert_memory_equal(got + sizeof(block) * 3 / 2, "end", 3);
	assert_memory_equal(got + sizeof(block) * 7 / 2 + 3, "END", 3);
	free(got);
}

struct writer { struct cli_console *console; char name; pthread_t thread; };

static void *write_lines(void *arg)
{
	struct writer *w = arg;
	char line[10];

	for (unsigned i = 0; i < LINES; i++) {
		memset(line, w->name, sizeof(line));
		line[0] = (char)('a' + i % 26);
		line[9] = '\n';
		cli_console_write(w->console, line, sizeof(line));
	}
	return NULL;
}

static void kick(int sig)
{
	(void)sig;
}

/* Whole writes of several threads, each in its order, while signals rain on them as kicks do. */
static void many_writers_under_signals(void **state)
{
	struct rig *r = *state;
	struct sigaction sa = {.sa_handler = kick};
	struct writer w[WRITERS];
	unsigned seen[WRITERS] = {0};
	pthread_t thread;
	char *got;

	sigaction(SIGUSR1, &sa, NULL);
	pthread_create(&thread, NULL, read_all, r);
	for (int i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){.console = r->console, .name = (char)('0' + i)};
		pthread_create(&w[i].thread, NULL, write_lines, &w[i]);
	}
	for (int i = 0; i < 2000; i++) {
		pthread_kill(w[i % WRITERS].thread, SIGUSR1);
		sched_yield();
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(w[i].thread, NULL);
	assert_int_equal(cli_console_free(r->console, -1), 0);
	r->console = NULL;
	close(r->out);
	r->out = open("/dev/null", O_WRONLY);
	pthread_join(thread, (void **)&got);
	assert_int_equal(strlen(got), WRITERS * LINES * 10);
	for (char *line = got; *line != '\0'; line += 10) {
		int who = line[1] - '0';

		assert_in_range(who, 0, WRITERS - 1);
		assert_int_equal(line[0], 'a' + seen[who]++ % 26);
		for (int i = 2; i < 9; i++)
			assert_int_equal(line[i], line[1]);
		assert_int_equal(line[9], '\n');
	}
	free(got);
}

static void a_reader_that_left_is_told_once(void **state)
{
	struct rig *r = *state;

	assert_int_equal(cli_console_error(r->console), 0);
	close(r->in);
	r->in = -1;
	cli_console_write(r->console, "abc", 3);
	assert_int_equal(cli_console_error(r->console), EPIPE);
	cli_console_write(r->console, "abc", 3);
	assert_int_equal(cli_console_flush(r->console, -1), 0);
}

static void a_reader_that_leaves_frees_a_full_queue(void **state)
{
	struct rig *r = *state;
	static uint8_t block[CLI_CONSOLE_QUEUE / 2];

	cli_console_write(r->console, block, sizeof(block));
	assert_true(cli_console_flush(r->console, 0) > 0);
	close(r->in);
	r->in = -1;
	assert_int_equal(cli_console_flush(r->console, -1), 0);
	assert_int_equal(cli_console_error(r->console), EPIPE);
	cli_console_write(r->console, block, sizeof(block));
}

static void files_and_full_disks(void **state)
{
	struct cli_console *c;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	c = cli_console_new(fd, NULL);
	cli_console_write(c, "abc", 3);
	assert_int_equal(cli_console_error(c), ENOSPC);
	assert_int_equal(cli_console_free(c, -1), 0);
	close(fd);
	assert_int_equal(cli_console_free(NULL, -1), 0);
}

#define BOTH(f) \
	{#f " (pipe)", f, set_up_pipe, tear_down, NULL}, {#f " (socket)", f, set_up_socket, tear_down, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(goes_straight_through),
		BOTH(nobody_reads_for_a_while),
		BOTH(a_full_queue_lets_the_writer_go),
		BOTH(many_writers_under_signals),
		BOTH(a_reader_that_left_is_told_once),
		BOTH(a_reader_that_leaves_frees_a_full_queue),
		cmocka_unit_test(files_and_full_disks),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
