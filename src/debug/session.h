/*
 * The stub: one debugger's requests become target operations and exactly one reply each.
 * Knows no socket and no KVM. Every function is called with the target's lock held (debug/target.h).
 */
#ifndef DEBUG_SESSION_H
#define DEBUG_SESSION_H

#include "debug/breakpoint.h"
#include "debug/target.h"
#include "mem/guest_mem.h"
#include "x86/regs.h"
#include <trapline/rsp.h>

/* What the machine was started with; all pointers borrowed for the session's life. */
struct debug_config {
	const struct debug_target_ops *ops;
	void *target;
	const struct debug_caps *caps;
	const struct x86_layout *layout;
	struct guest_mem *mem;
	const char *image_path;   /* absolute path of the kernel; NULL: not told to the client */
	const uint8_t *image_bytes; /* the file's; served to the client, read-only, where it is an ELF64 */
	size_t image_size;
	uint64_t image_bias;
	bool read_only;           /* the client may look and not touch (debug/readonly.h) */
	bool launched;            /* the debugger is ours: when it quits, the machine ends */
	void *ctx;
	/* Where a symbol of the image is linked: 0, -ENOENT. NULL: nothing is known of symbols. */
	int (*symbol)(void *ctx, const char *name, uint64_t *ret_addr);
	/* The guest's command line; NULL: it is not known. */
	const char *(*cmdline)(void *ctx);
	/* The guest's command line from the next reset on. 0, -E2BIG. NULL: cannot be changed. */
	int (*set_cmdline)(void *ctx, const char *text, struct error *err);
	/* Writes an ELF core of the parked machine, this vcpu first, likewise. NULL: no place was given. 1: a
	 * part was left out. */
	int (*write_core)(void *ctx, unsigned vcpu, const char **ret_path, struct error *err);
	/* Writes that snapshot to where the user said. 0 or negative errno with text, which is what the
	 * debugger is shown. NULL: no place was given. *ret_path: where it is now, static. */
	int (*write_snapshot)(void *ctx, const char *name, const char **ret_path, struct error *err);
	/* What commands of breakpoints print that a client has left behind. NULL: nothing is printed. */
	void (*print)(void *ctx, const char *text, size_t len);
	/* Accesses that are the guest's hypercalls, for "monitor catch hypercall". None: VMCALL is. */
	const struct debug_catch_range *hypercall;
	unsigned hypercalls;
	bool starts_running;      /* nothing holds the vcpus before the first client */
	bool stay_stopped;        /* a client that vanishes leaves the guest stopped (--gdb), else it runs;
	                           * one that detached leaves it running in any case */
};

struct debug_session;

/* The one allocation; NULL when memory is short. debug_session_free(NULL) is fine. */
struct debug_session *debug_session_new(const struct debug_config *cfg);
void debug_session_free(struct debug_session *s);

/* The callbacks to give to the target. */
void debug_session_sink(struct debug_session *s, struct debug_sink *ret);

/* The rsp_feature bits that the ops and caps allow: for rsp_config.features. */
uint32_t debug_session_features(const struct debug_session *s);

/* rsp_config.packet_size that the session's buffers are made for (bytes). */
#define DEBUG_PACKET_SIZE 0x20000

/*
 * A client came: e is its fresh engine, borrowed until disconnect. A running machine keeps running until
 * the client's first packet that needs it stopped ("?" stops it: what GDB and LLDB expect of attach).
 */
void debug_session_connect(struct debug_session *s, struct rsp_engine *e);
bool debug_session_connected(const struct debug_session *s);

/* Takes requests from the engine until it wants more input. Replies are in its output afterwards. */
void debug_session_serve(struct debug_session *s);

/* True while a long request is carried out a slice at a time: serve again, with input or without. */
bool debug_session_busy(const struct debug_session *s);

/*
 * The client vanished or was dropped. Every breakpoint is lifted, everything armed is disarmed; then the
 * guest stays stopped or runs, as stay_stopped and the machine's state ask.
 */
void debug_session_disconnect(struct debug_session *s);

/* What the client has asked of the front end; cleared by reading. */
enum debug_wish { DEBUG_WISH_NONE, DEBUG_WISH_CLOSE /* after D, k, W: close when output is sent */ };
enum debug_wish debug_session_wish(struct debug_session *s);

/*
 * True while the machine is not known to be parked: it runs (a resume's reply may be owed), is about to, or
 * is about to park. Then nothing is to be had from the client but a ctrl-C or what needs no vcpu.
 */
bool debug_session_running(const struct debug_session *s);

/* True when all that the client has let run are single steps: the machine is about to stop by itself. */
bool debug_session_stepping(const struct debug_session *s);

/*
 * The last fatal event (SHUTDOWN, ERROR) or EXITED that ended the machine with no client connected; NULL
 * while there is none. Also set when the client to which it was told has gone (a fatal one of a guest that
 * is to stay stopped excepted: the next client finds it). The front end prints its report and ends.
 */
const struct debug_event *debug_session_death(const struct debug_session *s);

#endif
