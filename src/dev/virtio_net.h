/*
 * A virtio network card (virtio 1.2, 5.1) with one pair of queues and no offloads: Ethernet frames between a
 * guest and whatever `wire` is. A frame for which the guest has no room waits outside; one that the wire does
 * not take, or that is longer than DEV_VIRTIO_NET_FRAME, is lost, as on a network.
 */
#ifndef DEV_VIRTIO_NET_H
#define DEV_VIRTIO_NET_H

#include "dev/virtio_mmio.h"

#define DEV_VIRTIO_NET_FRAME (65535u + 18u) /* bytes: the longest MTU, Ethernet's header, a VLAN tag */

/* Called on vcpus' threads, one at a time. */
struct dev_virtio_net_wire {
	void *ctx;
	/* One frame of at most size bytes; its length, 0: none now, negative: never again. Does not wait. */
	int (*receive)(void *ctx, void *frame, size_t size);
	void (*send)(void *ctx, const void *frame, size_t len); /* does not wait either */
	/* dev_virtio_net_receive() is to be called once there is a frame. */
	void (*await)(void *ctx);
};

struct dev_virtio_net {
	struct dev_virtio virtio;
	struct dev_virtio_net_wire wire;
	bool dead;                 /* the wire has said: never again */
	struct dev_virtqueue_chain chain; /* of the call in progress; too large for a stack */
	uint8_t frame[DEV_VIRTIO_NET_FRAME];
};

/* mtu: 68 to 65535. Everything is borrowed. fini takes zeros. */
void dev_virtio_net_init(struct dev_virtio_net *n, const struct dev_host *host, struct guest_mem *mem,
                         const struct dev_virtio_net_wire *wire, const uint8_t mac[6], uint16_t mtu);
void dev_virtio_net_fini(struct dev_virtio_net *n);
void dev_virtio_net_reset(struct dev_virtio_net *n);
/* At DEV_VIRTIO_MMIO_BASE. Errors of dev_bus_add(). */
int dev_virtio_net_attach(struct dev_virtio_net *n, struct dev_bus *bus);

/* Frames from the wire to the guest, as many as it has room for; a bounded number. A vcpu's thread. */
void dev_virtio_net_receive(struct dev_virtio_net *n);

#endif
