/*
 * The architectural state of one vcpu in neutral structs: what the manuals name, no KVM type.
 * kvm/state.c converts to and from KVM's structs; boot fills one for the entry; debug reads and writes it.
 */
#ifndef X86_STATE_H
#define X86_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* General registers in GDB's order (GDB manual, i386 features), which is also our register numbering. */
enum x86_gpr {
	X86_RAX, X86_RBX, X86_RCX, X86_RDX, X86_RSI, X86_RDI, X86_RBP, X86_RSP,
	X86_R8, X86_R9, X86_R10, X86_R11, X86_R12, X86_R13, X86_R14, X86_R15, X86_GPR_COUNT
};

enum x86_seg_name {
	X86_CS, X86_SS, X86_DS, X86_ES, X86_FS, X86_GS, X86_LDTR, X86_TR, X86_SEG_COUNT
};

/* A segment register with its hidden part (SDM 3A 3.4.3); limit in bytes, granularity already applied. */
struct x86_seg {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	uint8_t type, s, dpl, present, avl, l, db, g;
	uint8_t unusable;
};

struct x86_table { uint64_t base; uint16_t limit; };

/* MSRs that are part of the state we show and set. x86_msr_index[] gives their numbers (SDM vol. 4). */
enum x86_msr {
	X86_MSR_KERNEL_GS_BASE, X86_MSR_STAR, X86_MSR_LSTAR, X86_MSR_CSTAR, X86_MSR_SFMASK,
	X86_MSR_SYSENTER_CS, X86_MSR_SYSENTER_ESP, X86_MSR_SYSENTER_EIP, X86_MSR_PAT, X86_MSR_TSC,
	X86_MSR_APIC_BASE, X86_MSR_TSC_AUX, X86_MSR_MISC_ENABLE, X86_MSR_MTRR_DEF_TYPE, X86_MSR_COUNT
};
extern const uint32_t x86_msr_index[X86_MSR_COUNT];
extern const char *const x86_msr_name[X86_MSR_COUNT];

/*
 * State is fetched and stored by group, since each costs its own ioctl. CORE and SYSTEM come free with
 * KVM_CAP_SYNC_REGS.
 */
enum x86_group {
	X86_GROUP_CORE = 1,    /* gpr, rip, rflags */
	X86_GROUP_SYSTEM = 2,  /* seg, gdt, idt, cr0-8, efer, apic_base */
	X86_GROUP_FPU = 4,     /* xsave */
	X86_GROUP_MSR = 8,     /* msr[], where msr_valid says so; xcr0 */
	X86_GROUP_DEBUG = 16,  /* dr0-3, dr6, dr7: the guest's own */
	X86_GROUP_ALL = 31
};

#define X86_XSAVE_SIZE 4096

struct x86_state {
	uint64_t gpr[X86_GPR_COUNT];
	uint64_t rip, rflags;
	struct x86_seg seg[X86_SEG_COUNT];
	struct x86_table gdt, idt;
	uint64_t cr0, cr2, cr3, cr4, cr8, efer, apic_base;
	uint64_t xcr0;
	uint64_t dr[4], dr6, dr7;
	uint64_t msr[X86_MSR_COUNT];
	uint32_t msr_valid;            /* bit i: msr[i] could be read on this host */
	_Alignas(64) uint8_t xsave[X86_XSAVE_SIZE]; /* standard (non-compacted) format, SDM 1 13.4 */
};

/* What the vcpu has, from its CPUID: decides which registers exist. Constant for a machine's life. */
struct x86_layout {
	uint64_t xcr0_mask;            /* components the guest may enable (CPUID.0xD.0) */
	struct { uint32_t offset, size; } xsave[32]; /* by component number; size 0 = not there */
	uint8_t phys_bits, linear_bits;
	bool has_pku, has_la57, has_nx, has_1g;
};

/*
 * The state after power-up or INIT (SDM 3A 9.1.1), with the x87 and SSE control words of FINIT (fcw 37f,
 * mxcsr 1f80) since no firmware runs before the guest. MSRs get their reset values; msr_valid is 0: only
 * the caller knows which of them its host has.
 */
void x86_state_reset(struct x86_state *st);

#define X86_CR0_PE 0x1ull
#define X86_CR0_MP 0x2ull
#define X86_CR0_ET 0x10ull
#define X86_CR0_NE 0x20ull
#define X86_CR0_WP 0x10000ull
#define X86_CR0_PG 0x80000000ull
#define X86_CR4_PSE 0x10ull
#define X86_CR4_PAE 0x20ull
#define X86_CR4_OSFXSR 0x200ull
#define X86_CR4_OSXMMEXCPT 0x400ull
#define X86_CR4_LA57 0x1000ull
#define X86_CR4_PCIDE 0x20000ull
#define X86_CR4_SMEP 0x100000ull
#define X86_CR4_OSXSAVE 0x40000ull
#define X86_EFER_SCE 0x1ull
#define X86_EFER_LME 0x100ull
#define X86_EFER_LMA 0x400ull
#define X86_EFER_NX 0x800ull
#define X86_RFLAGS_FIXED 0x2ull
#define X86_RFLAGS_TF 0x100ull
#define X86_RFLAGS_IF 0x200ull
#define X86_RFLAGS_RF 0x10000ull
#define X86_RFLAGS_VM 0x20000ull

#endif
