/*
 * librsp: the GDB remote serial protocol, as a pure engine.
 *
 * Bytes go in, decoded requests come out; replies go in, bytes come out. The engine performs no I/O,
 * allocates nothing, keeps no global state and needs no libc beyond mem*() and strlen(), so the same
 * code serves a hypervisor, an emulator and a bare-metal stub.
 *
 * How to drive it (this is the whole loop; server/pump.c and examples/toy are two instances):
 *
 *     rsp_engine_feed(e, bytes, n)          what arrived from the debugger
 *     while (rsp_engine_next(e, &req) ...)  RSP_EVENT_REQUEST: answer with exactly one rsp_reply_*()
 *     rsp_engine_output(e, &len)            what is to be sent; then rsp_engine_sent(e, n)
 *
 * Rules for every function below
 *  - Pointers must not be NULL unless the text says so. Multi-byte values are host integers; the engine
 *    does the hex and the byte order.
 *  - A struct rsp_request and everything it points to is borrowed: it lives until the reply to it is
 *    given or until rsp_engine_reset().
 *  - Exactly one reply is owed for each request. A second reply is a bug of the caller: it is dropped and
 *    counted in rsp_engine.misuse. While a reply is owed, rsp_engine_next() returns no further request.
 *    RSP_KILL from "k" and RSP_RESTART owe none; one reply given all the same is dropped and not counted.
 *    LLDB alone waits for an answer to "k": rsp_reply_stop() of RSP_STOP_KILLED.
 *  - One thread at a time per engine. Nothing here blocks.
 *
 * Sources: GDB manual, appendix "GDB Remote Serial Protocol"; LLDB docs/lldb-gdb-remote.txt.
 */
#ifndef TRAPLINE_RSP_H
#define TRAPLINE_RSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- limits ------------------------------------------------------------------------------------ */

#define RSP_MAX_VCONT 128     /* actions of one vCont packet; more is an error reply */
#define RSP_MAX_RANGES 128    /* ranges of one MultiMemRead packet; more is an error reply */
#define RSP_MAX_CODES 16      /* conditions of one Z packet, and commands of one; more is an error reply */
#define RSP_MAX_TRACE_ACTIONS 32 /* actions of one QTDP packet; more is an error reply */
#define RSP_MAX_EXPEDITED 8   /* registers carried by one stop reply */
#define RSP_MIN_PACKET 1024   /* smallest packet_size an engine accepts */

/* ---- capabilities ------------------------------------------------------------------------------ */

/*
 * What the caller can do. A packet whose capability bit is not set in rsp_config.features never
 * becomes a request: the engine gives the protocol's "unsupported" (empty) reply, and qSupported does
 * not advertise it. Packets without a bit (?, g, m, H, T, D, k ...) are always decoded.
 */
enum rsp_feature {
	RSP_F_NOACK = 1 << 0,         /* QStartNoAckMode */
	RSP_F_XML_FEATURES = 1 << 1,  /* qXfer:features:read */
	RSP_F_XML_THREADS = 1 << 2,   /* qXfer:threads:read */
	RSP_F_SWBREAK = 1 << 3,       /* Z0/z0, swbreak in stop replies */
	RSP_F_HWBREAK = 1 << 4,       /* Z1/z1, hwbreak in stop replies */
	RSP_F_WATCH = 1 << 5,         /* Z2 Z3 Z4 */
	RSP_F_STEP = 1 << 6,          /* s, vCont;s */
	RSP_F_RANGE_STEP = 1 << 7,    /* vCont;r */
	RSP_F_BINARY_READ = 1 << 8,   /* x; "binary-upload+" */
	RSP_F_MONITOR = 1 << 9,       /* qRcmd */
	RSP_F_EXTENDED = 1 << 10,     /* !, R, vRun */
	RSP_F_OFFSETS = 1 << 11,      /* qOffsets */
	RSP_F_EXEC_FILE = 1 << 12,    /* qXfer:exec-file:read */
	RSP_F_VFILE = 1 << 13,        /* vFile:* */
	RSP_F_MEMORY_MAP = 1 << 14,   /* qXfer:memory-map:read */
	RSP_F_SEARCH = 1 << 15,       /* qSearch:memory */
	RSP_F_CRC = 1 << 16,          /* qCRC */
	RSP_F_PHYS_MODE = 1 << 17,    /* qemu.PhyMemMode */
	RSP_F_LLDB = 1 << 18,         /* LLDB's own packets: qHostInfo, qProcessInfo, qRegisterInfo ... */
	RSP_F_CONSOLE = 1 << 19,      /* O packets while running */
	RSP_F_COND_BREAK = 1 << 20,   /* conditions in Z0 and Z1: ConditionalBreakpoints+ */
	RSP_F_BREAK_CMDS = 1 << 21,   /* commands in Z0 and Z1: BreakpointCommands+ */
	RSP_F_LIBRARIES = 1 << 22,    /* qXfer:libraries-svr4:read, offered to LLDB alone: GDB has the image
	                               * by exec-file, and would take it for a shared library besides */
	RSP_F_MULTI_READ = 1 << 23,   /* MultiMemRead */
	RSP_F_NON_STOP = 1 << 24,     /* QNonStop, vStopped, vCtrlC; rsp_notify_stop() */
	RSP_F_CATCH_SYSCALLS = 1 << 26, /* QCatchSyscalls */
	RSP_F_TRACE = 1 << 25,        /* tracepoints: QT*, qT*, qXfer:traceframe-info:read */
};

