#include "expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of "name:value;" in a T packet; NULL when it is not there. */
static const char *field(const char *reply, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = reply + 3; at != NULL && *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL)
		if (strncmp(at, name, n) == 0 && at[n] == ':')
			return at + n + 1;
	return NULL;
}

static uint64_t little_endian(const char *hex)
{
	uint64_t value = 0;

	for (int i = 7; i >= 0; i--) {
		char byte[3] = {hex[2 * i], hex[2 * i + 1], 0};

		value = value << 8 | strtoul(byte, NULL, 16);
	}
	return value;
}

static const char *plain_reason(unsigned signal, const struct debug_event *ev)
{
	switch (signal) {
	case 0:
		return "halt";
	case 2:
		return "interrupt";
	case 4:
		return "ill";
	case 5:
		return ev != NULL && ev->kind == DEBUG_EVENT_STEPPED ? "step" : "trap";
	case 6:
		return "abort";
	case 11:
		return "segv";
	default:
		return "?";
	}
}

bool expect_parse(const char *reply, const struct debug_event *ev, struct expect_stop *ret)
{
	static const char *const reasons[] = {"swbreak", "hwbreak", "watch", "rwatch", "awatch"};
	const char *at;

	memset(ret, 0, sizeof(*ret));
	if (reply[0] == 'W') {
		strcpy(ret->reason, "exit");
		ret->status = (unsigned)strtoul(reply + 1, NULL, 16);
		return true;
	}
	if (reply[0] != 'T')
		return false;
	strcpy(ret->reason, plain_reason((unsigned)strtoul((char[]){reply[1], reply[2], 0}, NULL, 16), ev));
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		at = field(reply, reasons[i]);
		if (at == NULL)
			continue;
		strcpy(ret->reason, reasons[i]);
		ret->addr = strtoull(at, NULL, 16);
	}
	at = field(reply, "10");
	if (at != NULL)
		ret->rip = little_endian(at);
	at = field(reply, "thread");
	if (at != NULL)
		ret->cpu = (unsigned)strtoul(at, NULL, 16) - 1;
	return true;
}

void expect_describe(const char *reply, const struct debug_event *ev, const struct expect_stop *stop,
                     char *buf, size_t size)
{
	static const char *const kinds[] = {
		[DEBUG_EVENT_INT3] = "int3",     [DEBUG_EVENT_DB] = "db",
		[DEBUG_EVENT_STEPPED] = "step",  [DEBUG_EVENT_INTERRUPT] = "interrupt",
		[DEBUG_EVENT_ACCESS] = "access", [DEBUG_EVENT_OPAQUE] = "opaque",
		[DEBUG_EVENT_EXITED] = "exited", [DEBUG_EVENT_RESET] = "reset",
		[DEBUG_EVENT_SHUTDOWN] = "shutdown", [DEBUG_EVENT_ERROR] = "error",
	};
	int n = snprintf(buf, size, "%s", stop->reason);

	if (strcmp(stop->reason, "exit") == 0)
		n += snprintf(buf + n, size - (size_t)n, " %u", stop->status);
	else
		n += snprintf(buf + n, size - (size_t)n, " rip=0x%" PRIx64 " cpu=%u", stop->rip, stop->cpu);
	if (strstr(stop->reason, "watch") != NULL)
		n += snprintf(buf + n, size - (size_t)n, " addr=0x%" PRIx64, stop->addr);
	if (ev != NULL)
		n += snprintf(buf + n, size - (size_t)n,
		              "; event %s cpu%u pc=0x%" PRIx64 " dr6=%" PRIx64 " %s", kinds[ev->kind],
		              ev->vcpu, ev->pc, ev->dr6, ev->text);
	if (n > 0 && (size_t)n < size)
		snprintf(buf + n, size - (size_t)n, "; reply %.120s", reply);
}
