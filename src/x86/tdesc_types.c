#include "x86/tdesc_types.h"

#define BIT(name, n) { name, n, n }
#define END { 0, 0, 0 }

/* As in GDB's own description: a field without a name keeps the fixed bit 1 out of sight. */
static const struct x86_tdesc_field eflags[] = {
	BIT("CF", 0), BIT("", 1), BIT("PF", 2), BIT("AF", 4), BIT("ZF", 6), BIT("SF", 7), BIT("TF", 8),
	BIT("IF", 9), BIT("DF", 10), BIT("OF", 11), BIT("NT", 14), BIT("RF", 16), BIT("VM", 17),
	BIT("AC", 18), BIT("VIF", 19), BIT("VIP", 20), BIT("ID", 21), END
};
static const struct x86_tdesc_field mxcsr[] = {
	BIT("IE", 0), BIT("DE", 1), BIT("ZE", 2), BIT("OE", 3), BIT("UE", 4), BIT("PE", 5), BIT("DAZ", 6),
	BIT("IM", 7), BIT("DM", 8), BIT("ZM", 9), BIT("OM", 10), BIT("UM", 11), BIT("PM", 12), BIT("FZ", 15),
	END
};
static const struct x86_tdesc_field cr0[] = {
	BIT("PE", 0), BIT("MP", 1), BIT("EM", 2), BIT("TS", 3), BIT("ET", 4), BIT("NE", 5), BIT("WP", 16),
	BIT("AM", 18), BIT("NW", 29), BIT("CD", 30), BIT("PG", 31), END
};
static const struct x86_tdesc_field cr4[] = {
	BIT("VME", 0), BIT("PVI", 1), BIT("TSD", 2), BIT("DE", 3), BIT("PSE", 4), BIT("PAE", 5),
	BIT("MCE", 6), BIT("PGE", 7), BIT("PCE", 8), BIT("OSFXSR", 9), BIT("OSXMMEXCPT", 10),
	BIT("UMIP", 11), BIT("LA57", 12), BIT("VMXE", 13), BIT("SMXE", 14), BIT("FSGSBASE", 16),
	BIT("PCIDE", 17), BIT("OSXSAVE", 18), BIT("KL", 19), BIT("SMEP", 20), BIT("SMAP", 21),
	BIT("PKE", 22), BIT("CET", 23), BIT("PKS", 24), BIT("UINTR", 25), BIT("LAM_SUP", 28),
	BIT("FRED", 32), END
};
static const struct x86_tdesc_field efer[] = {
	BIT("SCE", 0), BIT("LME", 8), BIT("LMA", 10), BIT("NXE", 11), BIT("SVME", 12), BIT("LMSLE", 13),
	BIT("FFXSR", 14), BIT("TCE", 15), BIT("MCOMMIT", 17), BIT("INTWB", 18), BIT("UAIE", 20),
	BIT("AIBRSE", 21), END
};
static const struct x86_tdesc_field dr6[] = {
	BIT("B0", 0), BIT("B1", 1), BIT("B2", 2), BIT("B3", 3), { "", 4, 10 }, BIT("BLD", 11), BIT("BD", 13),
	BIT("BS", 14), BIT("BT", 15), BIT("RTM", 16), { "", 17, 31 }, END
};
static const struct x86_tdesc_field dr7[] = {
	BIT("L0", 0), BIT("G0", 1), BIT("L1", 2), BIT("G1", 3), BIT("L2", 4), BIT("G2", 5), BIT("L3", 6),
	BIT("G3", 7), BIT("LE", 8), BIT("GE", 9), BIT("", 10), BIT("RTM", 11), BIT("GD", 13),
	{ "RW0", 16, 17 }, { "LEN0", 18, 19 }, { "RW1", 20, 21 }, { "LEN1", 22, 23 },
	{ "RW2", 24, 25 }, { "LEN2", 26, 27 }, { "RW3", 28, 29 }, { "LEN3", 30, 31 }, END
};
static const struct x86_tdesc_field attr[] = {
	{ "type", 0, 3 }, BIT("S", 4), { "dpl", 5, 6 }, BIT("P", 7), BIT("AVL", 12), BIT("L", 13),
	BIT("DB", 14), BIT("G", 15), BIT("unusable", 16), END
};
static const struct x86_tdesc_field apic_base[] = {
	BIT("BSP", 8), BIT("EXTD", 10), BIT("EN", 11), { "page", 12, 51 }, END
};
static const struct x86_tdesc_field xcr0[] = {
	BIT("x87", 0), BIT("SSE", 1), BIT("AVX", 2), BIT("BNDREG", 3), BIT("BNDCSR", 4), BIT("opmask", 5),
	BIT("ZMM_Hi256", 6), BIT("Hi16_ZMM", 7), BIT("PKRU", 9), BIT("TILECFG", 17), BIT("TILEDATA", 18),
	BIT("APX", 19), END
};

#define CORE "org.gnu.gdb.i386.core"
#define SSE "org.gnu.gdb.i386.sse"
#define SYSTEM "org.trapline.system"

const struct x86_tdesc_flags x86_tdesc_flags[] = {
	{ "i386_eflags", CORE, 4, eflags }, { "i386_mxcsr", SSE, 4, mxcsr }, { "x86_cr0", SYSTEM, 8, cr0 },
	{ "x86_cr4", SYSTEM, 8, cr4 }, { "x86_efer", SYSTEM, 8, efer }, { "x86_dr6", SYSTEM, 8, dr6 },
	{ "x86_dr7", SYSTEM, 8, dr7 }, { "x86_attr", SYSTEM, 4, attr },
	{ "x86_apic_base", SYSTEM, 8, apic_base }, { "x86_xcr0", SYSTEM, 8, xcr0 },
};
const unsigned x86_tdesc_flags_count = sizeof(x86_tdesc_flags) / sizeof(x86_tdesc_flags[0]);