/* ---- requests ---------------------------------------------------------------------------------- */

/* A thread id. In this protocol thread numbers start at 1. */
#define RSP_TID_ALL (-1)
#define RSP_TID_ANY 0
struct rsp_tid {
	int64_t pid; /* 1 when the packet named no process; RSP_TID_ALL */
	int64_t tid; /* >0, RSP_TID_ANY, RSP_TID_ALL */
};

/* Every request kind; behind each, the member of struct rsp_request's union that it fills. */
enum rsp_kind {
	RSP_QUERY_HALT,        /* ?              - (answer: rsp_reply_stop) */
	RSP_READ_REGS,         /* g              regs.tid only */
	RSP_WRITE_REGS,        /* G              regs */
	RSP_READ_REG,          /* p              reg, value unused */
	RSP_WRITE_REG,         /* P              reg */
	RSP_READ_MEM,          /* m, x           mem (binary says which), data unused */
	RSP_READ_RANGES,       /* MultiMemRead   ranges     (answer: rsp_reply_ranges) */
	RSP_WRITE_MEM,         /* M, X           mem */
	RSP_INSERT_POINT,      /* Z0-Z4          point */
	RSP_REMOVE_POINT,      /* z0-z4          point */
	RSP_RESUME,            /* vCont c C s S  resume (answer: rsp_reply_stop, later; in non-stop ok) */
	RSP_NON_STOP,          /* QNonStop       flag */
	RSP_NEXT_STOP,         /* vStopped       -          (answer: rsp_reply_stop, or ok: no more) */
	RSP_INTERRUPT_ALL,     /* vCtrlC         - */
	RSP_CATCH_SYSCALLS,    /* QCatchSyscalls syscalls */
	RSP_SET_THREAD,        /* Hg Hc          thread */
	RSP_THREAD_ALIVE,      /* T              thread */
	RSP_CURRENT_THREAD,    /* qC             -          (answer: rsp_reply_current_thread) */
	RSP_LIST_THREADS,      /* qfThreadInfo   -          (answer: rsp_reply_threads) */
	RSP_THREAD_EXTRA,      /* qThreadExtraInfo thread   (answer: rsp_reply_hex of text) */
	RSP_XFER_READ,         /* qXfer:*:read   xfer       (answer: rsp_reply_xfer) */
	RSP_MONITOR,           /* qRcmd          text       (answer: rsp_reply_hex of text, or ok) */
	RSP_OFFSETS,           /* qOffsets       -          (answer: rsp_reply_offsets) */
	RSP_ATTACHED,          /* qAttached      -          (answer: rsp_reply_text "1" or "0") */
	RSP_SEARCH_MEM,        /* qSearch:memory search     (answer: rsp_reply_search) */
	RSP_CRC,               /* qCRC           mem        (answer: rsp_reply_crc) */
	RSP_PHYS_MODE_QUERY,   /* qqemu.PhyMemMode -        (answer: rsp_reply_text "0"/"1") */
	RSP_PHYS_MODE_SET,     /* Qqemu.PhyMemMode:N flag */
	RSP_DETACH,            /* D              - */
	RSP_KILL,              /* k (no reply is owed but to LLDB), vKill */
	RSP_EXTENDED,          /* !              - */
	RSP_RESTART,           /* R (no reply is owed) */
	RSP_RUN,               /* vRun           run        (answer: rsp_reply_stop) */
	RSP_VFILE,             /* vFile:*        file       (answer: rsp_reply_file) */
	RSP_TRACE,             /* QT*, qT*       trace      (answer: by op, see there) */
	/* LLDB */
	RSP_HOST_INFO,         /* qHostInfo      -          (answer: rsp_reply_text) */
	RSP_PROCESS_INFO,      /* qProcessInfo, qfProcessInfo (flag = 1: list form)    (rsp_reply_text) */
	RSP_REGISTER_INFO,     /* qRegisterInfo  number     (answer: rsp_reply_text, or error 0x45) */
	RSP_REGION_INFO,       /* qMemoryRegionInfo mem.addr (answer: rsp_reply_region) */
	RSP_THREAD_STOP,       /* qThreadStopInfo thread    (answer: rsp_reply_stop) */
	RSP_THREADS_JSON,      /* jThreadsInfo   -          (answer: rsp_reply_binary: JSON) */
	RSP_WATCH_INFO,        /* qWatchpointSupportInfo -  (answer: rsp_reply_text "num:4;") */
	RSP_SERVER_VERSION,    /* qGDBServerVersion -       (answer: rsp_reply_text "name:...;") */
	RSP_SAVE_REGS,         /* QSaveRegisterState    thread (answer: rsp_reply_number) */
	RSP_RESTORE_REGS,      /* QRestoreRegisterState thread, number */
	RSP_ALLOCATE,          /* _M             mem.addr = size, mem.len = bits r 4, w 2, x 1
	                                         (answer: rsp_reply_number or error) */
	RSP_DEALLOCATE,        /* _m             mem.addr */
	RSP_KIND_COUNT
};

