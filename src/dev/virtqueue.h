/*
 * Split virtqueues (virtio 1.2, 2.7) from the device's side: guest memory -> chains of buffers. Untrusted
 * input: everything in guest memory, which the guest may change at any time. No indirect descriptors, no
 * event index: neither is offered. No lock of its own.
 */
#ifndef DEV_VIRTQUEUE_H
#define DEV_VIRTQUEUE_H

#include "mem/guest_mem.h"

#define DEV_VIRTQUEUE_MAX 256u /* entries */

struct dev_virtqueue {
	uint32_t size;             /* entries, as the driver says; checked by start */
	uint64_t desc, avail, used;/* addresses, likewise */
	bool ready;
	uint16_t taken, given;     /* running indices into the available and the used ring */
};

struct dev_virtqueue_piece { uint64_t gpa; uint32_t len; };

/* Buffers that the driver gave as one: `readable` pieces that it has filled, then those to be filled. */
struct dev_virtqueue_chain {
	uint16_t head;
	unsigned count, readable;
	uint64_t out_len, in_len;  /* bytes in both kinds */
	struct dev_virtqueue_piece piece[DEV_VIRTQUEUE_MAX];
};

/*
 * The driver says that the queue is complete. -EINVAL: its size is no power of two up to DEV_VIRTQUEUE_MAX,
 * or a part of it is misaligned or not all in memory.
 */
int dev_virtqueue_start(struct dev_virtqueue *q, const struct guest_mem *mem);
void dev_virtqueue_stop(struct dev_virtqueue *q); /* forgets everything */

/*
 * The next chain. 1; 0: there is none, or the queue is not ready; -EINVAL: what the driver wrote there cannot
 * be (a loop, a wild index, a buffer outside memory). Its bytes are in memory, whatever the guest does later.
 */
int dev_virtqueue_take(struct dev_virtqueue *q, const struct guest_mem *mem,
                       struct dev_virtqueue_chain *ret);
void dev_virtqueue_untake(struct dev_virtqueue *q); /* the last chain is to come again */

/* Hands a chain back, the first `written` bytes of its buffers filled. */
void dev_virtqueue_give(struct dev_virtqueue *q, struct guest_mem *mem, uint16_t head, uint32_t written);
/* Whether the driver wants to be told of what it got back. */
bool dev_virtqueue_wants_interrupt(const struct dev_virtqueue *q, const struct guest_mem *mem);

/* Copies len bytes from offset `at` of what is readable, or into what is to be filled. 0 or -EFAULT. */
int dev_virtqueue_read(const struct dev_virtqueue_chain *c, const struct guest_mem *mem, uint64_t at,
                       void *buf, size_t len);
int dev_virtqueue_write(const struct dev_virtqueue_chain *c, struct guest_mem *mem, uint64_t at,
                        const void *buf, size_t len);

#endif
