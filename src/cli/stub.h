/*
 * The debugger's port: joins listener, pump, engine and session to the machine.
 *
 * Who attends the client. While the machine runs, or is stopped with nobody having met an event, the loop's
 * thread does: the client's descriptor is armed there. The thread of a vcpu that reports a stop takes over
 * (disarms the descriptor, reads and answers by itself) until the machine is resumed, and arms the
 * descriptor again before it runs. So a step takes no hand-off between threads. All of it under the
 * machine's lock, which is released only while waiting for the client.
 */
#ifndef CLI_STUB_H
#define CLI_STUB_H

#include "base/error.h"
#include "debug/session.h"
#include "kvm/machine.h"
#include "server/listen.h"
#include "server/loop.h"

struct cli_stub;

struct cli_stub_config {
	const struct server_address *address;  /* NULL: no port, only the machine's own events */
	struct kvm_machine *machine;
	struct debug_session *session;
	struct server_loop *loop;
	const char *log_path;                  /* packet log; NULL: none */
};

/* Listens (when there is an address) and takes the machine's sink. The machine has not started. */
int cli_stub_new(const struct cli_stub_config *cfg, struct cli_stub **ret, struct error *err);
/* The machine's threads have ended. Closes everything, removes a socket's file. NULL is fine. */
void cli_stub_free(struct cli_stub *s);

/* The line on standard error that tells how to connect; nothing without a port, or for stdio. */
void cli_stub_tell(const struct cli_stub *s, bool waits);

/* For stdio: attends the one client that is there. Loop's thread, before the loop runs. */
void cli_stub_start(struct cli_stub *s);

/* How the machine ended. Valid once it has. */
enum cli_end { CLI_END_NONE, CLI_END_EXITED, CLI_END_DIED, CLI_END_KILLED };
enum cli_end cli_stub_end(const struct cli_stub *s, uint32_t *ret_status);

#endif