struct rsp_range { uint64_t addr, len; };

enum rsp_point { RSP_POINT_SW, RSP_POINT_HW, RSP_POINT_WRITE, RSP_POINT_READ, RSP_POINT_ACCESS };

enum rsp_action_kind { RSP_ACT_CONTINUE, RSP_ACT_STEP, RSP_ACT_RANGE, RSP_ACT_STOP };

/*
 * One vCont action. c/s/C/S packets arrive as a vCont with the threads that Hc chose. Where Hc chose none,
 * s, S and C act on the thread of Hg (RSP_TID_ANY if none was chosen) and the others continue.
 */
struct rsp_action {
	enum rsp_action_kind kind;
	uint8_t signal;      /* C, S: GDB signal number; 0 = none */
	struct rsp_tid tid;  /* RSP_TID_ALL where the packet named none */
	uint64_t start, end; /* RSP_ACT_RANGE: step while start <= pc < end */
};

/* One agent expression (GDB manual, "Agent Expressions"); not empty, not checked. */
struct rsp_code { const uint8_t *bytes; size_t len; };

/* What a packet about tracepoints asks (GDB manual, "Tracepoint Packets"), and which members it fills. */
enum rsp_trace_op {
	RSP_TRACE_INIT,        /* QTinit         -           */
	RSP_TRACE_POINT,       /* QTDP:N:ADDR    number addr flag (enabled) step pass bytes (condition)
	                                         refused (why such a point cannot be) */
	RSP_TRACE_ACTIONS,     /* QTDP:-N:ADDR   number addr actions */
	RSP_TRACE_SOURCE,      /* QTDPsrc        number addr type first (start) last (whole length) bytes */
	RSP_TRACE_VARIABLE,    /* QTDV           number first (initial value) flag (built in) bytes (name) */
	RSP_TRACE_VALUE,       /* qTV            number      (answer: text "V..." or "U") */
	RSP_TRACE_ENABLE,      /* QTEnable       number addr */
	RSP_TRACE_DISABLE,     /* QTDisable      number addr */
	RSP_TRACE_START,       /* QTStart        -           */
	RSP_TRACE_STOP,        /* QTStop         -           */
	RSP_TRACE_STATUS,      /* qTStatus       -           (text "T...") */
	RSP_TRACE_FRAME,       /* QTFrame        find first last (text "F...T...", "F-1") */
	RSP_TRACE_FIRST_POINT, /* qTfP           -           (text, "l" at the end) */
	RSP_TRACE_NEXT_POINT,  /* qTsP           - */
	RSP_TRACE_FIRST_VAR,   /* qTfV           - */
	RSP_TRACE_NEXT_VAR,    /* qTsV           - */
	RSP_TRACE_HITS,        /* qTP            number addr (text "V...:...") */
	RSP_TRACE_BUFFER,      /* qTBuffer       first (offset) last (length) (hex; text "l" at the end) */
	RSP_TRACE_CIRCULAR,    /* QTBuffer:circular flag */
	RSP_TRACE_SIZE,        /* QTBuffer:size  first; UINT64_MAX: as it likes */
	RSP_TRACE_DISCONNECTED, /* QTDisconnected flag */
	RSP_TRACE_NOTES,       /* QTNotes        notes */
	RSP_TRACE_READ_ONLY,   /* QTro           ranges: [addr, len) */
	RSP_TRACE_MIN_FAST     /* qTMinFTPILen   -           (number) */
};

