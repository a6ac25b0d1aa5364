/* Loads every guest of the build (paths as arguments): what the linker really makes, not what a test does. */
#include "../cmocka_all.h"
#include "boot/elf.h"
#include "boot/symbols.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1ull << 20)
#define FILE_MAX (4 * MIB)

static char **paths;
static int path_count;

static void read_file(const char *path, struct boot_image *image)
{
	static uint8_t bytes[FILE_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail_msg("%s: cannot open", path);
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(n > 0 && (size_t)n < sizeof(bytes));
	image->bytes = bytes;
	image->size = (size_t)n;
	image->name = path;
}

/* The whole of every segment is in memory: file bytes, then zeros. Relocated words are let differ. */
static void check_bytes(const struct boot_image *image, const struct boot_entry *entry,
                        const struct guest_mem *mem)
{
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *s = &entry->segment[i];
		const uint8_t *there = guest_mem_window(mem, s->gpa, s->mem_size);

		assert_non_null(there);
		if (!entry->bias)
			assert_memory_equal(there, image->bytes + s->file_offset, s->file_size);
		for (uint64_t k = s->file_size; k < s->mem_size; k++)
			assert_int_equal(there[k], 0);
	}
}

static void check_symbols(const struct boot_image *image, const struct boot_entry *entry)
{
	uint64_t addr, offset = 99;

	assert_int_equal(boot_symbol_find(image, "guest_main", &addr), 0);
	assert_string_equal(boot_symbol_at(image, addr, &offset), "guest_main");
	assert_true(offset == 0);
	assert_string_equal(boot_symbol_at(image, entry->entry - entry->bias, &offset), "_start");
	assert_true(offset == 0);
}

static void test_all(void **state)
{
	struct guest_mem mem;

	(void)state;
	guest_mem_init(&mem);
	assert_int_equal(guest_mem_add(&mem, 0, 4 * MIB, NULL), 0);
	for (int i = 0; i < path_count; i++) {
		struct boot_image image;
		struct boot_entry entry;
		struct error err = {0};

		read_file(paths[i], &image);
		if (boot_load(&image, NULL, &mem, &entry, &err) < 0)
			fail_msg("%s", err.text);
		assert_true(entry.state.rip == entry.entry && entry.segment_count >= 2);
		assert_true((entry.bias != 0) == (strstr(paths[i], "_pie") != NULL));
		assert_true((entry.entry >> 63) == (strstr(paths[i], "_high") != NULL));
		check_bytes(&image, &entry, &mem);
		check_symbols(&image, &entry);
	}
	guest_mem_fini(&mem);
}

/* The one guest with relocations: its table of pointers points into itself. */
static void test_relocated(void **state)
{
	struct guest_mem mem;

	(void)state;
	guest_mem_init(&mem);
	assert_int_equal(guest_mem_add(&mem, 0, 4 * MIB, NULL), 0);
	for (int i = 0; i < path_count; i++) {
		struct boot_image image;
		struct boot_entry entry;
		uint64_t table, pointer;
		char text[21];

		if (!strstr(paths[i], "hello"))
			continue;
		read_file(paths[i], &image);
		assert_int_equal(boot_load(&image, NULL, &mem, &entry, NULL), 0);
		assert_int_equal(boot_symbol_find(&image, "hello_lines", &table), 0);
		if (entry.entry >> 63)
			table -= entry.segment[0].gva - entry.segment[0].gpa;
		assert_int_equal(guest_mem_read(&mem, table + entry.bias, &pointer, 8), 0);
		if (entry.entry >> 63)
			pointer -= entry.segment[0].gva - entry.segment[0].gpa;
		assert_int_equal(guest_mem_read(&mem, pointer, text, sizeof(text)), 0);
		assert_memory_equal(text, "hello from the guest\n", sizeof(text));
	}
	guest_mem_fini(&mem);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_relocated)};

	paths = argv + 1;
	path_count = argc - 1;
	if (path_count == 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
