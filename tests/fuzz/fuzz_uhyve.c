/*
 * uhyve's hypercalls with any values in any memory: nothing outside guest memory is touched (the sanitizer
 * sees to that), files are asked only for what the header promises, and every call comes back.
 */
#include "base/bytes.h"
#include "dev/uhyve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOW 0x4000u
#define HIGH 0x100000000ull
#define HIGH_SIZE 0x3000u
#define RECORD 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct guest_mem mem;
static uint64_t rdi_now, moved;

static void must(bool truth)
{
	if (!truth)
		abort();
}

/* ---- around the device ---- */

static unsigned number(void *ctx)
{
	(void)ctx;
	return (unsigned)rdi_now;
}
static uint64_t rdi(void *ctx)
{
	(void)ctx;
	return rdi_now;
}
static bool ended(void *ctx)
{
	(void)ctx;
	return moved > 1u << 24;
}
static void do_exit(void *ctx, uint32_t status)
{
	(void)ctx, (void)status;
}

/* Pages are turned around, the first and those above 16 pages are not there. */
static int translate(void *ctx, uint64_t gva, uint64_t *ret)
{
	(void)ctx;
	if (gva < 0x1000 || gva >= 0x10000)
		return -EFAULT;
	*ret = gva ^ 0x3000;
	return 0;
}

static void take(const void *bytes, size_t len)
{
	volatile uint8_t last = 0;

	for (size_t i = 0; i < len; i++)
		last = ((const uint8_t *)bytes)[i];
	(void)last;
	moved += len + 1;
}

static void output(void *ctx, const void *bytes, size_t len)
{
	(void)ctx;
	must(len > 0 || bytes);
	take(bytes, len);
}

/* ---- files ---- */

static int by_path(const char *path)
{
	size_t len = strlen(path);

	must(len > 0 && len < DEV_UHYVE_PATH_MAX);
	return path[0] == 'e' ? -ENOENT : 3;
}

static int f_open(void *ctx, const char *path, int flags, unsigned mode)
{
	(void)ctx, (void)flags, (void)mode;
	return by_path(path);
}

static int f_close(void *ctx, int fd)
{
	(void)ctx;
	must(fd < 0 || fd > 2);
	return fd & 1 ? -EBADF : 0;
}

static int64_t f_read(void *ctx, int fd, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, fd, len);
	moved += len + 1;
	return fd & 1 ? -EBADF : (int64_t)(fd & 2 ? len : len / 2);
}

static int64_t f_write(void *ctx, int fd, const void *buf, size_t len)
{
	(void)ctx;
	must(fd != 1 && fd != 2);
	take(buf, len);
	return fd & 1 ? -EBADF : (int64_t)len;
}

static int64_t f_lseek(void *ctx, int fd, int64_t offset, int whence)
{
	(void)ctx, (void)whence;
	return fd & 1 ? -EBADF : offset;
}

static int f_path(void *ctx, const char *path)
{
	(void)ctx;
	return by_path(path) < 0 ? -ENOENT : 0;
}

static int f_stat(void *ctx, const char *path, bool follow, struct dev_uhyve_attr *ret)
{
	(void)follow;
	memset(ret, 0x5a, sizeof(*ret));
	return f_path(ctx, path);
}

static int f_fstat(void *ctx, int fd, struct dev_uhyve_attr *ret)
{
	(void)ctx;
	memset(ret, 0x5a, sizeof(*ret));
	return fd & 1 ? -EBADF : 0;
}

static int64_t f_getdents(void *ctx, int fd, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, 0x7e, len);
	return fd & 1 ? -ENOTDIR : (int64_t)len;
}

static const struct dev_uhyve_files files = {.open = f_open,
					     .close = f_close,
					     .read = f_read,
					     .write = f_write,
					     .lseek = f_lseek,
					     .unlink = f_path,
					     .mkdir = f_path,
					     .stat = f_stat,
					     .fstat = f_fstat,
					     .getdents = f_getdents};

/* ---- the run ---- */

/* One call: where in the bytes of memory something changes, port, RDI (its top in 4 bits), EAX. */
static void one(struct dev_bus *bus, const uint8_t *r)
{
	static const uint16_t base[] = {0x400, 0x1010};
	uint64_t port = base[r[0] & 1] + (r[1] & 0x7fu) * (r[0] & 2 ? 0x10u : 0x20u) + (r[0] & 4 ? r[2] : 0u);
	unsigned len = r[0] & 8 ? 1u << (r[2] & 3) : 4;
	uint8_t change[8];

	rdi_now =
		bytes_get_le32(r + 4) | (uint64_t)(r[3] & 15) << 32 | (r[3] & 16 ? 0xfffffff000000000ull : 0);
	memcpy(change, r + 8, sizeof(change));
	if (r[0] & 16)
		guest_mem_write(&mem, rdi_now, change, sizeof(change));
	moved = 0;
	dev_bus_write(bus, DEV_PORT, port & 0xffff, r[0] & 32 ? r + 4 : change, len);
	dev_bus_read(bus, DEV_PORT, port & 0xffff, change, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = {"image", "", "an argument"};
	const struct dev_host host = {.output = output, .exit = do_exit};
	const struct dev_uhyve_cpu cpu = {
		.number = number, .rdi = rdi, .translate = translate, .ended = ended};
	const struct dev_uhyve_config cfg = {.host = &host,
					     .cpu = &cpu,
					     .files = &files,
					     .mem = &mem,
					     .args = {words, 3},
					     .env = {words, 2}};
	static struct dev_uhyve u;
	struct dev_bus bus;

	if (mem.count == 0)
		must(guest_mem_add(&mem, 0, LOW, NULL) == 0 &&
		     guest_mem_add(&mem, HIGH, HIGH_SIZE, NULL) == 0);
	guest_mem_clear(&mem);
	dev_bus_init(&bus);
	dev_uhyve_init(&u, &cfg);
	must(dev_uhyve_attach(&u, &bus) == 0);
	/* Memory begins as the input does; then one record a call. */
	guest_mem_write(&mem, 0x100, data, size < 0x2000 ? size : 0x2000);
	guest_mem_write(&mem, HIGH, data, size < 0x2000 ? size : 0x2000);
	for (; size >= RECORD; data += RECORD, size -= RECORD)
		one(&bus, data);
	return 0;
}
