#include "x86/regs.h"
#include "base/bytes.h"
#include "x86/cpumode.h"
#include "x86/regs_source.h"

#define CORE "org.gnu.gdb.i386.core"
#define SSE "org.gnu.gdb.i386.sse"
#define SEGMENTS "org.gnu.gdb.i386.segments"
#define AVX "org.gnu.gdb.i386.avx"
#define AVX512 "org.gnu.gdb.i386.avx512"
#define PKEYS "org.gnu.gdb.i386.pkeys"
#define SYSTEM "org.trapline.system"
#define LINUX "org.gnu.gdb.i386.linux"

#define SET_GENERAL "General Purpose Registers"
#define SET_FLOAT "Floating Point Registers"
#define SET_VECTOR "Vector Registers"
#define SET_SYSTEM "System Registers"

#define TEN(p, s) p "0" s, p "1" s, p "2" s, p "3" s, p "4" s, p "5" s, p "6" s, p "7" s, p "8" s, p "9" s
#define SIXTEEN(p, s) TEN(p, s), p "10" s, p "11" s, p "12" s, p "13" s, p "14" s, p "15" s
#define SIXTEEN_MORE(p, s) p "16" s, p "17" s, p "18" s, p "19" s, p "20" s, p "21" s, p "22" s, p "23" s, \
	p "24" s, p "25" s, p "26" s, p "27" s, p "28" s, p "29" s, p "30" s, p "31" s

static const char *const gpr_names[] = {
	"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
};
static const char *const st_names[] = { "st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7" };
static const char *const xmm_names[] = { SIXTEEN("xmm", ""), SIXTEEN_MORE("xmm", "") };
static const char *const ymm_names[] = { SIXTEEN("ymm", "h"), SIXTEEN_MORE("ymm", "h") };
static const char *const zmm_names[] = { SIXTEEN("zmm", "h"), SIXTEEN_MORE("zmm", "h") };
static const char *const k_names[] = { "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7" };
static const char *const dr_names[] = { "dr0", "dr1", "dr2", "dr3" };

/* A run of like registers: names[first .. first+count). */
struct row {
	const char *name;          /* one register; or NULL and: */
	const char *const *names;
	uint8_t first, count;
	const char *type;
	uint16_t bits;
	int16_t dwarf;             /* of the first */
	uint16_t source, index, step;  /* index of the i-th is index + i * step */
};

#define FIELD(f) offsetof(struct x86_state, f)
#define ONE(n, t, b, d, s, i) { n, NULL, 0, 1, t, b, d, s, (uint16_t)(i), 0 }
#define RUN(n, f, c, t, b, d, s, i, st) { NULL, n, f, c, t, b, d, s, (uint16_t)(i), st }
#define XS(kind) (SRC_XSAVE + X86_XSAVE_##kind)

