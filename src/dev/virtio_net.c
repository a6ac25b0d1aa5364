#include "dev/virtio_net.h"
#include "base/bytes.h"

#include <string.h>

#define ID 1u
#define RX 0u
#define TX 1u
#define HEADER 12u              /* struct virtio_net_hdr with num_buffers (5.1.6): VERSION_1 has it always */
#define NUM_BUFFERS 10u
#define ETHERNET_HEADER 14u
#define BURST 64u               /* frames received at one go, while the guest waits */

/* Feature bits, 5.1.3; configuration, 5.1.4. */
#define F_MTU (1ull << 3)
#define F_MAC (1ull << 5)
#define F_STATUS (1ull << 16)
#define CONFIG_SIZE 12u
#define LINK_UP 1u

/* ---- to the guest ---- */

/* True when a frame may follow: this one was given to the guest, or did not fit its buffer. */
static bool receive_one(struct dev_virtio_net *n, bool *ret_given)
{
	struct dev_virtqueue *q = &n->virtio.queue[RX];
	uint8_t header[HEADER] = {0};
	int rc = dev_virtqueue_take(q, n->virtio.mem, &n->chain), len;

	if (rc < 0)
		dev_virtio_broken(&n->virtio);
	if (rc <= 0)
		return false; /* the driver tells when it has put buffers there */
	len = n->wire.receive(n->wire.ctx, n->frame, sizeof(n->frame));
	n->dead |= len < 0;
	if (len <= 0 || HEADER + (uint64_t)len > n->chain.in_len)
		dev_virtqueue_untake(q);
	if (len == 0)
		n->wire.await(n->wire.ctx);
	if (len <= 0)
		return false;
	if (HEADER + (uint64_t)len > n->chain.in_len)
		return true;
	bytes_put_le16(header + NUM_BUFFERS, 1);
	dev_virtqueue_write(&n->chain, n->virtio.mem, 0, header, sizeof(header));
	dev_virtqueue_write(&n->chain, n->virtio.mem, HEADER, n->frame, (size_t)len);
	dev_virtqueue_give(q, n->virtio.mem, n->chain.head, HEADER + (uint32_t)len);
	*ret_given = true;
	return true;
}

static void receive(struct dev_virtio_net *n)
{
	bool given = false, more = true;

	if (n->dead)
		return;
	for (unsigned i = 0; more && i < BURST; i++)
		more = receive_one(n, &given);
	if (more)
		n->wire.await(n->wire.ctx);
	if (given)
		dev_virtio_used(&n->virtio, &n->virtio.queue[RX]);
}

void dev_virtio_net_receive(struct dev_virtio_net *n)
{
	pthread_mutex_lock(&n->virtio.lock);
	if (dev_virtio_live(&n->virtio))
		receive(n);
	pthread_mutex_unlock(&n->virtio.lock);
}

/* ---- from the guest ---- */

/* The header tells of offloads, of which there are none. */
static void send_one(struct dev_virtio_net *n)
{
	const struct dev_virtqueue_chain *c = &n->chain;
	uint64_t len = c->out_len - HEADER;

	if (c->out_len < HEADER + ETHERNET_HEADER || len > sizeof(n->frame))
		return;
	if (dev_virtqueue_read(c, n->virtio.mem, HEADER, n->frame, (size_t)len) == 0)
		n->wire.send(n->wire.ctx, n->frame, (size_t)len);
}

/* No more than the queue holds: what the driver adds meanwhile it notifies of again. */
static void transmit(struct dev_virtio_net *n)
{
	struct dev_virtqueue *q = &n->virtio.queue[TX];
	unsigned done = 0;
	int rc = 1;

	while (done < DEV_VIRTQUEUE_MAX && (rc = dev_virtqueue_take(q, n->virtio.mem, &n->chain)) > 0) {
		send_one(n);
		dev_virtqueue_give(q, n->virtio.mem, n->chain.head, 0);
		done++;
	}
	if (rc < 0)
		dev_virtio_broken(&n->virtio);
	if (done > 0)
		dev_virtio_used(&n->virtio, q);
}

static void notify(void *dev, unsigned queue)
{
	if (queue == RX)
		receive(dev);
	else
		transmit(dev);
}

/* ---- the device ---- */

void dev_virtio_net_init(struct dev_virtio_net *n, const struct dev_host *host, struct guest_mem *mem,
                         const struct dev_virtio_net_wire *wire, const uint8_t mac[6], uint16_t mtu)
{
	static const struct dev_virtio_device kind = {ID, F_MAC | F_STATUS | F_MTU, notify};

	dev_virtio_init(&n->virtio, host, mem, DEV_VIRTIO_MMIO_LINE, &kind, n);
	n->wire = *wire;
	n->dead = false;
	memcpy(n->virtio.config, mac, 6);
	bytes_put_le16(n->virtio.config + 6, LINK_UP);
	bytes_put_le16(n->virtio.config + 8, 1); /* pairs of queues */
	bytes_put_le16(n->virtio.config + 10, mtu);
	n->virtio.config_size = CONFIG_SIZE;
}

void dev_virtio_net_fini(struct dev_virtio_net *n)
{
	dev_virtio_fini(&n->virtio);
}

void dev_virtio_net_reset(struct dev_virtio_net *n)
{
	dev_virtio_reset(&n->virtio);
}

/* The address goes along: the guest has read it, and neighbours know it. */
static void net_save(void *dev, void *buf)
{
	const struct dev_virtio_net *n = dev;

	dev_virtio_save(&n->virtio, buf);
	memcpy((uint8_t *)buf + DEV_VIRTIO_STATE, n->virtio.config, CONFIG_SIZE);
}

/* Frames may wait that nobody watches for: the guest had no room for them before. */
static int net_restore(void *dev, const void *buf)
{
	struct dev_virtio_net *n = dev;
	int rc;

	pthread_mutex_lock(&n->virtio.lock);
	rc = dev_virtio_restore(&n->virtio, buf);
	if (rc == 0) {
		memcpy(n->virtio.config, (const uint8_t *)buf + DEV_VIRTIO_STATE, CONFIG_SIZE);
		n->wire.await(n->wire.ctx);
	}
	pthread_mutex_unlock(&n->virtio.lock);
	return rc;
}

int dev_virtio_net_attach(struct dev_virtio_net *n, struct dev_bus *bus)
{
	const struct dev_part part = {"net", n, DEV_VIRTIO_STATE + CONFIG_SIZE, net_save, net_restore};
	int rc = dev_virtio_attach(&n->virtio, bus, DEV_VIRTIO_MMIO_BASE, "network");

	return rc < 0 ? rc : dev_bus_add_part(bus, &part);
}
