/* What an agent expression sees when it is evaluated for a vcpu that is parked. */
#ifndef DEBUG_EVAL_H
#define DEBUG_EVAL_H

#include "debug/internal.h"

struct debug_eval {
	struct debug_session *s;
	unsigned vcpu;
	bool viewed;             /* the page tables' root has been looked at */
	struct debug_view view;
};

void debug_eval_init(struct debug_eval *e, struct debug_session *s, unsigned vcpu);

/* Both for struct debug_agent_io; ctx is the struct debug_eval. */
int debug_eval_reg(void *ctx, unsigned number, uint64_t *ret, struct error *err);
int debug_eval_mem(void *ctx, uint64_t addr, void *buf, size_t len, struct error *err);

/* As much as can be read from addr on: 0..len bytes. */
size_t debug_eval_mem_part(struct debug_eval *e, uint64_t addr, void *buf, size_t len);

#endif
