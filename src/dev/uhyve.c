#include "dev/uhyve_call.h"

#include <errno.h>

#define PIECE (1ull << 20)         /* bytes of a transfer between two looks at the machine's end */
#define TRANSFER_MAX 0x7ffff000ull /* as Linux cuts reads and writes */

static void exit_v1(struct dev_uhyve_call *c)
{
	c->u->cfg.host->exit(c->u->cfg.host->ctx, bytes_get_le32(c->param));
}

static void exit_v2(struct dev_uhyve_call *c)
{
	c->u->cfg.host->exit(c->u->cfg.host->ctx, (uint32_t)c->at);
}

static void serial_byte(struct dev_uhyve_call *c)
{
	uint8_t byte = (uint8_t)c->at;

	c->u->cfg.host->output(c->u->cfg.host->ctx, &byte, 1);
}

static void serial_v1(struct dev_uhyve_call *c)
{
	dev_uhyve_transfer(c->u, DEV_UHYVE_WRITE, 1, dev_uhyve_u64(c, 0), dev_uhyve_u64(c, 8), false);
}

static void serial_v2(struct dev_uhyve_call *c)
{
	dev_uhyve_transfer(c->u, DEV_UHYVE_WRITE, 1, dev_uhyve_u64(c, 8), dev_uhyve_u64(c, 0), false);
}

/* size 0: the parameter is the value itself. */
static const struct call_row {
	uint16_t port;
	uint8_t version;
	uint16_t size;
	const char *name;
	void (*handle)(struct dev_uhyve_call *c);
} rows[] = {
	{0x400, 1, 20, "FileWrite (v1)", dev_uhyve_write_v1},
	{0x440, 1, 20, "FileOpen (v1)", dev_uhyve_open},
	{0x480, 1, 8, "FileClose (v1)", dev_uhyve_close},
	{0x500, 1, 28, "FileRead (v1)", dev_uhyve_read_v1},
	{0x540, 1, 4, "Exit (v1)", exit_v1},
	{0x580, 1, 16, "FileLseek (v1)", dev_uhyve_lseek_v1},
	{0x740, 1, 0, "Cmdsize (v1)", dev_uhyve_cmdsize},
	{0x780, 1, 16, "Cmdval (v1)", dev_uhyve_cmdval},
	{0x800, 1, 0, "Uart (v1)", serial_byte},
	{0x840, 1, 12, "FileUnlink (v1)", dev_uhyve_unlink},
	{0x880, 1, 16, "SerialWriteBuffer (v1)", serial_v1},
	{0x1010, 2, 0, "Exit (v2)", exit_v2},
	{0x1020, 2, 0, "SerialWriteByte (v2)", serial_byte},
	{0x1030, 2, 16, "SerialWriteBuffer (v2)", serial_v2},
	{0x1100, 2, 32, "FileWrite (v2)", dev_uhyve_write_v2},
	{0x1110, 2, 20, "FileOpen (v2)", dev_uhyve_open},
	{0x1120, 2, 8, "FileClose (v2)", dev_uhyve_close},
	{0x1130, 2, 32, "FileRead (v2)", dev_uhyve_read_v2},
	{0x1140, 2, 16, "FileLseek (v2)", dev_uhyve_lseek_v2},
	{0x1150, 2, 12, "FileUnlink (v2)", dev_uhyve_unlink},
	{0x1160, 2, 40, "Getdents (v3)", dev_uhyve_getdents},
	{0x1170, 2, 32, "FileStat (v3)", dev_uhyve_stat},
	{0x1180, 2, 24, "FileFstat (v3)", dev_uhyve_fstat},
	{0x1190, 2, 24, "Mkdir (v3)", dev_uhyve_mkdir},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))
#define BAD_POINTER ROWS
_Static_assert(ROWS < DEV_UHYVE_CALLS, "a count for every call, and one for bad pointers");

const char *dev_uhyve_call_name(unsigned i)
{
	if (i < ROWS)
		return rows[i].name;
	return i == BAD_POINTER ? "(bad pointer)" : NULL;
}

static void count(struct dev_uhyve *u, size_t row)
{
	unsigned cpu = u->cfg.cpu->number(u->cfg.cpu->ctx);

	if (cpu < DEV_UHYVE_CPUS)
		u->count[cpu][row]++;
}

void dev_uhyve_put(struct dev_uhyve_call *c, unsigned offset, int64_t value, unsigned size)
{
	uint8_t bytes[8];

	bytes_put_le(bytes, (uint64_t)value, size);
	/* The whole structure has been read: it is in memory. */
	guest_mem_write(c->u->cfg.mem, c->at + offset, bytes, size);
}

