#include "cpu.h"
#include "guest.h"

#define SERIAL 0x3f8
#define SERIAL_STATUS (SERIAL + 5)
#define STATUS_INPUT 0x01
#define STATUS_CAN_SEND 0x20
#define EXIT_PORT 0xf8

void guest_putc(char c)
{
	while (!(inb(SERIAL_STATUS) & STATUS_CAN_SEND))
		;
	outb(SERIAL, (uint8_t)c);
}

void guest_puts(const char *text)
{
	while (*text)
		guest_putc(*text++);
}

static void put_number(uint64_t n, unsigned base)
{
	char digits[20];
	unsigned count = 0;

	do {
		digits[count++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (count)
		guest_putc(digits[--count]);
}

void guest_put_dec(uint64_t n)
{
	put_number(n, 10);
}

void guest_put_hex(uint64_t n)
{
	guest_puts("0x");
	put_number(n, 16);
}

bool guest_has_input(void)
{
	return inb(SERIAL_STATUS) & STATUS_INPUT;
}

uint8_t guest_getc(void)
{
	while (!guest_has_input())
		;
	return inb(SERIAL);
}

void guest_exit(int status)
{
	outb(EXIT_PORT, (uint8_t)status);
	for (;;) {
		cpu_cli();
		cpu_hlt();
	}
}

static size_t word_length(const char *text)
{
	size_t n = 0;

	while (text[n] && text[n] != ' ')
		n++;
	return n;
}

static bool same_word(const char *a, const char *b)
{
	while (*b && *a == *b) {
		a++;
		b++;
	}
	return *b == '\0' && (*a == '\0' || *a == ' ');
}

bool guest_has_word(const char *cmdline, const char *word)
{
	while (*cmdline) {
		if (same_word(cmdline, word))
			return true;
		cmdline += word_length(cmdline);
		while (*cmdline == ' ')
			cmdline++;
	}
	return false;
}

void *memset(void *p, int c, size_t n)
{
	char *to = p;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	char *dst = to;

	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(from), "+c"(n) : : "memory");
	return to;
}
