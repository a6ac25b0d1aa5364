#include "x86/segment.h"
#include "base/bytes.h"
#include "x86/cpumode.h"
#include <errno.h>

/*
 * Descriptor (SDM 3A figure 3-8), bits of the 8 bytes:
 *   63..56 base 31..24   55 G  54 D/B  53 L  52 AVL   51..48 limit 19..16
 *   47 P  46..45 DPL  44 S  43..40 type   39..16 base 23..0   15..0 limit 15..0
 */
#define TYPE_ACCESSED 1
#define TYPE_WRITABLE 2  /* data; readable for code */
#define TYPE_CONFORMING 4
#define TYPE_CODE 8
#define TYPE_LDT 2
#define TYPE_TSS16 1
#define TYPE_TSS 9
#define TYPE_BUSY 2

#define SELECTOR_RPL 3
#define SELECTOR_LDT 4

static const char *const seg_names[X86_SEG_COUNT] = {
	[X86_CS] = "cs", [X86_SS] = "ss", [X86_DS] = "ds", [X86_ES] = "es",
	[X86_FS] = "fs", [X86_GS] = "gs", [X86_LDTR] = "ldtr", [X86_TR] = "tr",
};

uint64_t x86_seg_pack(const struct x86_seg *seg)
{
	uint64_t limit = seg->g ? seg->limit >> 12 : seg->limit;
	uint64_t d;

	d = (limit & 0xffff) | (limit >> 16 & 0xf) << 48;
	d |= (seg->base & 0xffffff) << 16 | (seg->base >> 24 & 0xff) << 56;
	d |= (uint64_t)(seg->type & 15) << 40 | (uint64_t)(seg->s & 1) << 44;
	d |= (uint64_t)(seg->dpl & 3) << 45 | (uint64_t)(seg->present & 1) << 47;
	d |= (uint64_t)(seg->avl & 1) << 52 | (uint64_t)(seg->l & 1) << 53;
	return d | (uint64_t)(seg->db & 1) << 54 | (uint64_t)(seg->g & 1) << 55;
}

void x86_seg_unpack(uint16_t selector, uint64_t lo, uint64_t hi, struct x86_seg *ret)
{
	uint32_t limit = (uint32_t)((lo & 0xffff) | (lo >> 32 & 0xf0000));

	*ret = (struct x86_seg){
		.base = (lo >> 16 & 0xffffff) | (lo >> 56) << 24, .selector = selector,
		.type = lo >> 40 & 15, .s = lo >> 44 & 1, .dpl = lo >> 45 & 3, .present = lo >> 47 & 1,
		.avl = lo >> 52 & 1, .l = lo >> 53 & 1, .db = lo >> 54 & 1, .g = lo >> 55 & 1,
	};
	ret->limit = ret->g ? limit << 12 | 0xfff : limit;
	if (!ret->s)
		ret->base |= hi << 32;
	ret->unusable = !ret->present;
}

static struct x86_seg flat(uint16_t selector, uint8_t type)
{
	return (struct x86_seg){
		.limit = 0xffffffff, .selector = selector, .type = type, .s = 1,
		.dpl = selector & SELECTOR_RPL, .present = 1, .g = 1,
	};
}

struct x86_seg x86_seg_code64(uint16_t selector)
{
	struct x86_seg seg = flat(selector, TYPE_CODE | TYPE_WRITABLE | TYPE_ACCESSED);

	seg.l = 1;
	return seg;
}

struct x86_seg x86_seg_code32(uint16_t selector)
{
	struct x86_seg seg = flat(selector, TYPE_CODE | TYPE_WRITABLE | TYPE_ACCESSED);

	seg.db = 1;
	return seg;
}

struct x86_seg x86_seg_data(uint16_t selector)
{
	struct x86_seg seg = flat(selector, TYPE_WRITABLE | TYPE_ACCESSED);

	seg.db = 1;
	return seg;
}

/* Code keeps a code type: VM entry wants one in CS outside virtual-8086 mode (SDM 3C 26.3.1.2). */
struct x86_seg x86_seg_real(uint16_t selector, bool code)
{
	return (struct x86_seg){
		.base = (uint64_t)selector << 4, .limit = 0xffff, .selector = selector,
		.type = (code ? TYPE_CODE : 0) | TYPE_WRITABLE | TYPE_ACCESSED, .s = 1, .present = 1,
	};
}

struct x86_seg x86_seg_tss64(uint16_t selector, uint64_t base, uint32_t limit)
{
	bool big = limit > 0xfffff;

	return (struct x86_seg){
		.base = base, .limit = big ? limit | 0xfff : limit, .selector = selector,
		.type = TYPE_TSS | TYPE_BUSY, .present = 1, .g = big,
	};
}

struct x86_seg x86_seg_none(void)
{
	return (struct x86_seg){ .unusable = 1 };
}

static int refuse(struct error *err, enum x86_seg_name name, uint16_t selector, const char *why)
{
	return error_set(err, EINVAL, "cannot load %s with selector %#x: %s", seg_names[name], selector, why);
}

