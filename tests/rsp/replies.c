#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t data[TEXT_MAX];

/* The next word of *line in buf; false at the end. */
static bool word(const char **line, char *buf, size_t size)
{
	size_t n = 0;

	while (**line == ' ')
		++*line;
	while (**line != ' ' && **line != '\0' && n + 1 < size)
		buf[n++] = *(*line)++;
	buf[n] = '\0';
	return n > 0;
}

static uint64_t number(const char **line, int base)
{
	char buf[64];

	return word(line, buf, sizeof(buf)) ? strtoull(buf, NULL, base) : 0;
}

static const char *rest(const char *line)
{
	return line + strspn(line, " ");
}

static size_t rest_bytes(const char *line)
{
	return script_bytes(rest(line), data, sizeof(data));
}

static void do_ok(struct rsp_engine *e, const char *line)
{
	(void)line;
	rsp_reply_ok(e);
}

static void do_empty(struct rsp_engine *e, const char *line)
{
	(void)line;
	rsp_reply_empty(e);
}

static void do_error(struct rsp_engine *e, const char *line)
{
	unsigned code = (unsigned)number(&line, 16);
	size_t len = rest_bytes(line);

	data[len] = '\0';
	rsp_reply_error(e, code, len > 0 ? (const char *)data : NULL);
}

static void do_text(struct rsp_engine *e, const char *line)
{
	rsp_reply_text(e, rest(line));
}

static void do_hex(struct rsp_engine *e, const char *line)
{
	size_t len = rest_bytes(line);

	rsp_reply_hex(e, data, len);
}

static void do_regs(struct rsp_engine *e, const char *line)
{
	bool map[256];
	size_t n = 0;

	line = rest(line);
	for (; line[0] != '\0' && line[1] != '\0' && n < sizeof(map); line += 2, n++) {
		map[n] = line[0] != 'x';
		data[n] = 0xee;
		if (map[n])
			script_hex(line, data + n, 1);
	}
	rsp_reply_regs(e, data, map, n);
}

static void do_memory(struct rsp_engine *e, const char *line)
{
	size_t len = script_hex(rest(line), data, sizeof(data));

	rsp_reply_memory(e, data, len);
}

static void do_binary(struct rsp_engine *e, const char *line)
{
	size_t len = rest_bytes(line);

	rsp_reply_binary(e, data, len);
}

static void do_number(struct rsp_engine *e, const char *line)
{
	rsp_reply_number(e, number(&line, 16));
}

static void do_current_thread(struct rsp_engine *e, const char *line)
{
	rsp_reply_current_thread(e, (int64_t)number(&line, 10));
}

static void do_threads(struct rsp_engine *e, const char *line)
{
	int64_t tids[64];
	size_t n = 0;
	char buf[32];

	while (n < 64 && word(&line, buf, sizeof(buf)))
		tids[n++] = strtoll(buf, NULL, 10);
	rsp_reply_threads(e, tids, n);
}

static void do_xfer(struct rsp_engine *e, const char *line)
{
	size_t len = rest_bytes(line);

	rsp_reply_xfer(e, data, len);
}

static void do_offsets(struct rsp_engine *e, const char *line)
{
	rsp_reply_offsets(e, number(&line, 16));
}

static void do_search(struct rsp_engine *e, const char *line)
{
	bool found = *rest(line) != '\0';

	rsp_reply_search(e, found, number(&line, 16));
}

static void do_crc(struct rsp_engine *e, const char *line)
{
	rsp_reply_crc(e, (uint32_t)number(&line, 16));
}

static void do_file(struct rsp_engine *e, const char *line)
{
	int64_t result = (int64_t)number(&line, 10);
	int error = (int)number(&line, 10);
	size_t len = rest_bytes(line);

	rsp_reply_file(e, result, error, len > 0 ? data : NULL, len);
}

/* "ranges LENGTH,LENGTH BYTES", lengths decimal */
static void do_ranges(struct rsp_engine *e, const char *line)
{
	char lengths[256];
	size_t length[64], count = 0;
	char *at = lengths;

	word(&line, lengths, sizeof(lengths));
	while (count < 64 && *at != '\0') {
		length[count++] = strtoul(at, &at, 10);
		at += *at == ',';
	}
	rest_bytes(line);
	rsp_reply_ranges(e, length, count, data);
}

static void do_region(struct rsp_engine *e, const char *line)
{
	uint64_t start = number(&line, 16), size = number(&line, 16);
	char perms[8], name[64];
	bool named;

	word(&line, perms, sizeof(perms));
	named = word(&line, name, sizeof(name));
	rsp_reply_region(e, start, size, perms[0] == '-' ? "" : perms, named ? name : NULL);
}

static void do_console(struct rsp_engine *e, const char *line)
{
	size_t len = rest_bytes(line);

	rsp_engine_console(e, (const char *)data, len);
}

