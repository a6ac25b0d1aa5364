/*
 * The state in which a kernel is entered at its ELF entry point, in 64-bit or in 32-bit mode, and trapline's
 * structures in guest memory that go with it: doc/boot.md is the contract with the guest.
 */
#ifndef BOOT_ENTRY_H
#define BOOT_ENTRY_H

#include "boot/info.h"

enum { BOOT_SEL_CODE = 0x08, BOOT_SEL_DATA = 0x10, BOOT_SEL_TSS = 0x18 };

#define BOOT_AREA_BASE 0x10000ull    /* where trapline's structures lie unless the image is there */
#define BOOT_STACK_SIZE 0x8000ull
#define BOOT_APIC_BASE 0xfee00900ull /* enabled, bootstrap processor: SDM 3A 10.4.4 */

bool boot_entry64_probe(const struct boot_image *image); /* an ELF64 file */

/*
 * Builds GDT, TSS, page tables, stack, command line and boot info in memory, clear of entry's segments, and
 * fills entry->state. Uses entry's entry and segment fields. 0, or negative errno with text.
 */
int boot_entry64(struct boot_setup *s, struct boot_entry *entry, struct error *err);

/* The same without paging; the entry point becomes a physical address. */
int boot_entry32(struct boot_setup *s, struct boot_entry *entry, struct error *err);

#endif
