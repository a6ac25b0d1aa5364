#include "dev/virtqueue.h"
#include "base/bytes.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* Layouts of 2.7: a descriptor; the rings are flags, index, entries. */
#define DESC_SIZE 16u
#define DESC_NEXT 1u
#define DESC_WRITE 2u
#define DESC_INDIRECT 4u
#define RING_INDEX 2u
#define RING_ENTRIES 4u
#define AVAIL_ENTRY 2u
#define USED_ENTRY 8u
#define NO_INTERRUPT 1u

struct desc { uint64_t gpa; uint32_t len; uint16_t flags, next; };

static bool fits(const struct guest_mem *mem, uint64_t gpa, uint64_t len, uint64_t align)
{
	uint64_t end;

	return gpa % align == 0 && !bytes_add_overflows(gpa, len, &end) && guest_mem_contains(mem, gpa, len);
}

/* The room for the event index that closes either ring is not touched, and so not asked for. */
int dev_virtqueue_start(struct dev_virtqueue *q, const struct guest_mem *mem)
{
	uint32_t n = q->size;

	if (n == 0 || n > DEV_VIRTQUEUE_MAX || (n & (n - 1)))
		return -EINVAL;
	if (!fits(mem, q->desc, (uint64_t)n * DESC_SIZE, 16) ||
	    !fits(mem, q->avail, RING_ENTRIES + n * AVAIL_ENTRY, 2) ||
	    !fits(mem, q->used, RING_ENTRIES + n * USED_ENTRY, 4))
		return -EINVAL;
	q->ready = true;
	q->taken = q->given = 0;
	return 0;
}

void dev_virtqueue_stop(struct dev_virtqueue *q)
{
	memset(q, 0, sizeof(*q));
}

static uint16_t get16(const struct guest_mem *mem, uint64_t gpa)
{
	uint8_t bytes[2] = {0};

	guest_mem_read(mem, gpa, bytes, sizeof(bytes));
	return bytes_get_le16(bytes);
}

static struct desc get_desc(const struct dev_virtqueue *q, const struct guest_mem *mem, unsigned i)
{
	uint8_t b[DESC_SIZE] = {0};

	guest_mem_read(mem, q->desc + i * DESC_SIZE, b, sizeof(b));
	return (struct desc){bytes_get_le64(b), bytes_get_le32(b + 8), bytes_get_le16(b + 12),
	                     bytes_get_le16(b + 14)};
}

/* 2.7.4.2: what is to be read comes first. Empty pieces are let pass and count for nothing. */
static int add_piece(struct dev_virtqueue_chain *c, const struct guest_mem *mem, const struct desc *d)
{
	bool fill = d->flags & DESC_WRITE;

	if (d->flags & DESC_INDIRECT || (!fill && c->count > c->readable))
		return -EINVAL;
	if (!fits(mem, d->gpa, d->len, 1))
		return -EINVAL;
	c->piece[c->count++] = (struct dev_virtqueue_piece){d->gpa, d->len};
	if (!fill)
		c->readable++;
	*(fill ? &c->in_len : &c->out_len) += d->len;
	return 0;
}

/* As many descriptors as the queue has: more is a loop. */
static int walk(const struct dev_virtqueue *q, const struct guest_mem *mem, struct dev_virtqueue_chain *c)
{
	unsigned at = c->head;

	for (uint32_t n = 0; n < q->size; n++) {
		struct desc d;

		if (at >= q->size)
			return -EINVAL;
		d = get_desc(q, mem, at);
		if (add_piece(c, mem, &d) < 0)
			return -EINVAL;
		if (!(d.flags & DESC_NEXT))
			return 1;
		at = d.next;
	}
	return -EINVAL;
}

int dev_virtqueue_take(struct dev_virtqueue *q, const struct guest_mem *mem,
                       struct dev_virtqueue_chain *ret)
{
	uint16_t waiting;
	int rc;

	if (!q->ready)
		return 0;
	waiting = (uint16_t)(get16(mem, q->avail + RING_INDEX) - q->taken);
	if (waiting == 0)
		return 0;
	if (waiting > q->size)
		return -EINVAL;
	/* What the index announces was written before it (2.7.13.3). */
	atomic_thread_fence(memory_order_acquire);
	ret->head = get16(mem, q->avail + RING_ENTRIES + q->taken % q->size * AVAIL_ENTRY);
	ret->count = ret->readable = 0;
	ret->out_len = ret->in_len = 0;
	rc = walk(q, mem, ret);
	if (rc == 1)
		q->taken++;
	return rc;
}

void dev_virtqueue_untake(struct dev_virtqueue *q)
{
	q->taken--;
}

void dev_virtqueue_give(struct dev_virtqueue *q, struct guest_mem *mem, uint16_t head, uint32_t written)
{
	uint8_t entry[USED_ENTRY], index[2];

	bytes_put_le32(entry, head);
	bytes_put_le32(entry + 4, written);
	guest_mem_write(mem, q->used + RING_ENTRIES + q->given % q->size * USED_ENTRY, entry, sizeof(entry));
	q->given++;
	bytes_put_le16(index, q->given);
	atomic_thread_fence(memory_order_release);
	guest_mem_write(mem, q->used + RING_INDEX, index, sizeof(index));
}

bool dev_virtqueue_wants_interrupt(const struct dev_virtqueue *q, const struct guest_mem *mem)
{
	/* The used index is there before the flags are looked at (2.7.14). */
	atomic_thread_fence(memory_order_seq_cst);
	return !(get16(mem, q->avail) & NO_INTERRUPT);
}

/* The part of [at, at+len) that lies in the first of these pieces that reaches it. */
static size_t next_part(const struct dev_virtqueue_piece *piece, unsigned count, uint64_t at, size_t len,
                        uint64_t *ret_gpa)
{
	for (unsigned i = 0; i < count; at -= piece[i].len, i++)
		if (at < piece[i].len) {
			*ret_gpa = piece[i].gpa + at;
			return piece[i].len - at < len ? (size_t)(piece[i].len - at) : len;
		}
	return 0;
}

int dev_virtqueue_read(const struct dev_virtqueue_chain *c, const struct guest_mem *mem, uint64_t at,
                       void *buf, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		uint64_t gpa;

		n = next_part(c->piece, c->readable, at + done, len - done, &gpa);
		if (n == 0 || guest_mem_read(mem, gpa, (uint8_t *)buf + done, n) < 0)
			return -EFAULT;
	}
	return 0;
}

int dev_virtqueue_write(const struct dev_virtqueue_chain *c, struct guest_mem *mem, uint64_t at,
                        const void *buf, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		uint64_t gpa;

		n = next_part(c->piece + c->readable, c->count - c->readable, at + done, len - done, &gpa);
		if (n == 0 || guest_mem_write(mem, gpa, (const uint8_t *)buf + done, n) < 0)
			return -EFAULT;
	}
	return 0;
}
