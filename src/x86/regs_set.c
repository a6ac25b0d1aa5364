/* Writing registers: one rule per kind, each refusing what the CPU would fault on. */
#include "base/bytes.h"
#include "x86/cpumode.h"
#include "x86/debugreg.h"
#include "x86/regs.h"
#include "x86/regs_source.h"
#include "x86/segment.h"
#include <errno.h>

#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_KNOWN 0xe005003full  /* PE MP EM TS ET NE WP AM NW CD PG (SDM 3A 2.5) */
#define CR4_PKE (1ull << 22)
#define CR4_CET (1ull << 23)
#define CR4_KNOWN 0x13ff7fffull  /* VME .. SMXE, FSGSBASE .. UINTR, LAM_SUP */
#define CR4_FRED (1ull << 32)
#define EFER_KNOWN 0x36fd01ull   /* SCE LME LMA NXE and AMD's of APM 2 3.1.7 */
#define RFLAGS_KNOWN 0x3f7fd5ull /* CF .. ID without the fixed bit 1 (SDM 1 3.4.3) */
#define APIC_X2 (1ull << 10)
#define APIC_ENABLE (1ull << 11)
#define APIC_BSP (1ull << 8)
#define DR6_CHANGEABLE 0xe00full /* B0-3 BD BS BT; BLD and RTM stay 1 */
#define DR7_KNOWN 0xffff23ffull  /* all but bit 10 (1) and bits 11, 12, 14, 15 (0) */

/* What a rule sees: the value that shall be written into the state, and how to complain. */
struct write {
	const struct x86_layout *layout;
	const struct x86_reg *reg;
	struct x86_state *st;
	uint64_t value;
	const struct x86_reader *mem;
	struct error *err;
};

static int refuse(const struct write *w, const char *rule)
{
	return error_set(w->err, EINVAL, "cannot set %s to %#llx: %s", w->reg->name,
	                 (unsigned long long)w->value, rule);
}

static int put64(const struct write *w, uint64_t value)
{
	memcpy((uint8_t *)w->st + w->reg->index, &value, sizeof(value));
	return 0;
}

static int set_any(const struct write *w)
{
	return put64(w, w->value);
}

static int set_rip(const struct write *w)
{
	if (x86_mode_of(w->st) == X86_MODE_64) {
		if (!x86_is_canonical(w->value, x86_linear_bits(w->st)))
			return refuse(w, "address not canonical");
	} else if (w->value >> 32) {
		return refuse(w, "wider than 32 bits outside 64-bit mode");
	}
	return put64(w, w->value);
}

static int set_rflags(const struct write *w)
{
	if ((w->value & X86_RFLAGS_VM) && (w->st->efer & X86_EFER_LMA))
		return refuse(w, "VM is not allowed in long mode");
	if ((w->value & X86_RFLAGS_VM) && !(w->st->cr0 & X86_CR0_PE))
		return refuse(w, "VM needs protected mode");
	return put64(w, (w->value & RFLAGS_KNOWN) | X86_RFLAGS_FIXED);
}

static enum x86_seg_name segment_of(const struct x86_reg *reg)
{
	return (enum x86_seg_name)((reg->index - offsetof(struct x86_state, seg)) / sizeof(struct x86_seg));
}

static int set_selector(const struct write *w)
{
	if (w->value >> 16)
		return refuse(w, "a selector has 16 bits");
	return x86_seg_load(w->st, segment_of(w->reg), (uint16_t)w->value, w->mem, w->err);
}

static int set_base32(const struct write *w)
{
	if (w->value >> 32)
		return refuse(w, "the base of this segment has 32 bits");
	return put64(w, w->value);
}

static int set_canonical(const struct write *w)
{
	if (!x86_is_canonical(w->value, w->layout->linear_bits))
		return refuse(w, "address not canonical");
	return put64(w, w->value);
}

/* Limit and granularity must agree (SDM 3C 26.3.1.2). */
static const char *check_limit(uint32_t limit, bool g)
{
	if (g && (limit & 0xfff) != 0xfff)
		return "with G set the low 12 bits of the limit are ones";
	if (!g && limit > 0xfffff)
		return "with G clear the limit is at most 0xfffff";
	return NULL;
}

static int set_limit(const struct write *w)
{
	struct x86_seg *seg = &w->st->seg[segment_of(w->reg)];
	const char *why = check_limit((uint32_t)w->value, seg->g);

	if (why != NULL)
		return refuse(w, why);
	seg->limit = (uint32_t)w->value;
	return 0;
}

static int set_table_limit(const struct write *w)
{
	uint16_t limit = (uint16_t)w->value;

	memcpy((uint8_t *)w->st + w->reg->index, &limit, sizeof(limit));
	return 0;
}

