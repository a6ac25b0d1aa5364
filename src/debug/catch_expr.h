/*
 * Conditions of catches: a C-like expression over registers and what was caught, compiled to the bytecode of
 * debug/agent.h. Pure; bounded in depth and size.
 *
 *   primary   number | register ("rax" or "$rax") | value addr error vector write | ( EXPR )
 *             | u8[EXPR] u16[EXPR] u32[EXPR] u64[EXPR]      memory at a virtual address
 *   unary     - ~ ! *                                       *EXPR is u64[EXPR]
 *   binary    * / %   + -   << >>   < <= > >=   == !=   &   ^   |   &&   ||      as C binds them
 *
 * All values are unsigned and of 64 bits; && and || evaluate what C evaluates.
 */
#ifndef DEBUG_CATCH_EXPR_H
#define DEBUG_CATCH_EXPR_H

#include "base/error.h"
#include "x86/regs.h"

#define DEBUG_CATCH_DEPTH 24       /* of brackets and prefixes within each other */

/* "Registers" of what was caught: above those of the description. */
enum debug_catch_name {
	DEBUG_CATCH_VALUE = 0xff00, DEBUG_CATCH_ADDR, DEBUG_CATCH_ERROR, DEBUG_CATCH_VECTOR, DEBUG_CATCH_WRITE
};

/*
 * 0 and *ret_len bytes of checked code in `code`; -EINVAL with text that shows the place; -ENOSPC: longer
 * than size.
 */
int debug_catch_compile(const char *text, const struct x86_regs *regs, uint8_t *code, size_t size,
                        size_t *ret_len, struct error *err);

#endif
