/*
 * The one table of registers. It feeds g/G/p/P, target.xml, LLDB's qRegisterInfo, core files and the
 * monitor. Register numbers are those of the target description: they depend only on the layout.
 * Pure; any thread.
 *
 * Features, in this order (GDB manual, "i386 Features"; RSP-SEMANTICS 6.3):
 *   org.gnu.gdb.i386.core      0-39   rax..r15 rip eflags cs ss ds es fs gs st0-7 fctrl..fop
 *   org.gnu.gdb.i386.sse      40-56   xmm0-15 mxcsr
 *   org.gnu.gdb.i386.segments 57-58   fs_base gs_base
 *   org.gnu.gdb.i386.avx              ymm0h-15h, where the layout has AVX
 *   org.gnu.gdb.i386.avx512, .pkeys   where the layout has them
 *   org.trapline.system               k_gs_base cr0 cr2 cr3 cr4 cr8 efer ...
 *   org.gnu.gdb.i386.linux            orig_rax, always -1; for p and P alone, as is the system feature
 */
#ifndef X86_REGS_H
#define X86_REGS_H

#include "base/error.h"
#include "x86/state.h"

#define X86_REG_MAX_SIZE 64      /* bytes of the widest register */
#define X86_REGS_MAX 320         /* registers in the largest layout */
#define X86_REGS_MAX_BYTES 4096  /* all values in g order */

/* Numbers that callers need by name. */
enum {
	X86_REGNUM_RBP = 6, X86_REGNUM_RSP = 7, X86_REGNUM_RIP = 16, X86_REGNUM_EFLAGS = 17,
	X86_REGNUM_CS = 18 /* of X86_REGS_X86_64 */
};

/* For whom the registers are described: a debugger takes code for that of its description's architecture. */
enum x86_regs_arch { X86_REGS_X86_64, X86_REGS_I386, X86_REGS_I8086, X86_REGS_ARCHS };

struct x86_reg {
	const char *name;
	const char *alt;         /* LLDB altname: "pc", "sp", "fp", "flags", "arg1"...; NULL */
	const char *generic;     /* LLDB generic role; NULL */
	const char *type;        /* GDB type: "int64", "code_ptr", "i386_eflags", "vec128", a flags type id */
	const char *feature;     /* full feature name */
	const char *set;         /* LLDB set: "General Purpose Registers", ... */
	const char *gdb_group;   /* "general", "float", "vector", "system"; NULL: GDB's default */
	uint16_t bits;
	uint16_t number;         /* of the description */
	uint32_t offset;         /* bytes: in the g packet, or where it would go on */
	int16_t dwarf;           /* DWARF and eh_frame number, -1 none */
	uint16_t group;          /* enum x86_group whose state holds it */
	uint16_t source, index;  /* private to regs.c */
	bool writable;
};

/* Bytes of g that are got together. Private to regs_image.c. */
enum x86_regs_piece_kind { X86_PIECE_BY_ONE, X86_PIECE_STATE, X86_PIECE_XSAVE };
struct x86_regs_piece {
	uint8_t kind, component;
	uint16_t reg;            /* BY_ONE */
	uint32_t from, at, len;  /* in the state or its XSAVE area; in g */
};

struct x86_regs {
	enum x86_regs_arch arch;
	uint16_t pc, sp, fp;     /* numbers */
	unsigned count;
	/*
	 * The first g_count registers are those of g and G; the system feature behind them is for p and P
	 * alone, since its groups cost a call each and GDB asks for g at every stop (GDB manual, "g packet":
	 * a short one leaves the rest to p). Constant for a session, as is g_size, their bytes.
	 */
	unsigned g_count;
	uint32_t g_size;
	unsigned g_groups;       /* enum x86_group: where they live */
	uint32_t size;           /* bytes of all registers */
	struct x86_reg reg[X86_REGS_MAX];
	unsigned piece_count;
	struct x86_regs_piece piece[X86_REGS_MAX];
};

/*
 * Builds the table for a layout; never fails; the table is the caller's. As I386 or I8086 the general
 * registers have 32 bits and there are eight of each kind: writing one clears the upper half. AVX-512 and
 * PKRU are left out.
 */
void x86_regs_init(struct x86_regs *regs, const struct x86_layout *layout);
void x86_regs_init_as(struct x86_regs *regs, const struct x86_layout *layout, enum x86_regs_arch arch);

/* As GDB names it: "i386:x86-64", "i386", "i8086". */
const char *x86_regs_arch_name(enum x86_regs_arch arch);

/* By name ("rip", "cr3"); NULL when there is none. Case matters. */
const struct x86_reg *x86_regs_find(const struct x86_regs *regs, const char *name);

/*
 * One register's value, little-endian, reg->bits/8 bytes into buf (room for X86_REG_MAX_SIZE).
 * st must hold reg->group. Returns false when this vcpu cannot tell it ("unavailable").
 */
bool x86_regs_get(const struct x86_layout *layout, const struct x86_reg *reg,
                  const struct x86_state *st, uint8_t *buf);

/*
 * The registers of g in its order: regs->g_size bytes into buf, and for each byte into map whether it is
 * available; a byte that is not is 0. st must hold the groups of all of them. True: everything is available.
 */
bool x86_regs_get_all(const struct x86_regs *regs, const struct x86_layout *layout,
                      const struct x86_state *st, uint8_t *buf, bool *map);

/*
 * Writes one register into st (not yet into a vcpu). len must be reg->bits/8. -EINVAL with text for an
 * impossible value (non-canonical rip, reserved CR bits, mxcsr bits, selector outside the GDT image ...):
 * st is then unchanged. mem reads guest-linear descriptors for selector writes; may be NULL: then only the
 * same selector or a null one is accepted. st must hold CORE, SYSTEM and reg->group: the rules look at the
 * mode. The value that the register has already is always taken. A write may carry others of its group
 * along: a selector its hidden part, cr0 EFER.LMA.
 */
struct x86_reader {
	/* Reads len bytes at a guest-linear address; 0 or -EFAULT. */
	int (*read)(void *ctx, uint64_t gva, void *buf, size_t len);
	void *ctx;
};
int x86_regs_set(const struct x86_layout *layout, const struct x86_reg *reg, struct x86_state *st,
                 const uint8_t *buf, size_t len, const struct x86_reader *mem, struct error *err);

#endif
