/*
 * The hypercalls by which Hermit kernels reach their host: uhyve's interface version 1 (ports 0x400 to 0x880,
 * the parameter's address in EAX) and versions 2 and 3 (ports 0x1010 to 0x1190, the parameter in RDI).
 * Untrusted input: everything the guest gives. An error is returned to the guest where the call has room for
 * one.
 */
#ifndef DEV_UHYVE_H
#define DEV_UHYVE_H

#include "dev/bus.h"
#include "mem/guest_mem.h"

/* Ports and addresses; each version's block. */
#define DEV_UHYVE_PORTS_V1 0x400u
#define DEV_UHYVE_PORTS_V1_SIZE 0x4c0u
#define DEV_UHYVE_PORTS_V2 0x1010u
#define DEV_UHYVE_PORTS_V2_SIZE 0x1c0u

#define DEV_UHYVE_CALLS 32 /* kinds of calls that are counted */
#define DEV_UHYVE_CPUS 64
#define DEV_UHYVE_WORDS_MAX 128 /* arguments, and environment rows, in interface 1 */
#define DEV_UHYVE_PATH_MAX 4096 /* bytes with the NUL */

/* The vcpu that makes the call; on its thread. */
struct dev_uhyve_cpu {
	void *ctx;
	unsigned (*number)(void *ctx);
	uint64_t (*rdi)(void *ctx);
	int (*translate)(void *ctx, uint64_t gva, uint64_t *ret_gpa); /* 0 or -EFAULT */
	bool (*ended)(void *ctx); /* the machine is at its end: a long call gives up */
};

/* As Linux has it. */
struct dev_uhyve_attr {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	struct {
		int64_t sec;
		int32_t nsec;
	} atime, mtime, ctime;
};

/*
 * What the calls for files lead to, for any vcpu's thread. Results: 0 or more, or a negative errno (Linux's
 * numbers). fd and flags are the guest's own: the table of descriptors is behind this, and so is the question
 * which files there are. Paths are NUL-terminated, never empty, shorter than DEV_UHYVE_PATH_MAX.
 */
struct dev_uhyve_files {
	void *ctx;
	int (*open)(void *ctx, const char *path, int flags, unsigned mode);
	int (*close)(void *ctx, int fd);
	int64_t (*read)(void *ctx, int fd, void *buf, size_t len);        /* fd 0: standard input */
	int64_t (*write)(void *ctx, int fd, const void *buf, size_t len); /* fd above 2 */
	int64_t (*lseek)(void *ctx, int fd, int64_t offset, int whence);
	int (*unlink)(void *ctx, const char *path);
	int (*mkdir)(void *ctx, const char *path);
	int (*stat)(void *ctx, const char *path, bool follow, struct dev_uhyve_attr *ret);
	int (*fstat)(void *ctx, int fd, struct dev_uhyve_attr *ret);
	int64_t (*getdents)(void *ctx, int fd, void *buf, size_t len); /* struct linux_dirent64; 0: the end */
};

struct dev_uhyve_words {
	const char *const *word;
	unsigned count;
};

/* Everything is borrowed for the device's life. */
struct dev_uhyve_config {
	const struct dev_host *host;
	const struct dev_uhyve_cpu *cpu;
	const struct dev_uhyve_files *files;
	struct guest_mem *mem;
	struct dev_uhyve_words args,
		env; /* for interface 1; args[0] is the image; DEV_UHYVE_WORDS_MAX at most */
};

struct dev_uhyve {
	struct dev_uhyve_config cfg;
	/* Written by the thread of each vcpu for itself. The last row counts calls with a bad pointer. */
	uint64_t count[DEV_UHYVE_CPUS][DEV_UHYVE_CALLS];
};

void dev_uhyve_init(struct dev_uhyve *u, const struct dev_uhyve_config *cfg);
/* Its ports. Errors of dev_bus_add(). */
int dev_uhyve_attach(struct dev_uhyve *u, struct dev_bus *bus);

/* Name of row i of the counts ("FileOpen (v1)"); NULL behind the last. Static strings. */
const char *dev_uhyve_call_name(unsigned i);

#endif
