#include "x86/gate.h"
#include "base/bytes.h"

#include <errno.h>

/* Real mode: IP and CS, two bytes each; the frame holds IP, CS, FLAGS in words. */
static int real_gate(const struct x86_state *st, uint8_t vector, const struct x86_reader *mem,
                     struct x86_gate *ret)
{
	uint8_t e[4];

	if (vector * 4u + 3 > st->idt.limit)
		return -ENOENT;
	if (mem->read(mem->ctx, st->idt.base + vector * 4u, e, sizeof(e)) < 0)
		return -EFAULT;
	ret->target = (uint64_t)bytes_get_le16(e + 2) * 16 + bytes_get_le16(e);
	ret->flags_offset = 4;
	return 0;
}

/*
 *  15..0 offset 15:0 | 31..16 selector | 39..32 IST | 43..40 type | 47 P | 63..48 offset 31:16 |
 *  95..64 offset 63:32
 */
static int protected_gate(const struct x86_state *st, uint8_t vector, const struct x86_reader *mem,
                          struct x86_gate *ret)
{
	bool wide = (st->efer & X86_EFER_LMA) != 0;
	unsigned size = wide ? 16 : 8;
	uint8_t e[16] = {0}, type;

	if ((vector + 1u) * size - 1 > st->idt.limit)
		return -ENOENT;
	if (mem->read(mem->ctx, st->idt.base + vector * size, e, size) < 0)
		return -EFAULT;
	if (!(e[5] & 0x80))
		return -ENOENT;
	type = e[5] & 0x1f;
	if (type != 0x0e && type != 0x0f && (wide || (type != 0x06 && type != 0x07)))
		return -EINVAL;
	ret->target = bytes_get_le16(e);
	if (type & 0x08)
		ret->target |= (uint64_t)bytes_get_le16(e + 6) << 16 | (uint64_t)bytes_get_le32(e + 8) << 32;
	ret->flags_offset = wide ? 16 : type & 0x08 ? 8 : 4;
	return 0;
}

int x86_gate_find(const struct x86_state *st, uint8_t vector, const struct x86_reader *mem,
                  struct x86_gate *ret)
{
	struct x86_gate gate = {0};
	int rc = st->cr0 & X86_CR0_PE ? protected_gate(st, vector, mem, &gate)
	                              : real_gate(st, vector, mem, &gate);

	if (rc == 0)
		*ret = gate;
	return rc;
}