static const struct row general_rows[] = {
	RUN(gpr_names, 0, 6, "int64", 64, -1, SRC_ANY, FIELD(gpr), 8),
	RUN(gpr_names, 6, 2, "data_ptr", 64, 6, SRC_ANY, FIELD(gpr[6]), 8),
	RUN(gpr_names, 8, 8, "int64", 64, 8, SRC_ANY, FIELD(gpr[8]), 8),
	ONE("rip", "code_ptr", 64, 16, SRC_RIP, FIELD(rip)),
	ONE("eflags", "i386_eflags", 32, 49, SRC_RFLAGS, FIELD(rflags)),
};
/* GDB's numbers, which are DWARF's on i386 too (System V ABI, Intel386 supplement). */
#define GPR32(n, t, d, r) ONE(n, t, 32, d, SRC_ANY, FIELD(gpr[r]))
static const struct row general32_rows[] = {
	GPR32("eax", "int32", 0, X86_RAX), GPR32("ecx", "int32", 1, X86_RCX),
	GPR32("edx", "int32", 2, X86_RDX), GPR32("ebx", "int32", 3, X86_RBX),
	GPR32("esp", "data_ptr", 4, X86_RSP), GPR32("ebp", "data_ptr", 5, X86_RBP),
	GPR32("esi", "int32", 6, X86_RSI), GPR32("edi", "int32", 7, X86_RDI),
	ONE("eip", "code_ptr", 32, 8, SRC_RIP, FIELD(rip)),
	ONE("eflags", "i386_eflags", 32, 9, SRC_RFLAGS, FIELD(rflags)),
};
static const struct row selector_rows[] = {
	ONE("cs", "int32", 32, 51, SRC_SELECTOR, FIELD(seg[X86_CS].selector)),
	ONE("ss", "int32", 32, 52, SRC_SELECTOR, FIELD(seg[X86_SS].selector)),
	ONE("ds", "int32", 32, 53, SRC_SELECTOR, FIELD(seg[X86_DS].selector)),
	ONE("es", "int32", 32, 50, SRC_SELECTOR, FIELD(seg[X86_ES].selector)),
	ONE("fs", "int32", 32, 54, SRC_SELECTOR, FIELD(seg[X86_FS].selector)),
	ONE("gs", "int32", 32, 55, SRC_SELECTOR, FIELD(seg[X86_GS].selector)),
};
static const struct row st_rows[] = { RUN(st_names, 0, 8, "i387_ext", 80, 33, XS(ST), 0, 1) };
static const struct row float_rows[] = {
	ONE("fctrl", "int", 32, 65, XS(FCTRL), 0), ONE("fstat", "int", 32, 66, XS(FSTAT), 0),
	ONE("ftag", "int", 32, -1, XS(FTAG), 0), ONE("fiseg", "int", 32, -1, XS(FISEG), 0),
	ONE("fioff", "int", 32, -1, XS(FIOFF), 0), ONE("foseg", "int", 32, -1, XS(FOSEG), 0),
	ONE("fooff", "int", 32, -1, XS(FOOFF), 0), ONE("fop", "int", 32, -1, XS(FOP), 0),
};
static const struct row xmm_rows[] = { RUN(xmm_names, 0, 16, "vec128", 128, 17, XS(XMM), 0, 1) };
static const struct row xmm32_rows[] = { RUN(xmm_names, 0, 8, "vec128", 128, 21, XS(XMM), 0, 1) };
static const struct row mxcsr_rows[] = { ONE("mxcsr", "i386_mxcsr", 32, 64, XS(MXCSR), 0) };
static const struct row base_rows[] = {
	ONE("fs_base", "int", 64, 58, SRC_CANONICAL, FIELD(seg[X86_FS].base)),
	ONE("gs_base", "int", 64, 59, SRC_CANONICAL, FIELD(seg[X86_GS].base)),
};
static const struct row avx_rows[] = { RUN(ymm_names, 0, 16, "uint128", 128, -1, XS(YMMH), 0, 1) };
static const struct row avx32_rows[] = { RUN(ymm_names, 0, 8, "uint128", 128, -1, XS(YMMH), 0, 1) };
static const struct row avx512_rows[] = {
	RUN(xmm_names, 16, 16, "vec128", 128, 67, XS(XMM), 16, 1),
	RUN(ymm_names, 16, 16, "uint128", 128, -1, XS(YMMH), 16, 1),
	RUN(k_names, 0, 8, "uint64", 64, 118, XS(K), 0, 1),
	RUN(zmm_names, 0, 32, "v2ui128", 256, -1, XS(ZMMH), 0, 1),
};
static const struct row pkeys_rows[] = { ONE("pkru", "uint32", 32, -1, XS(PKRU_REG), 0) };

/*
 * No tsc here: GDB 13 saves every register around a call in the guest and would put the old time back.
 */
