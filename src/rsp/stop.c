/* Stop replies and console text (GDB manual, "Stop Reply Packets"; LLDB, docs/lldb-gdb-remote.txt). */
#include "rsp/engine.h"
#include <string.h>

struct reason_row {
	const char *gdb;     /* key of GDB's stop reply */
	uint32_t client;     /* sent only to clients that announced this */
	bool addr;           /* the address is the key's value */
	const char *lldb;    /* value of LLDB's reason: */
};

static const struct reason_row reasons[] = {
	[RSP_REASON_NONE] = {NULL, 0, false, NULL},
	[RSP_REASON_SWBREAK] = {"swbreak", RSP_CLIENT_SWBREAK, false, "breakpoint"},
	[RSP_REASON_HWBREAK] = {"hwbreak", RSP_CLIENT_HWBREAK, false, "breakpoint"},
	[RSP_REASON_WATCH] = {"watch", 0, true, "watchpoint"},
	[RSP_REASON_RWATCH] = {"rwatch", 0, true, "watchpoint"},
	[RSP_REASON_AWATCH] = {"awatch", 0, true, "watchpoint"},
	[RSP_REASON_STEP] = {NULL, 0, false, "trace"},
	[RSP_REASON_EXCEPTION] = {NULL, 0, false, "exception"},
	[RSP_REASON_SYSCALL_ENTRY] = {"syscall_entry", 0, true, NULL},
};

static void write_regs(struct rsp_writer *w, const struct rsp_stop *stop)
{
	size_t count = stop->reg_count < RSP_MAX_EXPEDITED ? stop->reg_count : RSP_MAX_EXPEDITED;

	for (size_t i = 0; i < count; i++) {
		const struct rsp_expedited *reg = &stop->regs[i];

		if (reg->value == NULL)
			continue; /* the client asks for it if it wants it */
		if (reg->number < 0x10)
			rsp_writer_char(w, '0');
		rsp_writer_number(w, reg->number);
		rsp_writer_char(w, ':');
		rsp_writer_hex(w, reg->value, reg->size);
		rsp_writer_char(w, ';');
	}
}

static void write_gdb_reason(const struct rsp_engine *e, struct rsp_writer *w, const struct rsp_stop *stop)
{
	const struct reason_row *row = &reasons[stop->reason];

	if (row->gdb == NULL || (row->client & ~e->client) != 0)
		return;
	rsp_writer_text(w, row->gdb);
	rsp_writer_char(w, ':');
	if (row->addr)
		rsp_writer_number(w, stop->addr);
	rsp_writer_char(w, ';');
}

static void write_thread(struct rsp_writer *w, const struct rsp_stop *stop)
{
	if (stop->tid == 0)
		return;
	rsp_writer_text(w, "thread:");
	rsp_writer_tid(w, stop->tid);
	rsp_writer_char(w, ';');
}

static void write_gdb(const struct rsp_engine *e, struct rsp_writer *w, const struct rsp_stop *stop)
{
	write_gdb_reason(e, w, stop);
	write_regs(w, stop);
	write_thread(w, stop);
	if (stop->core >= 0) {
		rsp_writer_text(w, "core:");
		rsp_writer_number(w, (uint64_t)stop->core);
		rsp_writer_char(w, ';');
	}
}

/* Printable, and nothing that ends a field or that framing would need to escape. */
static bool is_plain(const char *text)
{
	static const char reserved[] = ";:,#$}*";

	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text >= 0x7f || memchr(reserved, *text, sizeof(reserved) - 1))
			return false;
	return true;
}

static void write_hex_text(struct rsp_writer *w, const char *key, const char *text)
{
	rsp_writer_text(w, key);
	rsp_writer_hex(w, text, strlen(text));
	rsp_writer_char(w, ';');
}

static void write_name(struct rsp_writer *w, const char *name)
{
	if (!is_plain(name)) {
		write_hex_text(w, "hexname:", name);
		return;
	}
	rsp_writer_text(w, "name:");
	rsp_writer_text(w, name);
	rsp_writer_char(w, ';');
}

/* With the pcs of all threads in the reply LLDB need not ask each thread for its registers. */
static void write_thread_list(struct rsp_writer *w, const struct rsp_stop *stop)
{
	for (size_t i = 0; i < stop->thread_count; i++) {
		rsp_writer_text(w, i == 0 ? "threads:" : ",");
		rsp_writer_tid(w, stop->thread_ids[i]);
	}
	rsp_writer_char(w, ';');
	for (size_t i = 0; stop->thread_pcs != NULL && i < stop->thread_count; i++) {
		rsp_writer_text(w, i == 0 ? "thread-pcs:" : ",");
		rsp_writer_number(w, stop->thread_pcs[i]);
	}
	if (stop->thread_pcs != NULL)
		rsp_writer_char(w, ';');
}