enum rsp_trace_find { RSP_FIND_NUMBER, RSP_FIND_PC, RSP_FIND_POINT, RSP_FIND_RANGE, RSP_FIND_OUTSIDE };

enum rsp_collect { RSP_COLLECT_REGS, RSP_COLLECT_MEMORY, RSP_COLLECT_CODE };

struct rsp_trace_action {
	enum rsp_collect kind;
	bool stepping;         /* stood behind an S of this packet */
	int32_t base;          /* MEMORY: number of the register that offset is added to; -1: none */
	uint64_t offset, len;  /* MEMORY */
	struct rsp_code data;  /* REGS: the mask, CODE: the expression, not checked */
};

struct rsp_trace {
	enum rsp_trace_op op;
	enum rsp_trace_find find;
	uint32_t number;
	bool flag;
	uint64_t addr, step, pass, first, last;
	struct rsp_code bytes;           /* decoded, NUL-terminated as well */
	const char *type;                /* SOURCE: "at", "cond", "cmd" ... */
	const char *refused;             /* NULL, or what kind of point it is */
	const char *notes[3];            /* user, notes, tstop; NULL: not said */
	const struct rsp_trace_action *actions;
	size_t action_count;
	const struct rsp_range *ranges;
	size_t range_count;
};

struct rsp_request {
	enum rsp_kind kind;
	/* The thread that the packet is about: LLDB's ";thread:N;" suffix, else what Hg chose. */
	struct rsp_tid tid;
	union {
		struct { const uint8_t *data; size_t len; } regs;       /* G: decoded bytes */
		struct { uint32_t number; const uint8_t *value; size_t len; } reg;
		struct {
			uint64_t addr;
			uint64_t len;        /* as asked; may exceed what a reply can hold */
			const uint8_t *data; /* M, X: exactly len bytes */
			bool binary;         /* x; rsp_reply_memory answers either */
		} mem;
		struct { const struct rsp_range *range; size_t count; } ranges;
		struct { bool on; const struct rsp_range *number; size_t count; } syscalls; /* none: all */
		struct {
			enum rsp_point type;
			uint64_t addr;
			uint64_t kind;       /* watch: length in bytes; sw/hw: kind, 1 on x86 */
			/* Z0, Z1. Without RSP_F_COND_BREAK, RSP_F_BREAK_CMDS such packets are errors. */
			const struct rsp_code *conditions; /* any true one stops; none: always */
			size_t condition_count;
			const struct rsp_code *commands;   /* run at a hit, not reported then */
			size_t command_count;
			bool persist;        /* commands go on when the client has left */
		} point;
		struct {
			const struct rsp_action *actions; /* leftmost match wins (GDB manual, vCont) */
			size_t count;
			bool has_addr;                    /* cADDR, sADDR */
			uint64_t addr;
		} resume;
		struct { struct rsp_tid tid; char op; uint32_t number; } thread; /* op: 'g' or 'c' for H */
		struct {
			const char *object;  /* "features", "threads", ...; NUL-terminated */
			const char *annex;   /* NUL-terminated, may be "" */
			uint64_t offset, len;
		} xfer;
		struct { const char *bytes; size_t len; } text;          /* decoded; NUL-terminated as well */
		struct { uint64_t addr, len; const uint8_t *pattern; size_t pattern_len; } search;
		struct { const char *file; size_t argc; const char *argv[16]; } run;
		struct { const char *op, *args; size_t args_len; } file; /* "open", raw arguments */
		struct rsp_trace trace;
		uint32_t number;
		uint32_t flag;
	} u;
};

