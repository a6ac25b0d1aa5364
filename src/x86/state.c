#include "x86/state.h"
#include "x86/debugreg.h"
#include "x86/segment.h"
#include "x86/xsave.h"
#include <string.h>

/* SDM vol. 4, table 2-2. */
const uint32_t x86_msr_index[X86_MSR_COUNT] = {
	[X86_MSR_KERNEL_GS_BASE] = 0xc0000102, [X86_MSR_STAR] = 0xc0000081,
	[X86_MSR_LSTAR] = 0xc0000082, [X86_MSR_CSTAR] = 0xc0000083,
	[X86_MSR_SFMASK] = 0xc0000084, [X86_MSR_SYSENTER_CS] = 0x174,
	[X86_MSR_SYSENTER_ESP] = 0x175, [X86_MSR_SYSENTER_EIP] = 0x176,
	[X86_MSR_PAT] = 0x277, [X86_MSR_TSC] = 0x10,
	[X86_MSR_APIC_BASE] = 0x1b, [X86_MSR_TSC_AUX] = 0xc0000103,
	[X86_MSR_MISC_ENABLE] = 0x1a0, [X86_MSR_MTRR_DEF_TYPE] = 0x2ff,
};

const char *const x86_msr_name[X86_MSR_COUNT] = {
	[X86_MSR_KERNEL_GS_BASE] = "k_gs_base", [X86_MSR_STAR] = "star",
	[X86_MSR_LSTAR] = "lstar", [X86_MSR_CSTAR] = "cstar",
	[X86_MSR_SFMASK] = "sfmask", [X86_MSR_SYSENTER_CS] = "sysenter_cs",
	[X86_MSR_SYSENTER_ESP] = "sysenter_esp", [X86_MSR_SYSENTER_EIP] = "sysenter_eip",
	[X86_MSR_PAT] = "pat", [X86_MSR_TSC] = "tsc",
	[X86_MSR_APIC_BASE] = "apic_base", [X86_MSR_TSC_AUX] = "tsc_aux",
	[X86_MSR_MISC_ENABLE] = "misc_enable", [X86_MSR_MTRR_DEF_TYPE] = "mtrr_def_type",
};

#define RESET_CR0 0x60000010ull          /* CD, NW, ET */
#define RESET_APIC_BASE 0xfee00900ull    /* enabled, boot processor */
#define RESET_PAT 0x0007040600070406ull

static void reset_segments(struct x86_state *st)
{
	st->seg[X86_CS] = x86_seg_real(0xf000, true);
	st->seg[X86_CS].base = 0xffff0000;
	for (int i = X86_SS; i <= X86_GS; i++)
		st->seg[i] = x86_seg_real(0, false);
	st->seg[X86_LDTR] = (struct x86_seg){ .limit = 0xffff, .type = 2, .present = 1 };
	st->seg[X86_TR] = (struct x86_seg){ .limit = 0xffff, .type = 11, .present = 1 };
	st->gdt.limit = st->idt.limit = 0xffff;
}

void x86_state_reset(struct x86_state *st)
{
	memset(st, 0, sizeof(*st));
	st->gpr[X86_RDX] = 0x600;  /* family 6, no stepping told */
	st->rip = 0xfff0;
	st->rflags = X86_RFLAGS_FIXED;
	reset_segments(st);
	st->cr0 = RESET_CR0;
	st->apic_base = st->msr[X86_MSR_APIC_BASE] = RESET_APIC_BASE;
	st->msr[X86_MSR_PAT] = RESET_PAT;
	st->msr[X86_MSR_MISC_ENABLE] = 1;
	st->xcr0 = 1;
	st->dr6 = X86_DR6_FIXED;
	st->dr7 = X86_DR7_BASE;
	x86_xsave_reset(st->xsave);
}
