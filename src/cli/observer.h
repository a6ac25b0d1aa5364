/*
 * The second debugger: it looks on (debug/observer.h) while the first one controls the machine. The loop's
 * thread alone attends it, also while a vcpu's thread attends the first: each under the machine's lock. Of a
 * stop that it waits for it is told when that lasts: not of those between two steps of the first one's.
 */
#ifndef CLI_OBSERVER_H
#define CLI_OBSERVER_H

#include "debug/session.h"
#include "kvm/machine.h"
#include "server/listen.h"
#include "server/loop.h"

struct cli_observer;

/* All borrowed. NULL when memory is short. */
struct cli_observer *cli_observer_new(struct kvm_machine *m, struct debug_session *s,
                                      struct server_loop *loop);
void cli_observer_free(struct cli_observer *o); /* closes its client; NULL is fine */

/* Takes over a client, where another one controls the machine; a third is turned away. Lock held. */
void cli_observer_admit(struct cli_observer *o, struct server_client client);

/* The machine has stopped, for longer than a step's stop. ends: nobody will come back to it. Lock held. */
void cli_observer_notice(struct cli_observer *o, bool ends);

#endif
