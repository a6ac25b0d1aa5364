/* Target description XML (GDB manual, "Target Description Format") and LLDB's qRegisterInfo. Pure. */
#ifndef X86_TDESC_H
#define X86_TDESC_H

#include "x86/regs.h"

/*
 * Writes target.xml for the table: NUL-terminated, at most size bytes. Returns its length without the
 * NUL, or -ENOSPC. 64 KiB is always enough.
 */
int x86_tdesc_xml(const struct x86_regs *regs, char *buf, size_t size);

/* One qRegisterInfo answer. Length, -ENOENT when number is past the end, -ENOSPC. */
int x86_tdesc_lldb(const struct x86_regs *regs, unsigned number, char *buf, size_t size);

#endif
