/*
 * How far a kernel that relocated itself (Linux with KASLR) stands from where its symbols are linked. Reads
 * the vcpu and memory, changes nothing.
 */
#ifndef DEBUG_KASLR_H
#define DEBUG_KASLR_H

#include "debug/memory.h"
#include "debug/text.h"

struct debug_kaslr {
	/* Given; borrowed. */
	const struct x86_state *st;     /* CORE, SYSTEM and MSR of one vcpu */
	const struct debug_view *view;  /* virtual, of the same */
	/* Where a symbol is linked: 0, -ENOENT. NULL: nothing is known of symbols. */
	int (*symbol)(void *ctx, const char *name, uint64_t *ret_addr);
	void *ctx;
	/* Found. */
	bool known, has_physical;
	uint64_t slide;                 /* to be added to the symbols' addresses */
	uint64_t physical, physical_slide; /* of _text, where it is mapped */
};

/*
 * Found is filled, and a line of evidence added to out for each place that was looked at. 0; -ENOENT:
 * nothing to go by yet; -EINVAL: the places contradict each other, or the symbols are not this kernel's.
 */
int debug_kaslr_find(struct debug_kaslr *k, struct debug_text *out);

#endif
