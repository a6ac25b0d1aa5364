/* One function per kind of answer (GDB manual, "Packets", "General Query Packets"). */
#include "rsp/decode.h"
#include "rsp/engine.h"
#include <string.h>

static void reply_with(struct rsp_engine *e, const char *text)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_text(&w, text);
	rsp_engine_close_reply(e, &w);
}

/* Hc and Hg take effect when the caller agrees to them. */
static void adopt_thread(struct rsp_engine *e)
{
	if (e->turn != RSP_TURN_OWED || e->owed_kind != RSP_SET_THREAD)
		return;
	if (e->req.u.thread.op == 'c')
		e->resume = e->req.u.thread.tid;
	else
		e->general = e->req.u.thread.tid;
}

void rsp_reply_ok(struct rsp_engine *e)
{
	adopt_thread(e);
	reply_with(e, "OK");
}

void rsp_reply_empty(struct rsp_engine *e)
{
	reply_with(e, "");
}

void rsp_reply_text(struct rsp_engine *e, const char *text)
{
	reply_with(e, text);
}

/* Packets whose answer GDB tests for "E." in all versions; others wait for error-message+. */
static bool takes_error_text(enum rsp_kind kind)
{
	switch (kind) {
	case RSP_READ_REGS:
	case RSP_WRITE_REGS:
	case RSP_READ_REG:
	case RSP_WRITE_REG:
	case RSP_INSERT_POINT:
	case RSP_REMOVE_POINT:
	case RSP_RESUME:
	case RSP_RUN:
		return true;
	default:
		return false;
	}
}

/*
 * Before error-message+ GDB shows the text of one packet only, Z1, and of that what follows a second dot
 * (remote.c, insert_hw_breakpoint; GDB 7 to 15).
 */
static const char *error_prefix(const struct rsp_engine *e)
{
	if (!(e->client & RSP_CLIENT_ERROR_TEXT) && e->owed_kind == RSP_INSERT_POINT)
		return "E.breakpoint.";
	return "E.";
}

void rsp_reply_write_error(const struct rsp_engine *e, struct rsp_writer *w, unsigned code, const char *text)
{
	bool dotted = (e->client & RSP_CLIENT_ERROR_TEXT) || takes_error_text(e->owed_kind);

	if (text != NULL && dotted && !rsp_engine_is_lldb(e)) {
		rsp_writer_text(w, error_prefix(e));
		rsp_writer_clean(w, text);
		return;
	}
	rsp_writer_char(w, 'E');
	rsp_writer_hex8(w, code > 0 && code < 0x100 ? (uint8_t)code : 0xff);
	if (text != NULL && (e->client & RSP_CLIENT_LLDB_ERRORS)) {
		rsp_writer_char(w, ';');
		rsp_writer_hex(w, text, strlen(text));
	}
}

void rsp_reply_error(struct rsp_engine *e, unsigned code, const char *text)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_reply_write_error(e, &w, code, text);
	rsp_engine_close_reply(e, &w);
}

size_t rsp_engine_reply_room(const struct rsp_engine *e, bool binary)
{
	return binary ? e->cfg.packet_size - 1 : e->cfg.packet_size / 2;
}

static void write_hex(const struct rsp_engine *e, struct rsp_writer *w, const void *bytes, size_t len)
{
	size_t room = rsp_engine_reply_room(e, false);

	rsp_writer_hex(w, bytes, len < room ? len : room);
}

void rsp_reply_hex(struct rsp_engine *e, const void *bytes, size_t len)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	write_hex(e, &w, bytes, len);
	rsp_engine_close_reply(e, &w);
}

/* How many bytes from here on are known. */
static size_t known_run(const bool *map, size_t len)
{
	size_t n = 0;

	while (n < len && map[n])
		n++;
	return n;
}