/* ---- stop replies ------------------------------------------------------------------------------- */

/* GDB's own signal numbers (include/gdb/signals.def), not the host's. */
enum rsp_signal {
	RSP_SIG_0 = 0, RSP_SIG_INT = 2, RSP_SIG_ILL = 4, RSP_SIG_TRAP = 5, RSP_SIG_ABRT = 6,
	RSP_SIG_FPE = 8, RSP_SIG_KILL = 9, RSP_SIG_BUS = 10, RSP_SIG_SEGV = 11, RSP_SIG_TERM = 15
};

enum rsp_stop_kind { RSP_STOP_SIGNAL, RSP_STOP_EXITED, RSP_STOP_KILLED };

enum rsp_stop_reason {
	RSP_REASON_NONE, RSP_REASON_SWBREAK, RSP_REASON_HWBREAK, RSP_REASON_WATCH, RSP_REASON_RWATCH,
	RSP_REASON_AWATCH, RSP_REASON_STEP, RSP_REASON_EXCEPTION, RSP_REASON_SYSCALL_ENTRY
};

struct rsp_expedited {
	uint32_t number;      /* register number of the target description */
	uint8_t size;         /* bytes, 1 to 64 */
	const uint8_t *value; /* target byte order (little-endian on x86); NULL: unavailable */
};

struct rsp_stop {
	enum rsp_stop_kind kind;
	uint8_t signal;       /* RSP_STOP_SIGNAL, RSP_STOP_KILLED */
	uint32_t status;      /* RSP_STOP_EXITED */
	int64_t tid;          /* the thread that stopped, from 1; 0: none */
	int core;             /* host or virtual core number; -1: leave out */
	const char *name;     /* thread name for LLDB; NULL: leave out */
	enum rsp_stop_reason reason;
	uint64_t addr;        /* watch reasons: the address asked for; SYSCALL_ENTRY: the number */
	const char *description; /* LLDB's description:, plain text; NULL: leave out */
	const struct rsp_expedited *regs;
	size_t reg_count;
	/* For clients that sent QListThreadsInStopReply: all thread ids and their pcs. May be empty. */
	const int64_t *thread_ids;
	const uint64_t *thread_pcs;
	size_t thread_count;
};

/* ---- engine ------------------------------------------------------------------------------------- */

enum rsp_event {
	RSP_EVENT_NONE,      /* feed more bytes (or give the reply that is owed) */
	RSP_EVENT_REQUEST,   /* *ret_req is valid */
	RSP_EVENT_INTERRUPT, /* a 0x03 stood between packets */
	RSP_EVENT_BROKEN     /* the peer is not speaking this protocol: drop the connection */
};

/* Which optional behaviours the connected client has asked for. */
enum rsp_client {
	RSP_CLIENT_NOACK = 1 << 0,
	RSP_CLIENT_MULTIPROCESS = 1 << 1,
	RSP_CLIENT_SWBREAK = 1 << 2,
	RSP_CLIENT_HWBREAK = 1 << 3,
	RSP_CLIENT_ERROR_TEXT = 1 << 4,     /* "error-message+": E.text is taken everywhere */
	RSP_CLIENT_LLDB_ERRORS = 1 << 5,    /* QEnableErrorStrings: Enn;hex */
	RSP_CLIENT_THREAD_SUFFIX = 1 << 6,  /* QThreadSuffixSupported */
	RSP_CLIENT_LIST_THREADS = 1 << 7,   /* QListThreadsInStopReply */
	RSP_CLIENT_EXTENDED = 1 << 8,
	RSP_CLIENT_VCONT = 1 << 9
};

/* A trace of every packet, for "--gdb-log"; to_client: true for what we send. Text is borrowed. */
typedef void rsp_trace_fn(void *ctx, bool to_client, const char *text, size_t len);

struct rsp_config {
	uint32_t features;    /* enum rsp_feature bits */
	uint8_t *in;          /* caller's buffer for one incoming packet; in_size >= packet_size + 4 */
	size_t in_size;
	uint8_t *out;         /* caller's buffer for outgoing bytes; out_size >= 2 * packet_size + 64 */
	size_t out_size;
	size_t packet_size;   /* advertised PacketSize, at least RSP_MIN_PACKET */
	rsp_trace_fn *trace;  /* may be NULL */
	void *trace_ctx;
};

