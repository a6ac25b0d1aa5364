/* Strict numbers for the command line and monitor commands. Pure. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdint.h>

/*
 * The whole of text as an unsigned number, decimal or 0x hex, no sign, no blanks, min <= n <= max.
 * 0, -EINVAL (not a number), -ERANGE. *ret untouched on failure.
 */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* The same with an optional suffix K M G T (powers of 1024, either case, an optional B or iB behind). */
int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* Hex without 0x in front is taken too: for addresses typed in monitor commands. */
int parse_address(const char *text, uint64_t *ret);

#endif
