#include "cli/corestate.h"

#include "base/bytes.h"
#include "x86/segment.h"

#define QEMU_VERSION 1
#define OWN_VERSION 1

/* Descriptor attributes as the high half of a descriptor has them (SDM 3A 3.4.5). */
#define ATTRIBUTES 0x00f0ff00u

struct out { uint8_t *at; };

static void put32(struct out *o, uint32_t v)
{
	bytes_put_le32(o->at, v);
	o->at += 4;
}

static void put64(struct out *o, uint64_t v)
{
	bytes_put_le64(o->at, v);
	o->at += 8;
}

static void put_segment(struct out *o, const struct x86_seg *seg)
{
	put32(o, seg->selector);
	put32(o, seg->limit);
	put32(o, seg->unusable ? 0 : (uint32_t)(x86_seg_pack(seg) >> 32) & ATTRIBUTES);
	put32(o, 0);
	put64(o, seg->base);
}

static void put_table(struct out *o, const struct x86_table *table)
{
	const struct x86_seg seg = {.base = table->base, .limit = table->limit, .unusable = 1};

	put_segment(o, &seg);
}

/* The order is QEMU's (target/i386/arch_dump.c). */
void cli_corestate_qemu(const struct x86_state *st, uint8_t *buf)
{
	static const enum x86_gpr gprs[] = {
		X86_RAX, X86_RBX, X86_RCX, X86_RDX, X86_RSI, X86_RDI, X86_RSP, X86_RBP,
		X86_R8, X86_R9, X86_R10, X86_R11, X86_R12, X86_R13, X86_R14, X86_R15,
	};
	static const enum x86_seg_name segs[] = {
		X86_CS, X86_DS, X86_ES, X86_FS, X86_GS, X86_SS, X86_LDTR, X86_TR,
	};
	const uint64_t cr[5] = {st->cr0, 0, st->cr2, st->cr3, st->cr4};
	struct out o = {buf};

	put32(&o, QEMU_VERSION);
	put32(&o, CLI_CORESTATE_QEMU_SIZE);
	for (unsigned i = 0; i < sizeof(gprs) / sizeof(gprs[0]); i++)
		put64(&o, st->gpr[gprs[i]]);
	put64(&o, st->rip);
	put64(&o, st->rflags);
	for (unsigned i = 0; i < sizeof(segs) / sizeof(segs[0]); i++)
		put_segment(&o, &st->seg[segs[i]]);
	put_table(&o, &st->gdt);
	put_table(&o, &st->idt);
	for (unsigned i = 0; i < 5; i++)
		put64(&o, cr[i]);
	put64(&o, st->msr[X86_MSR_KERNEL_GS_BASE]);
}

void cli_corestate_own(const struct x86_state *st, unsigned cpu, uint8_t *buf)
{
	const uint64_t values[] = {
		st->cr0, st->cr2, st->cr3, st->cr4, st->cr8, st->efer, st->xcr0,
		st->dr[0], st->dr[1], st->dr[2], st->dr[3], st->dr6, st->dr7,
	};
	struct out o = {buf};

	put32(&o, OWN_VERSION);
	put32(&o, CLI_CORESTATE_OWN_SIZE);
	put32(&o, cpu);
	put32(&o, st->msr_valid);
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		put64(&o, values[i]);
	for (unsigned i = 0; i < X86_MSR_COUNT; i++)
		put64(&o, st->msr_valid & 1u << i ? st->msr[i] : 0);
}

_Static_assert(CLI_CORESTATE_OWN_SIZE == 16 + 8 * (13 + X86_MSR_COUNT), "13 values and the MSRs");