/* Reads the descriptor that a non-null selector names. */
static int fetch(const struct x86_state *st, enum x86_seg_name name, uint16_t selector,
                 const struct x86_reader *mem, struct x86_seg *ret, struct error *err)
{
	bool system = name == X86_LDTR || name == X86_TR;
	bool ldt = selector & SELECTOR_LDT;
	const struct x86_seg *ldtr = &st->seg[X86_LDTR];
	uint64_t base = ldt ? ldtr->base : st->gdt.base;
	uint32_t limit = ldt ? ldtr->limit : st->gdt.limit;
	uint32_t at = selector & 0xfff8u;
	unsigned size = system && (st->efer & X86_EFER_LMA) ? 16 : 8;
	uint8_t raw[16] = { 0 };

	if (mem == NULL)
		return refuse(err, name, selector, "no descriptor table can be read here");
	if (ldt && system)
		return refuse(err, name, selector, "it must name the GDT");
	if (ldt && (ldtr->unusable || !ldtr->present))
		return refuse(err, name, selector, "there is no LDT");
	if (at + size - 1 > limit)
		return refuse(err, name, selector, "outside the descriptor table");
	if (mem->read(mem->ctx, base + at, raw, size) != 0)
		return refuse(err, name, selector, "its descriptor is not readable");
	x86_seg_unpack(selector, bytes_get_le64(raw), bytes_get_le64(raw + 8), ret);
	return 0;
}

static const char *check_code(const struct x86_state *st, const struct x86_seg *seg)
{
	unsigned rpl = seg->selector & SELECTOR_RPL;

	if (!seg->s || !(seg->type & TYPE_CODE))
		return "not a code segment";
	if (seg->type & TYPE_CONFORMING ? seg->dpl > rpl : seg->dpl != rpl)
		return "descriptor and requested privilege differ";
	if (seg->l && seg->db)
		return "both L and D are set";
	if (seg->l && !(st->efer & X86_EFER_LMA))
		return "64-bit code segment outside long mode";
	return NULL;
}

static const char *check_stack(const struct x86_seg *seg)
{
	if (!seg->s || (seg->type & TYPE_CODE) || !(seg->type & TYPE_WRITABLE))
		return "not a writable data segment";
	if (seg->dpl != (seg->selector & SELECTOR_RPL))
		return "descriptor and requested privilege differ";
	return NULL;
}

static const char *check_data(const struct x86_seg *seg)
{
	if (!seg->s || ((seg->type & TYPE_CODE) && !(seg->type & TYPE_WRITABLE)))
		return "not a data or readable code segment";
	return NULL;
}

static const char *check_system(const struct x86_state *st, enum x86_seg_name name,
                                const struct x86_seg *seg)
{
	unsigned idle = seg->type & ~(unsigned)TYPE_BUSY;

	if (name == X86_LDTR)
		return !seg->s && seg->type == TYPE_LDT ? NULL : "not an LDT descriptor";
	if (seg->s || (idle != TYPE_TSS && (idle != TYPE_TSS16 || (st->efer & X86_EFER_LMA))))
		return "not a TSS descriptor";
	return NULL;
}

/* SDM 2A, MOV; SDM 2A, LLDT and LTR. NULL when the segment may be loaded. */
static const char *check(const struct x86_state *st, enum x86_seg_name name, const struct x86_seg *seg)
{
	const char *why;

	switch (name) {
	case X86_CS: why = check_code(st, seg); break;
	case X86_SS: why = check_stack(seg); break;
	case X86_LDTR:
	case X86_TR: why = check_system(st, name, seg); break;
	default: why = check_data(seg); break;
	}
	return why == NULL && !seg->present ? "descriptor not present" : why;
}

static int load_null(struct x86_state *st, enum x86_seg_name name, uint16_t selector, struct error *err)
{
	if (name == X86_CS || name == X86_TR)
		return refuse(err, name, selector, "a null selector is not allowed");
	if (name == X86_SS && (x86_mode_of(st) != X86_MODE_64 || (selector & SELECTOR_RPL) == 3))
		return refuse(err, name, selector, "a null stack segment needs 64-bit mode below CPL 3");
	st->seg[name] = x86_seg_none();
	st->seg[name].selector = selector;
	st->seg[name].dpl = name == X86_SS ? selector & SELECTOR_RPL : 0;
	return 0;
}

int x86_seg_load(struct x86_state *st, enum x86_seg_name name, uint16_t selector,
                 const struct x86_reader *mem, struct error *err)
{
	enum x86_mode mode = x86_mode_of(st);
	bool system = name == X86_LDTR || name == X86_TR;
	struct x86_seg seg;
	const char *why;
	int rc;

	if ((mode == X86_MODE_REAL || mode == X86_MODE_V86) && !system) {
		/* Only selector and base: limit and rights stay (SDM 3A 20.1.1). */
		st->seg[name].selector = selector;
		st->seg[name].base = (uint64_t)selector << 4;
		return 0;
	}
	if ((selector & ~SELECTOR_RPL) == 0)
		return load_null(st, name, selector, err);
	rc = fetch(st, name, selector, mem, &seg, err);
	if (rc < 0)
		return rc;
	why = check(st, name, &seg);
	if (why != NULL)
		return refuse(err, name, selector, why);
	if (seg.s)
		seg.type |= TYPE_ACCESSED;
	else if (name == X86_TR)
		seg.type |= TYPE_BUSY;
	st->seg[name] = seg;
	return 0;
}
