#include "x86/cpumode.h"

/* SDM 3A 2.2 and figure 2-3. */
enum x86_mode x86_mode_of(const struct x86_state *st)
{
	const struct x86_seg *cs = &st->seg[X86_CS];

	if (!(st->cr0 & X86_CR0_PE))
		return X86_MODE_REAL;
	if (st->efer & X86_EFER_LMA)
		return cs->l ? X86_MODE_64 : X86_MODE_COMPAT;
	if (st->rflags & X86_RFLAGS_VM)
		return X86_MODE_V86;
	return cs->db ? X86_MODE_32 : X86_MODE_16;
}

const char *x86_mode_name(enum x86_mode mode)
{
	static const char *const names[] = {
		[X86_MODE_REAL] = "real mode", [X86_MODE_V86] = "virtual-8086",
		[X86_MODE_16] = "16-bit protected", [X86_MODE_32] = "32-bit protected",
		[X86_MODE_COMPAT] = "compatibility", [X86_MODE_64] = "64-bit",
	};

	return (unsigned)mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

uint64_t x86_linear_pc(const struct x86_state *st)
{
	if (x86_mode_of(st) == X86_MODE_64)
		return st->rip;
	return (uint32_t)(st->seg[X86_CS].base + st->rip);
}

bool x86_is_canonical(uint64_t addr, unsigned linear_bits)
{
	unsigned shift = 64 - linear_bits;

	return (uint64_t)((int64_t)(addr << shift) >> shift) == addr;
}

unsigned x86_linear_bits(const struct x86_state *st)
{
	return (st->efer & X86_EFER_LMA) && (st->cr4 & X86_CR4_LA57) ? 57 : 48;
}
