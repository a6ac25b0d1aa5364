/*
 * The state in which a kernel is entered in 64-bit mode, and trapline's structures in guest memory that
 * go with it: doc/boot.md is the contract with the guest.
 */
#ifndef BOOT_ENTRY_H
#define BOOT_ENTRY_H

#include "boot/loader.h"

enum { BOOT_SEL_CODE = 0x08, BOOT_SEL_DATA = 0x10, BOOT_SEL_TSS = 0x18 };

#define BOOT_AREA_BASE 0x10000ull    /* where trapline's structures lie unless the image is there */
#define BOOT_STACK_SIZE 0x8000ull
#define BOOT_INFO_MAGIC 0x746f6f4270617254ull /* "TrapBoot" */
#define BOOT_INFO_VERSION 1

/* Handed to the guest (rsi at entry); little-endian, no padding. */
struct boot_info {
	uint64_t magic;
	uint32_t version, size;              /* size of this struct: larger in later versions */
	uint64_t cmdline;                    /* address of the command line, NUL-terminated */
	uint64_t area_start, area_end;       /* trapline's structures: tables, GDT, stack, this */
	uint64_t image_start, image_end;     /* lowest and highest physical address of the segments */
	uint64_t memory_count;
	struct { uint64_t start, size; } memory[GUEST_MEM_MAX_REGIONS];
};

/*
 * Builds GDT, TSS, page tables, stack, command line and boot info in mem, clear of entry's segments, and
 * fills entry->state. Uses entry's entry and segment fields. 0, or negative errno with text.
 */
int boot_entry64(const struct boot_options *opt, struct guest_mem *mem, struct boot_entry *entry,
                 struct error *err);

#endif
