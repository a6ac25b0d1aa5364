/*
 * Ring 3 where this host's KVM stops nothing in it: an int3 and a step's trap go to the guest there, and
 * registers do not fire (debug_caps int3_user, exec_user, step_user). What cannot be is refused in words, or
 * announced.
 */
#ifndef DEBUG_RING_H
#define DEBUG_RING_H

#include "debug/internal.h"

/* For struct debug_map: by its page, and whether the kernel may execute user pages. ctx is the session. */
enum debug_ring debug_ring_of(void *ctx, uint64_t gva);

/* This vcpu is parked in ring 3, and would not be stepped there. */
bool debug_ring_blind(struct debug_session *s, unsigned vcpu);

/* A resume that steps such a vcpu: true, and the client has been told why and where it stands. All-stop. */
bool debug_ring_refuses(struct debug_session *s, const struct rsp_request *req);

/* A vcpu that is stepped on the client's behalf has got there: told once, it runs from here on. */
void debug_ring_entered(struct debug_session *s, unsigned vcpu);

#endif
