#include "cli/stub.h"
#include "cli/observer.h"
#include "cli/trace.h"
#include "base/log.h"
#include "cli/terminal.h"
#include "server/pump.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/*
 * A client on another core that answers at once is met awake: waking a sleeper costs more than a step. Long
 * enough to wake that client, and for what GDB does between two packets (bench/README.md, "two cores").
 */
#define SPIN_US 100

/* A stop that lasts longer is one of a person, not of a step: guest time stands from there on. */
#define IDLE_MS 1

/* Nobody watches the client during steps, for speed: a clock that ticks meanwhile finds one that hangs. */
#define TICK_MS 50

/* So many turns under the lock, then others have it for a moment: whoever floods us keeps nobody waiting. */
#define TURNS_MAX 64

struct cli_stub {
	struct cli_stub_config cfg;
	struct debug_sink session_sink;
	const struct debug_target_ops *ops;

	struct server_listener listener;
	struct cli_observer *observer;
	int listener_id;
	int poke_fd, poke_id;      /* a vcpu's thread asks the loop's thread to close the client */
	int tick_fd, tick_id;

	/* Under the machine's lock. */
	struct server_pump pump;
	struct rsp_engine engine;
	bool connected, gone, attended, detached;
	bool ticking, stepped;     /* the clock runs; there was a step since it ticked last */
	bool retrying;             /* a client could not be accepted: again at the next tick */
	int client_id;
	enum cli_end end;
	uint32_t status;

	uint8_t in[DEBUG_PACKET_SIZE + 64];
	uint8_t out[2 * DEBUG_PACKET_SIZE + 1024];
	int log_fd;
};

static struct rsp_config engine_config(struct cli_stub *s)
{
	return (struct rsp_config){
		.features = debug_session_features(s->cfg.session),
		.in = s->in,
		.in_size = sizeof(s->in),
		.out = s->out,
		.out_size = sizeof(s->out),
		.packet_size = DEBUG_PACKET_SIZE,
		.trace = s->log_fd >= 0 ? cli_trace : NULL,
		.trace_ctx = &s->log_fd,
	};
}

static void end_machine(struct cli_stub *s, enum cli_end how)
{
	if (s->end == CLI_END_NONE)
		s->end = how;
	s->ops->kill(s->cfg.machine);
}

/* Loop's thread, lock held: the client's descriptors go, the next one may come. */
static void close_client(struct cli_stub *s)
{
	bool last = s->listener.address.kind == SERVER_STDIO;

	server_loop_remove(s->cfg.loop, s->client_id);
	server_client_close(&s->pump.client);
	s->connected = s->gone = false;
	/* Nobody else can come by a pipe: without a proper detach the guest has lost its reason to be. */
	if (last && !s->detached)
		end_machine(s, CLI_END_KILLED);
	if (!last)
		server_loop_arm(s->cfg.loop, s->listener_id);
}

static void poke(struct cli_stub *s)
{
	uint64_t one = 1;

	if (write(s->poke_fd, &one, sizeof(one)) < 0)
		log_error("cannot wake the main thread: %s", strerror(errno));
}

/* Any thread, lock held. */
static void drop_client(struct cli_stub *s)
{
	if (!s->connected || s->gone)
		return;
	s->gone = true;
	debug_session_disconnect(s->cfg.session);
	poke(s);
}

/*
 * Reads, answers and sends until the client has nothing more for now, or the machine was resumed. Lock held.
 * 0, 1 when it goes on without end (nothing is left in the pump), or negative: the client is to be dropped.
 */
static int converse(struct cli_stub *s)
{
	int rc = server_pump_flush(&s->pump, &s->engine);

	for (unsigned turns = 0; rc == 0; turns++) {
		int fed = server_pump_read(&s->pump, &s->engine);

		debug_session_serve(s->cfg.session);
		rc = server_pump_flush(&s->pump, &s->engine);
		if (rc == 0 && debug_session_wish(s->cfg.session) == DEBUG_WISH_CLOSE) {
			s->detached = true;
			return -ECONNRESET;
		}
		if (rsp_engine_broken(&s->engine)) {
			log_warn("the client does not speak GDB's protocol: dropped");
			return -EPROTO;
		}
		if (fed <= 0 || (debug_session_running(s->cfg.session) && s->pump.len == 0))
			return fed < 0 ? fed : 0;
		if (turns >= TURNS_MAX && s->pump.len == 0)
			return 1;
	}
	return rc;
}