#define MSR(i) FIELD(msr[X86_MSR_##i])
static const struct row k_gs_base_rows[] = {
	ONE("k_gs_base", "int64", 64, -1, SRC_MSR_CANONICAL, MSR(KERNEL_GS_BASE)),
};
static const struct row control_rows[] = {
	ONE("cr0", "x86_cr0", 64, -1, SRC_CR0, FIELD(cr0)),
	ONE("cr2", "data_ptr", 64, -1, SRC_ANY, FIELD(cr2)),
	ONE("cr3", "int64", 64, -1, SRC_CR3, FIELD(cr3)),
	ONE("cr4", "x86_cr4", 64, -1, SRC_CR4, FIELD(cr4)),
	ONE("cr8", "int64", 64, -1, SRC_CR8, FIELD(cr8)),
	ONE("efer", "x86_efer", 64, -1, SRC_EFER, FIELD(efer)),
	ONE("es_base", "int64", 64, -1, SRC_BASE32, FIELD(seg[X86_ES].base)),
	ONE("cs_base", "int64", 64, -1, SRC_BASE32, FIELD(seg[X86_CS].base)),
	ONE("ss_base", "int64", 64, -1, SRC_BASE32, FIELD(seg[X86_SS].base)),
	ONE("ds_base", "int64", 64, -1, SRC_BASE32, FIELD(seg[X86_DS].base)),
#define LIMIT_ATTR(n, s) ONE(n "_limit", "uint32", 32, -1, SRC_LIMIT, FIELD(seg[s].limit)), \
	ONE(n "_attr", "x86_attr", 32, -1, SRC_ATTR, s)
	LIMIT_ATTR("es", X86_ES), LIMIT_ATTR("cs", X86_CS), LIMIT_ATTR("ss", X86_SS),
	LIMIT_ATTR("ds", X86_DS), LIMIT_ATTR("fs", X86_FS), LIMIT_ATTR("gs", X86_GS),
	ONE("ldtr", "uint16", 16, 63, SRC_SELECTOR, FIELD(seg[X86_LDTR].selector)),
	ONE("ldtr_base", "int64", 64, -1, SRC_CANONICAL, FIELD(seg[X86_LDTR].base)),
	LIMIT_ATTR("ldtr", X86_LDTR),
	ONE("tr", "uint16", 16, 62, SRC_SELECTOR, FIELD(seg[X86_TR].selector)),
	ONE("tr_base", "int64", 64, -1, SRC_CANONICAL, FIELD(seg[X86_TR].base)),
	LIMIT_ATTR("tr", X86_TR),
	ONE("gdtr_base", "int64", 64, -1, SRC_CANONICAL, FIELD(gdt.base)),
	ONE("gdtr_limit", "uint16", 16, -1, SRC_TABLE_LIMIT, FIELD(gdt.limit)),
	ONE("idtr_base", "int64", 64, -1, SRC_CANONICAL, FIELD(idt.base)),
	ONE("idtr_limit", "uint16", 16, -1, SRC_TABLE_LIMIT, FIELD(idt.limit)),
	ONE("apic_base", "x86_apic_base", 64, -1, SRC_APIC_BASE, FIELD(apic_base)),
};
static const struct row debug_rows[] = {
	RUN(dr_names, 0, 4, "data_ptr", 64, -1, SRC_ANY, FIELD(dr), 8),
	ONE("dr6", "x86_dr6", 64, -1, SRC_DR6, FIELD(dr6)),
	ONE("dr7", "x86_dr7", 64, -1, SRC_DR7, FIELD(dr7)),
};
static const struct row msr_rows[] = {
	ONE("star", "int64", 64, -1, SRC_MSR, MSR(STAR)),
	ONE("lstar", "code_ptr", 64, -1, SRC_MSR_CANONICAL, MSR(LSTAR)),
	ONE("cstar", "code_ptr", 64, -1, SRC_MSR_CANONICAL, MSR(CSTAR)),
	ONE("sfmask", "int64", 64, -1, SRC_MSR_LOW32, MSR(SFMASK)),
	ONE("sysenter_cs", "int64", 64, -1, SRC_MSR_LOW32, MSR(SYSENTER_CS)),
	ONE("sysenter_esp", "data_ptr", 64, -1, SRC_MSR_CANONICAL, MSR(SYSENTER_ESP)),
	ONE("sysenter_eip", "code_ptr", 64, -1, SRC_MSR_CANONICAL, MSR(SYSENTER_EIP)),
	ONE("pat", "int64", 64, -1, SRC_MSR_PAT, MSR(PAT)),
	ONE("tsc_aux", "int64", 64, -1, SRC_MSR_LOW32, MSR(TSC_AUX)),
};
static const struct row xcr0_rows[] = { ONE("xcr0", "x86_xcr0", 64, -1, SRC_XCR0, FIELD(xcr0)) };
static const struct row linear_rows[] = { ONE("linear_pc", "code_ptr", 64, -1, SRC_LINEAR_PC, 0) };

