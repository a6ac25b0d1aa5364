#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A vcpu's thread: the guest has read something. */
static void on_room(void *ctx)
{
	struct cli_input *in = ctx;
	uint64_t one = 1;

	if (write(in->room_fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

/* True when the guest took everything that waits. */
static bool push(struct cli_input *in)
{
	while (in->len > 0) {
		size_t n = dev_serial_input(in->serial, in->buf + in->start, in->len);

		if (n == 0)
			return false;
		in->start += n;
		in->len -= n;
	}
	return true;
}

static void handle_key(struct cli_input *in, enum cli_key key)
{
	if (key == CLI_KEY_QUIT)
		in->quit(in->ctx);
	else if (key == CLI_KEY_HELP)
		fputs("\n" CLI_KEY_HELP_TEXT, stderr);
}

static void keep(struct cli_input *in, const uint8_t *bytes, size_t n)
{
	size_t room = sizeof(in->buf) - in->len;

	memmove(in->buf, in->buf + in->start, in->len);
	in->start = 0;
	memcpy(in->buf + in->len, bytes, n < room ? n : room);
	in->len += n < room ? n : room;
}

/* Only a terminal has keys: piped bytes are all the guest's. */
static void filter(struct cli_input *in, uint8_t *bytes, size_t n)
{
	while (n > 0) {
		size_t guests = n, used = n;
		enum cli_key key = CLI_KEY_NONE;

		if (cli_terminal_is_raw())
			key = cli_keys_filter(&in->keys, bytes, &guests, &used);
		keep(in, bytes, guests);
		bytes += used;
		n -= used;
		handle_key(in, key);
	}
}

static void on_stdin(void *ctx)
{
	struct cli_input *in = ctx;
	uint8_t bytes[64];
	size_t want = cli_terminal_is_raw() ? sizeof(bytes) : dev_serial_rx_room(in->serial);
	ssize_t n;

	if (want == 0)
		return; /* on_room_fd() arms again */
	n = read(STDIN_FILENO, bytes, want < sizeof(bytes) ? want : sizeof(bytes));
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return; /* end of input: the source stays disarmed */
	if (n > 0)
		filter(in, bytes, (size_t)n);
	if (push(in) || cli_terminal_is_raw())
		server_loop_arm(in->loop, in->stdin_id);
}

static void on_room_fd(void *ctx)
{
	struct cli_input *in = ctx;
	uint64_t count;

	if (read(in->room_fd, &count, sizeof(count)) > 0 && push(in))
		server_loop_arm(in->loop, in->stdin_id);
	server_loop_arm(in->loop, in->room_id);
}

int cli_input_init(struct cli_input *in, struct server_loop *loop, struct dev_serial *serial,
                   void (*quit)(void *ctx), void *ctx, struct error *err)
{
	*in = (struct cli_input){.loop = loop, .serial = serial, .quit = quit, .ctx = ctx};
	in->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (in->room_fd < 0)
		return error_set(err, errno, "eventfd: %s", strerror(errno));
	in->room_id = server_loop_add(loop, in->room_fd, on_room_fd, in);
	in->stdin_id = server_loop_add(loop, STDIN_FILENO, on_stdin, in);
	if (in->room_id < 0)
		return error_set(err, -in->room_id, "cannot watch the serial port");
	dev_serial_on_room(serial, on_room, in);
	server_loop_arm(loop, in->room_id);
	/* A closed standard input is no error: the guest just hears nothing. */
	if (in->stdin_id >= 0)
		server_loop_arm(loop, in->stdin_id);
	return 0;
}

void cli_input_fini(struct cli_input *in)
{
	if (in->room_fd > 0)
		close(in->room_fd);
	in->room_fd = -1;
}

void cli_input_continued(struct cli_input *in)
{
	if (in->stdin_id >= 0 && cli_terminal_foreground())
		server_loop_arm(in->loop, in->stdin_id);
}