/* Receiver of one frame at a time. Private to src/rsp/frame.c; its states are described there. */
struct rsp_frame {
	uint8_t *buf;         /* the body without escapes; NUL-terminated when complete */
	size_t size, len;     /* most bytes of a body, and how many there are */
	size_t excess;        /* body bytes beyond size: counted, not kept */
	uint8_t state, sum, given;
	uint8_t restarts;     /* '$' inside a body, since the last packet */
	bool escaped;         /* the byte before was the escape character */
	bool check;           /* the checksum must match (with acknowledgements only) */
};

/* The caller owns this struct; its members are private to librsp (their meaning is in src/rsp). */
struct rsp_engine {
	struct rsp_config cfg;
	uint32_t client;      /* enum rsp_client bits: read with rsp_engine_client() */
	uint32_t misuse;      /* replies given when none was owed */
	struct rsp_frame frame;
	uint8_t turn;         /* whose move it is: engine.h */
	uint8_t bad_packets;  /* in a row */
	uint8_t resends;      /* of the same packet */
	bool greeted;         /* a good packet has been seen */
	bool interrupted, broken, broken_told, spare_reply;
	bool lldb_x;          /* x is answered in the form of older LLDBs */
	size_t junk;          /* bytes between packets that mean nothing, since the last good packet */
	/* Output: [out_start, out_end) is unsent; [packet_start, +packet_len) is kept for a resend. */
	size_t out_start, out_end, packet_start, packet_len;
	enum rsp_kind owed_kind;
	struct rsp_tid general, resume;
	struct rsp_request req;
	struct rsp_action actions[RSP_MAX_VCONT];
	struct rsp_code conditions[RSP_MAX_CODES], commands[RSP_MAX_CODES];
	struct rsp_range ranges[RSP_MAX_RANGES];
	struct rsp_trace_action trace_actions[RSP_MAX_TRACE_ACTIONS];
};

/* Prepares an engine for a new client. 0, or -1 when a size in cfg is below its minimum. */
int rsp_engine_init(struct rsp_engine *e, const struct rsp_config *cfg);

/* Forgets everything about the client: for the next connection. */
void rsp_engine_reset(struct rsp_engine *e);

/*
 * Takes bytes that arrived. Returns how many were taken, never more than len; the engine keeps none of the
 * rest. Fewer than len are taken when
 *  - a complete request waits: call rsp_engine_next(), reply, feed the rest;
 *  - a reply is owed and another packet follows: only what may stand between packets is taken (so an
 *    interrupt is seen while the target runs); feed the rest after the reply;
 *  - the output has no room for one more reply: send it, feed the rest.
 * After RSP_EVENT_BROKEN it takes all.
 */
size_t rsp_engine_feed(struct rsp_engine *e, const void *bytes, size_t len);

/*
 * The next thing that happened. RSP_EVENT_BROKEN comes once. RSP_EVENT_INTERRUPT may come while the reply
 * to RSP_RESUME is owed (that is what it is for); requests may not. *ret_req is written only with
 * RSP_EVENT_REQUEST. Packets that the engine answers by itself (rsp_packet_info.internal, unknown and
 * malformed ones) never come out here.
 */
enum rsp_event rsp_engine_next(struct rsp_engine *e, const struct rsp_request **ret_req);

/* Bytes to be sent, in order; *ret_len = 0 when there are none. Valid until the next call on e. */
const uint8_t *rsp_engine_output(const struct rsp_engine *e, size_t *ret_len);

/* n bytes of rsp_engine_output() have left. n must not exceed its length. */
void rsp_engine_sent(struct rsp_engine *e, size_t n);

/* enum rsp_client bits of the connected client. */
uint32_t rsp_engine_client(const struct rsp_engine *e);

/* A request came out of rsp_engine_next() and its reply was not given yet. */
bool rsp_engine_owed(const struct rsp_engine *e);

/* RSP_EVENT_BROKEN has happened or is about to. */
bool rsp_engine_broken(const struct rsp_engine *e);

/* The thread that Hg chose; RSP_TID_ANY at first. The session sets it when a stop is reported. */
void rsp_engine_set_general(struct rsp_engine *e, int64_t tid);

/*
 * Most bytes of raw memory or data that fit one reply in the encoding asked for (binary or hex). Bytes that
 * need an escape make a binary reply hold fewer: see rsp_reply_memory().
 */
