/* One hypercall on its way through the files uhyve*.c. Private to them. */
#ifndef DEV_UHYVE_CALL_H
#define DEV_UHYVE_CALL_H

#include "base/bytes.h"
#include "dev/uhyve.h"

#define DEV_UHYVE_PARAM_MAX 64u

struct dev_uhyve_call {
	struct dev_uhyve *u;
	uint64_t at;                        /* address of the parameter, or the parameter itself */
	uint8_t param[DEV_UHYVE_PARAM_MAX]; /* a copy: the guest cannot change it under us */
};

static inline int32_t dev_uhyve_i32(const struct dev_uhyve_call *c, unsigned offset)
{
	return (int32_t)bytes_get_le32(c->param + offset);
}

static inline uint64_t dev_uhyve_u64(const struct dev_uhyve_call *c, unsigned offset)
{
	return bytes_get_le64(c->param + offset);
}

/* Gives a result of size bytes back in the guest's structure, which has been found to be in memory. */
void dev_uhyve_put(struct dev_uhyve_call *c, unsigned offset, int64_t value, unsigned size);

/*
 * Moves len guest bytes at an address (virtual: of the vcpu that calls; else physical) to or from a
 * descriptor, in pieces that are contiguous in memory. How many, fewer where the file or the memory ended;
 * negative errno when it was none.
 */
enum dev_uhyve_way { DEV_UHYVE_READ, DEV_UHYVE_WRITE };
int64_t dev_uhyve_transfer(struct dev_uhyve *u, enum dev_uhyve_way way, int fd, uint64_t at, uint64_t len,
			   bool is_virtual);

/* The file calls: uhyve_file.c. */
void dev_uhyve_write_v1(struct dev_uhyve_call *c);
void dev_uhyve_read_v1(struct dev_uhyve_call *c);
void dev_uhyve_lseek_v1(struct dev_uhyve_call *c);
void dev_uhyve_open(struct dev_uhyve_call *c);
void dev_uhyve_close(struct dev_uhyve_call *c);
void dev_uhyve_unlink(struct dev_uhyve_call *c);
void dev_uhyve_write_v2(struct dev_uhyve_call *c);
void dev_uhyve_read_v2(struct dev_uhyve_call *c);
void dev_uhyve_lseek_v2(struct dev_uhyve_call *c);
void dev_uhyve_getdents(struct dev_uhyve_call *c);
void dev_uhyve_stat(struct dev_uhyve_call *c);
void dev_uhyve_fstat(struct dev_uhyve_call *c);
void dev_uhyve_mkdir(struct dev_uhyve_call *c);

/* Arguments and environment: uhyve_args.c. */
void dev_uhyve_cmdsize(struct dev_uhyve_call *c);
void dev_uhyve_cmdval(struct dev_uhyve_call *c);

#endif
