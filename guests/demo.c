/*
 * The demo: something of everything that one looks at in a debugger. Nested functions with locals, a
 * structure, an array, recursion, and a global that is written in a loop. Ends with 42.
 */
#include "lib/guest.h"

struct point { int x, y; };

struct shape {
	const char *name;
	unsigned corner_count;
	struct point corner[4];
};

/* Watch this one: it is written once for every shape. */
volatile unsigned demo_total;

static const struct shape shapes[] = {
	{"square", 4, {{0, 0}, {10, 0}, {10, 10}, {0, 10}}},
	{"triangle", 3, {{0, 0}, {8, 0}, {0, 6}}},
	{"kite", 4, {{0, -4}, {3, 0}, {0, 8}, {-3, 0}}},
};

static int cross(struct point a, struct point b)
{
	int left = a.x * b.y;
	int right = b.x * a.y;

	return left - right;
}

/* Twice the area (shoelace formula). */
static int double_area(const struct shape *shape)
{
	int sum = 0;

	for (unsigned i = 0; i < shape->corner_count; i++) {
		struct point here = shape->corner[i];
		struct point next = shape->corner[(i + 1) % shape->corner_count];

		sum += cross(here, next);
	}
	return sum;
}

static unsigned add_shape(const struct shape *shape)
{
	unsigned area = (unsigned)double_area(shape) / 2;

	demo_total += area;
	return area;
}

static unsigned long factorial(unsigned n)
{
	if (n <= 1)
		return 1;
	return n * factorial(n - 1);
}

static void banner(const char *cmdline)
{
	guest_puts("trapline demo guest, arguments: ");
	guest_puts(*cmdline ? cmdline : "(none)");
	guest_puts("\n");
}

static void put_result(const char *what, uint64_t value)
{
	guest_puts(what);
	guest_puts(": ");
	guest_put_dec(value);
	guest_puts("\n");
}

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	unsigned areas[3] = {0, 0, 0};
	unsigned long product;

	(void)info;
	banner(cmdline);
	for (unsigned i = 0; i < 3; i++) {
		areas[i] = add_shape(&shapes[i]);
		put_result(shapes[i].name, areas[i]);
	}
	put_result("total", demo_total);
	product = factorial(5);
	put_result("5!", product);
	guest_puts("bye\n");
	return 42;
}
