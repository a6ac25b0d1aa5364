#include "boot/hermit.h"
#include "base/bytes.h"
#include "boot/elf.h"
#include "boot/fdt.h"
#include "boot/pagemap.h"
#include "x86/segment.h"

#include <errno.h>
#include <string.h>

/* Where things lie, from the start of memory. Kernels go by RDI, CR3 and BootInfo, not by these. */
#define AT_GDT 0x0ull
#define AT_FDT 0x1000ull
#define FDT_MAX 0x4000u
#define AT_INFO 0x5000ull
#define AT_TABLES 0x10000ull
#define TABLES_END 0x38000ull
#define AT_KERNEL 0x40000ull
#define STACK_SIZE 0x8000ull /* right below the kernel */

#define GIB (1ull << 30)
#define PRESENT_WRITE 0x3ull

#define SERIAL_V1 0x800u /* the port that BootInfo names for the console */
#define SERIAL_V2 0x1030u
#define PLATFORM_UHYVE 1u
#define GDT_SIZE 24u
#define CR0_AT_ENTRY 0x80000031ull /* PE, ET, NE, PG */

typedef unsigned long long ull;

/* Little-endian, as the Rust structure of entry versions 3 and 4 is laid out for uhyve. */
struct hermit_info {
	uint64_t ram_start, ram_end;
	uint16_t serial_port;
	uint8_t pad0[6];
	uint64_t device_tree;
	uint64_t kernel_start, kernel_end;
	uint64_t tls_start, tls_filesz, tls_memsz, tls_align;
	uint32_t platform, pad1;
	uint8_t has_pci, pad2[7];
	uint64_t cpus;
	uint32_t tsc_khz, pad3;
	uint64_t time_ns[2];
};
_Static_assert(sizeof(struct hermit_info) == 128, "BootInfo has 128 bytes");

static uint64_t kernel_end(const struct boot_entry *entry)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < entry->segment_count; i++) {
		uint64_t e = entry->segment[i].gpa + entry->segment[i].mem_size;

		end = e > end ? e : end;
	}
	return end;
}

static uint64_t kernel_start(const struct boot_entry *entry)
{
	uint64_t start = UINT64_MAX;

	for (unsigned i = 0; i < entry->segment_count; i++)
		start = entry->segment[i].gpa < start ? entry->segment[i].gpa : start;
	return start;
}

int boot_hermit_load(const struct boot_image *image, struct guest_mem *mem, struct boot_entry *ret,
		     struct error *err)
{
	struct boot_hermit_notes notes;
	uint64_t base = mem->region[0].gpa, gpa;
	int rc = boot_hermit_notes(image, &notes, err);

	if (rc == 0)
		rc = boot_elf_load_at(image, base + AT_KERNEL, mem, ret, err);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < ret->segment_count; i++) {
		const struct boot_segment *s = &ret->segment[i];

		/* Mapped one to one: the kernel has one address for everything. */
		if (s->gva != s->gpa)
			return error_set(err, EINVAL,
					 "segment at 0x%llx has the physical address 0x%llx: a "
					 "Hermit kernel has the same for both",
					 (ull)s->gva, (ull)s->gpa);
	}
	if (kernel_start(ret) < base + AT_KERNEL)
		return error_set(err, EINVAL,
				 "linked at 0x%llx: the first 0x%llx bytes of memory belong to "
				 "the boot structures",
				 (ull)kernel_start(ret), (ull)AT_KERNEL);
	if (!boot_elf_locate(ret, ret->entry, &gpa))
		return error_set(err, EINVAL, "entry point 0x%llx lies in no segment", (ull)ret->entry);
	return 0;
}

static int write_tables(struct boot_setup *s, const struct boot_entry *entry, bool legacy, struct error *err)
{
	uint64_t base = s->mem->region[0].gpa, end = kernel_end(entry) + 1;
	struct boot_pagemap pm = {.mem = s->mem,
				  .cr3 = base + AT_TABLES,
				  .next = base + AT_TABLES + BOOT_PAGE_4K,
				  .end = base + TABLES_END};
	uint8_t recursive[8];

	/* Kernels before 0.10 unmap what is behind them up to the end of the table, and want it there. */
	if (legacy)
		end = bytes_align_up(end, GIB);
	bytes_put_le64(recursive, pm.cr3 | PRESENT_WRITE);
	if (guest_mem_write(s->mem, pm.cr3 + 511 * 8, recursive, sizeof(recursive)) < 0)
		return error_set(err, EFAULT, "the page tables could not be written");
	return boot_pagemap_add(&pm, base, base, end - base, BOOT_PAGE_2M, err);
}