/*
 * A watchpoint is described by decimal numbers: the address watched, the index of the debug register, the
 * address accessed. The index is only shown to the user, and x86 does not tell the third one.
 */
static void write_watch(struct rsp_writer *w, uint64_t addr)
{
	uint8_t text[64];
	struct rsp_writer plain = {.buf = text, .cap = sizeof(text)};

	rsp_writer_decimal(&plain, addr);
	rsp_writer_text(&plain, " 0 ");
	rsp_writer_decimal(&plain, addr);
	rsp_writer_text(w, "description:");
	rsp_writer_hex(w, text, plain.len);
	rsp_writer_char(w, ';');
}

static void write_lldb_reason(struct rsp_writer *w, const struct rsp_stop *stop)
{
	const struct reason_row *row = &reasons[stop->reason];

	if (row->lldb != NULL) {
		rsp_writer_text(w, "reason:");
		rsp_writer_text(w, row->lldb);
		rsp_writer_char(w, ';');
	}
	if (row->addr && row->lldb != NULL)
		write_watch(w, stop->addr);
	else if (stop->description != NULL)
		write_hex_text(w, "description:", stop->description);
}

static void write_lldb(const struct rsp_engine *e, struct rsp_writer *w, const struct rsp_stop *stop)
{
	write_thread(w, stop);
	if (stop->name != NULL)
		write_name(w, stop->name);
	if ((e->client & RSP_CLIENT_LIST_THREADS) && stop->thread_count > 0)
		write_thread_list(w, stop);
	write_regs(w, stop);
	write_lldb_reason(w, stop);
	/* At the first look at the target: there are modules to ask for. */
	if (e->owed_kind == RSP_QUERY_HALT && (e->cfg.features & RSP_F_LIBRARIES))
		rsp_writer_text(w, "library:;");
}

static void write_end(struct rsp_writer *w, char kind, uint32_t value)
{
	rsp_writer_char(w, kind);
	if (value < 0x10)
		rsp_writer_char(w, '0');
	rsp_writer_number(w, value);
	if (w->multiprocess)
		rsp_writer_text(w, ";process:1");
}

static void write_stop(const struct rsp_engine *e, struct rsp_writer *w, const struct rsp_stop *stop)
{
	switch (stop->kind) {
	case RSP_STOP_EXITED:
		write_end(w, 'W', stop->status);
		return;
	case RSP_STOP_KILLED:
		write_end(w, 'X', stop->signal);
		return;
	case RSP_STOP_SIGNAL:
		break;
	}
	rsp_writer_char(w, 'T');
	rsp_writer_hex8(w, stop->signal);
	if (rsp_engine_is_lldb(e))
		write_lldb(e, w, stop);
	else
		write_gdb(e, w, stop);
}

void rsp_reply_stop(struct rsp_engine *e, const struct rsp_stop *stop)
{
	struct rsp_writer w;

	if (!rsp_engine_open_reply(e, &w))
		return;
	write_stop(e, &w, stop);
	rsp_engine_close_reply(e, &w);
}

bool rsp_notify_stop(struct rsp_engine *e, const struct rsp_stop *stop)
{
	struct rsp_writer w;

	if (!rsp_engine_open_notice(e, &w))
		return false;
	rsp_writer_text(&w, "Stop:");
	write_stop(e, &w, stop);
	return rsp_engine_close_notice(e, &w);
}

static bool console_allowed(const struct rsp_engine *e)
{
	if (e->turn != RSP_TURN_OWED)
		return false;
	if (e->owed_kind == RSP_MONITOR)
		return true;
	return (e->cfg.features & RSP_F_CONSOLE) && (e->owed_kind == RSP_RESUME || e->owed_kind == RSP_RUN);
}

/* Pieces of this many bytes become packets of at most packet_size. */
static size_t console_piece(const struct rsp_engine *e)
{
	return (e->cfg.packet_size - 1) / 2;
}

bool rsp_engine_console(struct rsp_engine *e, const char *text, size_t len)
{
	const size_t frame = 4, piece = console_piece(e), spare = e->cfg.packet_size + frame;
	size_t room = rsp_engine_out_room(e);

	if (!console_allowed(e) || room < spare || len > (room - spare) / 2 ||
	    2 * len + (len / piece + 1) * (frame + 1) > room - spare) /* "O" */
		return false;
	while (len > 0) {
		size_t n = len < piece ? len : piece;
		struct rsp_writer w;

		rsp_engine_open_packet(e, &w);
		rsp_writer_char(&w, 'O');
		rsp_writer_hex(&w, text, n);
		rsp_engine_close_packet(e, &w);
		text += n;
		len -= n;
	}
	return true;
}
