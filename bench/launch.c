/*
 * launch PROGRAM ARGS...: starts it and prints the microseconds until its first byte of output, until its
 * last, and until its end. With LAUNCH_ATTACH=ADDRESS in the environment a debugger attaches there, inserts
 * the point LAUNCH_POINT (a packet, if set), lets the guest run and stays.
 */
#include "client.h"
#include "serve.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void attach(const char *address)
{
	const char *point = getenv("LAUNCH_POINT");
	static struct client c;

	if (client_open(&c, address, 5) < 0 || client_ask(&c, "QStartNoAckMode") < 0)
		bench_die("cannot attach at %s", address);
	c.no_ack = true;
	if (point != NULL && client_ask(&c, point) < 0)
		bench_die("cannot insert %s", point);
	if (client_ask(&c, "?") < 0 || client_send(&c, "vCont;c", 7) < 0)
		bench_die("cannot resume");
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	const char *address = getenv("LAUNCH_ATTACH");
	double start, first = 0, last = 0;
	int out[2], status;
	char byte;
	pid_t pid;

	if (argc < 2 || pipe2(out, O_CLOEXEC) < 0)
		bench_die("usage: launch PROGRAM ARGS...");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	start = bench_now();
	if (posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ) != 0)
		bench_die("cannot start %s", argv[1]);
	close(out[1]);
	if (address != NULL)
		attach(address);
	while (read(out[0], &byte, 1) == 1) {
		last = bench_now();
		if (first == 0)
			first = last;
	}
	if (waitpid(pid, &status, 0) < 0)
		bench_die("waitpid");
	printf("%.1f %.1f %.1f %d\n", first - start, last - start, bench_now() - start, status);
	return first == 0;
}