/* What the words of "stop" point to while the reply is made. */
struct stop_parts {
	struct rsp_stop stop;
	struct rsp_expedited regs[RSP_MAX_EXPEDITED];
	uint8_t values[RSP_MAX_EXPEDITED][64];
	int64_t ids[64];
	uint64_t pcs[64];
	char name[64], description[128];
};

static void part_reg(struct stop_parts *p, const char *value)
{
	size_t i = p->stop.reg_count++;
	const char *colon = strchr(value, ':');

	p->regs[i].number = (uint32_t)strtoul(value, NULL, 10);
	p->regs[i].value = NULL;
	if (colon[1] != '\0') {
		p->regs[i].size = (uint8_t)script_hex(colon + 1, p->values[i], 64);
		p->regs[i].value = p->values[i];
	}
}

static size_t number_list(const char *value, int base, uint64_t *ret)
{
	size_t n = 0;
	char *end;

	for (; *value != '\0' && n < 64; value = *end ? end + 1 : end)
		ret[n++] = strtoull(value, &end, base);
	return n;
}

static const char *const reasons[] = {
	"none", "swbreak", "hwbreak", "watch", "rwatch", "awatch", "step", "exception",
	"syscall_entry"
};

static void part_reason(struct stop_parts *p, const char *value)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reasons[i], value) == 0)
			p->stop.reason = (enum rsp_stop_reason)i;
}

/* '_' stands for a blank in texts. */
static const char *part_text(const char *value, char *buf, size_t size)
{
	snprintf(buf, size, "%s", value);
	for (char *c = buf; *c != '\0'; c++)
		if (*c == '_')
			*c = ' ';
	return buf;
}

static void part(struct stop_parts *p, const char *key, const char *value)
{
	uint64_t n = strtoull(value, NULL, 10);

	if (strcmp(key, "signal") == 0) {
		p->stop.signal = (uint8_t)n;
	} else if (strcmp(key, "exited") == 0) {
		p->stop.kind = RSP_STOP_EXITED;
		p->stop.status = (uint32_t)n;
	} else if (strcmp(key, "killed") == 0) {
		p->stop.kind = RSP_STOP_KILLED;
		p->stop.signal = (uint8_t)n;
	} else if (strcmp(key, "tid") == 0) {
		p->stop.tid = (int64_t)n;
	} else if (strcmp(key, "core") == 0) {
		p->stop.core = (int)n;
	} else if (strcmp(key, "addr") == 0) {
		p->stop.addr = strtoull(value, NULL, 16);
	} else if (strcmp(key, "reason") == 0) {
		part_reason(p, value);
	} else if (strcmp(key, "reg") == 0) {
		part_reg(p, value);
	} else if (strcmp(key, "name") == 0) {
		p->stop.name = part_text(value, p->name, sizeof(p->name));
	} else if (strcmp(key, "description") == 0) {
		p->stop.description = part_text(value, p->description, sizeof(p->description));
	} else if (strcmp(key, "threads") == 0) {
		p->stop.thread_count = number_list(value, 10, (uint64_t *)p->ids);
	} else if (strcmp(key, "pcs") == 0) {
		number_list(value, 16, p->pcs);
		p->stop.thread_pcs = p->pcs;
	}
}

static void read_stop(struct stop_parts *p, const char *line)
{
	char buf[256];

	*p = (struct stop_parts){.stop = {.core = -1}};
	p->stop.regs = p->regs;
	p->stop.thread_ids = p->ids;
	while (word(&line, buf, sizeof(buf))) {
		char *equals = strchr(buf, '=');

		if (equals == NULL)
			continue;
		*equals = '\0';
		part(p, buf, equals + 1);
	}
}

static void do_stop(struct rsp_engine *e, const char *line)
{
	struct stop_parts p;

	read_stop(&p, line);
	rsp_reply_stop(e, &p.stop);
}

static void do_notify(struct rsp_engine *e, const char *line)
{
	struct stop_parts p;

	read_stop(&p, line);
	rsp_notify_stop(e, &p.stop);
}

static const struct { const char *name; void (*run)(struct rsp_engine *, const char *); } verbs[] = {
	{"ok", do_ok}, {"empty", do_empty}, {"error", do_error}, {"text", do_text}, {"hex", do_hex},
	{"regs", do_regs}, {"memory", do_memory}, {"binary", do_binary}, {"number", do_number},
	{"current-thread", do_current_thread}, {"threads", do_threads}, {"xfer", do_xfer},
	{"offsets", do_offsets}, {"search", do_search}, {"crc", do_crc}, {"file", do_file},
	{"ranges", do_ranges}, {"region", do_region}, {"console", do_console}, {"stop", do_stop},
	{"notify", do_notify},
};

bool script_reply(struct rsp_engine *e, const char *line)
{
	char name[32];

	if (!word(&line, name, sizeof(name)))
		return false;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		verbs[i].run(e, line);
		return true;
	}
	return false;
}
