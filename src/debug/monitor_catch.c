#include "debug/catch.h"

#include "base/parse.h"
#include "debug/catch_parse.h"
#include "debug/internal.h"
#include "debug/text.h"
#include <inttypes.h>
#include <string.h>

static const char *means_of(const struct debug_catch *c)
{
	switch (c->means) {
	case DEBUG_CATCH_BY_EXIT:
		return "comes out of KVM (no cost)";
	case DEBUG_CATCH_BY_GATE:
		return c->waits ? "waits for a gate in the IDT (each instruction is stepped until then)"
		                : "breakpoint at the handler (no cost)";
	case DEBUG_CATCH_BY_STEP:
		return "single-stepping (each instruction is stepped)";
	default:
		return "told before the end (no cost)";
	}
}

static void add_range(const struct debug_catch_range *r, struct debug_text *out)
{
	bool vector = r->kind == DEBUG_CATCH_EXCEPTION || r->kind == DEBUG_CATCH_IRQ;

	debug_text_add(out, "%s", debug_catch_kind_name(r->kind));
	if (r->kind == DEBUG_CATCH_CR3 || r->kind >= DEBUG_CATCH_HLT)
		return;
	debug_text_add(out, vector ? " %" PRIu64 : " 0x%" PRIx64, r->first);
	if (r->last != r->first)
		debug_text_add(out, vector ? "-%" PRIu64 : "-0x%" PRIx64, r->last);
}

static void show(const struct debug_catch *c, struct debug_text *out)
{
	debug_text_add(out, "catch %" PRIu32 ": ", c->number);
	add_range(&c->range, out);
	if (c->code_len)
		debug_text_add(out, " if %s", c->condition);
	debug_text_add(out, ": %s, %" PRIu64 " hits", means_of(c), c->hits);
	if (c->code_len)
		debug_text_add(out, ", %" PRIu64 " misses", c->misses);
	debug_text_add(out, "\n");
}

void debug_monitor_catch(struct debug_session *s, const char *arg, struct debug_text *out)
{
	const struct debug_catch *c;
	struct error err;

	if (strncmp(arg, "delete ", 7) == 0) {
		debug_monitor_uncatch(s, arg + 7 + strspn(arg + 7, " "), out);
		return;
	}
	if (arg[0] && debug_catch_add(s, arg, &c, &err) < 0)
		debug_text_add(out, "not caught: %s\n", err.text);
	else if (arg[0])
		show(c, out);
	for (unsigned i = 0; !arg[0] && i < s->catches.count; i++)
		show(&s->catches.list[i], out);
	if (!arg[0] && s->catches.count == 0)
		debug_text_add(out, "nothing is caught\n");
}

void debug_monitor_uncatch(struct debug_session *s, const char *arg, struct debug_text *out)
{
	uint64_t number = 0;
	unsigned gone;

	if (strcmp(arg, "all") != 0 && parse_u64(arg, 1, UINT32_MAX, &number) < 0) {
		debug_text_add(out, "uncatch takes the number of a catch, or all\n");
		return;
	}
	gone = debug_catch_remove(s, (uint32_t)number);
	if (gone == 0 && number != 0)
		debug_text_add(out, "there is no catch %" PRIu64 "\n", number);
	else
		debug_text_add(out, "%u removed\n", gone);
}