static int64_t move(struct dev_uhyve *u, enum dev_uhyve_way way, int fd, void *bytes, size_t len)
{
	const struct dev_uhyve_files *f = u->cfg.files;

	if (way == DEV_UHYVE_READ)
		return f->read(f->ctx, fd, bytes, len);
	if (fd != 1 && fd != 2)
		return f->write(f->ctx, fd, bytes, len);
	u->cfg.host->output(u->cfg.host->ctx, bytes, len);
	return (int64_t)len;
}

/* The host bytes of the next piece, at most *len of them. NULL: no memory there. */
static void *next_piece(struct dev_uhyve *u, uint64_t at, bool is_virtual, size_t *len)
{
	uint64_t gpa = at, page = 4096 - (at & 4095), want = *len < PIECE ? *len : PIECE;
	void *host = NULL;

	if (is_virtual && u->cfg.cpu->translate(u->cfg.cpu->ctx, at, &gpa) < 0)
		return NULL;
	if (!is_virtual)
		host = guest_mem_window(u->cfg.mem, gpa, want);
	if (!host) {
		want = want < page ? want : page;
		host = guest_mem_window(u->cfg.mem, gpa, want);
	}
	*len = (size_t)want;
	return host;
}

int64_t dev_uhyve_transfer(struct dev_uhyve *u, enum dev_uhyve_way way, int fd, uint64_t at, uint64_t len,
			   bool is_virtual)
{
	uint64_t end, done = 0;

	if (bytes_add_overflows(at, len, &end))
		return -EFAULT;
	if (len == 0)
		return move(u, way, fd, &done, 0);
	/* Linux's limit; and no more than there can be, whatever pages are mapped how often. */
	len = len < TRANSFER_MAX ? len : TRANSFER_MAX;
	len = len < guest_mem_size(u->cfg.mem) ? len : guest_mem_size(u->cfg.mem);
	while (done < len && !u->cfg.cpu->ended(u->cfg.cpu->ctx)) {
		size_t n = (size_t)(len - done);
		void *host = next_piece(u, at + done, is_virtual, &n);
		int64_t moved = host ? move(u, way, fd, host, n) : -EFAULT;

		if (moved < 0)
			return done ? (int64_t)done : moved;
		done += (uint64_t)moved;
		if ((uint64_t)moved < n)
			break;
	}
	return (int64_t)done;
}

static const struct call_row *find_row(uint64_t port)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].port == port)
			return &rows[i];
	return NULL;
}

static void call(struct dev_uhyve *u, uint64_t port, const void *data, unsigned len)
{
	const struct call_row *row = find_row(port);
	struct dev_uhyve_call c = {.u = u};

	if (!row)
		return;
	c.at = row->version == 1 ? bytes_get_le(data, len) : u->cfg.cpu->rdi(u->cfg.cpu->ctx);
	if (row->size && guest_mem_read(u->cfg.mem, c.at, c.param, row->size) < 0) {
		count(u, BAD_POINTER);
		return;
	}
	count(u, (size_t)(row - rows));
	row->handle(&c);
}

static void write_v1(void *dev, uint64_t offset, const void *data, unsigned len)
{
	call(dev, DEV_UHYVE_PORTS_V1 + offset, data, len);
}

static void write_v2(void *dev, uint64_t offset, const void *data, unsigned len)
{
	call(dev, DEV_UHYVE_PORTS_V2 + offset, data, len);
}

static void read_nothing(void *dev, uint64_t offset, void *data, unsigned len)
{
	(void)dev, (void)offset;
	memset(data, 0xff, len);
}

void dev_uhyve_init(struct dev_uhyve *u, const struct dev_uhyve_config *cfg)
{
	*u = (struct dev_uhyve){.cfg = *cfg};
}

/* Between two calls it has no state but what files are open, and those are the host's: one byte says so. */
static void uhyve_save(void *dev, void *buf)
{
	(void)dev;
	*(uint8_t *)buf = 1;
}

static int uhyve_restore(void *dev, const void *buf)
{
	(void)dev, (void)buf;
	return 0;
}

int dev_uhyve_attach(struct dev_uhyve *u, struct dev_bus *bus)
{
	static const struct dev_ops ops_v1 = {.read = read_nothing, .write = write_v1};
	static const struct dev_ops ops_v2 = {.read = read_nothing, .write = write_v2};
	struct dev_range range = {.space = DEV_PORT,
				  .base = DEV_UHYVE_PORTS_V1,
				  .size = DEV_UHYVE_PORTS_V1_SIZE,
				  .ops = &ops_v1,
				  .dev = u,
				  .name = "uhyve 1"};
	const struct dev_part part = {"uhyve", u, 1, uhyve_save, uhyve_restore};
	int rc = dev_bus_add(bus, &range);

	if (rc < 0)
		return rc;
	range.base = DEV_UHYVE_PORTS_V2;
	range.size = DEV_UHYVE_PORTS_V2_SIZE;
	range.ops = &ops_v2;
	range.name = "uhyve 2";
	rc = dev_bus_add(bus, &range);
	return rc < 0 ? rc : dev_bus_add_part(bus, &part);
}
