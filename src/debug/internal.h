/*
 * Inside of the debug layer: one session's state. Not for other layers.
 *
 * Where the machine is (enum debug_run)
 *   FREE      not known to be parked: it runs, or has not been looked at. Nothing of a vcpu may be read.
 *   STOPPING  an event answered DEBUG_STOP, or ops->stop() was called: sink.stopped() will come.
 *   PARKED    sink.stopped() came; nothing runs until ops->resume(). Everything may be read.
 *
 * Who waits for it
 *   owed      the client's resume: the stop reply is sent when the machine parks.
 *   deferred  a request that needs the machine parked came while it ran (a client that attached): it is
 *             answered when the machine parks. The two never hold together: the engine hands out one
 *             request at a time.
 *   hold      nobody waits, but the machine is to stay parked (the client of --gdb vanished).
 *   If none of them holds, a machine that parks is set running again.
 *
 * Events. The first one that stops the machine becomes `report`; those of other vcpus on the way are kept
 * in their `pending`. A pending event is reported instead of resuming its vcpu, if it still holds then.
 *
 * Step-over. A vcpu that was reported at a breakpoint and still stands there is stepped once with the
 * breakpoint lifted and all others held (over >= 0), one such vcpu after the other; then the plan that the
 * client asked for is given out.
 *
 * Non-stop: nonstop.h.
 *
 * A breakpoint none of whose conditions holds (or whose commands are all there is to it) is passed over in
 * the same way with no word to the client: at once when nothing else runs, else everything parks first, since
 * a vcpu that runs would run through the lifted byte (passing).
 */
#ifndef DEBUG_INTERNAL_H
#define DEBUG_INTERNAL_H

#include "debug/breakpoint.h"
#include "debug/catch.h"
#include "debug/ignore.h"
#include "debug/memory.h"
#include "debug/scan.h"
#include "debug/session.h"
#include "debug/trace.h"

enum debug_run { DEBUG_RUN_FREE, DEBUG_RUN_STOPPING, DEBUG_RUN_PARKED };

enum debug_report_kind {
	DEBUG_REPORT_NONE,
	DEBUG_REPORT_TRAP,       /* plain: attached, entry, reset */
	DEBUG_REPORT_INTERRUPT,
	DEBUG_REPORT_HALT,       /* of a vcpu that only had to stop: no signal */
	DEBUG_REPORT_STEP,
	DEBUG_REPORT_BREAK,
	DEBUG_REPORT_WATCH,
	DEBUG_REPORT_CATCH,      /* event.text tells */
	DEBUG_REPORT_FATAL,      /* SHUTDOWN, ERROR */
	DEBUG_REPORT_EXITED
};

/* One stop, as it will be told. */
struct debug_report {
	enum debug_report_kind kind;
	enum rsp_point type;     /* BREAK, WATCH */
	uint64_t addr, len;      /* WATCH: the point's range */
	struct debug_event event;
	bool device;             /* WATCH: written by a device, not by the instruction */
	uint32_t caught_by;      /* CATCH: its number; BREAK: of one at the same place, 0: none */
	bool syscall;            /* CATCH: a system call, of number addr, for QCatchSyscalls */
	bool gate;               /* CATCH: by a breakpoint of ours, where the vcpu stands */
	char values[80];         /* WATCH: "old 0x1, new 0x2", or "" */
};

/* What the client asked a vcpu to do. */
enum debug_ask { DEBUG_ASK_HOLD, DEBUG_ASK_RUN, DEBUG_ASK_STEP, DEBUG_ASK_RANGE };

struct debug_vcpu {
	enum debug_ask ask;
	uint64_t start, end;     /* RANGE */
	bool hit;                /* last reported at a breakpoint: at hit_rip, linear hit_pc */
	uint64_t hit_rip, hit_pc;
	bool open;               /* with hit: its instruction needs watched pages to be plain memory */
	struct debug_report pending;
	struct debug_report stop; /* non-stop, ask HOLD: why it stands */
	bool late;               /* and that it does has still to be told */
	struct debug_trace_stepping trace;  /* left 0: not now */
	char name[16];           /* "cpu0": what clients are told */
};

#define DEBUG_SAVED_REGS 8
#define DEBUG_MAX_FILES 4
#define DEBUG_XML_SIZE 65536
#define DEBUG_TEXT_SIZE 32768
#define DEBUG_MAPS_SIZE 65536

struct debug_saved_regs { bool used; uint8_t bytes[X86_REGS_MAX_BYTES]; };

