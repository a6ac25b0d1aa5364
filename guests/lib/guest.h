/* What every guest has: console, numbers, exit. No SSE, no libc. */
#ifndef GUESTS_LIB_GUEST_H
#define GUESTS_LIB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The boot info of doc/boot.md. */
struct guest_boot_info {
	uint64_t magic;
	uint32_t version, size;
	uint64_t cmdline, area_start, area_end, image_start, image_end, memory_count;
	struct { uint64_t start, size; } memory[8];
};

/* Written by each guest; its return value is the exit status. */
int guest_main(const char *cmdline, const struct guest_boot_info *info);

/* Ends the machine with a status 0-255. */
__attribute__((noreturn)) void guest_exit(int status);

void guest_putc(char c);
void guest_puts(const char *text);
void guest_put_dec(uint64_t n);
void guest_put_hex(uint64_t n);

/* One byte of serial input; polls until there is one. */
uint8_t guest_getc(void);
/* True when a byte waits. */
bool guest_has_input(void);

/* True when the command line has this word. */
bool guest_has_word(const char *cmdline, const char *word);

/* Required by compilers even in freestanding code. */
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);

#endif