static int set_attr(const struct write *w)
{
	struct x86_seg *seg = &w->st->seg[w->reg->index];
	uint64_t v = w->value;
	const char *why = check_limit(seg->limit, v >> 15 & 1);

	if (v & ~(uint64_t)X86_REGS_ATTR_BITS)
		return refuse(w, "bits 8-11 and 17-31 are reserved");
	if (w->reg->index == X86_CS && (v >> 13 & 1) && (v >> 14 & 1))
		return refuse(w, "both L and D are set");
	if (why != NULL)
		return refuse(w, why);
	seg->type = v & 15;
	seg->s = v >> 4 & 1;
	seg->dpl = v >> 5 & 3;
	seg->present = v >> 7 & 1;
	seg->avl = v >> 12 & 1;
	seg->l = v >> 13 & 1;
	seg->db = v >> 14 & 1;
	seg->g = v >> 15 & 1;
	seg->unusable = v >> 16 & 1;
	return 0;
}

/* MOV to CR0 (SDM 2B, MOV - Control Registers); LMA follows PG (SDM 3A 9.8.5). */
static int set_cr0(const struct write *w)
{
	uint64_t v = w->value | X86_CR0_ET;
	struct x86_state *st = w->st;
	bool pg = v & X86_CR0_PG, was = st->cr0 & X86_CR0_PG, lme = st->efer & X86_EFER_LME;

	if (v & ~CR0_KNOWN)
		return refuse(w, "reserved bits set");
	if (pg && !(v & X86_CR0_PE))
		return refuse(w, "PG needs PE");
	if ((v & CR0_NW) && !(v & CR0_CD))
		return refuse(w, "NW needs CD");
	if (!(v & X86_CR0_WP) && (st->cr4 & CR4_CET))
		return refuse(w, "WP cannot be cleared while CR4.CET is set");
	if (pg && lme && !(st->cr4 & X86_CR4_PAE))
		return refuse(w, "PG with EFER.LME needs CR4.PAE");
	if (pg && !was && lme && st->seg[X86_CS].l)
		return refuse(w, "PG with EFER.LME needs CS.L clear");
	if (!pg && was && (st->efer & X86_EFER_LMA) && st->seg[X86_CS].l)
		return refuse(w, "PG cannot be cleared in 64-bit mode");
	if (!pg && (st->cr4 & X86_CR4_PCIDE))
		return refuse(w, "PG cannot be cleared while CR4.PCIDE is set");
	st->cr0 = v;
	st->efer = pg && lme ? st->efer | X86_EFER_LMA : st->efer & ~X86_EFER_LMA;
	return 0;
}

static int set_cr3(const struct write *w)
{
	bool lma = w->st->efer & X86_EFER_LMA;

	if (!lma && w->value >> 32)
		return refuse(w, "wider than 32 bits outside long mode");
	if (w->value >> w->layout->phys_bits)
		return refuse(w, "bits above the physical address width are reserved");
	return put64(w, w->value);
}

static int set_cr4(const struct write *w)
{
	const struct x86_state *st = w->st;
	uint64_t v = w->value, changed = v ^ st->cr4;
	bool lma = st->efer & X86_EFER_LMA;

	if (v & ~(CR4_KNOWN | CR4_FRED))
		return refuse(w, "reserved bits set");
	if (((v & X86_CR4_LA57) && !w->layout->has_la57) || ((v & CR4_PKE) && !w->layout->has_pku) ||
	    ((v & X86_CR4_OSXSAVE) && w->layout->xcr0_mask == 0))
		return refuse(w, "this vcpu lacks LA57, PKE or OSXSAVE");
	if (lma && !(v & X86_CR4_PAE))
		return refuse(w, "PAE cannot be cleared in long mode");
	if (lma && (changed & X86_CR4_LA57))
		return refuse(w, "LA57 cannot change in long mode");
	if ((v & X86_CR4_PCIDE) && !lma)
		return refuse(w, "PCIDE needs long mode");
	if ((v & changed & X86_CR4_PCIDE) && (st->cr3 & 0xfff))
		return refuse(w, "PCIDE needs bits 0-11 of CR3 clear");
	if ((v & CR4_CET) && !(st->cr0 & X86_CR0_WP))
		return refuse(w, "CET needs CR0.WP");
	return put64(w, v);
}

static int set_cr8(const struct write *w)
{
	return w->value > 15 ? refuse(w, "a task priority is 0 to 15") : put64(w, w->value);
}

static int set_efer(const struct write *w)
{
	const struct x86_state *st = w->st;
	uint64_t changed = w->value ^ st->efer;

	if (w->value & ~EFER_KNOWN)
		return refuse(w, "reserved bits set");
	if ((w->value & X86_EFER_NX) && !w->layout->has_nx)
		return refuse(w, "this vcpu lacks NX");
	if ((changed & X86_EFER_LME) && (st->cr0 & X86_CR0_PG))
		return refuse(w, "LME cannot change while paging is on");
	if (changed & X86_EFER_LMA)
		return refuse(w, "LMA follows LME and CR0.PG");
	return put64(w, w->value);
}