/* Loop's thread, lock held. */
static void serve_client(struct cli_stub *s)
{
	if (!s->connected || s->gone || s->attended)
		return;
	if (converse(s) < 0)
		drop_client(s);
	else if (debug_session_busy(s->cfg.session))
		poke(s); /* the loop's other business comes in between */
	else if (s->pump.len == 0) /* else the engine owes a reply first; then attend() goes on */
		server_loop_arm(s->cfg.loop, s->client_id);
	cli_observer_notice(s->observer, false);
}

static void on_client(void *ctx)
{
	struct cli_stub *s = ctx;

	kvm_machine_lock(s->cfg.machine);
	server_pump_readable(&s->pump);
	serve_client(s);
	kvm_machine_unlock(s->cfg.machine);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void set_clock(struct cli_stub *s, bool on)
{
	struct timespec every = {.tv_nsec = on ? TICK_MS * 1000000 : 0};
	struct itimerspec when = {.it_interval = every, .it_value = every};

	s->ticking = on && timerfd_settime(s->tick_fd, 0, &when, NULL) == 0;
	if (!on)
		timerfd_settime(s->tick_fd, 0, &when, NULL);
}

/* Lock held: the machine runs, and the client may have something to say. */
static void watch_client(struct cli_stub *s)
{
	if (debug_session_stepping(s->cfg.session)) {
		s->stepped = true;
		if (!s->ticking)
			set_clock(s, true);
		if (s->ticking)
			return;
	}
	server_loop_arm(s->cfg.loop, s->client_id);
}

static void on_tick(void *ctx)
{
	struct cli_stub *s = ctx;
	uint64_t count;

	kvm_machine_lock(s->cfg.machine);
	if (read(s->tick_fd, &count, sizeof(count)) > 0) {
		if (s->connected && !s->gone && !s->attended)
			server_loop_arm(s->cfg.loop, s->client_id);
		if (s->retrying)
			server_loop_arm(s->cfg.loop, s->listener_id);
		else if (!s->stepped)
			set_clock(s, false);
		s->stepped = false;
	}
	kvm_machine_unlock(s->cfg.machine);
	server_loop_arm(s->cfg.loop, s->tick_id);
}

/* The elected vcpu's thread, lock held: serves the client until the machine is resumed or the client goes. */
static void attend(struct cli_stub *s)
{
	uint64_t since = now_ms();

	if (!s->connected || s->gone)
		return;
	s->attended = true;
	server_pump_limit(&s->pump, IDLE_MS);
	server_loop_disarm(s->cfg.loop, s->client_id);
	for (;;) {
		int more = converse(s);

		if (more < 0) {
			drop_client(s);
			break;
		}
		if (debug_session_running(s->cfg.session) || kvm_machine_ended(s->cfg.machine))
			break;
		if (s->pump.limit_ms > 0 && now_ms() - since > IDLE_MS) {
			kvm_machine_idle(s->cfg.machine);
			server_pump_limit(&s->pump, 0);
		}
		if (s->pump.limit_ms == 0)
			cli_observer_notice(s->observer, false);
		kvm_machine_unlock(s->cfg.machine);
		if (more)
			poll(NULL, 0, IDLE_MS);
		else if (!debug_session_busy(s->cfg.session))
			server_pump_wait(&s->pump, SPIN_US);
		kvm_machine_lock(s->cfg.machine);
	}
	if (!debug_session_running(s->cfg.session))
		kvm_machine_idle(s->cfg.machine);
	s->attended = false;
	if (s->connected && !s->gone)
		watch_client(s);
}

/* What came up outside a conversation: notifications (non-stop). Lock held. */
static void send_notices(struct cli_stub *s)
{
	if (s->connected && !s->gone && server_pump_flush(&s->pump, &s->engine) < 0)
		drop_client(s);
	cli_observer_notice(s->observer, false);
}

static enum debug_verdict sink_event(void *ctx, const struct debug_event *ev)
{
	struct cli_stub *s = ctx;
	enum debug_verdict verdict;

	if (ev->kind == DEBUG_EVENT_EXITED) {
		s->end = CLI_END_EXITED;
		s->status = ev->status;
	}
	verdict = s->session_sink.event(s->session_sink.ctx, ev);
	send_notices(s);
	return verdict;
}

static void sink_stopped(void *ctx)
{
	struct cli_stub *s = ctx;

	s->session_sink.stopped(s->session_sink.ctx);
	attend(s);
	/* A client in extended mode has run an ended guest again. */
	if (s->end == CLI_END_EXITED && debug_session_running(s->cfg.session))
		s->end = CLI_END_NONE;
	cli_observer_notice(s->observer, s->end == CLI_END_EXITED);
	if (s->end == CLI_END_EXITED)
		end_machine(s, CLI_END_EXITED);
	else if (debug_session_death(s->cfg.session) != NULL)
		end_machine(s, CLI_END_DIED);
}

static void connect_client(struct cli_stub *s, struct server_client client)
{
	struct rsp_config cfg = engine_config(s);

	server_pump_init(&s->pump, client);
	rsp_engine_init(&s->engine, &cfg);
	s->client_id = server_loop_add(s->cfg.loop, client.in, on_client, s);
	if (s->client_id < 0) {
		log_error("cannot watch the debugger's connection: %s", strerror(-s->client_id));
		server_client_close(&client);
		return;
	}
	s->connected = true;
	s->gone = s->detached = false;
	debug_session_connect(s->cfg.session, &s->engine);
	server_loop_arm(s->cfg.loop, s->client_id);
}

/* Lock held. The client that is there leaves first: closing it arms the listener for the one who waits. */
static bool must_wait(struct cli_stub *s)
{
	if (s->gone)
		close_client(s);
	return s->connected && server_pump_hung_up(&s->pump); /* whoever attends it is about to see so */
}

static int accept_client(struct cli_stub *s)
{
	struct server_client client;
	struct error err;
	int rc = server_accept(&s->listener, &client, &err);

	if (rc < 0 && rc != -EAGAIN && !s->retrying)
		log_warn("%s", err.text);
	s->retrying = rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -ENOBUFS;
	if (s->retrying && !s->ticking)
		set_clock(s, true);
	if (rc == 0 && s->connected)
		cli_observer_admit(s->observer, client);
	else if (rc == 0)
		connect_client(s, client);
	return rc;
}

static void on_listener(void *ctx)
{
	struct cli_stub *s = ctx;
	bool wait;
	int rc = 0;

	kvm_machine_lock(s->cfg.machine);
	wait = must_wait(s);
	if (!wait)
		rc = accept_client(s);
	kvm_machine_unlock(s->cfg.machine);
	/* A tty has one client at a time. A listener that fails for good would be readable for ever. */
	if (!wait && (rc == -EAGAIN || rc == -ECONNABORTED || rc == -EINTR ||
	              (rc == 0 && s->listener.address.kind != SERVER_TTY)))
		server_loop_arm(s->cfg.loop, s->listener_id);
}

static void on_poke(void *ctx)
{
	struct cli_stub *s = ctx;
	uint64_t count;

	kvm_machine_lock(s->cfg.machine);
	if (read(s->poke_fd, &count, sizeof(count)) > 0) {
		if (s->gone)
			close_client(s);
		else if (debug_session_busy(s->cfg.session))
			serve_client(s);
	}
	kvm_machine_unlock(s->cfg.machine);
	server_loop_arm(s->cfg.loop, s->poke_id);
}

/* An event of our own, watched from now on. */
static int add_event(struct cli_stub *s, int fd, server_loop_fn *fn, int *ret_id, struct error *err)
{
	if (fd < 0)
		return error_set(err, errno, "no descriptor for an event: %s", strerror(errno));
	*ret_id = server_loop_add(s->cfg.loop, fd, fn, s);
	if (*ret_id < 0)
		return error_set(err, -*ret_id, "cannot watch an event");
	server_loop_arm(s->cfg.loop, *ret_id);
	return 0;
}

static int open_events(struct cli_stub *s, struct error *err)
{
	int rc;

	s->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = add_event(s, s->poke_fd, on_poke, &s->poke_id, err);
	if (rc < 0)
		return rc;
	s->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return add_event(s, s->tick_fd, on_tick, &s->tick_id, err);
}

static int open_port(struct cli_stub *s, struct error *err)
{
	int rc;

	rc = s->cfg.log_path != NULL ? cli_trace_open(s->cfg.log_path, &s->log_fd, err) : 0;
	if (rc == 0)
		rc = open_events(s, err);
	if (rc < 0)
		return rc;
	s->observer = cli_observer_new(s->cfg.machine, s->cfg.session, s->cfg.loop);
	if (s->observer == NULL)
		return error_set(err, ENOMEM, "no memory for a second debugger");
	rc = server_listen(s->cfg.address, &s->listener, err);
	if (rc < 0 || s->listener.fd < 0)
		return rc;
	s->listener_id = server_loop_add(s->cfg.loop, s->listener.fd, on_listener, s);
	if (s->listener_id < 0)
		return error_set(err, -s->listener_id, "cannot watch the debugger's port");
	server_loop_arm(s->cfg.loop, s->listener_id);
	return 0;
}

int cli_stub_new(const struct cli_stub_config *cfg, struct cli_stub **ret, struct error *err)
{
	struct cli_stub *s = calloc(1, sizeof(*s));
	struct debug_sink sink = {.ctx = s, .event = sink_event, .stopped = sink_stopped};

	if (s == NULL)
		return error_set(err, ENOMEM, "no memory for the debugger's port");
	s->cfg = *cfg;
	s->ops = kvm_machine_ops();
	s->listener.fd = s->listener.null_fd = s->poke_fd = s->tick_fd = s->log_fd = -1;
	s->listener_id = s->poke_id = s->tick_id = s->client_id = -1;
	if (cfg->address != NULL) {
		int rc = open_port(s, err);

		if (rc < 0) {
			cli_stub_free(s);
			return rc;
		}
	}
	debug_session_sink(cfg->session, &s->session_sink);
	kvm_machine_set_sink(cfg->machine, &sink);
	*ret = s;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void cli_stub_free(struct cli_stub *s)
{
	if (s == NULL)
		return;
	if (s->connected)
		server_client_close(&s->pump.client);
	cli_observer_free(s->observer);
	if (s->cfg.address != NULL)
		server_listener_close(&s->listener);
	close_fd(s->poke_fd);
	close_fd(s->tick_fd);
	close_fd(s->log_fd);
	free(s);
}

void cli_stub_tell(const struct cli_stub *s, bool waits)
{
	const struct server_listener *l = &s->listener;
	char target[160];

	if (s->cfg.address == NULL || l->address.kind == SERVER_STDIO)
		return;
	if (server_listener_is_wide(l))
		log_warn("the debugger's port is open to other machines: whoever reaches it controls the "
			 "guest");
	server_listener_target(l, target, sizeof(target));
	fprintf(stderr, "trapline: %s; in gdb type:  target remote %s%s",
	        waits ? "waiting for a debugger" : "a debugger may attach", target,
	        cli_terminal_is_raw() ? "\r\n" : "\n");
}

void cli_stub_start(struct cli_stub *s)
{
	struct server_client client;
	struct error err;

	if (s->cfg.address == NULL || s->listener.address.kind != SERVER_STDIO)
		return;
	if (server_accept(&s->listener, &client, &err) < 0) {
		log_error("%s", err.text);
		return;
	}
	kvm_machine_lock(s->cfg.machine);
	connect_client(s, client);
	kvm_machine_unlock(s->cfg.machine);
}

enum cli_end cli_stub_end(const struct cli_stub *s, uint32_t *ret_status)
{
	*ret_status = s->status;
	return s->end;
}
