#include "x86/pagetable.h"
#include "base/bytes.h"
#include <errno.h>

#define PAGE 4096ull
#define SLOTS 512
#define LARGE (1ull << 21)
#define ENTRY_TABLE 0x3ull  /* present, writable */
#define ENTRY_LARGE 0x83ull /* and PS */

/* The area: one PML4, then the PDPTs, then the PDs; each kind is one run of consecutive tables. */
struct counts { uint64_t pages, pds, pdpts; };

static uint64_t divide_up(uint64_t n, uint64_t by)
{
	return n / by + (n % by != 0);
}

static struct counts count_tables(uint64_t bytes)
{
	struct counts c;

	c.pages = divide_up(bytes, LARGE);
	c.pds = divide_up(c.pages, SLOTS);
	c.pdpts = divide_up(c.pds, SLOTS);
	return c;
}

uint64_t x86_pagetable_identity_size(uint64_t bytes)
{
	struct counts c = count_tables(bytes);

	if (bytes == 0 || bytes > X86_PAGETABLE_MAX_MAP)
		return 0;
	return (1 + c.pdpts + c.pds) * PAGE;
}

/*
 * Writes the run of tables at gpa whose `entries` entries point to target, target + step, ...; the
 * last table is filled up with zeros. At most 2^26 entries: 47 bits of address in 2 MiB pages.
 */
static int write_run(const struct x86_phys_writer *mem, uint64_t gpa, uint64_t entries, uint64_t target,
                     uint64_t step)
{
	uint8_t table[PAGE];

	for (uint64_t done = 0; done < entries; done += SLOTS, gpa += PAGE) {
		int rc;

		for (uint64_t i = 0; i < SLOTS; i++, target += step)
			bytes_put_le64(table + i * 8, done + i < entries ? target : 0);
		rc = mem->write(mem->ctx, gpa, table, sizeof(table));
		if (rc < 0)
			return rc;
	}
	return 0;
}

int x86_pagetable_identity(const struct x86_phys_writer *mem, uint64_t gpa, uint64_t size, uint64_t bytes,
                           uint64_t *ret_cr3, struct error *err)
{
	struct counts c = count_tables(bytes);
	uint64_t need = x86_pagetable_identity_size(bytes), end;
	uint64_t pdpt = gpa + PAGE, pd = pdpt + c.pdpts * PAGE;
	int rc;

	if (need == 0)
		return error_set(err, EINVAL, "cannot map %#llx bytes one to one", (unsigned long long)bytes);
	if (gpa % PAGE != 0 || bytes_add_overflows(gpa, size, &end))
		return error_set(err, EINVAL, "page tables at %#llx: not a page", (unsigned long long)gpa);
	if (size < need)
		return error_set(err, ENOSPC, "page tables need %#llx bytes, there are %#llx",
		                 (unsigned long long)need, (unsigned long long)size);
	rc = write_run(mem, gpa, c.pdpts, pdpt | ENTRY_TABLE, PAGE);
	if (rc == 0)
		rc = write_run(mem, pdpt, c.pds, pd | ENTRY_TABLE, PAGE);
	if (rc == 0)
		rc = write_run(mem, pd, c.pages, ENTRY_LARGE, LARGE);
	if (rc < 0)
		return error_set(err, -rc, "page tables at %#llx do not fit guest memory",
		                 (unsigned long long)gpa);
	*ret_cr3 = gpa;
	return 0;
}
