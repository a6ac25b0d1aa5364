/* Shows what it was given as a Linux kernel; the status is the number of things that are wrong. */
#include "say.h"

static uint64_t get(const uint8_t *zero, unsigned offset, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)zero[offset + i] << (8 * i);
	return v;
}

static uint16_t selector_of_code(void)
{
	uint16_t cs;

	__asm__ volatile("movw %%cs, %0" : "=r"(cs));
	return cs;
}

static uint16_t selector_of_data(void)
{
	uint16_t ds;

	__asm__ volatile("movw %%ds, %0" : "=r"(ds));
	return ds;
}

int guest_linux(const uint8_t *zero);

int guest_linux(const uint8_t *zero)
{
	const char *initrd = (const char *)get(zero, 0x218, 4);

	say_check(selector_of_code() == 0x10 && selector_of_data() == 0x18, "selectors");
	say_check(get(zero, 0x202, 4) == 0x53726448 && get(zero, 0x206, 2) == 0x020f, "setup header");
	say_check(get(zero, 0x210, 1) == 0xff, "type of loader");
	say_check(say_is_rsdp(get(zero, 0x70, 8)), "RSDP");
	say_text("command line", get(zero, 0x228, 4));
	for (unsigned i = 0; i < get(zero, 0x1e8, 1); i++)
		say_range("memory", get(zero, 0x2d0 + 20 * i, 8), get(zero, 0x2d8 + 20 * i, 8),
		          get(zero, 0x2e0 + 20 * i, 4));
	say("initrd ");
	for (uint64_t i = 0; i < get(zero, 0x21c, 4); i++)
		if (initrd[i] >= ' ')
			outb(0x3f8, (uint8_t)initrd[i]);
	say("\n");
	return say_failures;
}