size_t rsp_engine_reply_room(const struct rsp_engine *e, bool binary);

/* ---- replies: each answers the one request that is owed ------------------------------------------- */

void rsp_reply_ok(struct rsp_engine *e);
void rsp_reply_empty(struct rsp_engine *e);                     /* "unsupported" */
/*
 * Error: code 1..255; text may be NULL. The text is sent in the form this client and this packet take
 * (E.text, Enn;hex), else only the number.
 */
void rsp_reply_error(struct rsp_engine *e, unsigned code, const char *text);
void rsp_reply_text(struct rsp_engine *e, const char *text);    /* as it is, no '#', '$', '}', '*' in it */
void rsp_reply_hex(struct rsp_engine *e, const void *bytes, size_t len); /* cut at rsp_engine_reply_room() */
/* Registers: bytes with an availability map; unavailable bytes go out as "xx". map may be NULL. */
void rsp_reply_regs(struct rsp_engine *e, const uint8_t *bytes, const bool *map, size_t len);
/* m: hex; x: 'b' + binary (bare for older LLDBs). What does not fit is left off: clients ask for the rest. */
void rsp_reply_memory(struct rsp_engine *e, const void *bytes, size_t len);
/* MultiMemRead: how many bytes of each range were read (count numbers), then all of them, escaped. */
void rsp_reply_ranges(struct rsp_engine *e, const size_t *lengths, size_t count, const void *bytes);
/* Escaped, nothing in front; an error reply when it does not fit. */
void rsp_reply_binary(struct rsp_engine *e, const void *bytes, size_t len);
/* Hex, no leading zeros; decimal to QSaveRegisterState, as LLDB expects. */
void rsp_reply_number(struct rsp_engine *e, uint64_t value);
void rsp_reply_current_thread(struct rsp_engine *e, int64_t tid);           /* QC... */
void rsp_reply_threads(struct rsp_engine *e, const int64_t *tids, size_t count); /* m...; the qsThreadInfo
                                                  that follows is answered 'l' by the engine */
/* A window [u.xfer.offset, +len) of the whole object: 'm' or 'l' + binary. */
void rsp_reply_xfer(struct rsp_engine *e, const void *whole, size_t total);
void rsp_reply_offsets(struct rsp_engine *e, uint64_t bias);    /* TextSeg=bias */
void rsp_reply_search(struct rsp_engine *e, bool found, uint64_t addr);
void rsp_reply_crc(struct rsp_engine *e, uint32_t crc);
/* F RESULT: -1 with error, else a number. Where data is not NULL: the number of its bytes that fit. */
void rsp_reply_file(struct rsp_engine *e, int64_t result, int error, const void *data, size_t len);
/* qMemoryRegionInfo: perms is "", "r", "rw", "rx", "rwx"; name may be NULL. */
void rsp_reply_region(struct rsp_engine *e, uint64_t start, uint64_t size, const char *perms,
                      const char *name);
void rsp_reply_stop(struct rsp_engine *e, const struct rsp_stop *stop);

/*
 * Non-stop: "%Stop:" and the reply, when the client is not in the course of asking for stops by vStopped; it
 * is no reply, and may come while one is owed. Nobody acknowledges it, the client's vStopped apart. False:
 * there is no room besides the reply that may be owed, or it does not fit; nothing is sent then.
 */
bool rsp_notify_stop(struct rsp_engine *e, const struct rsp_stop *stop);

/*
 * Console text ('O' packets), only while the reply to RSP_RESUME, RSP_RUN or RSP_MONITOR is owed and there is
 * room besides that reply; else all of it is dropped, returns false. Needs RSP_F_CONSOLE, except for
 * RSP_MONITOR: a long answer can go out in pieces, rsp_reply_ok() at the end.
 */
bool rsp_engine_console(struct rsp_engine *e, const char *text, size_t len);

/* ---- the packet table ------------------------------------------------------------------------------ */

/* One row per packet that is decoded or answered by the engine: for documentation and its test. */
struct rsp_packet_info {
	const char *name;    /* as in the manual: "vCont;r", "qXfer:features:read" */
	uint32_t feature;    /* the bit it needs; 0: always */
	bool internal;       /* answered by the engine itself */
};
/* The table; *ret_count rows, sorted by name. Static. */
const struct rsp_packet_info *rsp_packet_table(size_t *ret_count);

#ifdef __cplusplus
}
#endif
#endif
