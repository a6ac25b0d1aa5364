/*
 * Standard input -> the guest's serial port. From a pipe or file only what the guest has room for is read,
 * so that nothing is lost. A raw terminal is always read, since our own keys (cli/keys.h) must work while
 * the guest does not listen: CLI_INPUT_TYPED bytes wait for it, what is typed beyond that is dropped.
 * Loop's thread, but for the room notice.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "cli/keys.h"
#include "cli/terminal.h"
#include "dev/serial.h"
#include "server/loop.h"

#define CLI_INPUT_TYPED 4096

struct cli_input {
	struct server_loop *loop;
	struct dev_serial *serial;
	void (*quit)(void *ctx);    /* the user typed the key that ends the machine */
	void *ctx;
	struct cli_keys keys;
	uint8_t buf[CLI_INPUT_TYPED];
	size_t start, len;          /* bytes read and not yet taken by the guest */
	int stdin_id, room_fd, room_id;
};

/* All pointers are borrowed. 0 or negative errno with text; cli_input_fini() takes a failed one. */
int cli_input_init(struct cli_input *in, struct server_loop *loop, struct dev_serial *serial,
                   void (*quit)(void *ctx), void *ctx, struct error *err);
void cli_input_fini(struct cli_input *in);

/* After a SIGCONT: a job that came to the foreground may read its terminal again. */
void cli_input_continued(struct cli_input *in);

#endif