/*
 * GDB has "record full" and "generate-core-file" for Linux only, which it takes a guest for that has this
 * register: the number of the system call to restart. The debugger stops a machine in none: -1.
 */
static const struct row linux_rows[] = { ONE("orig_rax", "int", 64, -1, SRC_NO_SYSCALL, 0) };

/* The description's order. Rows of one block share everything but their own columns. */
static const struct block {
	const struct row *rows;
	uint8_t count, need;
	const char *feature, *set, *gdb_group;
	uint16_t state_group;
	uint8_t arch;              /* ON_64, ON_32 */
} blocks[] = {
#define ON_64 1
#define ON_32 2
#define BLOCK_ON(a, r, n, f, s, g, st) { r, sizeof(r) / sizeof((r)[0]), n, f, s, g, st, a }
#define BLOCK(...) BLOCK_ON(ON_64 | ON_32, __VA_ARGS__)
	BLOCK_ON(ON_32, general32_rows, NEED_NOTHING, CORE, SET_GENERAL, NULL, X86_GROUP_CORE),
	BLOCK_ON(ON_64, general_rows, NEED_NOTHING, CORE, SET_GENERAL, NULL, X86_GROUP_CORE),
	BLOCK(selector_rows, NEED_NOTHING, CORE, SET_GENERAL, NULL, X86_GROUP_SYSTEM),
	BLOCK(st_rows, NEED_NOTHING, CORE, SET_FLOAT, NULL, X86_GROUP_FPU),
	BLOCK(float_rows, NEED_NOTHING, CORE, SET_FLOAT, "float", X86_GROUP_FPU),
	BLOCK_ON(ON_32, xmm32_rows, NEED_NOTHING, SSE, SET_VECTOR, NULL, X86_GROUP_FPU),
	BLOCK_ON(ON_64, xmm_rows, NEED_NOTHING, SSE, SET_VECTOR, NULL, X86_GROUP_FPU),
	BLOCK(mxcsr_rows, NEED_NOTHING, SSE, SET_VECTOR, "vector", X86_GROUP_FPU),
	BLOCK_ON(ON_64, base_rows, NEED_NOTHING, SEGMENTS, SET_GENERAL, NULL, X86_GROUP_SYSTEM),
	BLOCK_ON(ON_32, avx32_rows, NEED_AVX, AVX, SET_VECTOR, NULL, X86_GROUP_FPU),
	BLOCK_ON(ON_64, avx_rows, NEED_AVX, AVX, SET_VECTOR, NULL, X86_GROUP_FPU),
	BLOCK_ON(ON_64, avx512_rows, NEED_AVX512, AVX512, SET_VECTOR, NULL, X86_GROUP_FPU),
	BLOCK_ON(ON_64, pkeys_rows, NEED_PKU, PKEYS, SET_SYSTEM, NULL, X86_GROUP_FPU),
	BLOCK_ON(ON_32, base_rows, NEED_NOTHING, SYSTEM, SET_SYSTEM, "system", X86_GROUP_SYSTEM),
	BLOCK(k_gs_base_rows, NEED_NOTHING, SYSTEM, SET_SYSTEM, "system", X86_GROUP_MSR),
	BLOCK(control_rows, NEED_NOTHING, SYSTEM, SET_SYSTEM, "system", X86_GROUP_SYSTEM),
	BLOCK(debug_rows, NEED_NOTHING, SYSTEM, SET_SYSTEM, "system", X86_GROUP_DEBUG),
	BLOCK(msr_rows, NEED_NOTHING, SYSTEM, SET_SYSTEM, "system", X86_GROUP_MSR),
	BLOCK(xcr0_rows, NEED_XCR0, SYSTEM, SET_SYSTEM, "system", X86_GROUP_MSR),
	BLOCK(linear_rows, NEED_NOTHING, SYSTEM, SET_SYSTEM, "system", X86_GROUP_CORE | X86_GROUP_SYSTEM),
	BLOCK_ON(ON_64, linux_rows, NEED_NOTHING, LINUX, SET_SYSTEM, "system", X86_GROUP_CORE),
};

