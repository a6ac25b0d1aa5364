/* Entry of ELF32 kernels that name no protocol: flat protected mode, arguments where C expects them. */
#include "boot/entry.h"
#include "base/bytes.h"
#include "boot/elf.h"

#include <errno.h>

int boot_entry32(struct boot_setup *s, struct boot_entry *entry, struct error *err)
{
	struct x86_state *st = &entry->state;
	struct boot_info_at at;
	struct boot_block b;
	uint64_t eip;
	uint8_t frame[12];
	int rc;

	if (!boot_elf_locate(entry, entry->entry, &eip) || eip >= BOOT_4G)
		return error_set(err, EINVAL, "entry point 0x%llx lies in no segment below 4 GiB",
		                 (unsigned long long)entry->entry);
	rc = boot_block_new(s, BOOT_STATE32_SIZE + boot_info_size(s->opt), &b, err);
	if (rc == 0)
		rc = boot_modules_place(s, BOOT_LOW_FIRST, BOOT_4G, err);
	if (rc == 0)
		rc = boot_state32(&b, eip, st, err);
	if (rc < 0)
		return rc;
	boot_info_reserve(s->opt, &b, &at);
	/* As after a call (psABI i386, "The Stack Frame"): return address 0, then the two arguments. */
	bytes_put_le32(frame, 0);
	bytes_put_le32(frame + 4, (uint32_t)at.cmdline);
	bytes_put_le32(frame + 8, (uint32_t)at.info);
	st->gpr[X86_RSP] -= 20; /* so that it is 12 below a multiple of 16 */
	st->gpr[X86_RDI] = at.cmdline;
	st->gpr[X86_RSI] = at.info;
	entry->entry = eip;
	if (boot_info_write(s, entry, &b, &at) < 0 ||
	    guest_mem_write(s->mem, st->gpr[X86_RSP], frame, sizeof(frame)) < 0)
		return error_set(err, EFAULT, "boot structures could not be written");
	return 0;
}
