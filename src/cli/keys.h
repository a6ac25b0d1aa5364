/* The keys that are trapline's while the guest has the terminal: all begin with Ctrl-A. Pure. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_key { CLI_KEY_NONE, CLI_KEY_QUIT, CLI_KEY_HELP };

#define CLI_KEY_ESCAPE 0x01 /* Ctrl-A */
#define CLI_KEY_HELP_TEXT \
	"Ctrl-A x  end the machine\n" \
	"Ctrl-A a  send Ctrl-A to the guest (so does Ctrl-A Ctrl-A)\n" \
	"Ctrl-A h  this help\n"

/* Whether the byte before was an escape; zero at first. */
struct cli_keys { bool escaped; };

/*
 * Passes typed bytes on to the guest, minus our escapes: in place, *len becomes how many are the guest's.
 * Stops at the first key that is ours: *used bytes of the input were looked at, the rest is still to come.
 * An escape that means nothing sends nothing.
 */
enum cli_key cli_keys_filter(struct cli_keys *k, uint8_t *bytes, size_t *len, size_t *used);

#endif