static int set_apic_base(const struct write *w)
{
	uint64_t v = w->value;

	if ((v >> w->layout->phys_bits) || (v & 0xfff & ~(APIC_BSP | APIC_X2 | APIC_ENABLE)))
		return refuse(w, "reserved bits set");
	if ((v & APIC_X2) && !(v & APIC_ENABLE))
		return refuse(w, "x2APIC mode needs the enable bit");
	return put64(w, v);
}

/* XSETBV (SDM 1 13.3). */
static int set_xcr0(const struct write *w)
{
	uint64_t v = w->value, avx512 = v & 0xe0;

	if (v & ~w->layout->xcr0_mask)
		return refuse(w, "this vcpu lacks some of these components");
	if (!(v & 1))
		return refuse(w, "bit 0 (x87) cannot be cleared");
	if ((v & 4) && !(v & 2))
		return refuse(w, "AVX needs SSE");
	if (avx512 && (avx512 != 0xe0 || !(v & 4)))
		return refuse(w, "the three AVX-512 bits go together, and with AVX");
	return put64(w, v);
}

static int set_dr6(const struct write *w)
{
	if (w->value >> 32)
		return refuse(w, "bits 32-63 are reserved");
	return put64(w, (w->value & DR6_CHANGEABLE) | X86_DR6_FIXED);
}

static int set_dr7(const struct write *w)
{
	if (w->value >> 32)
		return refuse(w, "bits 32-63 are reserved");
	return put64(w, (w->value & DR7_KNOWN) | X86_DR7_BASE);
}

static int set_low32(const struct write *w)
{
	return w->value >> 32 ? refuse(w, "bits 32-63 are reserved") : put64(w, w->value);
}

/* Eight memory types; 2, 3 and above 7 do not exist (SDM 3A table 11-10). */
static int set_pat(const struct write *w)
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned type = w->value >> (8 * i) & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return refuse(w, "a byte is not a memory type");
	}
	return put64(w, w->value);
}

static int (*const rules[])(const struct write *) = {
	[SRC_ANY] = set_any, [SRC_RIP] = set_rip, [SRC_RFLAGS] = set_rflags, [SRC_SELECTOR] = set_selector,
	[SRC_BASE32] = set_base32, [SRC_CANONICAL] = set_canonical, [SRC_LIMIT] = set_limit,
	[SRC_TABLE_LIMIT] = set_table_limit, [SRC_CR0] = set_cr0, [SRC_CR3] = set_cr3, [SRC_CR4] = set_cr4,
	[SRC_CR8] = set_cr8, [SRC_EFER] = set_efer, [SRC_APIC_BASE] = set_apic_base, [SRC_XCR0] = set_xcr0,
	[SRC_DR6] = set_dr6, [SRC_DR7] = set_dr7, [SRC_MSR] = set_any, [SRC_MSR_CANONICAL] = set_canonical,
	[SRC_MSR_LOW32] = set_low32, [SRC_MSR_PAT] = set_pat, [SRC_ATTR] = set_attr,
};

static int set_xsave(const struct write *w, const uint8_t *buf)
{
	int rc = x86_xsave_set(w->layout, w->st->xsave, (enum x86_xsave_reg)(w->reg->source - SRC_XSAVE),
	                       w->reg->index, buf);

	if (rc == -EINVAL)
		return refuse(w, "reserved bits set");
	return rc < 0 ? refuse(w, "this vcpu has no such register") : 0;
}

int x86_regs_set(const struct x86_layout *layout, const struct x86_reg *reg, struct x86_state *st,
                 const uint8_t *buf, size_t len, const struct x86_reader *mem, struct error *err)
{
	struct write w = { layout, reg, st, 0, mem, err };
	uint8_t old[X86_REG_MAX_SIZE];

	if (len != reg->bits / 8u)
		return error_set(err, EINVAL, "cannot set %s: it has %u bytes, not %zu", reg->name,
		                 reg->bits / 8u, len);
	if (!x86_regs_get(layout, reg, st, old))
		return error_set(err, EINVAL, "cannot set %s: this vcpu has no such register", reg->name);
	if (memcmp(old, buf, len) == 0)
		return 0;
	if (!reg->writable)
		return error_set(err, EINVAL, "cannot set %s: it is read-only", reg->name);
	w.value = bytes_get_le(buf, len < 8 ? (unsigned)len : 8);
	if (reg->source >= SRC_XSAVE)
		return set_xsave(&w, buf);
	return rules[reg->source](&w);
}
