/*
 * A client that may look and not touch (--gdb-allow-write=off): it reads registers and memory, stops, steps
 * and resumes the guest, and has breakpoints that leave memory alone. Whatever else there is, or will be,
 * is refused: the list is of what is allowed.
 */
#ifndef DEBUG_READONLY_H
#define DEBUG_READONLY_H

#include "debug/internal.h"

/* True when the request would change the guest, or is not known not to: it has been answered. */
bool debug_readonly_refuses(struct debug_session *s, const struct rsp_request *req);

#define DEBUG_READONLY_TEXT "the guest may not be changed: trapline was started with --gdb-allow-write=off"

/* What the points may use then: no byte in guest memory. */
struct debug_caps debug_readonly_caps(const struct debug_caps *caps);

/* The same for a monitor command; arg "": without one. */
bool debug_readonly_allows_command(const char *name, const char *arg);

#endif