/* LLDB's names and roles (System V ABI order of arguments); DWARF numbers that do not run on. */
static const struct extra { const char *name, *alt, *generic; int16_t dwarf; } extras[] = {
	{ "rax", NULL, NULL, 0 }, { "rbx", NULL, NULL, 3 }, { "rcx", "arg4", "arg4", 2 },
	{ "rdx", "arg3", "arg3", 1 }, { "rsi", "arg2", "arg2", 4 }, { "rdi", "arg1", "arg1", 5 },
	{ "rbp", "fp", "fp", 6 }, { "rsp", "sp", "sp", 7 }, { "r8", "arg5", "arg5", 8 },
	{ "r9", "arg6", "arg6", 9 }, { "rip", "pc", "pc", 16 }, { "eflags", "rflags", "flags", -1 },
	{ "esp", "sp", "sp", 4 }, { "ebp", "fp", "fp", 5 }, { "eip", "pc", "pc", 8 },
};

static bool has_component(const struct x86_layout *l, unsigned n)
{
	return (l->xcr0_mask >> n & 1) && l->xsave[n].size > 0;
}

static bool is_met(const struct x86_layout *l, enum x86_regs_need need)
{
	bool avx = has_component(l, X86_XSAVE_AVX);

	switch (need) {
	case NEED_XCR0: return l->xcr0_mask != 0;
	case NEED_AVX: return avx;
	case NEED_AVX512:
		/* GDB drops a description that has avx512 without avx. */
		return avx && has_component(l, X86_XSAVE_OPMASK) && has_component(l, X86_XSAVE_ZMM_HI) &&
		       has_component(l, X86_XSAVE_ZMM16);
	case NEED_PKU: return l->has_pku && has_component(l, X86_XSAVE_PKRU);
	default: return true;
	}
}

/* GDB's pointers have the width of its architecture; a wider register is a number to it. */
static const char *type_of(const struct x86_regs *regs, const struct row *r)
{
	bool pointer = strcmp(r->type, "data_ptr") == 0 || strcmp(r->type, "code_ptr") == 0;

	return pointer && r->bits == 64 && regs->arch != X86_REGS_X86_64 ? "int64" : r->type;
}

static void set_extra(struct x86_reg *reg)
{
	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
		if (strcmp(extras[i].name, reg->name) != 0)
			continue;
		reg->alt = extras[i].alt;
		reg->generic = extras[i].generic;
		if (extras[i].dwarf >= 0)
			reg->dwarf = extras[i].dwarf;
	}
}

static void add_row(struct x86_regs *regs, const struct block *b, const struct row *r)
{
	for (unsigned i = 0; i < r->count && regs->count < X86_REGS_MAX; i++) {
		struct x86_reg *reg = &regs->reg[regs->count];

		*reg = (struct x86_reg){
			.name = r->name ? r->name : r->names[r->first + i], .type = type_of(regs, r),
			.feature = b->feature, .set = b->set, .gdb_group = b->gdb_group, .bits = r->bits,
			.number = (uint16_t)regs->count, .offset = regs->size,
			.dwarf = (int16_t)(r->dwarf < 0 ? -1 : r->dwarf + (int)i), .group = b->state_group,
			.source = r->source, .index = (uint16_t)(r->index + i * r->step),
			.writable = r->source != SRC_LINEAR_PC && r->source != SRC_NO_SYSCALL,
		};
		set_extra(reg);
		regs->size += r->bits / 8u;
		regs->count++;
	}
}

