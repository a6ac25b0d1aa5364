#include "cli/keys.h"

enum cli_key cli_keys_filter(struct cli_keys *k, uint8_t *bytes, size_t *len, size_t *used)
{
	size_t out = 0, in;
	enum cli_key key = CLI_KEY_NONE;

	for (in = 0; in < *len && key == CLI_KEY_NONE; in++) {
		uint8_t c = bytes[in];

		if (!k->escaped) {
			if (c == CLI_KEY_ESCAPE)
				k->escaped = true;
			else
				bytes[out++] = c;
			continue;
		}
		k->escaped = false;
		if (c == CLI_KEY_ESCAPE || c == 'a')
			bytes[out++] = CLI_KEY_ESCAPE;
		else if (c == 'x')
			key = CLI_KEY_QUIT;
		else if (c == 'h' || c == '?')
			key = CLI_KEY_HELP;
	}
	*used = in;
	*len = out;
	return key;
}
