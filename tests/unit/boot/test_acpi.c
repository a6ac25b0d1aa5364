/* The ACPI tables: every checksum, every pointer, the processors. */
#include "boot_rig.h"
#include "boot/acpi.h"

static void check_sum(struct rig *g, uint64_t at, uint64_t len)
{
	uint8_t sum = 0;

	for (uint64_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + rig_get(g, at + i, 1));
	assert_int_equal(sum, 0);
}

static void check_table(struct rig *g, uint64_t at, const char *signature)
{
	assert_memory_equal(guest_mem_window(&g->mem, at, 4), signature, 4);
	check_sum(g, at, rig_get32(g, at + 4));
}

static uint64_t build(struct rig *g, unsigned cpus)
{
	struct boot_setup s = {.image = &g->elf.image, .opt = &g->opt, .mem = &g->mem};

	g->opt.cpus = cpus;
	boot_place_init(&s.place, &g->mem, &g->entry);
	return boot_acpi_build(&s, &g->entry);
}

static void test_tables(void **state)
{
	struct rig *g = *state;
	uint64_t rsdp = build(g, 3), xsdt, rsdt, fadt, madt;

	assert_true(rsdp == BOOT_ACPI_BASE && rsdp % 16 == 0);
	assert_memory_equal(guest_mem_window(&g->mem, rsdp, 8), "RSD PTR ", 8);
	assert_memory_equal(guest_mem_window(&g->mem, rsdp + 9, 6), "TRAPLN", 6);
	check_sum(g, rsdp, 20);
	check_sum(g, rsdp, 36);
	rsdt = rig_get32(g, rsdp + 16);
	xsdt = rig_get64(g, rsdp + 24);
	check_table(g, rsdt, "RSDT");
	check_table(g, xsdt, "XSDT");
	fadt = rig_get64(g, xsdt + 36);
	madt = rig_get64(g, xsdt + 44);
	assert_true(rig_get32(g, rsdt + 36) == fadt && rig_get32(g, rsdt + 40) == madt);
	check_table(g, fadt, "FACP");
	check_table(g, rig_get32(g, fadt + 40), "DSDT");
	assert_true(rig_get64(g, fadt + 140) == rig_get32(g, fadt + 40));
	assert_memory_equal(guest_mem_window(&g->mem, rig_get32(g, fadt + 36), 4), "FACS", 4);
	assert_true(rig_get32(g, fadt + 36) % 64 == 0);
	assert_true(rig_get32(g, fadt + 64) == 0x604 && rig_get64(g, fadt + 120) == 0xcf9);
	check_table(g, madt, "APIC");
	for (unsigned i = 0; i < 3; i++)
		assert_true(rig_get(g, madt + 44 + 8 * i, 4) == (0x0800u | i << 16 | i << 24) &&
		            rig_get32(g, madt + 48 + 8 * i) == 1);
	assert_true(rig_get(g, madt + 44 + 24, 2) == 0x0c01);
}

/* A device of Linux's id for virtio in memory, with this place and line; longer tables, sums that hold. */
static void test_virtio(void **state)
{
	static const struct boot_virtio virtio = {0xfeb00000, 0x1000, 5};
	struct rig *g = *state;
	uint64_t fadt, dsdt, aml;
	uint32_t size;

	g->opt.virtio = &virtio;
	fadt = rig_get64(g, rig_get64(g, build(g, 1) + 24) + 36);
	dsdt = rig_get32(g, fadt + 40);
	check_table(g, dsdt, "DSDT");
	size = rig_get32(g, dsdt + 4);
	assert_int_equal(size, 36 + 12 + 68);
	aml = dsdt + 48;
	/* Lengths of what is nested: up to the end of the table, each of them. */
	assert_int_equal((rig_get(g, aml + 1, 1) & 15) + rig_get(g, aml + 2, 1) * 16, 68 - 1);
	assert_int_equal(rig_get(g, aml + 10, 1), 68 - 10);
	assert_int_equal(rig_get(g, aml + 42, 1), 68 - 42);
	assert_int_equal(rig_get(g, aml + 44, 1), 68 - 45);
	assert_memory_equal(guest_mem_window(&g->mem, aml + 21, 9), "LNRO0005", 9);
	assert_int_equal(rig_get32(g, aml + 49), 0xfeb00000);
	assert_int_equal(rig_get32(g, aml + 53), 0x1000);
	assert_int_equal(rig_get32(g, aml + 62), 5);
}

static void test_many_and_none(void **state)
{
	struct rig *g = *state;
	uint64_t rsdp = build(g, 10000), madt = rig_get64(g, rig_get64(g, rsdp + 24) + 44);

	assert_true(rig_get32(g, madt + 4) == 36 + 8 + 8 * 255 + 12 + 10 + 6);
	check_table(g, madt, "APIC");
	rsdp = build(g, 0);
	madt = rig_get64(g, rig_get64(g, rsdp + 24) + 44);
	assert_true(rig_get32(g, madt + 4) == 36 + 8 + 8 + 12 + 10 + 6);
	assert_int_equal(rig_memory(g, 0xe1000), 0);
	assert_true(build(g, 1) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {RIG_TEST(test_tables), RIG_TEST(test_virtio),
	                                   RIG_TEST(test_many_and_none)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
