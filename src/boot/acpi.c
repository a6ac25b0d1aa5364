#include "boot/acpi.h"
#include "base/bytes.h"

#include <string.h>

#define HEADER 36u
#define RSDP_SIZE 36u
#define FADT_SIZE 268u       /* revision 5 */
#define FACS_SIZE 64u
#define TABLES 2u            /* that RSDT and XSDT list: FADT, MADT */
#define CPUS_MAX 255u        /* with APIC ids of 8 bits; 255 is broadcast */
#define SCI 9u

/* FADT flags, 5.2.9 */
#define WBINVD (1u << 0)
#define PROC_C1 (1u << 2)
#define NO_POWER_BUTTON (1u << 4)
#define NO_SLEEP_BUTTON (1u << 5)
#define NO_FIXED_RTC (1u << 6)
#define RESET_REGISTER (1u << 10)
/* IA-PC boot flags, 5.2.9.3; no bit for an 8042: nobody would press its keys */
#define LEGACY_DEVICES (1u << 0)
#define NO_VGA (1u << 2)
#define CENTURY 0x32 /* index in the CMOS clock */

/* Name(\_S5, Package(4){0, 0, 0, 0}): power-off is sleep type 0. */
static const uint8_t aml[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00};

struct builder { uint8_t bytes[BOOT_ACPI_SIZE]; uint32_t used; };

/* A zeroed piece; its offset. What is built here has a known size far below the whole. */
static uint32_t piece(struct builder *b, uint32_t size, uint32_t align)
{
	uint32_t at = (uint32_t)bytes_align_up(b->used, align);

	b->used = at + size;
	return at;
}

static uint32_t address(uint32_t offset)
{
	return (uint32_t)BOOT_ACPI_BASE + offset;
}

/* All bytes sum up to zero when the one at sum_at is this. */
static void put_checksum(uint8_t *table, uint32_t size, uint32_t sum_at)
{
	uint8_t sum = 0;

	table[sum_at] = 0;
	for (uint32_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + table[i]);
	table[sum_at] = (uint8_t)-sum;
}

/* Header of a table whose body is complete. */
static void finish(uint8_t *t, const char *signature, uint32_t size, uint8_t revision)
{
	memcpy(t, signature, 4);
	bytes_put_le32(t + 4, size);
	t[8] = revision;
	memcpy(t + 10, "TRAPLN", 6);
	memcpy(t + 16, "TRAPLINE", 8);
	bytes_put_le32(t + 24, 1);
	memcpy(t + 28, "TRAP", 4);
	bytes_put_le32(t + 32, 1);
	put_checksum(t, size, 9);
}

/*
 * Scope(\_SB) { Device(VNET) { Name(_HID, "LNRO0005") Name(_UID, 0) Name(_CRS, Buffer) } }: how Linux finds
 * virtio in memory (chapter 20 for the encoding, 6.4 for the buffer).
 */
static const uint8_t virtio_aml[] = {
	0x10, 0x43, 0x04, '\\', '_', 'S', 'B', '_', 0x5b, 0x82, 0x3a, 'V', 'N', 'E', 'T',
	0x08, '_', 'H', 'I', 'D', 0x0d, 'L', 'N', 'R', 'O', '0', '0', '0', '5', 0x00,
	0x08, '_', 'U', 'I', 'D', 0x00,
	0x08, '_', 'C', 'R', 'S', 0x11, 0x1a, 0x0a, 0x17,
	0x86, 0x09, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, /* read-write; base, length */
	0x89, 0x06, 0x00, 0x03, 0x01, 0, 0, 0, 0,       /* consumer, edge, high, exclusive; number */
	0x79, 0x00
};
#define VIRTIO_BASE 49u
#define VIRTIO_LENGTH 53u
#define VIRTIO_LINE 62u

static void put_virtio(uint8_t *p, const struct boot_virtio *v)
{
	memcpy(p, virtio_aml, sizeof(virtio_aml));
	bytes_put_le32(p + VIRTIO_BASE, (uint32_t)v->base);
	bytes_put_le32(p + VIRTIO_LENGTH, v->size);
	bytes_put_le32(p + VIRTIO_LINE, v->line);
}

static uint32_t build_dsdt(struct builder *b, const struct boot_virtio *virtio)
{
	uint32_t size = HEADER + sizeof(aml) + (virtio ? sizeof(virtio_aml) : 0), at = piece(b, size, 16);

	memcpy(b->bytes + at + HEADER, aml, sizeof(aml));
	if (virtio)
		put_virtio(b->bytes + at + HEADER + sizeof(aml), virtio);
	finish(b->bytes + at, "DSDT", size, 2);
	return at;
}

static uint32_t build_facs(struct builder *b)
{
	uint32_t at = piece(b, FACS_SIZE, 64);

	memcpy(b->bytes + at, "FACS", 4);
	bytes_put_le32(b->bytes + at + 4, FACS_SIZE);
	b->bytes[at + 32] = 2;
	return at;
}