static int write_gdt(struct boot_setup *s, uint64_t at)
{
	const struct x86_seg code = x86_seg_code64(0x08), data = x86_seg_data(0x10);
	uint8_t gdt[GDT_SIZE] = {0};

	bytes_put_le64(gdt + 0x08, x86_seg_pack(&code));
	bytes_put_le64(gdt + 0x10, x86_seg_pack(&data));
	return guest_mem_write(s->mem, at, gdt, sizeof(gdt));
}

/* The first PT_TLS: the template from which the guest makes its threads' blocks. */
static void fill_tls(const struct boot_image *image, const struct boot_entry *entry, struct hermit_info *info)
{
	Elf64_Ehdr eh;

	if (boot_elf_header(image, &eh, NULL) < 0)
		return;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph = boot_elf_phdr(image, &eh, i);

		if (ph.p_type != PT_TLS)
			continue;
		info->tls_start = ph.p_vaddr + entry->bias;
		info->tls_filesz = ph.p_filesz;
		info->tls_memsz = ph.p_memsz;
		info->tls_align = ph.p_align;
		return;
	}
}

static int write_info(struct boot_setup *s, const struct boot_entry *entry, unsigned interface)
{
	static const struct boot_hermit none;
	const struct boot_hermit *h = s->opt->hermit ? s->opt->hermit : &none;
	uint64_t base = s->mem->region[0].gpa;
	struct hermit_info info = {
		.ram_start = base,
		.ram_end = base + s->mem->region[0].size,
		.serial_port = interface == 1 ? SERIAL_V1 : SERIAL_V2,
		.device_tree = base + AT_FDT,
		.kernel_start = kernel_start(entry),
		.kernel_end = kernel_end(entry),
		.platform = PLATFORM_UHYVE,
		.cpus = s->opt->cpus ? s->opt->cpus : 1,
		.tsc_khz = h->tsc_khz,
		.time_ns = {h->time_ns, 0},
	};

	fill_tls(s->image, entry, &info);
	/* The host is little-endian: KVM's x86 is the only one. */
	return guest_mem_write(s->mem, base + AT_INFO, &info, sizeof(info));
}

static int write_fdt(struct boot_setup *s, struct error *err)
{
	uint8_t tree[FDT_MAX];
	uint64_t at = s->mem->region[0].gpa + AT_FDT;
	int rc = boot_fdt_build(s->opt, s->mem, tree, sizeof(tree), err);

	if (rc < 0)
		return rc;
	return guest_mem_write(s->mem, at, tree, sizeof(tree)) < 0
		       ? error_set(err, EFAULT, "the device tree could not be written")
		       : 0;
}

static void fill_state(const struct boot_setup *s, const struct boot_entry *entry, struct x86_state *st)
{
	const struct x86_seg data = x86_seg_data(0x10);
	uint64_t base = s->mem->region[0].gpa;

	x86_state_reset(st);
	memset(st->gpr, 0, sizeof(st->gpr));
	st->rip = entry->entry;
	st->rflags = X86_RFLAGS_FIXED;
	/* The lowest address of the stack: the kernel adds its size itself. */
	st->gpr[X86_RSP] = kernel_start(entry) - STACK_SIZE;
	st->gpr[X86_RDI] = base + AT_INFO;
	st->seg[X86_CS] = x86_seg_code64(0x08);
	st->seg[X86_SS] = st->seg[X86_DS] = st->seg[X86_ES] = data;
	st->idt.limit = 0;
	st->gdt = (struct x86_table){.base = base + AT_GDT, .limit = GDT_SIZE - 1};
	st->cr0 = CR0_AT_ENTRY;
	st->cr3 = base + AT_TABLES;
	st->cr4 = X86_CR4_PAE;
	st->efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NX;
}

int boot_hermit_enter(struct boot_setup *s, struct boot_entry *entry, struct error *err)
{
	static const char *const protocols[] = {"Hermit, uhyve interface 1", "Hermit, uhyve interface 2",
						"Hermit, uhyve interface 3"};
	struct boot_hermit_notes notes;
	int rc = boot_hermit_notes(s->image, &notes, err);

	if (rc < 0)
		return rc;
	if (s->opt->module_count)
		return error_set(err, EINVAL, "a Hermit kernel takes no initrd and no modules");
	rc = write_tables(s, entry, !notes.has_kernel, err);
	if (rc == 0)
		rc = write_fdt(s, err);
	if (rc < 0)
		return rc;
	if (write_gdt(s, s->mem->region[0].gpa + AT_GDT) < 0 || write_info(s, entry, notes.interface) < 0)
		return error_set(err, EFAULT, "boot structures could not be written");
	entry->protocol = protocols[notes.interface - 1];
	entry->all_cpus = true;
	fill_state(s, entry, &entry->state);
	return 0;
}
