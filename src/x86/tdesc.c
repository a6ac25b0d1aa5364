#include "x86/tdesc.h"
#include "x86/tdesc_types.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text being built; full says that something did not fit. */
struct out { char *buf; size_t size, len; bool full; };

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (o->full)
		return;
	va_start(ap, fmt);
	n = vsnprintf(o->buf + o->len, o->size - o->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= o->size - o->len)
		o->full = true;
	else
		o->len += (size_t)n;
}

static int finish(const struct out *o)
{
	return o->full ? -ENOSPC : (int)o->len;
}

/* LLDB's view of a GDB type. It shows 128-bit integers rightly only as vectors. */
static const struct view { const char *type, *encoding, *format; } views[] = {
	{ "i387_ext", "vector", "vector-uint8" }, { "vec128", "vector", "vector-uint8" },
	{ "uint128", "vector", "vector-uint8" }, { "v2ui128", "vector", "vector-uint8" },
};

static const struct view *view_of(const struct x86_reg *reg)
{
	static const struct view plain = { NULL, "uint", "hex" };

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (strcmp(views[i].type, reg->type) == 0)
			return &views[i];
	return &plain;
}

/* LLDB's register sets, named once in <groups> and by number in each register. */
static const char *const sets[] = {
	"General Purpose Registers", "Floating Point Registers", "Vector Registers", "System Registers"
};

static unsigned set_number(const struct x86_reg *reg)
{
	unsigned i = 0;

	while (i < sizeof(sets) / sizeof(sets[0]) && strcmp(sets[i], reg->set) != 0)
		i++;
	return i + 1;
}

static void put_groups(struct out *o)
{
	put(o, "  <groups>\n");
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		put(o, "    <group id=\"%u\" name=\"%s\"/>\n", i + 1, sets[i]);
	put(o, "  </groups>\n");
}

static const struct element { const char *id, *type; unsigned count; const char *member; } elements[] = {
	{ "v8bf16", "bfloat16", 8, "v8_bfloat16" }, { "v8h", "ieee_half", 8, "v8_half" },
	{ "v4f", "ieee_single", 4, "v4_float" }, { "v2d", "ieee_double", 2, "v2_double" },
	{ "v16i8", "int8", 16, "v16_int8" }, { "v8i16", "int16", 8, "v8_int16" },
	{ "v4i32", "int32", 4, "v4_int32" }, { "v2i64", "int64", 2, "v2_int64" },
};
#define ELEMENTS (sizeof(elements) / sizeof(elements[0]))

/* Types are known per feature, so each feature with vector registers defines them. */
static void put_vec128(struct out *o)
{
	for (size_t i = 0; i < ELEMENTS; i++)
		put(o, "    <vector id=\"%s\" type=\"%s\" count=\"%u\"/>\n", elements[i].id, elements[i].type,
		    elements[i].count);
	put(o, "    <union id=\"vec128\">\n");
	for (size_t i = 0; i < ELEMENTS; i++)
		put(o, "      <field name=\"%s\" type=\"%s\"/>\n", elements[i].member, elements[i].id);
	put(o, "      <field name=\"uint128\" type=\"uint128\"/>\n    </union>\n");
}

static void put_flags(struct out *o, const struct x86_tdesc_flags *flags)
{
	put(o, "    <flags id=\"%s\" size=\"%u\">\n", flags->id, flags->size);
	for (const struct x86_tdesc_field *f = flags->field; f->name != NULL; f++) {
		const char *type = f->start == f->end ? "bool" : flags->size == 8 ? "uint64" : "uint32";

		put(o, "      <field name=\"%s\" start=\"%u\" end=\"%u\" type=\"%s\"/>\n", f->name, f->start,
		    f->end, type);
	}
	put(o, "    </flags>\n");
}

static void put_types(struct out *o, const char *feature)
{
	bool avx512 = strcmp(feature, "org.gnu.gdb.i386.avx512") == 0;

	if (avx512 || strcmp(feature, "org.gnu.gdb.i386.sse") == 0)
		put_vec128(o);
	if (avx512)
		put(o, "    <vector id=\"v2ui128\" type=\"uint128\" count=\"2\"/>\n");
	for (unsigned i = 0; i < x86_tdesc_flags_count; i++)
		if (strcmp(x86_tdesc_flags[i].feature, feature) == 0)
			put_flags(o, &x86_tdesc_flags[i]);
}

/*
 * System registers are to stay out of what GDB saves around a call in the guest, and in a group of their
 * own. GDB 13 heeds neither on x86 (i386_register_reggroup_p overrides it); other readers do.
 */
static void put_reg(struct out *o, const struct x86_reg *reg)
{
	const struct view *view = view_of(reg);

	put(o, "    <reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"", reg->name, reg->bits,
	    reg->type, reg->number);
	if (reg->gdb_group != NULL)
		put(o, " group=\"%s\"", reg->gdb_group);
	if (reg->gdb_group != NULL && strcmp(reg->gdb_group, "system") == 0)
		put(o, " save-restore=\"no\"");
	put(o, " offset=\"%u\" encoding=\"%s\" format=\"%s\" group_id=\"%u\"", (unsigned)reg->offset,
	    view->encoding, view->format, set_number(reg));
	if (reg->alt != NULL)
		put(o, " altname=\"%s\"", reg->alt);
	if (reg->generic != NULL)
		put(o, " generic=\"%s\"", reg->generic);
	if (reg->dwarf >= 0)
		put(o, " ehframe_regnum=\"%d\" dwarf_regnum=\"%d\"", reg->dwarf, reg->dwarf);
	put(o, "/>\n");
}

int x86_tdesc_xml(const struct x86_regs *regs, char *buf, size_t size)
{
	struct out o = { buf, size, 0, size == 0 };
	const char *feature = NULL;

	put(&o, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n"
	    "  <architecture>%s</architecture>\n", x86_regs_arch_name(regs->arch));
	put_groups(&o);
	for (unsigned i = 0; i < regs->count && !o.full; i++) {
		const struct x86_reg *reg = &regs->reg[i];

		if (feature == NULL || strcmp(feature, reg->feature) != 0) {
			if (feature != NULL)
				put(&o, "  </feature>\n");
			feature = reg->feature;
			put(&o, "  <feature name=\"%s\">\n", feature);
			put_types(&o, feature);
		}
		put_reg(&o, reg);
	}
	put(&o, "  </feature>\n</target>\n");
	return finish(&o);
}

int x86_tdesc_lldb(const struct x86_regs *regs, unsigned number, char *buf, size_t size)
{
	struct out o = { buf, size, 0, size == 0 };
	const struct x86_reg *reg;
	const struct view *view;

	if (number >= regs->count)
		return -ENOENT;
	reg = &regs->reg[number];
	view = view_of(reg);
	put(&o, "name:%s;", reg->name);
	if (reg->alt != NULL)
		put(&o, "alt-name:%s;", reg->alt);
	put(&o, "bitsize:%u;offset:%u;encoding:%s;format:%s;set:%s;", reg->bits, (unsigned)reg->offset,
	    view->encoding, view->format, reg->set);
	if (reg->dwarf >= 0)
		put(&o, "ehframe:%d;dwarf:%d;", reg->dwarf, reg->dwarf);
	if (reg->generic != NULL)
		put(&o, "generic:%s;", reg->generic);
	return finish(&o);
}
