/*
 * The notes of a core that hold what the CPU has beyond a program's registers: QEMU's, which crash(8) reads,
 * and one of trapline's own for the rest (doc/debugging.md, "Cores"). Pure.
 */
#ifndef CLI_CORESTATE_H
#define CLI_CORESTATE_H

#include "x86/state.h"

#define CLI_CORESTATE_QEMU_SIZE 440u
#define CLI_CORESTATE_OWN_SIZE (16u + 8u * 27u)
#define CLI_CORESTATE_NOTE 0u  /* the type of both; it is the names that tell */

/* The contents of the note "QEMU": its struct QEMUCPUState, version 1. buf: CLI_CORESTATE_QEMU_SIZE bytes. */
void cli_corestate_qemu(const struct x86_state *st, uint8_t *buf);

/* The contents of the note "TRAPLINE". buf: CLI_CORESTATE_OWN_SIZE bytes. */
void cli_corestate_own(const struct x86_state *st, unsigned cpu, uint8_t *buf);

#endif
