/*
 * Devices through memory commands: refused, since looking at one may change it, until the user says
 * "monitor mmio on". Then an address that is mapped and not RAM is accessed as the CPU would: in naturally
 * aligned pieces of at most eight bytes, so that a request for one register's width is one access.
 */
#include "debug/internal.h"

#include <errno.h>
#include <inttypes.h>

#define PIECE_MAX 8u

static unsigned piece(uint64_t gpa, uint64_t left)
{
	unsigned n = PIECE_MAX;

	while (n > left || gpa % n != 0)
		n /= 2;
	return n;
}

/* One piece: its bytes, or negative errno. */
static int access_one(const struct debug_device_access *a, uint64_t addr, void *buf, size_t left,
                      struct error *err)
{
	struct debug_session *s = a->s;
	uint64_t gpa = 0, room = 0;
	unsigned n;
	int rc = debug_view_physical(a->view, addr, &gpa, &room, err);

	if (rc < 0)
		return rc;
	if (guest_mem_contains(s->cfg.mem, gpa, 1))
		return error_set(err, EFAULT, "0x%" PRIx64 ": RAM and what is not RAM in one access", addr);
	n = piece(gpa, left < room ? left : room);
	rc = s->cfg.ops->device(s->cfg.target, a->vcpu, gpa, buf, n, a->write, err);
	return rc < 0 ? rc : (int)n;
}

int64_t debug_device_access(const struct debug_device_access *a, uint64_t addr, void *buf, size_t len,
                            struct error *err)
{
	size_t done = 0;

	if (!a->s->cfg.ops->device)
		return error_set(err, ENOTSUP, "this machine's devices cannot be reached");
	while (done < len) {
		int n = access_one(a, addr + done, (uint8_t *)buf + done, len - done, done ? NULL : err);

		if (n < 0)
			return done ? (int64_t)done : n;
		done += (size_t)n;
	}
	return (int64_t)done;
}