static uint32_t build_fadt(struct builder *b, const struct boot_virtio *virtio)
{
	uint32_t facs = build_facs(b), dsdt = build_dsdt(b, virtio), at = piece(b, FADT_SIZE, 16);
	uint8_t *t = b->bytes + at;

	bytes_put_le32(t + 36, address(facs));
	bytes_put_le32(t + 40, address(dsdt));
	bytes_put_le16(t + 46, SCI);
	bytes_put_le32(t + 56, BOOT_ACPI_PM1_EVENT);
	bytes_put_le32(t + 64, BOOT_ACPI_PM1_CONTROL);
	t[88] = 4; /* lengths of the two blocks */
	t[89] = 2;
	bytes_put_le16(t + 96, 0xffff); /* C2 and C3 take too long to be used */
	bytes_put_le16(t + 98, 0xffff);
	t[108] = CENTURY;
	bytes_put_le16(t + 109, LEGACY_DEVICES | NO_VGA);
	bytes_put_le32(t + 112, WBINVD | PROC_C1 | NO_POWER_BUTTON | NO_SLEEP_BUTTON | NO_FIXED_RTC |
	                        RESET_REGISTER);
	t[116] = 1; /* the reset register: I/O space, 8 bits, byte access */
	t[117] = 8;
	t[119] = 1;
	bytes_put_le64(t + 120, BOOT_ACPI_RESET);
	t[128] = 6;
	bytes_put_le64(t + 140, address(dsdt));
	finish(t, "FACP", FADT_SIZE, 5);
	return at;
}

/* MADT rows, 5.2.12; returns what is behind the row. */
static uint8_t *put_processor(uint8_t *p, unsigned id)
{
	p[0] = 0, p[1] = 8, p[2] = (uint8_t)id, p[3] = (uint8_t)id;
	bytes_put_le32(p + 4, 1); /* enabled */
	return p + 8;
}

static uint8_t *put_ioapic(uint8_t *p)
{
	p[0] = 1, p[1] = 12;
	bytes_put_le32(p + 4, 0xfec00000);
	return p + 12;
}

/* The SCI is level-triggered, active high; other ISA lines are as ISA has them. */
static uint8_t *put_sci(uint8_t *p)
{
	p[0] = 2, p[1] = 10, p[3] = SCI;
	bytes_put_le32(p + 4, SCI);
	bytes_put_le16(p + 8, 0xd);
	return p + 10;
}

static uint8_t *put_nmi(uint8_t *p)
{
	p[0] = 4, p[1] = 6, p[2] = 0xff, p[5] = 1; /* LINT1 of every processor */
	return p + 6;
}

static uint32_t build_madt(struct builder *b, unsigned cpus)
{
	uint32_t size = HEADER + 8 + 8 * cpus + 12 + 10 + 6, at = piece(b, size, 16);
	uint8_t *t = b->bytes + at, *p = t + HEADER + 8;

	bytes_put_le32(t + 36, 0xfee00000);
	bytes_put_le32(t + 40, 1); /* there are two 8259 as well */
	for (unsigned i = 0; i < cpus; i++)
		p = put_processor(p, i);
	p = put_sci(put_ioapic(p));
	put_nmi(p);
	finish(t, "APIC", size, 4);
	return at;
}

/* RSDT and XSDT list the same tables, by 4 and by 8 bytes. */
static uint32_t build_list(struct builder *b, const uint32_t tables[TABLES], unsigned width)
{
	uint32_t size = HEADER + TABLES * width, at = piece(b, size, 16);

	for (unsigned i = 0; i < TABLES; i++)
		bytes_put_le(b->bytes + at + HEADER + i * width, address(tables[i]), width);
	finish(b->bytes + at, width == 8 ? "XSDT" : "RSDT", size, 1);
	return at;
}

static void build_rsdp(struct builder *b, uint32_t at, uint32_t rsdt, uint32_t xsdt)
{
	uint8_t *t = b->bytes + at;

	memcpy(t, "RSD PTR TRAPLN", 14);
	memmove(t + 9, t + 8, 6); /* the checksum stands between */
	t[15] = 2;
	bytes_put_le32(t + 16, address(rsdt));
	bytes_put_le32(t + 20, RSDP_SIZE);
	bytes_put_le64(t + 24, address(xsdt));
	put_checksum(t, 20, 8);
	put_checksum(t, RSDP_SIZE, 32);
}

static bool is_free(const struct boot_setup *s, const struct boot_entry *entry)
{
	for (unsigned i = 0; i < entry->segment_count; i++) {
		const struct boot_segment *seg = &entry->segment[i];

		if (seg->gpa < BOOT_ACPI_BASE + BOOT_ACPI_SIZE && BOOT_ACPI_BASE < seg->gpa + seg->mem_size)
			return false;
	}
	return guest_mem_contains(s->mem, BOOT_ACPI_BASE, BOOT_ACPI_SIZE);
}

uint64_t boot_acpi_build(struct boot_setup *s, const struct boot_entry *entry)
{
	unsigned cpus = s->opt->cpus ? s->opt->cpus : 1;
	struct builder b = {.used = 0};
	uint32_t rsdp = piece(&b, RSDP_SIZE, 16), tables[TABLES], rsdt;

	if (!is_free(s, entry))
		return 0;
	tables[0] = build_fadt(&b, s->opt->virtio);
	tables[1] = build_madt(&b, cpus < CPUS_MAX ? cpus : CPUS_MAX);
	rsdt = build_list(&b, tables, 4);
	build_rsdp(&b, rsdp, rsdt, build_list(&b, tables, 8));
	if (guest_mem_write(s->mem, BOOT_ACPI_BASE, b.bytes, b.used) < 0)
		return 0;
	return BOOT_ACPI_BASE + rsdp;
}
