#include "debug/monitor.h"

#include "debug/datapoint.h"
#include <inttypes.h>
#include <string.h>

/* ---- monitor break ---- */

static const char *use_name(const struct debug_point *pt)
{
	static const char *const names[] = { [DEBUG_USE_TRACE] = "trace", [DEBUG_USE_KEPT] = "kept",
	                                     [DEBUG_USE_CATCH] = "catch" };

	return pt->use == DEBUG_USE_CLIENT ? debug_point_name(pt->type) : names[pt->use];
}

static void show_break(const struct debug_session *s, const struct debug_point *pt, struct debug_text *out)
{
	uint64_t ignored = pt->use == DEBUG_USE_CLIENT ? debug_ignore_left(&s->ignores, pt->gva) : 0;

	debug_text_add(out, "%-7s 0x%016" PRIx64 "+%-4" PRIu64 " %-15s %" PRIu64 " hits", use_name(pt),
	               pt->gva, pt->len, debug_means_name(pt->means), pt->hits);
	if (pt->conditions || pt->misses)
		debug_text_add(out, ", %" PRIu64 " misses", pt->misses);
	if (ignored > 0 && pt->type <= RSP_POINT_HW)
		debug_text_add(out, ", the next %" PRIu64 " ignored", ignored);
	debug_text_add(out, "%s\n", pt->wished ? "" : " (out)");
}

/* GDB takes its breakpoints out at each stop and puts them back when it resumes. */
void debug_monitor_break(struct debug_session *s, const char *arg, struct debug_text *out)
{
	if (strcmp(arg, "drop") == 0)
		debug_points_drop_kept(&s->points, NULL);
	else if (arg[0])
		debug_text_add(out, "break takes drop, not '%.40s'\n", arg);
	if (s->points.count == 0)
		debug_text_add(out, "no breakpoints or watchpoints\n");
	for (unsigned i = 0; i < s->points.count; i++)
		if (s->points.point[i].wished || s->points.point[i].use != DEBUG_USE_CATCH)
			show_break(s, &s->points.point[i], out);
}

/* ---- monitor pending ---- */

void debug_monitor_pending(struct debug_session *s, const char *arg, struct debug_text *out)
{
	struct debug_points *p = &s->points;

	if (strcmp(arg, "step") == 0 || strcmp(arg, "wait") == 0) {
		p->step_pending = arg[0] == 's' && s->caps.step;
	} else if (arg[0]) {
		debug_text_add(out, "pending takes step or wait, not '%.40s'\n", arg);
		return;
	}
	debug_text_add(out, "breakpoints where nothing is mapped %s when the debug registers are taken\n",
	               p->step_pending ? "are met by single-stepping" : "wait for a stop");
}

/* ---- monitor watch ---- */

/* What a point's means costs the guest. */
static const char *cost_of(const struct debug_point *pt)
{
	switch (pt->means) {
	case DEBUG_MEANS_DR:
		return "no cost";
	case DEBUG_MEANS_PAGE:
		return "an exit for each access to the page";
	default:
		return "each instruction is stepped";
	}
}

static void show(const struct debug_points *p, const struct debug_point *pt, struct debug_text *out)
{
	const struct debug_watch *w = &p->watch[pt->watch];

	debug_text_add(out, "%-6s 0x%016" PRIx64 "+%-5" PRIu64 " ", debug_point_name(pt->type),
	               pt->gva, pt->len);
	if (w->bound)
		debug_text_add(out, "physical 0x%" PRIx64 ", ", w->part[0].gpa);
	debug_text_add(out, "%s (%s), %" PRIu64 " hits%s\n", debug_means_name(pt->means), cost_of(pt),
	               pt->hits, pt->wished ? "" : " (out)");
}

void debug_monitor_watch(struct debug_session *s, const char *arg, struct debug_text *out)
{
	struct debug_points *p = &s->points;
	bool any = false;

	if (strcmp(arg, "changes") == 0 || strcmp(arg, "writes") == 0) {
		p->only_changes = arg[0] == 'c';
	} else if (arg[0]) {
		debug_text_add(out, "watch takes changes or writes, not '%.40s'\n", arg);
		return;
	}
	for (unsigned i = 0; !arg[0] && i < p->count; i++) {
		if (p->point[i].type < RSP_POINT_WRITE)
			continue;
		any = true;
		show(p, &p->point[i], out);
	}
	if (!arg[0] && !any)
		debug_text_add(out, "no watchpoints\n");
	debug_text_add(out, "a write of the value that is there already is %s\n",
	               p->only_changes ? "passed over" : "a hit, where the means can see it");
}
