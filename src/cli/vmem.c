#include "cli/vmem.h"

void cli_vmem_init(struct cli_vmem *v, const struct x86_state *st, const struct x86_layout *layout,
                   const struct x86_phys_reader *phys)
{
	x86_paging_from_state(st, layout, &v->paging);
	v->phys = *phys;
}

size_t cli_vmem_read(const struct cli_vmem *v, uint64_t gva, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		struct x86_walk walk;
		uint64_t in_page = (gva + done) & 4095;
		size_t part = len - done < 4096 - in_page ? len - done : (size_t)(4096 - in_page);

		x86_paging_walk(&v->paging, gva + done, &v->phys, &walk);
		if (walk.result != X86_WALK_OK ||
		    v->phys.read(v->phys.ctx, walk.gpa, (uint8_t *)buf + done, part) < 0)
			break;
		done += part;
	}
	return done;
}
