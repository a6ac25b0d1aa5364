/* The printf of agent expressions: the formats that GDB sends, checked once, without floating point. Pure. */
#ifndef DEBUG_AGENT_PRINTF_H
#define DEBUG_AGENT_PRINTF_H

#include "debug/agent.h"

#define DEBUG_AGENT_ARGS 32
#define DEBUG_AGENT_WIDTH 255      /* widest field, most digits */
#define DEBUG_AGENT_STRING_MAX 1024 /* of one %s */

/* fmt: len bytes, the last one NUL. 0, or -EINVAL: a conversion that is not to be had, or not args many. */
int debug_agent_printf_check(const char *fmt, size_t len, unsigned args, struct error *err);

/* A checked format. *room: bytes that may yet be printed; taken from. -EFBIG beyond it, -EFAULT for a %s. */
int debug_agent_printf(const char *fmt, const uint64_t *args, const struct debug_agent_io *io, size_t *room,
                       struct error *err);

#endif
