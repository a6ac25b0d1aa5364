/*
 * --tap: an existing tap interface of the host as the guest's network. Frames go out on the vcpu's thread
 * that sends them; for those that come in the loop's thread watches, and a vcpu fetches them. While a
 * debugger holds the machine none comes in: they wait in the interface's own queue.
 */
#ifndef CLI_TAP_H
#define CLI_TAP_H

#include "boot/loader.h"
#include "cli/devices.h"
#include "cli/wires.h"
#include "dev/virtio_net.h"
#include "server/loop.h"

/* fd -1: there is none, and the functions do nothing. */
struct cli_tap {
	int fd;
	uint8_t mac[6];
	uint16_t mtu;
	struct boot_virtio place;
	struct server_loop *loop;
	int id;
	const struct cli_wires *wires;
	struct dev_virtio_net card;
};

/*
 * IFACE[,MAC]; NULL: none. Without a MAC one that follows from the interface's name. Never makes an
 * interface. 0 or negative errno with text. cli_tap_close() takes what failed, and what only has fd -1.
 */
int cli_tap_open(struct cli_tap *t, const char *spec, struct error *err);
void cli_tap_close(struct cli_tap *t);

/* What the loader is to announce; NULL: nothing. */
const struct boot_virtio *cli_tap_place(const struct cli_tap *t);

/* The card, among the devices, and its source in the loop. t must not move. 0 or negative errno with text. */
int cli_tap_attach(struct cli_tap *t, struct cli_devices *dev, struct guest_mem *mem,
                   struct server_loop *loop, const struct cli_wires *wires, struct error *err);

void cli_tap_work(struct cli_tap *t);  /* kvm_hooks.work */
void cli_tap_reset(struct cli_tap *t); /* no vcpu runs */

#endif
