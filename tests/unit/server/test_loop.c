#include "../cmocka_all.h"

#include "server/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
	struct server_loop *loop;
	int fd[2], other[2];
	int id, other_id, quit_after;
	bool rearm, remove_other, use_byte;
	atomic_int calls, other_calls;
};

static int set_up(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	*state = &rig;
	return server_loop_new(&rig.loop, NULL) | socketpair(AF_UNIX, SOCK_STREAM, 0, rig.fd) |
	       socketpair(AF_UNIX, SOCK_STREAM, 0, rig.other);
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	server_loop_free(r->loop);
	for (int i = 0; i < 2; i++)
		close(r->fd[i]), close(r->other[i]);
	return 0;
}

static void on_readable(void *ctx)
{
	struct rig *r = ctx;
	char b;

	if (r->use_byte)
		assert_int_equal(read(r->fd[0], &b, 1), 1);
	if (r->remove_other)
		server_loop_remove(r->loop, r->other_id);
	if (++r->calls == r->quit_after)
		server_loop_quit(r->loop);
	else if (r->rearm)
		server_loop_arm(r->loop, r->id);
}

static void on_other(void *ctx)
{
	struct rig *r = ctx;

	r->other_calls++;
	server_loop_quit(r->loop);
}

static void one_shot_until_armed_again(void **state)
{
	struct rig *r = *state;

	r->id = server_loop_add(r->loop, r->fd[0], on_readable, r);
	r->other_id = server_loop_add(r->loop, r->other[0], on_other, r);
	assert_true(r->id >= 0 && r->other_id >= 0 && r->id != r->other_id);
	assert_int_equal(write(r->fd[1], "abc", 3), 3);
	assert_int_equal(write(r->other[1], "x", 1), 1);
	/* Not armed: never called, however readable; the other one ends the loop. */
	server_loop_arm(r->loop, r->other_id);
	server_loop_run(r->loop);
	assert_int_equal(r->calls, 0);
	assert_int_equal(r->other_calls, 1);
}

static void rearmed_from_its_callback(void **state)
{
	struct rig *r = *state;

	r->rearm = r->use_byte = true;
	r->quit_after = 3;
	r->id = server_loop_add(r->loop, r->fd[0], on_readable, r);
	assert_int_equal(write(r->fd[1], "abc", 3), 3);
	server_loop_arm(r->loop, r->id);
	server_loop_run(r->loop);
	assert_int_equal(r->calls, 3);
}

static void hang_up_is_not_told_while_disarmed(void **state)
{
	struct rig *r = *state;

	r->id = server_loop_add(r->loop, r->fd[0], on_readable, r);
	r->other_id = server_loop_add(r->loop, r->other[0], on_other, r);
	server_loop_arm(r->loop, r->id);
	server_loop_disarm(r->loop, r->id);
	shutdown(r->fd[1], SHUT_RDWR);
	assert_int_equal(write(r->other[1], "x", 1), 1);
	server_loop_arm(r->loop, r->other_id);
	server_loop_run(r->loop);
	assert_int_equal(r->calls, 0);
}

static void hang_up_is_told_when_armed(void **state)
{
	struct rig *r = *state;

	r->quit_after = 1;
	r->id = server_loop_add(r->loop, r->fd[0], on_readable, r);
	shutdown(r->fd[1], SHUT_RDWR);
	server_loop_arm(r->loop, r->id);
	server_loop_run(r->loop);
	assert_int_equal(r->calls, 1);
}

static void a_removed_source_is_not_called(void **state)
{
	struct rig *r = *state;

	r->remove_other = true;
	r->quit_after = 1;
	r->id = server_loop_add(r->loop, r->fd[0], on_readable, r);
	r->other_id = server_loop_add(r->loop, r->other[0], on_other, r);
	assert_int_equal(write(r->fd[1], "a", 1), 1); /* ready first, hence called first */
	server_loop_arm(r->loop, r->id);
	assert_int_equal(write(r->other[1], "a", 1), 1);
	server_loop_arm(r->loop, r->other_id);
	server_loop_run(r->loop);
	assert_int_equal(r->other_calls, 0);
	/* Its id is free again, and stale ids are harmless. */
	server_loop_arm(r->loop, r->other_id);
	server_loop_disarm(r->loop, -1);
	server_loop_remove(r->loop, 99);
	assert_int_equal(server_loop_add(r->loop, r->other[0], on_other, r), r->other_id);
}

static void a_regular_file_is_always_readable(void **state)
{
	struct rig *r = *state;
	FILE *f = tmpfile();

	r->rearm = true;
	r->quit_after = 2;
	r->id = server_loop_add(r->loop, fileno(f), on_readable, r);
	assert_true(r->id >= 0);
	server_loop_arm(r->loop, r->id);
	server_loop_run(r->loop);
	assert_int_equal(r->calls, 2);
	fclose(f);
}

static void sixteen_sources_and_no_more(void **state)
{
	struct rig *r = *state;
	int fd[17];

	for (int i = 0; i < 17; i++)
		fd[i] = dup(r->fd[0]);
	for (int i = 0; i < 16; i++)
		assert_int_equal(server_loop_add(r->loop, fd[i], on_readable, r), i);
	assert_int_equal(server_loop_add(r->loop, fd[16], on_readable, r), -ENOSPC);
	server_loop_remove(r->loop, 5);
	assert_int_equal(server_loop_add(r->loop, 9999, on_readable, r), -EBADF);
	assert_int_equal(server_loop_add(r->loop, fd[16], on_readable, r), 5);
	for (int i = 0; i < 17; i++)
		close(fd[i]);
}

static void *run(void *arg)
{
	server_loop_run(((struct rig *)arg)->loop);
	return NULL;
}

static void armed_and_ended_from_another_thread(void **state)
{
	struct rig *r = *state;
	pthread_t thread;

	r->use_byte = true;
	r->id = server_loop_add(r->loop, r->fd[0], on_readable, r);
	pthread_create(&thread, NULL, run, r);
	for (int i = 1; i <= 100; i++) {
		assert_int_equal(write(r->fd[1], "a", 1), 1);
		server_loop_arm(r->loop, r->id);
		while (atomic_load(&r->calls) < i)
			sched_yield();
	}
	server_loop_quit(r->loop);
	pthread_join(thread, NULL);
	assert_int_equal(r->calls, 100);
	server_loop_run(r->loop); /* quit holds: returns at once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(one_shot_until_armed_again),
		T(rearmed_from_its_callback),
		T(hang_up_is_not_told_while_disarmed),
		T(hang_up_is_told_when_armed),
		T(a_removed_source_is_not_called),
		T(a_regular_file_is_always_readable),
		T(sixteen_sources_and_no_more),
		T(armed_and_ended_from_another_thread),
	};

	server_loop_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
