/* Guest memory as a vcpu sees it: virtual addresses through the page walk. Pure, but for the reader. */
#ifndef CLI_VMEM_H
#define CLI_VMEM_H

#include "x86/paging.h"
#include "x86/state.h"

struct cli_vmem {
	struct x86_paging paging;
	struct x86_phys_reader phys;
};

/* st must hold SYSTEM. */
void cli_vmem_init(struct cli_vmem *v, const struct x86_state *st, const struct x86_layout *layout,
                   const struct x86_phys_reader *phys);

/* Reads up to the first hole: how many bytes there were. */
size_t cli_vmem_read(const struct cli_vmem *v, uint64_t gva, void *buf, size_t len);

#endif
