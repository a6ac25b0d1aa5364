#include "script.h"
#include "expect.h"
#include "vm.h"
#include "boot/symbols.h"
#include "debug/target.h"

#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct script {
	const struct table_row *row;
	const struct table_line *line;
	const struct boot_image *image;
	struct vm *vm;
	char reply[8192];         /* of the last packet or resume */
};

/* ---- failing ---- */

__attribute__((format(printf, 2, 3))) static bool fail(struct script *s, const char *format, ...)
{
	va_list args;

	printf("  %s:%u:", s->row->file, s->line->number);
	for (unsigned i = 0; i < s->line->count; i++)
		printf(" %s", s->line->word[i]);
	if (s->line->pattern != NULL)
		printf(" ~ %s", s->line->pattern);
	printf("\n    ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (vm_console(s->vm)[0] != '\0')
		printf("    console: %s", vm_console(s->vm));
	return false;
}

static bool keep(struct script *s, const char *reply)
{
	if (reply == NULL)
		return fail(s, "no reply within the time limit");
	snprintf(s->reply, sizeof(s->reply), "%s", reply);
	return true;
}

static bool exchange(struct script *s, const char *packet)
{
	return keep(s, vm_packet(s->vm, packet));
}

static bool exchange_ok(struct script *s, const char *packet)
{
	if (!exchange(s, packet))
		return false;
	return strcmp(s->reply, "OK") == 0 || fail(s, "%s was answered %s", packet, s->reply);
}

/* ---- words ---- */

/* A number (0x10, 16) or a symbol with offsets (label+3, label-0x8000+1). */
static bool value_of(struct script *s, const char *text, uint64_t *ret)
{
	char name[128];
	size_t n = strcspn(text, "+-");
	char *end;

	*ret = strtoull(text, &end, 0);
	if (*end == '\0')
		return true;
	if (n >= sizeof(name))
		return fail(s, "%s is too long", text);
	memcpy(name, text, n);
	name[n] = '\0';
	if (boot_symbol_find(s->image, name, ret) < 0)
		return fail(s, "the guest has no symbol %s", name);
	for (text += n; *text; text = end)
		*ret += strtoull(text, &end, 0);
	return true;
}

static const char *word(const struct script *s, unsigned i)
{
	return i < s->line->count ? s->line->word[i] : NULL;
}

static bool matches(struct script *s, const char *text)
{
	regex_t re;
	bool yes;

	if (s->line->pattern == NULL)
		return true;
	if (regcomp(&re, s->line->pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return fail(s, "a broken pattern");
	yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes || fail(s, "got: %s", text);
}

static void from_hex(const char *hex, char *text, size_t size)
{
	size_t n = 0;

	for (; hex[0] && hex[1] && n + 1 < size; hex += 2)
		text[n++] = (char)strtoul((char[]){hex[0], hex[1], 0}, NULL, 16);
	text[n] = '\0';
}

/* ---- points ---- */

/* Z0 label, Z2 label 8, z1 label; with a pattern: what the refusal says. */
static bool do_point(struct script *s)
{
	const char *op = word(s, 0);
	uint64_t addr, len = 1;
	char packet[64];

	if (!value_of(s, word(s, 1), &addr) || (word(s, 2) != NULL && !value_of(s, word(s, 2), &len)))
		return false;
	snprintf(packet, sizeof(packet), "%s,%" PRIx64 ",%" PRIx64, op, addr, len);
	if (s->line->pattern == NULL)
		return exchange_ok(s, packet);
	if (!exchange(s, packet))
		return false;
	return s->reply[0] == 'E' ? matches(s, s->reply) : fail(s, "answered %s", s->reply);
}

/* ---- running ---- */

static bool do_continue(struct script *s)
{
	return exchange(s, "vCont;c");
}

/* s [N] [@CPU]: the steps before the last must each end as steps do. */
static bool do_step(struct script *s)
{
	unsigned long count = 1, cpu = 0;
	char packet[32];

	for (unsigned i = 1; i < s->line->count; i++) {
		if (word(s, i)[0] == '@')
			cpu = strtoul(word(s, i) + 1, NULL, 10) + 1;
		else
			count = strtoul(word(s, i), NULL, 10);
	}
	snprintf(packet, sizeof(packet), cpu ? "vCont;s:%lx" : "vCont;s:1", cpu);
	for (; count > 0; count--) {
		if (!exchange(s, packet))
			return false;
		if (strncmp(s->reply, "T05", 3) != 0)
			break;
	}
	return true;
}

/* range START END: step while pc is inside. */
static bool do_range(struct script *s)
{
	uint64_t start, end;
	char packet[64];

	if (!value_of(s, word(s, 1), &start) || !value_of(s, word(s, 2), &end))
		return false;
	snprintf(packet, sizeof(packet), "vCont;r%" PRIx64 ",%" PRIx64 ":1", start, end);
	return exchange(s, packet);
}

static bool do_run(struct script *s)
{
	vm_send(s->vm, "vCont;c");
	return true;
}

static bool do_interrupt(struct script *s)
{
	vm_interrupt(s->vm);
	return keep(s, vm_reply(s->vm));
}

static bool do_wait(struct script *s)
{
	return keep(s, vm_reply(s->vm));
}

/* ---- looking at stops ---- */

static bool same_value(struct script *s, const char *key, const char *wanted, uint64_t got, const char *all)
{
	uint64_t value;

	if (!value_of(s, wanted, &value))
		return false;
	return value == got || fail(s, "%s should be 0x%" PRIx64 ", is 0x%" PRIx64 "\n    got: %s", key,
	                            value, got, all);
}

static bool check_key(struct script *s, char *key, const struct expect_stop *stop,
                      const struct debug_event *ev, const char *all)
{
	char *value = strchr(key, '=');
	bool ok;

	if (value == NULL)
		return fail(s, "KEY=VALUE expected: %s", key);
	*value++ = '\0';
	if (strcmp(key, "pc") == 0) /* linear, by the event; where there is none, flat */
		ok = same_value(s, key, value, ev != NULL ? ev->pc : stop->rip, all);
	else if (strcmp(key, "rip") == 0)
		ok = same_value(s, key, value, stop->rip, all);
	else if (strcmp(key, "addr") == 0)
		ok = same_value(s, key, value, stop->addr, all);
	else if (strcmp(key, "cpu") == 0)
		ok = same_value(s, key, value, stop->cpu, all);
	else if (strcmp(key, "dr6") == 0)
		ok = ev != NULL ? same_value(s, key, value, ev->dr6, all) : fail(s, "no event: %s", all);
	else
		ok = fail(s, "no such key: %s", key);
	value[-1] = '=';
	return ok;
}

static bool check_reason(struct script *s, const char *reason, unsigned *next, const struct expect_stop *stop,
                         const char *all)
{
	if (strcmp(stop->reason, reason) != 0)
		return fail(s, "got: %s", all);
	if (strcmp(reason, "exit") == 0) {
		*next = 3;
		return word(s, 2) == NULL || same_value(s, "status", word(s, 2), stop->status, all);
	}
	return true;
}

/* In flat modes the two must agree at every stop that an event made; an interrupt comes by itself. */
static bool pc_is_rip(struct script *s, const struct expect_stop *stop, const struct debug_event *ev,
                      const char *all)
{
	bool flat = ev == NULL || (ev->kind != DEBUG_EVENT_INT3 && ev->kind != DEBUG_EVENT_DB &&
	                           ev->kind != DEBUG_EVENT_STEPPED);

	flat |= strcmp(stop->reason, "interrupt") == 0;
	for (unsigned i = 1; i < s->line->count; i++)
		flat |= strncmp(word(s, i), "rip=", 4) == 0;
	return flat || ev->vcpu != stop->cpu || ev->pc == stop->rip || fail(s, "pc and rip differ: %s", all);
}

/* expect REASON [key=value ...] [~ pattern of the event's text] */
static bool expect_now(struct script *s)
{
	const struct debug_event *ev = vm_event(s->vm);
	struct expect_stop stop;
	unsigned next = 2;
	char all[600];

	if (!expect_parse(s->reply, ev, &stop))
		return fail(s, "no stop reply: %s", s->reply);
	expect_describe(s->reply, ev, &stop, all, sizeof(all));
	if (!check_reason(s, word(s, 1), &next, &stop, all) || !pc_is_rip(s, &stop, ev, all))
		return false;
	for (; next < s->line->count; next++)
		if (!check_key(s, s->line->word[next], &stop, ev, all))
			return false;
	return matches(s, ev != NULL ? ev->text : "");
}

/* walk A B C: single steps, each ending at the next address with nothing but BS in DR6. */
static bool do_walk(struct script *s)
{
	for (unsigned i = 1; i < s->line->count; i++) {
		const struct debug_event *ev;
		struct expect_stop stop;
		char all[600];
		uint64_t pc;

		if (!value_of(s, word(s, i), &pc) || !exchange(s, "vCont;s:1"))
			return false;
		ev = vm_event(s->vm);
		if (!expect_parse(s->reply, ev, &stop))
			return fail(s, "step %u: no stop reply: %s", i, s->reply);
		expect_describe(s->reply, ev, &stop, all, sizeof(all));
		if (strcmp(stop.reason, "step") != 0 || ev->pc != pc)
			return fail(s, "step %u should end at %s (0x%" PRIx64 ")\n    got: %s", i, word(s, i),
			            pc, all);
		if ((ev->dr6 & 0x600f) != 0x4000)
			return fail(s, "step %u: DR6 should have BS alone: %s", i, all);
	}
	return true;
}

/* finish N: continues, and the guest ends with status N. */
static bool do_finish(struct script *s)
{
	const struct debug_event *ev;
	struct expect_stop stop;
	char all[600];

	if (!exchange(s, "vCont;c"))
		return false;
	ev = vm_event(s->vm);
	if (!expect_parse(s->reply, ev, &stop))
		return fail(s, "no stop reply: %s", s->reply);
	expect_describe(s->reply, ev, &stop, all, sizeof(all));
	if (strcmp(stop.reason, "exit") != 0)
		return fail(s, "got: %s", all);
	return same_value(s, "status", word(s, 1), stop.status, all);
}

/* ---- registers and memory ---- */

static const struct x86_reg *find_reg(struct script *s, const char *name)
{
	const struct x86_reg *reg = x86_regs_find(vm_regs(s->vm), name);

	if (reg == NULL)
		fail(s, "no such register: %s", name);
	return reg;
}

static bool choose_cpu(struct script *s, unsigned at)
{
	char packet[16];

	if (word(s, at) == NULL || word(s, at)[0] != '@')
		return exchange_ok(s, "Hg1");
	snprintf(packet, sizeof(packet), "Hg%lx", strtoul(word(s, at) + 1, NULL, 10) + 1);
	return exchange_ok(s, packet);
}

/* reg NAME VALUE [@CPU] */
static bool do_reg(struct script *s)
{
	const struct x86_reg *reg = find_reg(s, word(s, 1));
	uint64_t wanted, got = 0;
	char packet[16];

	if (reg == NULL || !value_of(s, word(s, 2), &wanted) || !choose_cpu(s, 3))
		return false;
	snprintf(packet, sizeof(packet), "p%x", reg->number);
	if (!exchange(s, packet))
		return false;
	for (int i = (int)strlen(s->reply) / 2 - 1; i >= 0; i--)
		got = got << 8 | strtoul((char[]){s->reply[2 * i], s->reply[2 * i + 1], 0}, NULL, 16);
	return got == wanted || fail(s, "%s is 0x%" PRIx64 ", not 0x%" PRIx64, reg->name, got, wanted);
}

/* set NAME VALUE [@CPU] */
static bool do_set(struct script *s)
{
	const struct x86_reg *reg = find_reg(s, word(s, 1));
	char packet[64];
	uint64_t value;
	int n;

	if (reg == NULL || !value_of(s, word(s, 2), &value) || !choose_cpu(s, 3))
		return false;
	n = snprintf(packet, sizeof(packet), "P%x=", reg->number);
	for (unsigned i = 0; i < reg->bits / 8u; i++)
		n += snprintf(packet + n, sizeof(packet) - (size_t)n, "%02x",
		              (unsigned)(value >> 8 * i) & 0xff);
	return exchange_ok(s, packet);
}

/* mem ADDRESS HEX: what the debugger sees. */
static bool do_mem(struct script *s)
{
	char packet[64];
	uint64_t addr;

	if (!value_of(s, word(s, 1), &addr) || !choose_cpu(s, 3))
		return false;
	snprintf(packet, sizeof(packet), "m%" PRIx64 ",%zx", addr, strlen(word(s, 2)) / 2);
	if (!exchange(s, packet))
		return false;
	return strcmp(s->reply, word(s, 2)) == 0 || fail(s, "memory holds %s", s->reply);
}

/* poke ADDRESS HEX: what the debugger writes. */
static bool do_poke(struct script *s)
{
	char packet[256];
	uint64_t addr;

	if (!value_of(s, word(s, 1), &addr))
		return false;
	snprintf(packet, sizeof(packet), "M%" PRIx64 ",%zx:%s", addr, strlen(word(s, 2)) / 2, word(s, 2));
	return exchange_ok(s, packet);
}

/* raw PHYSICAL HEX: what really stands in the guest's memory. */
static bool do_raw(struct script *s)
{
	char got[65] = "";
	size_t len = strlen(word(s, 2)) / 2;
	uint64_t addr;
	uint8_t bytes[32];

	if (!value_of(s, word(s, 1), &addr) || len > sizeof(bytes) ||
	    guest_mem_read(vm_mem(s->vm), addr, bytes, len) < 0)
		return fail(s, "cannot be read");
	for (size_t i = 0; i < len; i++)
		snprintf(got + 2 * i, 3, "%02x", bytes[i]);
	return strcmp(got, word(s, 2)) == 0 || fail(s, "memory holds %s", got);
}

/* await PHYSICAL VALUE: the running guest has brought its 8 bytes there that far. */
static bool do_await(struct script *s)
{
	uint64_t addr, value;

	if (!value_of(s, word(s, 1), &addr) || !value_of(s, word(s, 2), &value))
		return false;
	return vm_await(s->vm, addr, value) == 0 || fail(s, "the guest did not come that far");
}

/* asleep CPU: the vcpu's thread, which has been let run, sleeps in the kernel. */
static bool do_asleep(struct script *s)
{
	return vm_await_sleep(s->vm, (unsigned)strtoul(word(s, 1), NULL, 10)) == 0 ||
	       fail(s, "the vcpu does not sleep");
}

/* ---- the session ---- */

/* monitor COMMAND ... [~ pattern] */
static bool do_monitor(struct script *s)
{
	char command[200] = "", packet[500] = "qRcmd,", text[4096];
	size_t n = 0;

	for (unsigned i = 1; i < s->line->count; i++)
		n += (size_t)snprintf(command + n, sizeof(command) - n, "%s%s", i > 1 ? " " : "", word(s, i));
	for (size_t i = 0; i < n; i++)
		snprintf(packet + 6 + 2 * i, 3, "%02x", (uint8_t)command[i]);
	if (!exchange(s, packet))
		return false;
	from_hex(strcmp(s->reply, "OK") == 0 ? "" : s->reply, text, sizeof(text));
	return matches(s, text);
}

/* Each {label+3} of a packet becomes its value, as packets have numbers. */
static bool expand(struct script *s, const char *from, char *to, size_t size)
{
	size_t n = 0;

	while (*from && n + 20 < size) {
		char text[128];
		size_t len = strcspn(from, "}");
		uint64_t value;

		if (*from != '{') {
			to[n++] = *from++;
			continue;
		}
		if (from[len] == '\0' || len >= sizeof(text))
			return fail(s, "a broken packet");
		memcpy(text, from + 1, len - 1);
		text[len - 1] = '\0';
		if (!value_of(s, text, &value))
			return false;
		n += (size_t)snprintf(to + n, size - n, "%" PRIx64, value);
		from += len + 1;
	}
	to[n] = '\0';
	return true;
}

/* packet BODY [~ pattern of the reply]; send: without waiting */
static bool do_packet(struct script *s)
{
	char body[256];

	return expand(s, word(s, 1), body, sizeof(body)) && exchange(s, body) && matches(s, s->reply);
}

static bool do_send(struct script *s)
{
	vm_send(s->vm, word(s, 1));
	return true;
}

/* notice: a %Stop comes, for "expect"; next: the one behind it. With a pattern: what it says. */
static bool do_notice(struct script *s)
{
	return keep(s, vm_notice(s->vm)) && matches(s, s->reply);
}

static bool do_next(struct script *s)
{
	return exchange(s, "vStopped") && matches(s, s->reply);
}

/* thread CPU ~ pattern of what "info threads" says of it */
static bool do_thread(struct script *s)
{
	char packet[40], text[200];

	snprintf(packet, sizeof(packet), "qThreadExtraInfo,%lx", strtoul(word(s, 1), NULL, 10) + 1);
	if (!exchange(s, packet))
		return false;
	from_hex(s->reply, text, sizeof(text));
	return matches(s, text);
}

/* detach STATUS: D, and the guest comes to its end by itself. */
static bool do_detach(struct script *s)
{
	uint64_t status;
	int rc;

	if (!value_of(s, word(s, 1), &status) || !exchange_ok(s, "D"))
		return false;
	rc = vm_leave(s->vm);
	if (rc < 0)
		return fail(s, "the guest did not end");
	return rc == (int)status || fail(s, "the guest's status is %d", rc);
}

/* vanish: the connection breaks and a new client comes. */
static bool do_vanish(struct script *s)
{
	vm_vanish(s->vm);
	vm_connect(s->vm);
	return true;
}

static bool do_output(struct script *s)
{
	return matches(s, vm_output(s->vm));
}

static bool do_console(struct script *s)
{
	return matches(s, vm_console(s->vm));
}

/* fail WORDS: for what must not hold in a lane. */
static bool do_fail(struct script *s)
{
	return fail(s, "it does");
}

static const struct { const char *name; unsigned words; bool (*fn)(struct script *s); } commands[] = {
	{"Z0", 2, do_point},      {"z0", 2, do_point},     {"Z1", 2, do_point},     {"z1", 2, do_point},
	{"Z2", 3, do_point},      {"z2", 3, do_point},     {"Z3", 3, do_point},     {"z3", 3, do_point},
	{"Z4", 3, do_point},      {"z4", 3, do_point},     {"c", 1, do_continue},   {"s", 1, do_step},
	{"range", 3, do_range},   {"run", 1, do_run},      {"interrupt", 1, do_interrupt},
	{"wait", 1, do_wait},     {"expect", 2, expect_now}, {"walk", 2, do_walk},  {"finish", 2, do_finish},
	{"reg", 3, do_reg},       {"set", 3, do_set},      {"mem", 3, do_mem},      {"poke", 3, do_poke},
	{"raw", 3, do_raw},       {"await", 3, do_await},  {"asleep", 2, do_asleep},
	{"monitor", 2, do_monitor},
	{"notice", 1, do_notice}, {"next", 1, do_next},
	{"packet", 2, do_packet}, {"send", 2, do_send},    {"thread", 2, do_thread},
	{"detach", 2, do_detach}, {"vanish", 1, do_vanish}, {"output", 1, do_output},
	{"console", 1, do_console}, {"fail", 1, do_fail},
};

static bool run_line(struct script *s)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, word(s, 0)) != 0)
			continue;
		return s->line->count >= commands[i].words ? commands[i].fn(s) : fail(s, "words are missing");
	}
	return fail(s, "no such command");
}

static void print_line(const struct table_line *line)
{
	printf("  %u:", line->number);
	for (unsigned i = 0; i < line->count; i++)
		printf(" %s", line->word[i]);
	printf("\n");
}

bool script_run(const struct table_row *row, const struct boot_image *image, const struct kvm_probe *probe,
                unsigned limit_s, bool verbose)
{
	struct vm_config cfg = {.image = image, .cpus = row->cpus, .entry = row->entry, .probe = probe,
	                        .limit_s = limit_s, .trace = verbose};
	struct script s = {.row = row, .image = image};
	struct error err;
	bool ok = true;

	if (vm_new(&cfg, &s.vm, &err) < 0) {
		printf("  %s: %s\n", row->file, err.text);
		return false;
	}
	for (unsigned i = 0; ok && i < row->count; i++) {
		s.line = &row->line[i];
		if (verbose)
			print_line(s.line);
		ok = run_line(&s);
	}
	vm_free(s.vm);
	return ok;
}
