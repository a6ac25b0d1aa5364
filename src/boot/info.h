/* The boot info of doc/boot.md and what it points to: for kernels entered at their ELF entry point. */
#ifndef BOOT_INFO_H
#define BOOT_INFO_H

#include "boot/setup.h"

#define BOOT_INFO_MAGIC 0x746f6f4270617254ull /* "TrapBoot" */
#define BOOT_INFO_VERSION 2

struct boot_info_module { uint64_t start, size, text; };

/* Little-endian, no padding. */
struct boot_info {
	uint64_t magic;
	uint32_t version, size;              /* size of this struct: larger in later versions */
	uint64_t cmdline;                    /* address of the command line, NUL-terminated */
	uint64_t area_start, area_end;       /* trapline's structures: tables, GDT, stack, this */
	uint64_t image_start, image_end;     /* lowest and highest physical address of the segments */
	uint64_t memory_count;
	struct { uint64_t start, size; } memory[GUEST_MEM_MAX_REGIONS];
	uint64_t module_count, modules;      /* address of an array of struct boot_info_module (version 2) */
};

struct boot_info_at { uint64_t info, modules, cmdline; }; /* guest addresses; 0: no room */

/* What a block needs for it all, alignment included. */
uint64_t boot_info_size(const struct boot_options *opt);
/* Takes its places in the block, all but those of the modules' texts. */
void boot_info_reserve(const struct boot_options *opt, struct boot_block *b, struct boot_info_at *ret);
/* Writes it, when the modules are placed. 0 or -EFAULT. */
int boot_info_write(const struct boot_setup *s, const struct boot_entry *entry, struct boot_block *b,
                    const struct boot_info_at *at);

#endif