struct debug_session {
	struct debug_config cfg;
	struct debug_caps caps;        /* cfg.caps, or what of them is allowed */
	unsigned vcpu_count;
	struct rsp_engine *engine;            /* NULL: no client */
	enum debug_run run;
	bool owed, hold, detached;
	bool stop_asked;                      /* ops->stop() since the last resume */
	bool killed;                          /* by an extended client: ends with it unless run again */
	bool placed;                          /* LLDB has been told where the image stands */
	bool mmio;                            /* memory requests reach devices */
	bool phys;                            /* memory requests take physical addresses */
	bool cr3_chosen;                      /* addresses are looked up through cr3, not the own */
	uint64_t cr3;
	bool file_open[DEBUG_MAX_FILES];      /* handles of vFile, all for the image */
	bool ring_told;                       /* that a vcpu went where it cannot be stepped */
	bool step_irqs;                       /* steps may go into interrupt handlers */
	enum debug_wish wish;
	const struct rsp_request *deferred;
	unsigned current;                     /* vcpu of the last reported stop */
	unsigned stops;                       /* how many there were: of all or, in non-stop, a vcpu */
	unsigned map_vcpu;                    /* in whose address space points are looked up */
	bool passing;                         /* parks only to step a vcpu over a breakpoint that missed */
	bool printed;                         /* console text since the last look */
	unsigned prints_lost;                 /* that the client had no room for */
	struct debug_agent_vars vars;         /* trace-state variables */
	int over;                             /* vcpu that steps over, -1: none */
	uint8_t over_slots;                   /* registers off for it */
	bool regive;                          /* the plan in force is not what is asked any more */
	bool nonstop;                         /* nonstop.h; what follows is its own */
	bool stop_break;                      /* all that run are to be interrupted */
	bool stop_late;                       /* some vcpu is late */
	bool stop_told;                       /* the queue's head has been sent, and waits for vStopped */
	unsigned stop_count;
	uint8_t stop_queue[DEBUG_MAX_VCPUS + 1];
	int turn;                             /* whose turn it is to step, -1: nobody's (turn.h) */
	unsigned turn_left;                   /* steps of it */
	bool over_open;                       /* watched pages are plain memory for it */
	unsigned protects;                    /* what the target watches */
	struct debug_protect protect[DEBUG_MAX_PROTECTS];
	struct debug_report report;           /* of the stop in progress */
	struct debug_report last;             /* of the stop told last: what "?" answers */
	bool has_death;
	struct debug_event death;
	struct debug_arm armed;
	struct debug_vcpu vcpu[DEBUG_MAX_VCPUS];
	struct debug_plan plan[DEBUG_MAX_VCPUS];
	struct x86_regs regs;
	enum x86_regs_arch arch;              /* for the next client */
	size_t xml_len;
	struct x86_state scratch;
	struct debug_saved_regs saved[DEBUG_SAVED_REGS];
	struct debug_points points;
	struct debug_catches catches;
	struct debug_ignores ignores;
	struct debug_scan scan;
	char xml[DEBUG_XML_SIZE];
	char text[DEBUG_TEXT_SIZE];
	char maps[DEBUG_MAPS_SIZE];           /* /proc/1/maps, while it is open */
	size_t maps_len;                      /* 0: it is not */
	struct debug_trace trace;
	uint8_t buf[DEBUG_PACKET_SIZE];
};

static inline const struct x86_state *debug_get(struct debug_session *s, unsigned vcpu, unsigned groups)
{
	const struct x86_state *st;

	return s->cfg.ops->get(s->cfg.target, vcpu, groups, &st) < 0 ? NULL : st;
}

/* Something goes on without a client: a trace run, commands that persist. */
static inline bool debug_works_alone(const struct debug_session *s)
{
	return s->trace.running || s->points.kept > 0;
}

/* Error replies: the error's text with its code. */
void debug_reply_error(struct debug_session *s, const struct error *err);
void debug_reply_result(struct debug_session *s, int rc, const struct error *err); /* OK or the error */

/* The vcpu a request is about; replies with an error and returns -1 when there is none. */
int debug_request_vcpu(struct debug_session *s, const struct rsp_tid *tid);

/* What memory requests of this vcpu see. -EBUSY with text while it runs. */
int debug_session_view(struct debug_session *s, unsigned vcpu, bool physical, struct debug_view *ret,
                       struct error *err);

/* True where the request is about a machine that stands. */
bool debug_session_needs_parked(enum rsp_kind kind);

/* Answers a request; the machine is parked if the request needs that. */
void debug_session_dispatch(struct debug_session *s, const struct rsp_request *req);

/* device.c: bytes done (the first of them at least), or negative errno with text. Devices alone, no RAM. */
struct debug_device_access {
	struct debug_session *s;
	const struct debug_view *view;
	unsigned vcpu;
	bool write;
};

int64_t debug_device_access(const struct debug_device_access *a, uint64_t addr, void *buf, size_t len,
                            struct error *err);

/* Handlers of requests, by file. Each gives exactly one reply unless it says otherwise. */
typedef void debug_handler(struct debug_session *s, const struct rsp_request *req);

debug_handler debug_registers_read_all, debug_registers_write_all, debug_registers_read,
	debug_registers_write, debug_registers_save, debug_registers_restore;
debug_handler debug_point_insert, debug_point_remove;
debug_handler debug_query_read_mem, debug_query_read_ranges, debug_query_write_mem;
debug_handler debug_query_xfer, debug_query_offsets, debug_query_attached, debug_query_phys,
	debug_query_set_phys;
debug_handler debug_threads_set, debug_threads_alive, debug_threads_current, debug_threads_list,
	debug_threads_extra;
debug_handler debug_lldb_host_info, debug_lldb_process_info, debug_lldb_register_info,
	debug_lldb_region_info, debug_lldb_threads_json, debug_lldb_watch_info, debug_lldb_server_version,
	debug_lldb_allocate;
bool debug_lldb_has_module(const struct debug_session *s);
size_t debug_lldb_libraries(struct debug_session *s, char *buf, size_t size); /* the XML's length */
debug_handler debug_file_request;
/* maps.c: text of at most size bytes, NUL included; its length. 0 while the machine runs. */
size_t debug_maps_write(struct debug_session *s, char *buf, size_t size);
bool debug_file_offered(const struct debug_session *s);
debug_handler debug_catch_syscalls;
debug_handler debug_restart_request; /* no reply is owed */
debug_handler debug_restart_run;
debug_handler debug_monitor_request;
debug_handler debug_resume_request;   /* the stop reply is owed instead, or an error is given */
debug_handler debug_stop_query, debug_stop_thread;

#endif
