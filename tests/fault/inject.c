/*
 * A library for LD_PRELOAD that makes one call fail: the Nth of a kind (INJECT_CALL, INJECT_NTH), or, with
 * INJECT_NTH=even, every second one with EINTR where the manual allows that. How many there were is left in
 * the file INJECT_COUNT, through a mapping, since the sandbox leaves no other way. trapline itself calls no
 * malloc().
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *call;           /* what fails; NULL until the library is set up */
static unsigned long nth;          /* 0: every second one */
static _Atomic unsigned long *count;
static _Atomic unsigned long nowhere;

static __attribute__((constructor)) void set_up(void)
{
	const char *file = getenv("INJECT_COUNT"), *n = getenv("INJECT_NTH");
	int fd = file == NULL ? -1 : open(file, O_RDWR | O_CLOEXEC);
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	count = map == MAP_FAILED ? &nowhere : map;
	nth = n == NULL || strcmp(n, "even") == 0 ? 0 : strtoul(n, NULL, 10);
	/* Not to what trapline starts. */
	unsetenv("LD_PRELOAD");
	call = getenv("INJECT_CALL");
}

static int hit(const char *name)
{
	unsigned long n;

	if (call == NULL || strcmp(call, name) != 0)
		return 0;
	n = atomic_fetch_add(count, 1) + 1;
	return nth == 0 ? n % 2 == 0 : n == nth;
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))(uintptr_t)dlsym(RTLD_NEXT, #name))
#define FAIL(name, code) do { if (hit(name)) { errno = nth == 0 ? EINTR : (code); return -1; } } while (0)

/* ---- memory ---- */

/* dlsym() itself asks for zeroed memory on its way: it gets some of this. */
static char early[8192];
static size_t early_used;

void *calloc(size_t n, size_t size)
{
	static void *(*real)(size_t, size_t);
	static int looking;

	if (real == NULL && !looking) {
		looking = 1;
		real = REAL(void *, calloc, size_t, size_t);
	}
	if (real == NULL) {
		void *p = early + early_used;

		early_used += (n * size + 15) & ~(size_t)15;
		return early_used <= sizeof(early) ? p : NULL;
	}
	if (hit("calloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return real(n, size);
}

void free(void *p)
{
	static void (*real)(void *);

	if ((char *)p >= early && (char *)p < early + sizeof(early))
		return;
	if (real == NULL)
		real = REAL(void, free, void *);
	real(p);
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (hit("mmap")) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return REAL(void *, mmap, void *, size_t, int, int, int, off_t)(at, len, prot, flags, fd, offset);
}

/* ---- descriptors ---- */

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	/* Only KVM_RUN and what waits may be interrupted (api.rst; signal(7)). */
	if (nth != 0 || request == 0xae80)
		FAIL("ioctl", EIO);
	return REAL(int, ioctl, int, unsigned long, ...)(fd, request, arg);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	FAIL("open", EMFILE);
	return REAL(int, open, const char *, int, ...)(path, flags, mode);
}

ssize_t read(int fd, void *buf, size_t len)
{
	FAIL("read", EIO);
	return REAL(ssize_t, read, int, void *, size_t)(fd, buf, len);
}

/* Set by our eventfd(): a write to one fails only when its counter is full (eventfd(2)). */
static char is_event[1024];

ssize_t write(int fd, const void *buf, size_t len)
{
	/* What trapline says of it must come out. */
	if (fd != STDERR_FILENO && !is_event[fd & 1023])
		FAIL("write", EIO);
	return REAL(ssize_t, write, int, const void *, size_t)(fd, buf, len);
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	FAIL("recv", ECONNRESET);
	return REAL(ssize_t, recv, int, void *, size_t, int)(fd, buf, len, flags);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	FAIL("send", ECONNRESET);
	return REAL(ssize_t, send, int, const void *, size_t, int)(fd, buf, len, flags);
}

int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict len, int flags)
{
	FAIL("accept", EMFILE);
	return REAL(int, accept4, int, struct sockaddr *, socklen_t *, int)(fd, addr, len, flags);
}

int socket(int domain, int type, int protocol)
{
	if (nth != 0)
		FAIL("socket", EMFILE);
	return REAL(int, socket, int, int, int)(domain, type, protocol);
}

int eventfd(unsigned value, int flags)
{
	int fd;

	if (nth != 0)
		FAIL("eventfd", EMFILE);
	fd = REAL(int, eventfd, unsigned, int)(value, flags);
	if (fd >= 0)
		is_event[fd & 1023] = 1;
	return fd;
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	if (nth != 0)
		FAIL("epoll_ctl", ENOSPC);
	return REAL(int, epoll_ctl, int, int, int, struct epoll_event *)(epoll, op, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
	FAIL("epoll_wait", EINTR);
	return REAL(int, epoll_wait, int, struct epoll_event *, int, int)(epoll, events, max, timeout);
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	FAIL("poll", EINTR);
	return REAL(int, poll, struct pollfd *, nfds_t, int)(fds, n, timeout);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr, void *(*main)(void *),
                   void *restrict arg)
{
	if (hit("pthread_create"))
		return EAGAIN;
	return REAL(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)(
		thread, attr, main, arg);
}
