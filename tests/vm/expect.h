/* What a stop reply says, and whether that is what a row expects. */
#ifndef TESTS_VM_EXPECT_H
#define TESTS_VM_EXPECT_H

#include "debug/target.h"
#include <stddef.h>

struct expect_stop {
	char reason[12];      /* as doc/testing.md has them: swbreak, step, segv, exit ... */
	unsigned status;      /* exit */
	uint64_t rip, addr;   /* addr: of a watch reason */
	unsigned cpu;         /* from 0 */
};

/* Reads a stop reply (GDB manual, "Stop Reply Packets") and the event behind it (NULL: none). */
bool expect_parse(const char *reply, const struct debug_event *ev, struct expect_stop *ret);

/* One line of text that says what came, for failures. */
void expect_describe(const char *reply, const struct debug_event *ev, const struct expect_stop *stop,
                     char *buf, size_t size);

#endif
