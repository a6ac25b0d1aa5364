/* uhyve's hypercalls as a guest makes them: interface 1 by EAX, 2 and 3 by RDI. */
#ifndef GUESTS_HERMIT_CALLS_H
#define GUESTS_HERMIT_CALLS_H

#include "../lib/cpu.h"
#include <stdbool.h>
#include <stdint.h>

struct boot_info {
	uint64_t ram_start, ram_end;
	uint16_t serial_port;
	uint64_t device_tree, kernel_start, kernel_end;
	uint64_t tls_start, tls_filesz, tls_memsz, tls_align;
	uint32_t platform, pad;
	uint8_t has_pci;
	uint64_t cpus;
	uint32_t tsc_khz;
	uint64_t time_ns[2];
};

static inline void call(uint16_t port, const void *param)
{
	/* EAX and RDI both hold it: what an interface does not use, it ignores. */
	__asm__ volatile("outl %%eax, %%dx"
			 :
			 : "d"(port), "a"((uint32_t)(uint64_t)param), "D"(param)
			 : "memory");
}

#if INTERFACE == 1
enum { OPEN = 0x440, CLOSE = 0x480, UNLINK = 0x840 };
#else
enum { OPEN = 0x1110, CLOSE = 0x1120, UNLINK = 0x1150 };
#endif

static inline void put(char c)
{
#if INTERFACE == 1
	__asm__ volatile("outb %%al, %%dx" : : "d"((uint16_t)0x800), "a"(c));
#else
	call(0x1020, (void *)(uint64_t)(uint8_t)c);
#endif
}

static inline void quit(int code)
{
#if INTERFACE == 1
	call(0x540, &code);
#else
	call(0x1010, (void *)(uint64_t)(uint32_t)code);
#endif
}

static inline int64_t do_write(int fd, const void *bytes, uint64_t len)
{
#if INTERFACE == 1
	struct __attribute__((packed)) {
		int32_t fd;
		uint64_t at, len;
	} p = {fd, (uint64_t)bytes, len};

	call(0x400, &p);
	return (int64_t)len;
#else
	struct {
		uint64_t len;
		int64_t ret;
		uint64_t at;
		int32_t fd;
	} p = {len, 99, (uint64_t)bytes, fd};

	call(0x1100, &p);
	return p.ret;
#endif
}

static inline int64_t do_read(int fd, void *bytes, uint64_t len)
{
#if INTERFACE == 1
	struct __attribute__((packed)) {
		int32_t fd;
		uint64_t at, len;
		int64_t ret;
	} p = {fd, (uint64_t)bytes, len, 99};

	call(0x500, &p);
#else
	struct {
		uint64_t len;
		int64_t ret;
		uint64_t at;
		int32_t fd;
	} p = {len, 99, (uint64_t)bytes, fd};

	call(0x1130, &p);
#endif
	return p.ret;
}

static inline int64_t do_lseek(int fd, int64_t offset, int whence)
{
#if INTERFACE == 1
	struct __attribute__((packed)) {
		int32_t fd;
		int64_t offset;
		int32_t whence;
	} p = {fd, offset, whence};

	call(0x580, &p);
#else
	struct {
		int64_t offset;
		uint32_t whence;
		int32_t fd;
	} p = {offset, (uint32_t)whence, fd};

	call(0x1140, &p);
#endif
	return p.offset;
}

static inline int do_open(const char *path, int flags, int mode)
{
	struct __attribute__((packed)) {
		uint64_t path;
		int32_t flags, mode, ret;
	} p = {(uint64_t)path, flags, mode, 99};

	call(OPEN, &p);
	return p.ret;
}

static inline int do_close(int fd)
{
	struct {
		int32_t fd, ret;
	} p = {fd, 99};

	call(CLOSE, &p);
	return p.ret;
}

static inline int do_unlink(const char *path)
{
	struct __attribute__((packed)) {
		uint64_t path;
		int32_t ret;
	} p = {(uint64_t)path, 99};

	call(UNLINK, &p);
	return p.ret;
}

#if INTERFACE == 3
struct attr {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid;
	uint64_t rdev;
	int64_t size;
	uint8_t rest[64];
};

/* 1: success; a negative errno; another tag as it is. */
static inline int result(uint32_t tag, int32_t err)
{
	return tag == 2 ? -err : (int)tag;
}

static inline int do_stat(const char *path, uint32_t kind, struct attr *attr)
{
	struct {
		uint64_t path;
		uint32_t kind;
		uint64_t attr;
		uint32_t tag;
		int32_t err;
	} p = {(uint64_t)path, kind, (uint64_t)attr, 99, 99};

	call(0x1170, &p);
	return result(p.tag, p.err);
}

static inline int do_fstat(int fd, struct attr *attr)
{
	struct {
		int32_t fd;
		uint64_t attr;
		uint32_t tag;
		int32_t err;
	} p = {fd, (uint64_t)attr, 99, 99};

	call(0x1180, &p);
	return result(p.tag, p.err);
}

static inline int do_mkdir(const char *path)
{
	struct {
		uint64_t path, len;
		uint32_t tag;
		int32_t err;
	} p = {(uint64_t)path, 0, 99, 99};

	call(0x1190, &p);
	return result(p.tag, p.err);
}

/* Bytes; 0 at the end; a negative errno. */
static inline int64_t do_getdents(int fd, void *bytes, uint64_t len)
{
	struct {
		int32_t fd;
		uint64_t at, len;
		uint32_t tag;
		union {
			uint64_t n;
			int32_t err;
		} u;
	} p = {fd, (uint64_t)bytes, len, 99, {0}};

	call(0x1160, &p);
	return p.tag == 1 ? (int64_t)p.u.n : p.tag == 2 ? 0 : p.tag == 3 ? -p.u.err : -9999;
}
#endif

#endif