void rsp_reply_regs(struct rsp_engine *e, const uint8_t *bytes, const bool *map, size_t len)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	if (map == NULL)
		rsp_writer_hex(&w, bytes, len);
	for (size_t i = 0, n; map != NULL && i < len; i += n) {
		n = known_run(map + i, len - i);
		rsp_writer_hex(&w, bytes + i, n);
		for (; i + n < len && !map[i + n]; n++)
			rsp_writer_text(&w, "xx");
	}
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_memory(struct rsp_engine *e, const void *bytes, size_t len)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	if (e->owed_kind == RSP_READ_MEM && e->req.u.mem.binary) {
		if (!e->lldb_x)
			rsp_writer_char(&w, 'b');
		rsp_writer_escaped(&w, bytes, len);
		w.overflow = false; /* a short read */
	} else {
		write_hex(e, &w, bytes, len);
	}
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_binary(struct rsp_engine *e, const void *bytes, size_t len)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_escaped(&w, bytes, len);
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_number(struct rsp_engine *e, uint64_t value)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	if (e->owed_kind == RSP_SAVE_REGS)
		rsp_writer_decimal(&w, value);
	else
		rsp_writer_number(&w, value);
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_current_thread(struct rsp_engine *e, int64_t tid)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_text(&w, "QC");
	rsp_writer_tid(&w, tid);
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_threads(struct rsp_engine *e, const int64_t *tids, size_t count)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_char(&w, count > 0 ? 'm' : 'l');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			rsp_writer_char(&w, ',');
		rsp_writer_tid(&w, tids[i]);
	}
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_xfer(struct rsp_engine *e, const void *whole, size_t total)
{
	uint64_t offset = e->req.u.xfer.offset, len = e->req.u.xfer.len;
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_char(&w, 'l');
	if (offset < total) {
		uint64_t left = total - offset;
		const uint8_t *from = (const uint8_t *)whole + offset;

		if (rsp_writer_escaped(&w, from, (size_t)(len < left ? len : left)) < left)
			w.buf[0] = 'm';
		w.overflow = false; /* the client asks for the rest */
	}
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_offsets(struct rsp_engine *e, uint64_t bias)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_text(&w, "TextSeg=");
	rsp_writer_number(&w, bias);
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_search(struct rsp_engine *e, bool found, uint64_t addr)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_text(&w, found ? "1," : "0");
	if (found)
		rsp_writer_number(&w, addr);
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_crc(struct rsp_engine *e, uint32_t crc)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_char(&w, 'C');
	rsp_writer_number(&w, crc);
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_ranges(struct rsp_engine *e, const size_t *lengths, size_t count, const void *bytes)
{
	struct rsp_writer w;
	size_t total = 0;

	if (!rsp_engine_open_reply(e, &w))
		return;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			rsp_writer_char(&w, ',');
		rsp_writer_number(&w, lengths[i]);
		total += lengths[i];
	}
	rsp_writer_char(&w, ';');
	rsp_writer_escaped(&w, bytes, total);
	rsp_engine_close_reply(e, &w);
}

/* As many bytes as fit; their number stands in front, so they are counted first. */
static void write_attachment(struct rsp_writer *w, const void *data, size_t len)
{
	const size_t header = 1 + 2 * sizeof(uint64_t); /* the number and ';' */
	size_t room = rsp_writer_room(w);
	size_t fits = rsp_writer_escaped_fit(data, len, room > header ? room - header : 0);

	rsp_writer_number(w, fits);
	rsp_writer_char(w, ';');
	rsp_writer_escaped(w, data, fits);
}

/* GDB manual, "Host I/O Packets": F RESULT[,ERRNO][;ATTACHMENT], numbers in hex. */
void rsp_reply_file(struct rsp_engine *e, int64_t result, int error, const void *data, size_t len)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_char(&w, 'F');
	if (result < 0) {
		rsp_writer_text(&w, "-1,");
		rsp_writer_number(&w, error > 0 ? (unsigned)error : 0);
	} else if (data != NULL) {
		write_attachment(&w, data, len);
	} else {
		rsp_writer_number(&w, (uint64_t)result);
	}
	rsp_engine_close_reply(e, &w);
}

void rsp_reply_region(struct rsp_engine *e, uint64_t start, uint64_t size, const char *perms,
                      const char *name)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	rsp_writer_text(&w, "start:");
	rsp_writer_number(&w, start);
	rsp_writer_text(&w, ";size:");
	rsp_writer_number(&w, size);
	rsp_writer_char(&w, ';');
	if (perms[0] != '\0') { /* its absence tells LLDB that nothing is mapped there */
		rsp_writer_text(&w, "permissions:");
		rsp_writer_text(&w, perms);
		rsp_writer_char(&w, ';');
	}
	if (name != NULL) {
		rsp_writer_text(&w, "name:");
		rsp_writer_hex(&w, name, strlen(name));
		rsp_writer_char(&w, ';');
	}
	rsp_engine_close_reply(e, &w);
}
