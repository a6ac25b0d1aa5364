#include "cli/observer.h"
#include "base/log.h"
#include "debug/observer.h"
#include "server/pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The machine's lock is held while a reply leaves: one who does not read is not waited for longer. */
#define SEND_LIMIT_MS 200
#define TURNS_MAX 64 /* then others have the loop, and the machine's lock */

struct cli_observer {
	struct kvm_machine *machine;
	struct debug_session *session;
	struct server_loop *loop;
	struct debug_observer view;
	struct rsp_engine engine;
	struct server_pump pump;
	bool connected;
	int id;
	int poke_fd, poke_id;      /* a vcpu's thread has seen a stop that the client waits for */
	uint8_t in[DEBUG_PACKET_SIZE + 64];
	uint8_t out[2 * DEBUG_PACKET_SIZE + 1024];
};

/* The machine stands, or did: it may run again by now, and then the next stop counts. Lock held. */
static void tell(struct cli_observer *o)
{
	debug_observer_stopped(o->session, &o->view);
	server_pump_flush(&o->pump, &o->engine); /* whoever is gone is seen to be by the loop */
}

static void on_poke(void *ctx)
{
	struct cli_observer *o = ctx;
	uint64_t count;

	kvm_machine_lock(o->machine);
	if (read(o->poke_fd, &count, sizeof(count)) > 0 && o->connected)
		tell(o);
	kvm_machine_unlock(o->machine);
	server_loop_arm(o->loop, o->poke_id);
}

static int watch_poke(struct cli_observer *o)
{
	o->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (o->poke_fd < 0)
		return -errno;
	o->poke_id = server_loop_add(o->loop, o->poke_fd, on_poke, o);
	if (o->poke_id >= 0)
		server_loop_arm(o->loop, o->poke_id);
	return o->poke_id;
}

struct cli_observer *cli_observer_new(struct kvm_machine *m, struct debug_session *s,
                                      struct server_loop *loop)
{
	struct cli_observer *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->machine = m;
	o->session = s;
	o->loop = loop;
	if (watch_poke(o) < 0) {
		cli_observer_free(o);
		return NULL;
	}
	return o;
}

static void close_client(struct cli_observer *o)
{
	server_loop_remove(o->loop, o->id);
	server_client_close(&o->pump.client);
	o->connected = false;
}

void cli_observer_free(struct cli_observer *o)
{
	if (o == NULL)
		return;
	if (o->connected)
		server_client_close(&o->pump.client); /* the loop has ended */
	if (o->poke_fd >= 0)
		close(o->poke_fd);
	free(o);
}

/* 0: it has nothing more for now, or has had its turns; negative: it goes. */
static int converse(struct cli_observer *o)
{
	int fed = 1, rc = 0;

	for (unsigned turns = 0; fed > 0 && rc == 0 && (turns < TURNS_MAX || o->pump.len > 0); turns++) {
		fed = server_pump_read(&o->pump, &o->engine);
		debug_observer_serve(o->session, &o->view);
		rc = server_pump_flush(&o->pump, &o->engine);
		if (o->view.leaves || rsp_engine_broken(&o->engine))
			return -1;
	}
	return fed < 0 ? fed : rc;
}

static void on_client(void *ctx)
{
	struct cli_observer *o = ctx;

	kvm_machine_lock(o->machine);
	if (o->connected && converse(o) < 0)
		close_client(o);
	if (o->connected)
		server_loop_arm(o->loop, o->id);
	kvm_machine_unlock(o->machine);
}

/* Somebody looks on, and has not hung up. */
static bool busy(struct cli_observer *o)
{
	if (o->connected && server_pump_hung_up(&o->pump))
		close_client(o);
	return o->connected;
}

static int admit(struct cli_observer *o, struct server_client client)
{
	struct rsp_config cfg = {
		.features = debug_observer_features(o->session), .in = o->in, .in_size = sizeof(o->in),
		.out = o->out, .out_size = sizeof(o->out), .packet_size = DEBUG_PACKET_SIZE,
	};

	server_pump_init(&o->pump, client);
	o->pump.send_limit_ms = SEND_LIMIT_MS;
	rsp_engine_init(&o->engine, &cfg);
	debug_observer_init(&o->view, &o->engine);
	o->id = server_loop_add(o->loop, client.in, on_client, o);
	if (o->id < 0)
		return o->id;
	o->connected = true;
	server_loop_arm(o->loop, o->id);
	return 0;
}

void cli_observer_notice(struct cli_observer *o, bool ends)
{
	uint64_t one = 1;

	if (o == NULL || !o->connected || !debug_observer_due(o->session, &o->view))
		return;
	if (ends)
		tell(o);
	else if (write(o->poke_fd, &one, sizeof(one)) < 0)
		log_error("cannot wake the main thread: %s", strerror(errno));
}

void cli_observer_admit(struct cli_observer *o, struct server_client client)
{
	if (!busy(o) && admit(o, client) == 0) {
		log_warn("a second debugger looks on: it can read while the guest is stopped");
		return;
	}
	log_warn("one debugger more was turned away: two are attached already");
	server_client_close(&client);
}