static bool is_block_of(const struct block *b, const struct x86_layout *layout, enum x86_regs_arch arch)
{
	return (b->arch & (arch == X86_REGS_X86_64 ? ON_64 : ON_32)) &&
	       is_met(layout, (enum x86_regs_need)b->need);
}

static uint16_t number_of(const struct x86_regs *regs, const char *generic)
{
	for (unsigned i = 0; i < regs->count; i++)
		if (regs->reg[i].generic != NULL && strcmp(regs->reg[i].generic, generic) == 0)
			return regs->reg[i].number;
	return 0;
}

void x86_regs_init_as(struct x86_regs *regs, const struct x86_layout *layout, enum x86_regs_arch arch)
{
	regs->arch = arch;
	regs->count = regs->g_count = 0;
	regs->size = regs->g_size = 0;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		if (!is_block_of(&blocks[i], layout, arch))
			continue;
		for (unsigned j = 0; j < blocks[i].count; j++)
			add_row(regs, &blocks[i], &blocks[i].rows[j]);
		if (strcmp(blocks[i].feature, SYSTEM) == 0 || strcmp(blocks[i].feature, LINUX) == 0)
			continue;
		regs->g_count = regs->count;
		regs->g_size = regs->size;
	}
	regs->pc = number_of(regs, "pc");
	regs->sp = number_of(regs, "sp");
	regs->fp = number_of(regs, "fp");
	x86_regs_cut(regs, layout);
}

void x86_regs_init(struct x86_regs *regs, const struct x86_layout *layout)
{
	x86_regs_init_as(regs, layout, X86_REGS_X86_64);
}

const char *x86_regs_arch_name(enum x86_regs_arch arch)
{
	static const char *const names[] = {
		[X86_REGS_X86_64] = "i386:x86-64", [X86_REGS_I386] = "i386", [X86_REGS_I8086] = "i8086",
	};

	return names[arch];
}

const struct x86_reg *x86_regs_find(const struct x86_regs *regs, const char *name)
{
	for (unsigned i = 0; i < regs->count; i++)
		if (strcmp(regs->reg[i].name, name) == 0)
			return &regs->reg[i];
	return NULL;
}

/* Bytes of the state's field behind a register: only these are narrower than 8. */
static unsigned field_width(unsigned source)
{
	if (source == SRC_SELECTOR || source == SRC_TABLE_LIMIT)
		return 2;
	return source == SRC_LIMIT ? 4 : 8;
}

static uint64_t read_field(const struct x86_state *st, const struct x86_reg *reg)
{
	const uint8_t *p = (const uint8_t *)st + reg->index;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (field_width(reg->source)) {
	case 2: memcpy(&v16, p, 2); return v16;
	case 4: memcpy(&v32, p, 4); return v32;
	default: memcpy(&v64, p, 8); return v64;
	}
}

static bool is_msr(unsigned source)
{
	return source >= SRC_MSR && source <= SRC_MSR_PAT;
}

bool x86_regs_get(const struct x86_layout *layout, const struct x86_reg *reg, const struct x86_state *st,
                  uint8_t *buf)
{
	uint64_t value;

	if (reg->source >= SRC_XSAVE)
		return x86_xsave_get(layout, st->xsave, (enum x86_xsave_reg)(reg->source - SRC_XSAVE),
		                     reg->index, buf);
	if (is_msr(reg->source) && !(st->msr_valid >> ((reg->index - FIELD(msr)) / 8) & 1))
		return false;
	if (reg->source == SRC_ATTR)
		value = x86_regs_pack_attr(&st->seg[reg->index]);
	else if (reg->source == SRC_LINEAR_PC)
		value = x86_linear_pc(st);
	else if (reg->source == SRC_NO_SYSCALL)
		value = UINT64_MAX;
	else
		value = read_field(st, reg);
	bytes_put_le(buf, value, reg->bits / 8u);
	return true;
}
