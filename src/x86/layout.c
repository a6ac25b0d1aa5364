#include "x86/layout.h"
#include "x86/xsave.h"
#include <string.h>

#define CPUID1_ECX_XSAVE (1u << 26)
#define CPUID7_ECX_PKU (1u << 3)
#define CPUID7_ECX_LA57 (1u << 16)
#define CPUID81_EDX_NX (1u << 20)
#define CPUID81_EDX_1G (1u << 26)
#define CPUIDD_ECX_SUPERVISOR 1u

static const struct x86_cpuid *find(const struct x86_cpuid *rows, unsigned count, uint32_t leaf,
                                    uint32_t subleaf)
{
	static const struct x86_cpuid nothing;

	for (unsigned i = 0; i < count; i++)
		if (rows[i].leaf == leaf && rows[i].subleaf == subleaf)
			return &rows[i];
	return &nothing;
}

static void init_components(struct x86_layout *l, const struct x86_cpuid *rows, unsigned count)
{
	const struct x86_cpuid *mask = find(rows, count, 0xd, 0);

	l->xsave[X86_XSAVE_X87].size = 160;
	l->xsave[X86_XSAVE_SSE].offset = 160;
	l->xsave[X86_XSAVE_SSE].size = 256;
	if (!(find(rows, count, 1, 0)->ecx & CPUID1_ECX_XSAVE))
		return;
	l->xcr0_mask = mask->eax | (uint64_t)mask->edx << 32;
	for (unsigned n = 2; n < 32; n++) {
		const struct x86_cpuid *c = find(rows, count, 0xd, n);

		if (!(l->xcr0_mask >> n & 1) || (c->ecx & CPUIDD_ECX_SUPERVISOR))
			continue;
		if (c->ebx < X86_XSAVE_EXTENDED || (uint64_t)c->ebx + c->eax > X86_XSAVE_SIZE)
			continue;
		l->xsave[n].offset = c->ebx;
		l->xsave[n].size = c->eax;
	}
}

void x86_layout_init(struct x86_layout *l, const struct x86_cpuid *rows, unsigned count)
{
	uint32_t bits = find(rows, count, 0x80000008, 0)->eax;
	uint32_t ext = find(rows, count, 0x80000001, 0)->edx;
	uint32_t seven = find(rows, count, 7, 0)->ecx;

	memset(l, 0, sizeof(*l));
	init_components(l, rows, count);
	l->phys_bits = (uint8_t)bits;
	l->linear_bits = (uint8_t)(bits >> 8);
	if (l->phys_bits < 32 || l->phys_bits > 52)
		l->phys_bits = 36;
	if (l->linear_bits != 57)
		l->linear_bits = 48;
	l->has_pku = seven & CPUID7_ECX_PKU;
	l->has_la57 = seven & CPUID7_ECX_LA57;
	l->has_nx = ext & CPUID81_EDX_NX;
	l->has_1g = ext & CPUID81_EDX_1G;
}
