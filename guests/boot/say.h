/* The little that the guests of guests/boot need in 32-bit and 64-bit mode: text, numbers, checks. */
#ifndef GUESTS_BOOT_SAY_H
#define GUESTS_BOOT_SAY_H

#include "../lib/cpu.h"
#include <stdbool.h>
#include <stdint.h>

static int say_failures;

static inline void say(const char *text)
{
	while (*text)
		outb(0x3f8, (uint8_t)*text++);
}

static inline void say_hex(uint64_t n)
{
	int shift = 60;

	while (shift > 0 && !(n >> shift & 15))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		outb(0x3f8, (uint8_t)"0123456789abcdef"[n >> shift & 15]);
}

/* "name value\n" */
static inline void say_number(const char *name, uint64_t n)
{
	say(name);
	say(" ");
	say_hex(n);
	say("\n");
}

static inline void say_text(const char *name, uint64_t at)
{
	say(name);
	say(" ");
	say((const char *)(uintptr_t)at);
	say("\n");
}

static inline void say_range(const char *name, uint64_t start, uint64_t size, uint64_t kind)
{
	say(name);
	say(" ");
	say_hex(start);
	say(" ");
	say_hex(start + size);
	say(" ");
	say_hex(kind);
	say("\n");
}

/* The first bytes of a module, up to its end or 32. */
static inline void say_module(uint64_t start, uint64_t end, uint64_t text)
{
	const char *bytes = (const char *)(uintptr_t)start;

	say("module [");
	say((const char *)(uintptr_t)text);
	say("] ");
	for (uint64_t i = 0; i < end - start && i < 32 && bytes[i] != '\n'; i++)
		outb(0x3f8, (uint8_t)bytes[i]);
	say("\n");
}

static inline void say_check(bool ok, const char *what)
{
	if (ok)
		return;
	say("WRONG: ");
	say(what);
	say("\n");
	say_failures++;
}

/* True when ACPI's RSDP stands at an address and its first checksum holds. */
static inline bool say_is_rsdp(uint64_t at)
{
	const uint8_t *p = (const uint8_t *)(uintptr_t)at;
	const char *signature = "RSD PTR ";
	uint8_t sum = 0;

	for (int i = 0; i < 8; i++)
		if (p[i] != (uint8_t)signature[i])
			return false;
	for (int i = 0; i < 20; i++)
		sum = (uint8_t)(sum + p[i]);
	return sum == 0;
}

#endif
